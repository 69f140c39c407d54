"""A whole chapter with the bundled model: synthetic speech against exact truth."""

from dataclasses import replace

import numpy as np
import pytest

from aligner.align import align_chapter
from aligner.audio import decode_audio
from aligner.config import AlignConfig, SegmentConfig
from aligner.numbers import spoken_forms
from aligner.segments import plan_segments
from models import load_acoustic_model
from pipelines.alignment_file import dump_alignment
from pipelines.synth.compare import edge_errors, median_error_sec
from schemas.alignment import ChapterAlignment, EventKind, StarSpan
from schemas.errors import AlignmentInfeasible, ConfigError, TextEmpty
from schemas.source import Aside, AsideKind, Chapter, Verse
from schemas.units import FRAME_SAMPLES, SAMPLE_RATE_HZ
from tests.pipelines.corpora import Speech

MARK, LUKE, JOHN = "swh-mrk-001", "swh-luk-001", "rus-jhn-001"
FRAME_SEC = FRAME_SAMPLES / SAMPLE_RATE_HZ


@pytest.fixture(scope="module")
def model():
    return load_acoustic_model("bundled", "cpu")


@pytest.fixture(scope="module")
def waveforms(speech: Speech) -> dict[str, np.ndarray]:
    return {key: decode_audio(speech.audio(key)) for key in speech.truths}


def chapter_of(speech: Speech, key: str) -> Chapter:
    truth = speech.truths[key]
    verses = tuple(Verse(verse.number, verse.text) for verse in truth.verses)
    return Chapter(language=truth.language, verses=verses)


@pytest.fixture(scope="module")
def aligned(speech, waveforms, model) -> dict[str, ChapterAlignment]:
    return {
        key: align_chapter(
            waveforms[key],
            chapter_of(speech, key),
            model,
            AlignConfig(),
            recording_id=key,
        )
        for key in waveforms
    }


def starts(alignment: ChapterAlignment) -> np.ndarray:
    return np.array([w.start_sec for v in alignment.verses for w in v.words])


def test_verses_start_where_they_are_read(aligned, speech):
    for key, alignment in aligned.items():
        errors = edge_errors(alignment, speech.truths[key])
        assert errors.missing_words == 0
        assert np.abs(errors.verse_start).max() < 0.2
        assert median_error_sec(errors.word_start) < 0.03
        assert median_error_sec(errors.word_end) < 0.05


def test_words_are_in_order_within_the_recording_and_cut_from_the_text(aligned):
    for alignment in aligned.values():
        spans = [
            (w.start_sec, w.end_sec) for v in alignment.verses for w in v.words
        ]  # fmt: skip
        edges = np.array(spans).ravel()
        assert edges[0] >= 0
        assert edges[-1] <= alignment.duration_sec
        assert all(start < end for start, end in spans)
        # Neighbours may share a frame, by the model's constant offsets.
        assert np.diff([start for start, _ in spans]).min() > 0
        for verse in alignment.verses:
            for word in verse.words:
                assert verse.text[word.char_start : word.char_end] == word.word
            assert verse.start_sec == verse.words[0].start_sec
            assert verse.end_sec == verse.words[-1].end_sec
            assert verse.score_worst <= verse.score <= 0
            assert verse.margin > 0
            assert verse.confidence == np.nanmin([w.confidence for w in verse.words])
            assert all(0 < w.confidence <= 1 for w in verse.words if w.score <= 0)
            assert len(verse.romanised.split(" ")) == len(verse.words)


def test_what_later_stages_need_is_there(aligned, waveforms, model):
    for key, alignment in aligned.items():
        frames = -(-len(waveforms[key]) // FRAME_SAMPLES)
        assert alignment.frame_score.shape == (frames,)
        assert alignment.level_db.shape == (2 * frames,)
        assert alignment.duration_sec == len(waveforms[key]) / SAMPLE_RATE_HZ
        assert alignment.recording_id == key
        assert alignment.model == model.fingerprint


def test_the_star_takes_a_title_that_is_not_in_the_text(
    aligned, speech, waveforms, model
):
    title = speech.truths[MARK].extras[0]
    verse_1 = speech.truths[MARK].verses[0]
    assert title.kind == "title"
    assert title.end_sec - title.start_sec > 1
    (star,) = aligned[MARK].stars
    assert star.for_text == ""
    assert star.start_sec < title.start_sec + 0.1
    assert star.end_sec > title.end_sec - 0.1
    assert abs(aligned[MARK].verses[0].start_sec - verse_1.start_sec) < 0.1
    assert np.isnan(aligned[MARK].frame_score[int(title.start_sec / FRAME_SEC) + 5])
    # Without it the title counts as speech that the text should have explained.
    config = AlignConfig(star_at_start=False)
    without = align_chapter(waveforms[MARK], chapter_of(speech, MARK), model, config)
    assert without.stars == ()
    inside = slice(int(title.start_sec / FRAME_SEC), int(title.end_sec / FRAME_SEC))
    assert without.frame_score[inside].mean() < -0.2


def test_a_number_is_a_star_that_keeps_its_digits(aligned, speech):
    found = [
        (verse, star)
        for verse in aligned[MARK].verses
        for star in verse.stars
    ]  # fmt: skip
    ((verse, star),) = found
    assert star.for_text.isdecimal()
    assert star.for_text in verse.text
    spoken = next(
        word
        for v in speech.truths[MARK].verses
        for word in v.words
        if word.is_number
    )  # fmt: skip
    place = [word.word for word in verse.words].index(star.for_text)
    before, word, after = verse.words[place - 1 : place + 2]
    # It takes the pauses beside the number as well, and nothing of its neighbours.
    assert before.end_sec <= star.start_sec < spoken.start_sec + 0.1
    assert spoken.end_sec - 0.1 < star.end_sec <= after.start_sec
    assert (word.start_sec, word.end_sec) == (star.start_sec, star.end_sec)


def test_a_title_before_a_chapter_that_begins_with_a_number(
    aligned, speech, waveforms, model
):
    """One star stands for both; the number is what follows the last pause in it."""
    chapter = chapter_of(speech, MARK)
    first = chapter.verses[0]
    word, rest = first.text.split(" ", 1)
    changed = replace(chapter, verses=(Verse("1", f"7 {rest}"), *chapter.verses[1:]))
    alignment = align_chapter(waveforms[MARK], changed, model, AlignConfig())
    assert alignment.stars == ()
    number = alignment.verses[0].words[0]
    assert number.word == "7"
    assert word not in alignment.verses[0].text
    expected = aligned[MARK].verses[0].words[0]
    assert abs(number.start_sec - expected.start_sec) < 0.15
    assert abs(number.end_sec - expected.end_sec) < 0.15


@pytest.mark.parametrize("place", [0, 2, None])
def test_a_verse_without_letters_harms_no_neighbour(
    place, aligned, speech, waveforms, model
):
    chapter = chapter_of(speech, LUKE)
    place = len(chapter.verses) if place is None else place
    verses = list(chapter.verses)
    verses.insert(place, Verse("0", "… — !"))
    alignment = align_chapter(
        waveforms[LUKE], replace(chapter, verses=tuple(verses)), model, AlignConfig()
    )
    unsaid = alignment.verses[place]
    assert (unsaid.text, unsaid.words, unsaid.stars) == ("… — !", (), ())
    assert np.isnan([unsaid.start_sec, unsaid.end_sec, unsaid.score]).all()
    np.testing.assert_array_equal(starts(alignment), starts(aligned[LUKE]))


def test_a_long_silence_between_verses_moves_what_follows(
    aligned, speech, waveforms, model
):
    before, after = speech.truths[LUKE].verses[1:3]
    at = round((before.end_sec + after.start_sec) / 2 * SAMPLE_RATE_HZ)
    silence = np.zeros(6 * SAMPLE_RATE_HZ, np.float32)
    longer = np.insert(waveforms[LUKE], at, silence)
    alignment = align_chapter(longer, chapter_of(speech, LUKE), model, AlignConfig())
    moved = starts(alignment) - starts(aligned[LUKE])
    words = sum(len(verse.words) for verse in alignment.verses[:2])
    assert np.abs(moved[:words]).max() < 0.05
    assert np.abs(moved[words:] - 6).max() < 0.05


@pytest.mark.parametrize("backend", ["torchaudio", "ctc-segmentation"])
def test_other_backends_agree_to_a_few_frames(backend, speech, waveforms, model):
    for key in (MARK, JOHN):
        chapter = chapter_of(speech, key)
        own, other = (
            starts(align_chapter(
                waveforms[key], chapter, model, AlignConfig(backend=name, pause_cost=0)
            ))
            for name in ("viterbi", backend)
        )  # fmt: skip
        off_sec = np.abs(own - other)
        assert np.median(off_sec) <= FRAME_SEC
        assert np.mean(off_sec <= 3 * FRAME_SEC) > 0.9


def test_workers_and_repetition_change_nothing(aligned, speech, waveforms, model):
    alignment = align_chapter(
        waveforms[JOHN],
        chapter_of(speech, JOHN),
        model,
        AlignConfig(),
        recording_id=JOHN,
        workers=3,
    )
    assert dump_alignment(alignment) == dump_alignment(aligned[JOHN])


def test_the_text_of_another_chapter_scores_lower(aligned, speech, waveforms, model):
    wrong = align_chapter(
        waveforms[LUKE], chapter_of(speech, MARK), model, AlignConfig()
    )
    right = np.mean([verse.score for verse in aligned[LUKE].verses])
    assert np.mean([verse.score for verse in wrong.verses]) < right - 0.3


def test_a_text_that_is_too_long_names_the_recording(speech, waveforms, model):
    short = waveforms[LUKE][: 2 * SAMPLE_RATE_HZ]
    with pytest.raises(AlignmentInfeasible, match=r"^swh/LUK/001: .*frames"):
        align_chapter(
            short,
            chapter_of(speech, LUKE),
            model,
            AlignConfig(),
            recording_id="swh/LUK/001",
        )


def test_a_text_without_any_letter_is_refused(waveforms, model):
    chapter = Chapter(language="swh", verses=(Verse("1", "—"), Verse("2", "?!")))
    with pytest.raises(TextEmpty, match=r"^LUK-1: .*no letter and no digit"):
        align_chapter(
            waveforms[LUKE], chapter, model, AlignConfig(), recording_id="LUK-1"
        )


def test_a_model_with_coarser_frames_is_refused(speech, waveforms, model):
    coarse = replace(model, hop_samples=640)
    key = next(iter(waveforms))
    with pytest.raises(ConfigError, match=r"every 320 samples.*every 640"):
        align_chapter(waveforms[key], chapter_of(speech, key), coarse, AlignConfig())


def test_words_that_were_not_read_have_the_lowest_confidence(
    aligned, speech, waveforms, model
):
    chapter = chapter_of(speech, LUKE)
    first, second = chapter.verses[1], chapter.verses[2]
    word, other = aligned[LUKE].verses[1].words[2], aligned[LUKE].verses[2].words[0]
    text = first.text[: word.char_start] + other.word + first.text[word.char_end :]
    verses = (chapter.verses[0], replace(first, text=text), *chapter.verses[2:])
    changed = replace(chapter, verses=verses)
    found = align_chapter(waveforms[LUKE], changed, model, AlignConfig())
    words = [word for verse in found.verses for word in verse.words]
    assert min(words, key=lambda w: w.confidence) == found.verses[1].words[2]
    assert found.verses[1].confidence < found.verses[2].confidence
    assert second.text == found.verses[2].text


def test_confidence_can_be_turned_off(aligned, speech, waveforms, model):
    config = AlignConfig(confidence=False)
    found = align_chapter(waveforms[JOHN], chapter_of(speech, JOHN), model, config)
    for verse, full in zip(found.verses, aligned[JOHN].verses, strict=True):
        assert np.isnan(verse.margin) and np.isnan(verse.confidence)
        assert verse.score == full.score
        assert all(np.isnan(word.confidence) for word in verse.words)


def test_a_number_is_told_in_the_words_in_which_it_was_read(aligned, speech):
    """Swahili's number words are known; the written digits stay in the text."""
    (verse,) = (v for v in aligned[MARK].verses if v.stars)
    (star,) = verse.stars
    number = next(
        word for v in speech.truths[MARK].verses for word in v.words if word.is_number
    )
    (form,) = spoken_forms(star.for_text, "swh")
    assert verse.spoken_text == verse.text.replace(star.for_text, form)
    assert abs(star.start_sec - number.start_sec) < 0.1
    (read,) = (word for word in verse.words if word.word == star.for_text)
    assert -0.5 < read.score <= 0
    assert 0.5 < read.confidence <= 1
    assert verse.confidence <= read.confidence
    others = (v for alignment in aligned.values() for v in alignment.verses)
    assert [v.spoken_text for v in others if v.spoken_text] == [verse.spoken_text]


def test_a_number_whose_forms_are_not_tried_has_no_score(
    aligned, speech, waveforms, model
):
    config = AlignConfig(number_forms=False)
    found = align_chapter(waveforms[MARK], chapter_of(speech, MARK), model, config)
    (k,) = (k for k, v in enumerate(found.verses) if v.stars)
    verse, told = found.verses[k], aligned[MARK].verses[k]
    assert verse.spoken_text == "" != told.spoken_text
    for word, as_told in zip(verse.words, told.words, strict=True):
        is_number = word.word == verse.stars[0].for_text
        assert np.isnan(word.score) == np.isnan(word.confidence) == is_number
        assert np.isfinite([as_told.score, as_told.confidence]).all()


def test_a_title_that_is_an_aside_is_an_event(aligned, speech, waveforms, model):
    title = speech.truths[MARK].extras[0]
    unspoken = Aside(2, AsideKind.HEADING, "Nyumba ya samaki wadogo")
    asides = (Aside(0, AsideKind.CHAPTER, title.text), unspoken)
    chapter = replace(chapter_of(speech, MARK), asides=asides)
    alignment = align_chapter(waveforms[MARK], chapter, model, AlignConfig())
    (event,) = alignment.events
    assert (event.kind, event.verse) == (EventKind.ASIDE, "1")
    assert event.text == title.text
    assert abs(event.start_sec - title.start_sec) < 0.15
    assert abs(event.end_sec - title.end_sec) < 0.15
    assert StarSpan(*event.interval, title.text) in alignment.stars
    np.testing.assert_allclose(starts(alignment), starts(aligned[MARK]), atol=0.05)
    segments = plan_segments(
        alignment, SegmentConfig(), book="", reader="", drama=False, licence=""
    )
    assert min(s.start_sec for s in segments) >= event.end_sec - 0.05


def test_a_reference_that_was_not_read_is_in_no_clip(aligned, speech, waveforms, model):
    chapter = chapter_of(speech, LUKE)
    verses = list(chapter.verses)
    verses[1] = replace(verses[1], text=f"{verses[1].text} (Isaya 40:3)")
    changed = replace(chapter, verses=tuple(verses))
    alignment = align_chapter(waveforms[LUKE], changed, model, AlignConfig())
    (event,) = alignment.events
    assert (event.kind, event.verse) == (EventKind.UNREAD, verses[1].number)
    verse = alignment.verses[1]
    assert verse.text == verses[1].text
    assert verse.spoken_text == chapter.verses[1].text
    assert np.isnan([word.start_sec for word in verse.words[-2:]]).all()
    assert verse.stars == ()
    segments = plan_segments(
        alignment, SegmentConfig(), book="", reader="", drama=False, licence=""
    )
    text = " ".join(segment.text for segment in segments)
    assert "Isaya" not in text
    assert chapter.verses[1].text in text
