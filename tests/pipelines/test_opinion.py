"""A second opinion on a real recording, by the aligning model and by another one."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rapidfuzz.distance import Levenshtein

from aligner.emissions import greedy_text
from models import load_acoustic_model
from pipelines.align_recording import align_recording
from pipelines.config import load_config
from pipelines.cut_recording import clip_refs, cut_recording
from pipelines.emission_store import STAGE as EMISSIONS
from pipelines.emission_store import emissions_of
from pipelines.fetch_recording import fetch_recording
from pipelines.job import Job, prepare_job
from pipelines.opinion import STAGE, with_opinions
from pipelines.waveforms import forget_waveform
from schemas.errors import ArtifactError, ConfigError
from schemas.segment import Segment
from schemas.units import frames_from_sec
from tests.models.tiny_wav2vec2 import save_with_adapters
from tests.pipelines.corpora import Speech, write_corpus


@pytest.fixture(scope="module")
def adapted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("asr")
    save_with_adapters(folder)
    return folder


def job_of(speech: Speech, folder: Path, opinion: str = "") -> Job:
    rows = speech.rows(("swh-mrk-001", "rus-jhn-001"))
    return prepare_job(load_config(write_corpus(folder, speech, rows, opinion)))


def cut(job: Job):
    (recording,) = (r for r in job.recordings if r.text is not None)
    fetched = fetch_recording(recording, job.context)
    index = cut_recording(align_recording(fetched, job.context), job.context)
    refs = clip_refs(index.digest, "train", job.context, labeled=True)
    return fetched, [ref.segment for ref in refs]


@pytest.fixture(autouse=True)
def forgotten():
    yield
    forget_waveform()


def expected_cer(segment: Segment, emissions_TC: np.ndarray, model, text: str) -> float:
    frames = slice(*map(frames_from_sec, (segment.start_sec, segment.end_sec)))
    letters = tuple(label if len(label) == 1 else "" for label in model.labels)
    heard = greedy_text(emissions_TC[frames], letters, model.blank).replace("|", "")
    return round(Levenshtein.distance(text, heard) / len(text), 5)


def test_the_aligning_model_is_asked_at_first(speech: Speech, tmp_path: Path):
    job = job_of(speech, tmp_path)
    fetched, segments = cut(job)
    emissions_TC = emissions_of(fetched, job.context)
    model = job.context.model()
    judged = with_opinions(segments, fetched, job.context)
    assert segments and all(math.isnan(segment.cer) for segment in segments)
    for segment in judged:
        text = segment.romanised.replace(" ", "")
        assert segment.cer == expected_cer(segment, emissions_TC, model, text)
        assert 0 <= segment.cer < 0.5
        assert 0 <= segment.edge_cer <= 1


def test_another_model_is_asked_once(
    speech: Speech, tmp_path: Path, adapted: Path, monkeypatch
):
    name = f"hf:{adapted}#swh"
    job = job_of(speech, tmp_path, f'[opinion]\nmodel = "{name}"\n')
    context = replace(job.context, keep_emissions=False)
    fetched, segments = cut(job)
    judged = with_opinions(segments, fetched, context)
    model = load_acoustic_model(name)
    known = {label for label in model.labels if len(label) == 1}
    emissions_TC = emissions_of(fetched, job.context, model)
    whole = [s for s in judged if all(set(w) & known for w in s.romanised.split())]
    assert whole  # none of their words is left out
    for segment in whole:
        text = "".join(letter for letter in segment.romanised if letter in known)
        assert segment.cer == expected_cer(segment, emissions_TC, model, text)
    kept = list((tmp_path / "corpus" / "store" / EMISSIONS).rglob("*.npy"))
    assert len(kept) == 2  # the aligning model's, and those computed in this test

    def never(*_, **__):
        raise AssertionError("the model was asked again")

    monkeypatch.setattr("pipelines.opinion.emissions_of", never)
    assert with_opinions(segments, fetched, context) == judged
    (path,) = (tmp_path / "corpus" / "store" / STAGE).rglob("*.npz")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ArtifactError, match=f"{path.name}: damaged .*delete it"):
        with_opinions(segments, fetched, context)


def test_nobody_is_asked_where_it_is_turned_off_or_nothing_was_aligned(
    speech: Speech, tmp_path: Path
):
    job = job_of(speech, tmp_path)
    fetched, segments = cut(job)
    off = replace(job.context, opinion=replace(job.context.opinion, enabled=False))
    assert all(math.isnan(s.cer) for s in with_opinions(segments, fetched, off))
    timed = replace(fetched, timing=fetched.text)
    assert all(
        math.isnan(s.edge_cer) for s in with_opinions(segments, timed, job.context)
    )


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("mms", "opinion.model: expected one of bundled, mms-fa, hf:.*got 'mms'"),
        ("hf:/no/such/folder", "opinion.model: expected a folder or a hub name"),
        ("hf:{adapted}#fra", "opinion.model: .*adapters here: ell, eng, swh"),
    ],
)
def test_a_model_that_is_not_there_is_told_before_any_work(
    speech: Speech, tmp_path: Path, adapted: Path, model: str, told: str
):
    name = model.format(adapted=adapted)
    with pytest.raises((ConfigError, ArtifactError), match=told):
        job_of(speech, tmp_path, f'[opinion]\nmodel = "{name}"\n')
    assert not (tmp_path / "corpus").exists()
