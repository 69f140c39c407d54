"""Readers' own models in a run: shared by chapters, the same however it went."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from aligner.emissions import AcousticModel
from models.waveform_model import WaveformModel
from pipelines.adapt_config import AdaptConfig
from pipelines.adapted_model import STAGE, SUFFIX, model_of_reader, sources_of
from pipelines.align_recording import align_recording, alignment_digest
from pipelines.config import load_config
from pipelines.context import RunContext
from pipelines.fetch_recording import fetch_recording
from pipelines.job import Job, prepare_job
from pipelines.tables import read_alignments
from schemas.alignment import AdaptationOutcome
from schemas.errors import ArtifactError
from tests.pipelines.corpora import Speech, contents, run, run_plainly, write_corpus

# The reader of both Swahili chapters is learnt from the first by id, which is Luke.
MARK, LUKE, JOHN = "swh-mrk-001", "swh-luk-001", "rus-jhn-001"
ADAPT = """[adapt]
enabled = true
steps = 4
learning_rate = 0.001
min_verses = 4
min_speech_sec = 5.0
"""


def one_reader(speech: Speech) -> list[dict[str, str]]:
    return [speech.row(name) for name in (MARK, LUKE)]


@pytest.fixture(scope="module")
def toml(speech: Speech, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("a"), speech, one_reader(speech), ADAPT)


@pytest.fixture(scope="module")
def done(toml: Path) -> dict[str, str]:
    """What a run without Beam gives."""
    assert run_plainly(toml) == 0
    return contents(toml.parent / "corpus")


def test_chapters_of_a_reader_share_what_was_learnt(toml, done):
    root = str(toml.parent / "corpus")
    rows = {row.recording_id: row for row in read_alignments(root)}
    for name in (MARK, LUKE):
        told = rows[name].adaptation
        assert told.outcome is AdaptationOutcome.ADAPTED
        assert told.recording_id == LUKE
        assert told.margin_after >= told.margin_before >= 0.8
    base = prepare_job(load_config(toml)).context.model_fingerprint
    (name,) = (
        name for name in done if name.startswith(f"store/{STAGE}/") and SUFFIX in name
    )
    learnt = f"{base}+{Path(name).name.removesuffix(SUFFIX)}"
    assert {row.model for row in rows.values()} == {learnt}


def test_the_same_bytes_on_two_threads_in_another_order(toml, done, tmp_path, speech):
    other = write_corpus(tmp_path, speech, one_reader(speech)[::-1], ADAPT)
    assert run(other, "FnApiRunner", workers=2) == 0
    found = contents(tmp_path / "corpus")
    same = [name for name in done if name.startswith(("store/", "shards/"))]
    assert {name: found[name] for name in same} == {name: done[name] for name in same}


def test_what_is_lost_is_learnt_again_with_the_same_bytes(toml, done):
    for stage in ("align", STAGE):
        shutil.rmtree(toml.parent / "corpus" / "store" / stage)
    assert run_plainly(toml) == 0
    assert contents(toml.parent / "corpus") == done


def job_of(folder: Path, speech: Speech, settings: str = ADAPT) -> Job:
    return prepare_job(
        load_config(write_corpus(folder, speech, speech.rows(), settings))
    )


def digests(job: Job) -> dict[str, str]:
    found = {}
    for recording in job.recordings:
        fetched = fetch_recording(recording, job.context)
        found[recording.recording_id] = alignment_digest(fetched, job.context)
    return found


def test_a_changed_source_changes_the_chapters_of_its_reader(speech, tmp_path):
    job = job_of(tmp_path, speech)
    before = digests(job)
    text = tmp_path / "text" / speech.text(JOHN).name
    text.write_bytes(text.read_bytes() + b"\n\\v 99 Mmm.\n")
    after = digests(job)
    assert {name for name in before if before[name] != after[name]} == {JOHN}
    text = tmp_path / "text" / speech.text(LUKE).name
    text.write_bytes(text.read_bytes() + b"99\tMmm.\n")
    last = digests(job)
    assert {name for name in after if after[name] != last[name]} == {LUKE, MARK}


def test_settings_of_adaptation_name_alignments_only_if_it_is_on(speech, tmp_path):
    job = job_of(tmp_path, speech)
    context = job.context
    more = replace(job, context=replace(context, adapt=AdaptConfig(enabled=True)))
    off, still_off = (
        replace(job, context=replace(context, adapt=AdaptConfig(steps=steps)))
        for steps in (3, 4)
    )
    found = [digests(one) for one in (job, more, off)]
    assert all(len({of[name] for of in found}) == 3 for name in (MARK, LUKE, JOHN))
    assert digests(off) == digests(still_off)


def test_a_source_that_cannot_be_had_is_passed_over(speech, tmp_path):
    job = job_of(tmp_path, speech)
    (tmp_path / "audio" / speech.audio(LUKE).name).unlink()
    mark = next(row for row in job.recordings if row.recording_id == MARK)
    fetched = fetch_recording(mark, job.context)
    sources = sources_of(fetched, job.context)
    assert [source.recording.recording_id for source in sources] == [MARK]


TONES = WaveformModel(
    name="tones", fingerprint="tones", labels=("", "a"), blank=0, romanised=True,
    word_separator=None, network=lambda waveforms: waveforms,
    device=torch.device("cpu"), variance_floor=None,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Untrainable(RunContext):
    """A run whose model is a function without weights."""

    def model(self) -> AcousticModel:
        return TONES


def test_a_model_that_cannot_be_trained_is_told(speech, tmp_path):
    context = Untrainable(**vars(job_of(tmp_path, speech).context))
    model, told = model_of_reader([], "0" * 64, context, pytest.fail)
    assert model is TONES
    assert told.outcome is AdaptationOutcome.NOT_TRAINABLE


def test_a_damaged_file_is_named(toml, done):
    job = prepare_job(load_config(toml))
    (path,) = (toml.parent / "corpus" / "store" / STAGE).rglob(f"*{SUFFIX}")
    whole = path.read_bytes()
    fetched = fetch_recording(job.recordings[0], job.context)
    digest = alignment_digest(fetched, job.context)
    store = toml.parent / "corpus" / "store"
    kept = next((store / "align").rglob(f"{digest}*"))
    aside = kept.rename(kept.with_suffix(".aside"))
    try:
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ArtifactError, match=f"{path.name}: damaged"):
            align_recording(fetched, job.context)
    finally:
        path.write_bytes(whole)
        aside.rename(kept)
