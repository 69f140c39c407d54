"""A second opinion on a real recording, by the aligning model and by another one."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rapidfuzz.distance import Levenshtein

from aligner.emissions import read_columns
from models import load_acoustic_model
from pipelines.align_recording import (
    AlignedRecording,
    align_recording,
    read_alignment,
)
from pipelines.config import load_config
from pipelines.emission_store import STAGE as EMISSIONS
from pipelines.emission_store import emissions_of
from pipelines.fetch_recording import fetch_recording
from pipelines.job import Job, prepare_job
from pipelines.opinion import HEARD, STAGE, judged, opinions_on, with_opinions
from pipelines.planned_segments import planned_segments
from pipelines.score_recording import score_recording
from pipelines.tables import read_segments
from pipelines.waveforms import forget_waveform
from schemas.errors import ArtifactError, ConfigError
from schemas.segment import Segment
from schemas.units import frames_from_sec
from tests.models.tiny_wav2vec2 import save_with_adapters
from tests.pipelines.corpora import Speech, run_plainly, write_corpus


@pytest.fixture(scope="module")
def adapted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("asr")
    save_with_adapters(folder)
    return folder


def corpus_of(speech: Speech, folder: Path, settings: str = "") -> Path:
    rows = speech.rows(("swh-mrk-001", "rus-jhn-001"))
    return write_corpus(folder, speech, rows, settings)


def job_of(speech: Speech, folder: Path, settings: str = "") -> Job:
    return prepare_job(load_config(corpus_of(speech, folder, settings)))


def aligned_of(job: Job) -> tuple[AlignedRecording, list[Segment]]:
    (recording,) = (r for r in job.recordings if r.text is not None)
    aligned = align_recording(fetch_recording(recording, job.context), job.context)
    alignment = read_alignment(aligned.digest, job.context)
    return aligned, list(planned_segments(alignment, recording, job.context))


@pytest.fixture(autouse=True)
def forgotten():
    yield
    forget_waveform()


def expected_cer(segment: Segment, emissions_TC: np.ndarray, model, text: str) -> float:
    frames = slice(*map(frames_from_sec, (segment.start_sec, segment.end_sec)))
    letters = tuple(label if len(label) == 1 else "" for label in model.labels)
    best_T = emissions_TC[frames].argmax(axis=1)
    heard = read_columns(best_T, letters, model.blank).replace("|", "")
    return round(Levenshtein.distance(text, heard) / len(text), 5)


def test_the_aligning_model_is_asked_at_first(speech: Speech, tmp_path: Path):
    job = job_of(speech, tmp_path)
    aligned, segments = aligned_of(job)
    emissions_TC = emissions_of(aligned.fetched, job.context)
    model = job.context.model()
    assert segments and all(math.isnan(segment.cer) for segment in segments)
    for segment in judged(segments, aligned.fetched, job.context):
        text = segment.romanised.replace(" ", "")
        assert segment.cer == expected_cer(segment, emissions_TC, model, text)
        assert 0 <= segment.cer < 0.5
        assert 0 <= segment.edge_cer <= 1


def test_a_run_puts_opinions_into_the_table_alone(speech: Speech, tmp_path: Path):
    run_plainly(corpus_of(speech, tmp_path))
    table = list(read_segments(str(tmp_path / "corpus")))
    heard = [row for row in table if row.recording_id == "swh-luk-001"]
    assert heard and all(row.cer < 0.5 and row.edge_cer <= 1 for row in heard)
    others = [row for row in table if row not in heard]
    assert others and all(math.isnan(row.cer) for row in others)  # unlabeled
    job = job_of(speech, tmp_path)
    aligned, segments = aligned_of(job)
    digest = score_recording(aligned, job.context).opinions
    by_key = {segment.key: segment for segment in segments}
    found = with_opinions([by_key[row.key] for row in heard], digest, job.context)
    assert [row.cer for row in heard] == [segment.cer for segment in found]


def test_opinions_are_found_once(speech: Speech, tmp_path: Path, monkeypatch):
    job = job_of(speech, tmp_path)
    aligned, segments = aligned_of(job)
    digest = opinions_on(aligned, job.context)

    def never(*_, **__):
        raise AssertionError("the model was asked again")

    monkeypatch.setattr("pipelines.opinion.judged", never)
    assert opinions_on(aligned, job.context) == digest
    path = Path(job.context.store.uri(STAGE, digest, ".json"))
    for damage in (b"{", b"[]", b'{"format": "other"}', path.read_bytes()[:-9]):
        path.write_bytes(damage)
        with pytest.raises(ArtifactError, match=f"{path.name}: damaged .*delete it"):
            with_opinions(segments, digest, job.context)


def test_another_model_is_asked_once(
    speech: Speech, tmp_path: Path, adapted: Path, monkeypatch
):
    name = f"hf:{adapted}#swh"
    job = job_of(speech, tmp_path, f'[opinion]\nmodel = "{name}"\n')
    context = replace(job.context, keep_emissions=False)
    aligned, segments = aligned_of(job)
    found = judged(segments, aligned.fetched, context)
    kept = list((tmp_path / "corpus" / "store" / EMISSIONS).rglob("*.npy"))
    assert len(kept) == 1  # the aligning model's
    model = load_acoustic_model(name)
    known = {label for label in model.labels if len(label) == 1}
    emissions_TC = emissions_of(aligned.fetched, job.context, model)
    whole = [s for s in found if all(set(w) & known for w in s.romanised.split())]
    assert whole  # none of their words is left out
    for segment in whole:
        text = "".join(letter for letter in segment.romanised if letter in known)
        assert segment.cer == expected_cer(segment, emissions_TC, model, text)

    def never(*_, **__):
        raise AssertionError("the model was asked again")

    monkeypatch.setattr("pipelines.opinion.emissions_of", never)
    assert judged(segments, aligned.fetched, context) == found
    (path,) = (tmp_path / "corpus" / "store" / HEARD).rglob("*.npz")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ArtifactError, match=f"{path.name}: damaged .*delete it"):
        judged(segments, aligned.fetched, context)


def test_who_is_asked(speech: Speech, tmp_path: Path, adapted: Path):
    job = job_of(speech, tmp_path)
    aligned, _ = aligned_of(job)
    named = job_of(speech, tmp_path, f'[opinion]\nmodel = "hf:{adapted}#swh"\n')
    assert opinions_on(aligned, job.context)
    assert opinions_on(aligned, named.context) != opinions_on(aligned, job.context)
    off = job_of(speech, tmp_path, "[opinion]\nenabled = false\n")
    assert opinions_on(aligned, off.context) == ""
    timed = replace(aligned, fetched=replace(aligned.fetched, timing="known"))
    assert opinions_on(timed, job.context) == ""
    assert opinions_on(timed, named.context)


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
