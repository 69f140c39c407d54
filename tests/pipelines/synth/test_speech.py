"""Every written word gets its time, in every language and script."""

import itertools
import random
import re
import unicodedata

import numpy as np
import pytest

from pipelines.synth.espeak import Delivery
from pipelines.synth.lexicon import invent_sentence, languages, load_lexicon
from pipelines.synth.speech import MASTER_RATE_HZ, SpokenText, Unspeakable, speak

SENTENCES = 4


def written_words(text: str) -> list[tuple[int, int]]:
    """Where words are that hold a letter or digit."""
    return [
        match.span()
        for match in re.finditer(r"\S+", text)
        if any(map(str.isalnum, match[0]))
    ]


def script_of(text: str) -> str:
    """LATIN, CYRILLIC, ... by the name of the first letter."""
    return unicodedata.name(next(filter(str.isalpha, text))).split()[0]


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))


def check_times(spoken: SpokenText) -> None:
    edges = [sec for word in spoken.words for sec in (word.start_sec, word.end_sec)]
    assert edges == sorted(edges)
    assert edges[0] >= 0
    assert edges[-1] <= spoken.duration_sec + 1e-6
    assert all(word.end_sec > word.start_sec for word in spoken.words)


def test_there_are_enough_languages_and_scripts():
    scripts = {script_of(load_lexicon(code).words[0]) for code in languages()}
    assert len(languages()) >= 12
    assert len(scripts) >= 6


@pytest.mark.parametrize("language", languages())
def test_every_written_word_has_a_time(language):
    lexicon, rng = load_lexicon(language), random.Random(3)
    for _ in range(SENTENCES):
        text = invent_sentence(lexicon, rng.randint(5, 12), rng)
        spoken = speak(text, Delivery(lexicon.voice))
        check_times(spoken)
        for start, end in written_words(text):
            covers = [
                word
                for word in spoken.words
                if word.char_start < end and start < word.char_end
            ]
            assert len(covers) == 1, f"{text[start:end]!r} in {text!r}"


@pytest.mark.parametrize("language", ["spa", "rus", "hin"])
def test_there_is_sound_in_words_and_none_between_them(language):
    lexicon = load_lexicon(language)
    text = invent_sentence(lexicon, 8, random.Random(5))
    spoken = speak(text, Delivery(lexicon.voice, word_gap=20))
    loud = rms(spoken.samples)
    for word in spoken.words:
        start, end = (int(t * MASTER_RATE_HZ) for t in (word.start_sec, word.end_sec))
        assert rms(spoken.samples[start:end]) > 0.1 * loud
    for before, after in itertools.pairwise(spoken.words):
        quiet = slice(
            int((before.end_sec + 0.03) * MASTER_RATE_HZ),
            int((after.start_sec - 0.03) * MASTER_RATE_HZ),
        )
        assert rms(spoken.samples[quiet]) < 0.05 * loud


def test_punctuation_is_not_part_of_a_word():
    text = "«Casa», dijo (bajo) — «perro»."
    words = speak(text, Delivery("es")).words
    written = [text[word.char_start : word.char_end] for word in words]
    assert written == ["Casa", "dijo", "bajo", "perro"]


def test_words_that_are_run_together_share_an_entry():
    text = "She walked out of the garden."
    words = speak(text, Delivery("en-us")).words
    shared = [w for w in words if " " in text[w.char_start : w.char_end]]
    assert shared
    assert words[0].char_start == 0
    assert words[-1].char_end == len(text) - 1


def test_a_first_word_that_is_run_together_with_the_next_is_kept():
    text = "물 기쁨 전쟁 나는, 가을."
    words = speak(text, Delivery("ko")).words
    assert words[0].char_start == 0
    assert words[0].char_end >= len("물")


def test_a_number_is_one_word_however_it_is_read():
    text = "Nina kondoo 984 shambani."
    words = speak(text, Delivery("sw")).words
    numbers = [word for word in words if word.is_number]
    assert [text[w.char_start : w.char_end] for w in numbers] == ["984"]
    assert numbers[0].end_sec - numbers[0].start_sec > 1
    assert len(words) == 4


@pytest.mark.parametrize("speed", [0.88, 1.14])
def test_speed_moves_the_words_with_the_sound(speed):
    text = "Nyumba nyeupe karibu na bahari."
    even = speak(text, Delivery("sw", word_gap=20))
    played = speak(text, Delivery("sw", word_gap=20), speed=speed)
    # The engine itself varies by some 0.3 % from call to call.
    assert played.duration_sec == pytest.approx(even.duration_sec / speed, rel=0.01)
    check_times(played)
    for before, after in zip(even.words, played.words, strict=True):
        assert after.start_sec == pytest.approx(before.start_sec / speed, abs=0.02)
    loud = np.abs(played.samples) > 0.05 * np.abs(played.samples).max()
    last_loud_sec = np.flatnonzero(loud)[-1] / MASTER_RATE_HZ
    assert last_loud_sec == pytest.approx(played.words[-1].end_sec, abs=0.03)


@pytest.mark.parametrize("rate", [105, 150, 215])
@pytest.mark.parametrize(
    ("text", "voice"),
    [
        ("Белый дом у моря, а за ним лес.", "sw"),  # spelled letter by letter
        ("ነጭ ቤት ከባሕር አጠገብ", "es"),
        ("しろい いえ うみの そば", "hi"),
        ("بيت أبيض قرب البحر", "fi"),
        ("తెల్లని ఇల్లు సముద్రం పక్కన", "ru"),
        ("... — !", "sw"),
        ("", "sw"),
    ],
)
def test_what_a_voice_cannot_read_is_unspeakable(text, voice, rate):
    with pytest.raises(Unspeakable, match=voice) as caught:
        speak(text, Delivery(voice, rate=rate))
    assert caught.value.reason == "unspeakable"


@pytest.mark.parametrize("language", ["kor", "tel", "amh", "hin", "jpn", "tam", "arb"])
def test_slow_readers_of_dense_scripts_are_understood(language):
    lexicon, rng = load_lexicon(language), random.Random(6)
    for _ in range(SENTENCES):
        text = invent_sentence(lexicon, rng.randint(3, 10), rng)
        assert speak(text, Delivery(lexicon.voice, rate=105, word_gap=8)).words
