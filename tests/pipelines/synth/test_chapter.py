"""What the options promise is in the audio, and the truth says where."""

import itertools
import math
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest

from pipelines.synth.chapter import speak_chapter
from pipelines.synth.lexicon import languages
from pipelines.synth.options import ChapterOptions
from pipelines.synth.speech import MASTER_RATE_HZ, Unspeakable
from pipelines.synth.truth import ChapterTruth
from schemas.errors import ConfigError
from tests.pipelines.synth.listening import pitch_hz, quiet_parts, rms

SHORT = {"words_per_verse": (4, 7), "pause_sec": (0.3, 0.6)}
OWN_TEXT = (
    "The old boat came home at dawn.",
    "Nobody had seen it leave the harbour.",
    "A grey cat slept on the ropes.",
    "Then the rain began again.",
)


@cache
def chapter(**options: object) -> tuple[npt.NDArray[np.float32], ChapterTruth]:
    return speak_chapter("rec-1", ChapterOptions(**{**SHORT, **options}))


def eventful() -> tuple[npt.NDArray[np.float32], ChapterTruth]:
    return chapter(
        language="spa",
        minutes=0.5,
        title=True,
        digits=1,
        omitted=1,
        repeated=1,
        long_pauses=1,
        drama=True,
        voices=("f1", "m3"),
        seed=2,
    )


def spoken_intervals(truth: ChapterTruth) -> list[tuple[float, float]]:
    """All that is said, by time."""
    verses = [v for v in truth.verses if v.read != "never"]
    return sorted((part.start_sec, part.end_sec) for part in [*verses, *truth.extras])


def cut(samples, start_sec: float, end_sec: float):
    return samples[int(start_sec * MASTER_RATE_HZ) : int(end_sec * MASTER_RATE_HZ)]


@pytest.mark.parametrize(
    "make", [eventful, lambda: chapter(language="kat", minutes=0.2)]
)
def test_verses_and_words_are_ordered_disjoint_and_inside_the_audio(make):
    samples, truth = make()
    assert truth.duration_sec == pytest.approx(len(samples) / MASTER_RATE_HZ, abs=1e-5)
    edges = [sec for interval in spoken_intervals(truth) for sec in interval]
    assert edges == sorted(edges)
    assert edges[0] > 0
    assert edges[-1] < truth.duration_sec
    for verse in truth.verses:
        words = [sec for w in verse.words for sec in (w.start_sec, w.end_sec)]
        assert words == sorted(words)
        chars = [at for w in verse.words for at in (w.char_start, w.char_end)]
        assert chars == sorted(chars)
        if verse.read != "never":
            assert (words[0], words[-1]) == (verse.start_sec, verse.end_sec)
            assert chars[-1] <= len(verse.text)
    assert [verse.number for verse in truth.verses] == [
        str(number + 1) for number in range(len(truth.verses))
    ]


@pytest.mark.parametrize(
    "make", [eventful, lambda: chapter(language="kat", minutes=0.2)]
)
def test_there_is_speech_where_the_truth_says_and_silence_elsewhere(make):
    samples, truth = make()
    spoken = spoken_intervals(truth)
    levels = [rms(cut(samples, *interval)) for interval in spoken]
    assert min(levels) > 0.02
    for start_sec, end_sec in quiet_parts(spoken, truth.duration_sec, margin_sec=0.05):
        assert rms(cut(samples, start_sec, end_sec)) < 1e-3 * max(levels)


def test_a_title_is_spoken_that_the_text_does_not_have():
    samples, truth = eventful()
    title = truth.extras[0]
    assert title.kind == "title"
    assert title.text not in [verse.text for verse in truth.verses]
    assert title.end_sec < truth.verses[0].start_sec - 0.5
    assert title.end_sec - title.start_sec > 1
    assert rms(cut(samples, title.start_sec, title.end_sec)) > 0.02
    assert len(title.text.split()) == 6


def test_a_heading_is_spoken_before_a_verse_and_not_written():
    samples, truth = chapter(language="spa", minutes=0.2, headings=2)
    assert [extra.kind for extra in truth.extras] == ["heading"] * 2
    for heading in truth.extras:
        assert heading.text not in [verse.text for verse in truth.verses]
        assert rms(cut(samples, heading.start_sec, heading.end_sec)) > 0.02
        after = min(v.start_sec - heading.end_sec for v in truth.verses
                    if v.start_sec > heading.end_sec)  # fmt: skip
        assert 0.7 < after < 1.5


def test_a_number_is_written_in_digits_and_read_out():
    samples, truth = eventful()
    numbers = [(v, w) for v in truth.verses for w in v.words if w.is_number]
    assert len(numbers) == 1
    verse, word = numbers[0]
    assert 2 <= int(verse.text[word.char_start : word.char_end]) <= 999
    assert rms(cut(samples, word.start_sec, word.end_sec)) > 0.02
    written = [v for v in truth.verses if any(map(str.isdecimal, v.text))]
    assert written == [verse]


def test_an_omitted_verse_has_no_time_and_no_place_in_the_audio():
    _, truth = chapter(language="spa", minutes=0.3, omitted=4)
    omitted = [verse for verse in truth.verses if verse.read == "never"]
    assert len(omitted) == 4
    for verse in omitted:
        assert math.isnan(verse.start_sec)
        assert math.isnan(verse.end_sec)
        assert verse.words == ()
    # Between those that were read is nothing but one pause each.
    read = spoken_intervals(truth)
    assert len(read) == len(truth.verses) - 4
    assert max(b[0] - a[1] for a, b in itertools.pairwise(read)) < 1


def test_a_repeated_verse_is_heard_twice():
    samples, truth = eventful()
    (verse,) = (verse for verse in truth.verses if verse.read == "twice")
    (extra,) = (extra for extra in truth.extras if extra.kind == "repeat")
    assert extra.text == verse.text
    assert extra.end_sec < verse.start_sec
    first = cut(samples, extra.start_sec, extra.end_sec)
    second = cut(samples, verse.start_sec, verse.end_sec)
    length = min(len(first), len(second))
    assert np.corrcoef(first[:length], second[:length])[0, 1] > 0.9


def test_a_long_pause_follows_a_verse():
    _, truth = eventful()
    gaps = [b[0] - a[1] for a, b in itertools.pairwise(spoken_intervals(truth))]
    gaps.append(truth.duration_sec - spoken_intervals(truth)[-1][1])
    long = [gap for gap in gaps if gap > 2]
    assert len(long) == 1
    assert 3 <= long[0] < 8.5


def test_a_drama_has_voices_that_sound_different():
    samples, truth = eventful()
    pitches: dict[str, list[float]] = {}
    for verse in truth.verses:
        if verse.read != "never":
            part = cut(samples, verse.start_sec, verse.end_sec)
            pitches.setdefault(verse.voice, []).append(pitch_hz(part, MASTER_RATE_HZ))
    assert set(pitches) == {"es+f1", "es+m3"}
    assert min(pitches["es+f1"]) > 1.2 * max(pitches["es+m3"])


def test_foreign_text_was_never_read_and_what_was_read_is_said():
    samples, truth = chapter(language="ell", minutes=0.2, foreign_text=True)
    assert all(verse.read == "never" and not verse.words for verse in truth.verses)
    assert {extra.kind for extra in truth.extras} == {"foreign"}
    assert len(truth.extras) == len(truth.verses)
    assert not {e.text for e in truth.extras} & {v.text for v in truth.verses}
    for extra in truth.extras:
        assert rms(cut(samples, extra.start_sec, extra.end_sec)) > 0.02


def test_extras_come_in_the_order_of_time():
    _, truth = chapter(
        language="ell", minutes=0.4, foreign_text=True, title=True, repeated=2
    )
    starts = [extra.start_sec for extra in truth.extras]
    assert starts == sorted(starts)
    assert {e.kind for e in truth.extras} == {"title", "repeat", "foreign"}


def test_a_varied_chapter_changes_voice_rate_and_pitch():
    samples, truth = chapter(
        language="spa", minutes=0.5, varied=True, voices=("", "f1", "m3")
    )
    assert len({verse.voice for verse in truth.verses}) > 1
    parts = [cut(samples, v.start_sec, v.end_sec) for v in truth.verses]
    pitches = [pitch_hz(part, MASTER_RATE_HZ) for part in parts]
    assert max(pitches) > 1.2 * min(pitches)
    paces = [len(v.text) / (v.end_sec - v.start_sec) for v in truth.verses]
    assert max(paces) > 1.2 * min(paces)


def test_the_chapter_is_as_long_as_wanted():
    _, truth = chapter(language="spa", minutes=0.4)
    assert 24 <= truth.duration_sec < 24 + 6
    low, high = SHORT["words_per_verse"]
    assert all(low <= len(verse.text.split()) <= high for verse in truth.verses)


@pytest.mark.parametrize(
    "name", ["omitted", "repeated", "digits", "long_pauses", "headings"]
)
def test_a_short_chapter_goes_on_until_everything_has_happened(name):
    _, truth = chapter(language="spa", minutes=0.05, **{name: 4})
    gaps = [b[0] - a[1] for a, b in itertools.pairwise(spoken_intervals(truth))]
    gaps.append(truth.duration_sec - spoken_intervals(truth)[-1][1])
    happened = {
        "omitted": [v for v in truth.verses if v.read == "never"],
        "repeated": [e for e in truth.extras if e.kind == "repeat"],
        "digits": [v for v in truth.verses if any(w.is_number for w in v.words)],
        "long_pauses": [gap for gap in gaps if gap > 2],
        "headings": [e for e in truth.extras if e.kind == "heading"],
    }
    assert {key: len(found) for key, found in happened.items()} == {
        key: 4 * (key == name) for key in happened
    }
    assert truth.verses[0].read == "once"


def test_the_options_are_written_in_the_truth():
    _, truth = eventful()
    assert truth.options["title"] is True
    assert truth.options["voices"] == ["f1", "m3"]
    assert truth.options["seed"] == 2
    assert truth.language == "spa"
    assert truth.recording_id == "rec-1"


def test_another_seed_or_recording_says_other_words():
    options = ChapterOptions(language="spa", minutes=0.05, **SHORT)
    other_seed = ChapterOptions(language="spa", minutes=0.05, seed=1, **SHORT)
    texts = {
        speak_chapter(recording_id, chosen)[1].verses[0].text
        for recording_id in ("a", "b")
        for chosen in (options, other_seed)
    }
    assert len(texts) == 4


def test_own_text_is_read_to_its_end():
    options = ChapterOptions(language="eng", minutes=0.01, repeated=1, title=True)
    _, truth = speak_chapter("own", options, OWN_TEXT)
    assert tuple(verse.text for verse in truth.verses) == OWN_TEXT
    assert sorted(e.kind for e in truth.extras) == ["repeat", "title"]


def test_own_text_needs_a_voice_but_no_lexicon():
    assert "isl" not in languages()
    options = ChapterOptions(language="isl", voice="is")
    text = ("Báturinn kom heim í morgun.", "Enginn sá hann fara.")
    _, truth = speak_chapter("own", options, text)
    assert tuple(verse.text for verse in truth.verses) == text
    with pytest.raises(ConfigError, match="isl: expected one of"):
        speak_chapter("own", ChapterOptions(language="isl"), text)


@pytest.mark.parametrize("asked", [{"omitted": 3}, {"digits": 1}])
def test_own_text_cannot_do_what_it_has_no_place_for(asked):
    options = ChapterOptions(language="eng", **asked)
    with pytest.raises(ConfigError, match="own text of 4 verses"):
        speak_chapter("own", options, OWN_TEXT)


def test_own_text_that_cannot_be_read_is_an_input_error():
    with pytest.raises(Unspeakable, match="cannot read"):
        speak_chapter("own", ChapterOptions(language="swh"), ("Белый дом у моря.",))


def test_an_unknown_voice_stops_at_once():
    with pytest.raises(ConfigError, match="nobody"):
        chapter(language="swh", minutes=0.1, voices=("nobody",))
