"""Emissions in the store: the same whether kept or not, and no model without need."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aligner.emissions import compute_emissions
from models import load_acoustic_model
from pipelines.align_recording import STAGE as ALIGN
from pipelines.align_recording import align_recording, alignment_digest
from pipelines.alignment_file import SUFFIX as NPZ
from pipelines.config import load_config
from pipelines.emission_store import (
    STAGE,
    SUFFIX,
    drop_emissions,
    emissions_digest,
    emissions_of,
)
from pipelines.fetch_recording import fetch_recording
from pipelines.job import prepare_job
from pipelines.waveforms import forget_waveform, waveform_of
from schemas.errors import ArtifactError
from tests.pipelines.corpora import Speech, write_corpus


@pytest.fixture
def job(speech: Speech, tmp_path: Path):
    toml = write_corpus(tmp_path, speech, speech.rows(("swh-luk-001",)))
    yield prepare_job(load_config(toml))
    forget_waveform()


@pytest.fixture
def fetched(job):
    (recording, *_) = job.recordings
    return fetch_recording(recording, job.context)


def stored(job, fetched) -> Path:
    fingerprint = job.context.model_fingerprint
    digest = emissions_digest(fetched, job.context, fingerprint)
    return Path(job.context.store.uri(STAGE, digest, SUFFIX))


def test_they_are_the_models_to_half_precision_and_read_back_alike(job, fetched):
    first = emissions_of(fetched, job.context)
    again = emissions_of(fetched, job.context)
    waveform = waveform_of(Path(fetched.audio.path), fetched.audio.sha256, 12.0)
    model = load_acoustic_model("bundled")
    exact = compute_emissions(waveform, model, job.context.align)
    assert first.dtype == np.float32 and np.array_equal(first, again)
    assert np.allclose(first, exact, rtol=2**-11, atol=1e-7)
    assert stored(job, fetched).stat().st_size == exact.size * 2 + 128


def test_another_text_is_aligned_without_the_model(job, fetched, tmp_path, monkeypatch):
    align_recording(fetched, job.context)
    shorter = tmp_path / "shorter.txt"
    lines = Path(fetched.text.path).read_text(encoding="utf-8").splitlines()
    shorter.write_text("\n".join(lines[:-1]), encoding="utf-8")
    text = replace(fetched.text, path=str(shorter), sha256="0" * 64)
    changed = replace(fetched, text=text)
    assert alignment_digest(changed, job.context) != alignment_digest(
        fetched, job.context
    )

    def never(*_, **__):
        raise AssertionError("the model was asked")

    monkeypatch.setattr("pipelines.emission_store.compute_emissions", never)
    assert align_recording(changed, job.context).digest


def test_they_are_dropped_where_they_are_not_to_be_kept(job, fetched):
    kept = align_recording(fetched, job.context)
    drop_emissions(fetched, job.context)
    assert stored(job, fetched).exists()
    brief = replace(job.context, keep_emissions=False)
    drop_emissions(fetched, brief)
    assert not stored(job, fetched).exists()
    drop_emissions(fetched, brief)  # nothing there: nothing to do

    path = Path(job.context.store.uri(ALIGN, kept.digest, NPZ))
    before = path.read_bytes()
    path.unlink()
    align_recording(fetched, brief)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-7]), "damaged"),
        (lambda path: path.write_bytes(b""), "damaged"),
        (lambda path: np.save(path, np.zeros((5, 3), np.float16)), "columns, got"),
        (lambda path: np.save(path, np.zeros((5, 29))), "float16 of"),
        (
            lambda path: np.save(path, np.array([{}]), allow_pickle=True),
            "damaged",
        ),
    ],
)
def test_a_damaged_file_is_named(job, fetched, damage, told):
    emissions_of(fetched, job.context)
    path = stored(job, fetched)
    damage(path)
    with pytest.raises(ArtifactError, match=f"{path.name}: .*{told}.*; delete it"):
        emissions_of(fetched, job.context)
