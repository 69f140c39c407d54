"""Cross-validation on a corpus in which one recording has another's text."""

import math
import shutil
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.training.progress import Progress
from pipelines.crossval import CrossvalConfig, cross_validate
from pipelines.crossval_clips import LanguageClips, labeled_languages, letters_of
from pipelines.crossval_columns import read_heard, with_cross_validation
from pipelines.start_weights import local_root, start_weights
from pipelines.tables import read_segments
from schemas.crossval import HeardClip
from schemas.errors import ConfigError
from tests.builders import make_segment
from tests.pipelines.corpora import Speech, run_plainly, states, write_corpus

# The bundled weights, hardly moved: what is tested is the way around the training.
CONFIG = CrossvalConfig(
    steps=4, learning_rate=1e-7, batch_sec=1.0, checkpoint_every=2, least_clips=2
)
SHORT_CLIPS = "[segment]\ntarget_sec = 3.0\nmin_sec = 1.0\nmax_sec = 6.0\n"
WRONG, RIGHT = "swh-wrong", ("swh-mrk-001", "swh-luk-001")


class Stopped(Exception):
    """What a kill is in these tests."""


@pytest.fixture(scope="module")
def ran(speech: Speech, tmp_path_factory) -> Path:
    """A corpus after `pericope run`."""
    rows = [speech.row(name) for name in RIGHT]
    audio = speech.row("swh-luk-001")["audio"]
    rows.append({**speech.row("swh-mrk-001"), "recording_id": WRONG, "audio": audio})
    folder = tmp_path_factory.mktemp("crossval")
    toml = write_corpus(folder, speech, rows, SHORT_CLIPS)
    assert run_plainly(toml) == 0
    return toml


@pytest.fixture(scope="module")
def crossed(ran: Path, tmp_path_factory):
    """The same after cross-validation that was stopped once, and what was told."""
    folder = tmp_path_factory.mktemp("crossed")
    toml = Path(shutil.copytree(ran.parent, folder / "c")) / ran.name
    told: list[tuple[int, int]] = []

    def stop(_: str, half: int, progress: Progress) -> None:
        told.append((half, progress.step))
        if told[-1] == (1, 2):
            raise Stopped

    with pytest.raises(Stopped):
        cross(toml, stop)
    assert told == [(0, 2), (0, 4), (1, 2)]
    told.clear()
    result = cross(toml, lambda _, half, progress: told.append((half, progress.step)))
    return toml, result, told


def cross(toml: Path, report=lambda *_: None, config: CrossvalConfig = CONFIG):
    return cross_validate(
        str(toml.parent / "corpus"), "swh", config, start_weights("bundled", 1), report
    )


def segments_of(toml: Path):
    segments = read_segments(str(toml.parent / "corpus"), "swh")
    return [segment for segment in segments if not segment.source]


def test_a_stopped_one_repeats_only_what_was_in_flight(crossed):
    _, _, told = crossed
    assert told == [(1, 4)]


def test_the_text_of_another_recording_stands_out(crossed):
    toml, result, _ = crossed
    rates = {s.recording_id: s.cv_recording_cer for s in segments_of(toml)}
    assert all(0 < rates[name] < 0.45 for name in RIGHT)
    assert rates[WRONG] > 0.6
    known = [s for s in segments_of(toml) if not math.isnan(s.cv_cer)]
    assert len(known) == result.clips > 0
    assert min(s.cv_cer for s in known if s.recording_id == WRONG) > max(
        s.cv_cer for s in known if s.recording_id != WRONG
    )
    assert result.recordings == 3
    assert result.recordings_over == sum(rate > 0.05 for rate in rates.values())
    assert result.clips_over == sum(s.cv_cer > 0.10 for s in known)


def test_recordings_are_pooled_by_letters(crossed):
    toml, result, _ = crossed
    edits, letters = Counter(), Counter()
    for clip in read_heard(str(toml.parent / "corpus"), "swh"):
        edits[clip.recording_id] += clip.errors
        letters[clip.recording_id] += clip.letters
    for segment in segments_of(toml):
        name = segment.recording_id
        if segment.text:
            assert segment.cv_recording_cer == edits[name] / letters[name]
    assert result.cer == sum(edits.values()) / sum(letters.values())


def test_a_second_call_does_no_work_and_a_run_keeps_the_columns(crossed):
    toml, result, _ = crossed
    output = toml.parent / "corpus"
    before, segments = states(output), segments_of(toml)

    def refuse(*_) -> None:
        pytest.fail("trained again")

    assert cross(toml, refuse) == result
    assert run_plainly(toml) == 0
    after = states(output)
    kept = [path for path in before if path.startswith(("store/", "shards/"))]
    assert [path for path in kept if after[path] != before[path]] == []
    assert list(map(repr, segments_of(toml))) == list(map(repr, segments))  # NaN


def test_other_settings_are_other_work(crossed, tmp_path):
    toml = Path(shutil.copytree(crossed[0].parent, tmp_path / "c")) / "corpus.toml"

    def stop(*_) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        cross(toml, stop, CrossvalConfig(**{**vars(CONFIG), "seed": 2}))


def test_too_few_clips_are_told_and_leave_the_columns_empty(crossed, tmp_path):
    toml = Path(shutil.copytree(crossed[0].parent, tmp_path / "c")) / "corpus.toml"
    config = CrossvalConfig(**{**vars(CONFIG), "least_clips": 50})
    result = cross(toml, config=config)
    assert "expected 50 or more clips" in result.note
    assert (result.clips, result.clips_over) == (0, 0)
    assert all(math.isnan(s.cv_cer) for s in segments_of(toml))
    assert all(math.isnan(s.cv_recording_cer) for s in segments_of(toml))


@given(
    st.lists(st.tuples(st.integers(0, 3), st.floats(0.5, 20)), min_size=1, max_size=30),
    st.randoms(use_true_random=False),
)
def test_halves_are_disjoint_complete_and_do_not_depend_on_the_order(clips, random):
    segments = [
        make_segment(k * 30, k * 30 + length_sec, recording_id=f"swh-{recording}")
        for k, (recording, length_sec) in enumerate(clips)
    ]
    own = LanguageClips("swh", tuple(segments), {})
    assert own.keys(0) | own.keys(1) == {segment.key for segment in segments}
    assert not own.keys(0) & own.keys(1)
    recordings = {segment.recording_id for segment in segments}
    if len(recordings) > 1:
        halves = {(s.recording_id, own.half_of[s.key]) for s in segments}
        assert len(halves) == len(recordings)
        assert own.keys(0) and own.keys(1)
    random.shuffle(segments)
    assert LanguageClips("swh", tuple(segments), {}).half_of == own.half_of


def test_what_was_heard_of_another_alignment_does_not_count():
    segments = [
        make_segment(0, 5, recording_id="swh-a"),
        make_segment(5, 9, recording_id="swh-a"),
        make_segment(0, 5, recording_id="swh-b"),
    ]
    heard = [
        HeardClip(s.key, s.recording_id, "digest", 0, "abc", errors, letters)
        for s, errors, letters in zip(segments, (1, 3, 5), (10, 10, 10), strict=True)
    ]
    judged = with_cross_validation(
        segments, heard, {"swh-a": "digest", "swh-b": "changed"}
    )
    assert [s.cv_cer for s in judged[:2]] == [0.1, 0.3]
    assert [s.cv_recording_cer for s in judged[:2]] == [0.2, 0.2]
    assert math.isnan(judged[2].cv_cer) and math.isnan(judged[2].cv_recording_cer)


@pytest.mark.parametrize(
    ("romanised", "letters"),
    [("wa na'o", "wana'o"), ("wa  o", ""), ("", ""), ("да o", "")],
)
def test_numbers_and_other_scripts_are_not_compared(romanised, letters):
    assert letters_of(make_segment(0, 1, romanised=romanised)) == letters


def test_languages_without_labeled_clips_are_refused(crossed):
    root = str(crossed[0].parent / "corpus")
    assert labeled_languages(root) == ["swh"]
    with pytest.raises(ConfigError, match="in rus, found swh"):
        labeled_languages(root, ["rus"])


def test_a_bucket_is_refused():
    with pytest.raises(ConfigError, match=r"local folder.*s3://b/c"):
        local_root("s3://b/c")


def test_impossible_settings_are_refused():
    with pytest.raises(ConfigError, match="at least one step"):
        CrossvalConfig(steps=0)
