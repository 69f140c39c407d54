"""What the score step finds in a finished run, and that nothing else depends on it."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.align_recording import align_recording
from pipelines.calibration import prune_calibrations
from pipelines.config import load_config
from pipelines.fetch_recording import fetch_recording
from pipelines.job import prepare_job
from pipelines.score_recording import STAGE, SUFFIX, read_scores, score_recording
from pipelines.tables import read_segments
from pipelines.waveforms import forget_waveform
from schemas.errors import ArtifactError
from tests.pipelines.corpora import Speech, contents, run_plainly, write_corpus

SETTINGS = "[segment]\ntarget_sec = 2.5\nmin_sec = 1.0\nmax_sec = 5.0\n"


@pytest.fixture(scope="module")
def toml(speech: Speech, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which one word of a verse is another than was read."""
    folder = tmp_path_factory.mktemp("scores")
    toml = write_corpus(folder, speech, speech.rows(("rus-jhn-001",)), SETTINGS)
    assert run_plainly(toml) == 0
    return toml


@pytest.fixture
def aligned(toml: Path):
    context = prepare_job(load_config(toml)).context
    recording = prepare_job(load_config(toml)).recordings[0]
    yield align_recording(fetch_recording(recording, context), context), context
    forget_waveform()


def test_labeled_segments_have_their_evidence(toml):
    segments = list(read_segments(str(toml.parent / "corpus")))
    labeled = [segment for segment in segments if segment.text]
    assert 5 < len(labeled) < len(segments)
    for segment in segments:
        values = segment.extra_nats, segment.other_nats, segment.unread_nats
        assert [math.isnan(value) for value in values] == [not segment.text] * 3
    swahili = [segment for segment in labeled if segment.language == "swh"]
    assert min(segment.null_quantile for segment in swahili) > 0.95
    assert sum(segment.trust > 0.8 for segment in swahili) > len(swahili) / 2


def test_the_calibration_tells_thresholds_and_distributions(toml):
    folder = toml.parent / "corpus" / "calibration"
    assert sorted(path.name for path in folder.iterdir()) == ["swh.json"]
    found = json.loads((folder / "swh.json").read_text())
    decoys = found["decoy_scores_histogram"]
    own = found["segment_scores_histogram"]
    assert sum(decoys["counts"]) == found["decoys_of_other_text"] >= 50
    assert sum(own["counts"]) == found["segments"]
    assert decoys["edges"] == own["edges"] == sorted(own["edges"])
    thresholds = [found["score_thresholds"][p] for p in ("0.1", "0.01", "0.001")]
    assert thresholds == sorted(thresholds) and thresholds[-1] < -0.3


def test_calibrations_of_languages_that_are_gone_are_deleted(toml, tmp_path):
    shutil.copytree(toml.parent / "corpus" / "calibration", tmp_path / "calibration")
    prune_calibrations(str(tmp_path), {"swh", "rus"})
    assert (tmp_path / "calibration" / "swh.json").exists()
    prune_calibrations(str(tmp_path), {"rus"})
    assert not (tmp_path / "calibration" / "swh.json").exists()
    prune_calibrations(str(tmp_path / "nothing"), {"swh"})


def test_a_wrong_word_is_trusted_less_than_the_text_that_was_read(
    toml, speech, tmp_path
):
    shutil.copytree(toml.parent, tmp_path, dirs_exist_ok=True)
    text = tmp_path / speech.row("swh-mrk-001")["text"]
    verse = speech.verses("swh-mrk-001")[1]
    words = verse.split()
    wrong = " ".join([*words[:3], "kuzungumza", *words[4:]])
    written = text.read_text(encoding="utf-8")
    assert verse in written
    text.write_text(written.replace(verse, wrong), encoding="utf-8")
    assert run_plainly(tmp_path / "corpus.toml") == 0

    def least(folder: Path) -> float:
        segments = read_segments(str(folder / "corpus"))
        of_verse = [
            segment.trust
            for segment in segments
            if segment.recording_id == "swh-mrk-001"
            and "2" in segment.verses.split(",")
        ]
        return min(of_verse)

    assert least(tmp_path) < 0.5 < least(toml.parent)


def test_dropped_emissions_change_nothing_else(toml, tmp_path):
    shutil.copytree(toml.parent, tmp_path, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "corpus")
    settings = f"{SETTINGS}[model]\nkeep_emissions = false\n"
    path = tmp_path / "corpus.toml"
    path.write_text(path.read_text().replace(SETTINGS, settings))
    assert run_plainly(path) == 0
    found = contents(tmp_path / "corpus")
    expected = contents(toml.parent / "corpus")
    gone = {name for name in expected if name.startswith("store/emissions/")}
    assert found == {k: v for k, v in expected.items() if k not in gone}
    assert len(gone - {"store/emissions/digests.txt"}) == 2


def test_scores_are_found_again_and_damage_is_named(aligned):
    recording, context = aligned
    scored = score_recording(recording, context)
    path = Path(context.store.uri(STAGE, scored.scores, SUFFIX))
    before = path.read_bytes()
    path.unlink()
    assert score_recording(recording, context) == scored
    assert path.read_bytes() == before
    for damaged in (before[:-9], b"{}", b'{"format": "other"}', b"[]"):
        path.write_bytes(damaged)
        with pytest.raises(ArtifactError, match=f"{path.name}: damaged .*; delete it"):
            read_scores(scored.scores, context)
    path.write_bytes(before)


def test_without_text_there_is_nothing_to_score(aligned):
    recording, context = aligned
    unlabeled = replace(recording, digest="")
    assert score_recording(unlabeled, context) == unlabeled
