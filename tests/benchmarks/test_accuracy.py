import numpy as np
import pytest

from benchmarks.accuracy import (
    NO_STAR,
    STAR,
    Aligned,
    align_all,
    edge_figures,
    title_figures,
)
from benchmarks.letters import letter_errors, rate_figures, verse_frames
from benchmarks.speech import recordings, speech_of
from models.catalog import load_acoustic_model
from models.decoding.error_rates import EditCounts
from tests.benchmarks.truths import truth_of
from tests.builders import make_chapter, spoken

CHAPTER = make_chapter([spoken("moja mbili"), spoken("tatu nne tano")])


def values(figures) -> dict[str, float]:
    return {figure.name: figure.value for figure in figures}


def test_known_errors_come_out():
    aligned = Aligned(((CHAPTER, truth_of(CHAPTER, start_sec=0.03, end_sec=-0.15)),))
    found = values(edge_figures(aligned.errors, "clean", with_aims=True))
    assert found["word start, median"] == pytest.approx(30)
    assert found["word start, median with its sign"] == pytest.approx(-30)
    assert found["word start, within 20 ms"] == 0
    assert found["word start, within 50 ms"] == 1
    assert found["word end, mean"] == pytest.approx(150)
    assert found["word end, within 100 ms"] == 0
    assert found["verse end, within 0.2 s"] == 1


def test_verse_one_is_what_counts_under_a_title():
    pairs = (
        (CHAPTER, truth_of(CHAPTER, start_sec=0.05)),
        (CHAPTER, truth_of(CHAPTER, start_sec=-2.0)),
    )
    star = title_figures(Aligned(pairs), STAR)
    assert values(star) == {
        "verse 1 start, largest": pytest.approx(2.0),
        "verse 1 start, within 0.1 s": 0.5,
    }
    assert [figure.is_missed for figure in star] == [True, False]
    assert not any(figure.has_aim for figure in title_figures(Aligned(pairs), NO_STAR))


def test_spoken_chapters_are_made_once_aligned_and_listened_to(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    jobs = recordings(["swh"], 0.1, seed=1, name="smoke")
    speech = speech_of(jobs)
    made = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.mp3")}
    assert len(made) == 1
    again = speech_of(jobs)
    assert again.truths == speech.truths
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.mp3")} == made
    model = load_acoustic_model("bundled", "cpu")
    aligned = align_all(speech, model, "smoke")
    assert np.nanmedian(np.abs(aligned.errors.word_start)) < 0.05
    counts = letter_errors(speech, model)
    assert set(counts) == {"swh"}
    assert 0 <= counts["swh"].rate < 0.5


def test_a_verse_has_the_frames_up_to_the_middle_of_the_pauses():
    truth = truth_of(CHAPTER)
    (first, letters), (second, _) = verse_frames(truth)
    assert letters == "mojambili"
    assert first.start == 0
    assert first.stop == second.start
    middle_sec = (truth.verses[0].end_sec + truth.verses[1].start_sec) / 2
    assert first.stop == pytest.approx(middle_sec * 50, abs=0.51)


def test_rates_are_pooled_by_letters_not_by_languages():
    counts = {
        "aaa": EditCounts(hits=9, substitutions=1),
        "bbb": EditCounts(hits=60, deletions=30, insertions=15),
    }
    assert values(rate_figures(counts, "clean", "")) == {
        "clean": pytest.approx(0.46),
        "clean, best language": pytest.approx(0.1),
        "clean, worst language": pytest.approx(0.5),
    }
