"""Known word times become the alignment that aligning would have to find."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from aligner.audio import decode_audio
from aligner.normalise import normalise_verse
from pipelines.known_times import MODEL, alignment_of_known_times
from pipelines.synth.chapter import speak_chapter
from pipelines.synth.compare import edge_errors
from pipelines.synth.files import AudioFileOptions, write_audio
from pipelines.synth.options import ChapterOptions
from pipelines.synth.truth import ChapterTruth, TruthExtra, TruthVerse, TruthWord
from schemas.alignment import ChapterAlignment
from schemas.errors import TimingMalformed
from schemas.source import Chapter, Verse
from schemas.units import SAMPLE_RATE_HZ

LANGUAGES = "eng fra swh rus ukr ell hin tam amh kor jpn arb kat azj vie".split()


def chapter_of(truth: ChapterTruth) -> Chapter:
    verses = tuple(Verse(verse.number, verse.text) for verse in truth.verses)
    return Chapter(language=truth.language, verses=verses)


def aligned(truth: ChapterTruth, **changes: object) -> ChapterAlignment:
    chapter = replace(chapter_of(truth), **changes)
    silence = np.zeros(int(truth.duration_sec * SAMPLE_RATE_HZ), np.float32)
    return alignment_of_known_times(silence, chapter, truth, "rec-1")


@cache
def spoken_truth(language: str, **options: object) -> ChapterTruth:
    chosen = {"minutes": 0.25, "words_per_verse": (4, 9), "seed": 4, **options}
    return speak_chapter("rec-1", ChapterOptions(language=language, **chosen))[1]


def timed_verse(text: str, *words: TruthWord, number: str = "1") -> TruthVerse:
    ends = (words[0].start_sec, words[-1].end_sec) if words else (math.nan, math.nan)
    return TruthVerse(number, text, "once" if words else "never", *ends, words)


def truth_of(*verses: TruthVerse, extras: tuple[TruthExtra, ...] = ()) -> ChapterTruth:
    return ChapterTruth(
        recording_id="rec-1",
        language="eng",
        duration_sec=10.0,
        options={},
        verses=verses,
        extras=extras,
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_has_the_times_of_the_truth(language):
    truth = spoken_truth(language)
    found = aligned(truth)
    errors = edge_errors(found, truth)
    assert errors.missing_words == 0
    assert len(errors.word_start) == sum(len(verse.words) for verse in truth.verses)
    for found_errors in (
        errors.word_start,
        errors.word_end,
        errors.verse_start,
        errors.verse_end,
    ):
        assert not found_errors.any()
    for verse in found.verses:
        assert len(verse.romanised.split(" ")) == len(verse.words)
        assert all(math.isfinite(word.start_sec) for word in verse.words)
        for word in verse.words:
            assert verse.text[word.char_start : word.char_end] == word.word


def test_the_result_says_what_it_is():
    found = aligned(spoken_truth("swh"))
    assert found.model == MODEL == "known-times"
    assert found.recording_id == "rec-1"
    assert found.language == "swh"
    assert {verse.score for verse in found.verses} == {0.0}
    assert {verse.confidence for verse in found.verses} == {1.0}
    assert not found.frame_score.any()
    assert len(found.level_db) == 2 * len(found.frame_score)
    assert len(found.frame_score) == math.ceil(found.duration_sec * 50)


def test_levels_are_those_of_the_speech(tmp_path):
    options = ChapterOptions(language="swh", minutes=0.1, pause_sec=(0.5, 0.6))
    samples, truth = speak_chapter("rec-1", options)
    path = tmp_path / "a.wav"
    write_audio(samples, path, AudioFileOptions(format="wav"))
    found = alignment_of_known_times(
        decode_audio(path), chapter_of(truth), truth, "rec-1"
    )
    verse = found.verses[0]
    levels = found.level_db
    inside = levels[int(verse.start_sec * 100) : int(verse.end_sec * 100)]
    assert np.median(inside) > np.median(levels[: int(verse.start_sec * 100) - 5]) + 30


def test_numbers_become_stars_for_their_text():
    truth = spoken_truth("swh", digits=1)
    found = aligned(truth)
    ((number, verse),) = (
        (word, verse)
        for verse in truth.verses
        for word in verse.words
        if word.is_number
    )
    ((star, owner),) = ((star, v) for v in found.verses for star in v.stars)
    assert owner.verse == verse.number
    assert star.for_text == verse.text[number.char_start : number.char_end]
    assert (star.start_sec, star.end_sec) == (number.start_sec, number.end_sec)
    place = [word.word for word in owner.words].index(star.for_text)
    assert owner.romanised.split(" ")[place] == ""


def test_speech_that_the_text_has_not_becomes_stars_outside_of_verses():
    truth = spoken_truth("swh", title=True, repeated=1)
    found = aligned(truth)
    assert len(found.stars) == 2
    for star, extra in zip(found.stars, truth.extras, strict=True):
        assert (star.start_sec, star.end_sec) == (extra.start_sec, extra.end_sec)
        assert star.for_text == ""


def test_a_verse_that_was_not_read_has_no_times():
    truth = spoken_truth("swh", omitted=1)
    found = aligned(truth)
    for verse, known in zip(found.verses, truth.verses, strict=True):
        was_read = known.read != "never"
        assert math.isfinite(verse.start_sec) == was_read
        assert math.isfinite(verse.score) == was_read
        assert all(math.isfinite(w.start_sec) == was_read for w in verse.words)
        assert len(verse.words) == len(normalise_verse(verse.text, "swh"))


def test_words_that_the_voice_ran_together_become_one():
    text = "Out of the garden."
    truth = truth_of(
        timed_verse(text, TruthWord(0, 10, 1.0, 1.5), TruthWord(11, 17, 1.5, 2.0))
    )
    (verse,) = aligned(truth).verses
    assert [word.word for word in verse.words] == ["Out of the", "garden"]
    assert verse.romanised == "outofthe garden"
    assert (verse.words[0].start_sec, verse.words[0].end_sec) == (1.0, 1.5)


def test_a_word_without_a_time_stays_without():
    truth = truth_of(timed_verse("one two three", TruthWord(4, 7, 1.0, 1.5)))
    (verse,) = aligned(truth).verses
    assert [math.isfinite(word.start_sec) for word in verse.words] == [
        False,
        True,
        False,
    ]
    assert (verse.start_sec, verse.end_sec) == (1.0, 1.5)


def test_a_little_beyond_the_audio_is_cut_to_its_end():
    truth = truth_of(
        timed_verse(
            "one two", TruthWord(0, 3, 9.0, 9.5), TruthWord(4, 7, 10.02, 10.05)
        ),
        extras=(TruthExtra("title", "x", 9.98, 10.06),),
    )
    found = aligned(truth)
    last = found.verses[0].words[-1]
    assert (last.start_sec, last.end_sec) == (10.0, 10.0)
    assert found.stars[0].end_sec == 10.0


@pytest.mark.parametrize("where", ["word", "extra"])
def test_times_of_a_longer_recording_are_refused(where):
    words = (TruthWord(0, 3, 9.0, 10.5),) if where == "word" else ()
    extras = (TruthExtra("title", "x", 9.0, 10.5),) if where == "extra" else ()
    unread = timed_verse("two", number="2")
    truth = truth_of(timed_verse("one", *words), unread, extras=extras)
    with pytest.raises(TimingMalformed, match=r"rec-1.*10\.50 s, the audio at 10\.00"):
        aligned(truth)


def test_times_of_another_text_are_refused():
    truth = truth_of(timed_verse("one", TruthWord(0, 3, 1.0, 1.5)))
    other = (Verse("1", "One"),)
    with pytest.raises(TimingMalformed, match=r"verse 1 to be 'One', got 'one'"):
        aligned(truth, verses=other)
    more = (Verse("1", "one"), Verse("2", "two"))
    with pytest.raises(TimingMalformed, match=r"expected 2 verses .* got 1"):
        aligned(truth, verses=more)
