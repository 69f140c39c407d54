"""The engine's word times against the energy of what it says."""

import random
import sys

import numpy as np
import numpy.typing as npt
import pytest

from pipelines.synth import espeak
from pipelines.synth.espeak import Delivery, SpeechError, SpokenWord, engine
from pipelines.synth.lexicon import invent_sentence, load_lexicon
from pipelines.synth.options import TRAINING_VOICES, UNHEARD_VOICES
from schemas.errors import ConfigError

RATE_HZ = 22_050
REACH_SAMPLES = int(0.08 * RATE_HZ)


def loudness(pcm: npt.NDArray[np.int16]) -> npt.NDArray[np.float64]:
    """Mean magnitude over 2 ms."""
    return np.convolve(np.abs(pcm.astype(float)), np.ones(44) / 44, "same")


def edge_lags_msec(
    pcm: npt.NDArray[np.int16], words: list[SpokenWord]
) -> tuple[list[float], list[float]]:
    """First and last loud moment around each word, minus the event's time."""
    loud = loudness(pcm)
    first, last = [], []
    for word in words:
        limit = 0.03 * loud[word.start_sample : word.end_sample].max()
        before = max(0, word.start_sample - REACH_SAMPLES)
        onset = before + np.flatnonzero(loud[before : word.end_sample] > limit)[0]
        first.append((onset - word.start_sample) / RATE_HZ * 1000)
        after = loud[word.start_sample : word.end_sample + REACH_SAMPLES]
        offset = word.start_sample + np.flatnonzero(after > limit)[-1]
        last.append((offset - word.end_sample) / RATE_HZ * 1000)
    return first, last


@pytest.mark.parametrize("language", ["spa", "swh", "eng"])
def test_words_begin_and_end_with_their_sound(language):
    lexicon, rng = load_lexicon(language), random.Random(1)
    first, last = [], []
    for variant in ("", "+f2", "+m3"):
        for _ in range(3):
            text = invent_sentence(lexicon, 8, rng)
            delivery = Delivery(lexicon.voice + variant, rate=140, word_gap=20)
            starts, ends = edge_lags_msec(*engine().speak(text, delivery))
            first += starts
            last += ends
    assert len(first) == 72
    assert abs(np.median(first)) < 5
    assert abs(np.median(last)) < 5
    # A stop's closure is silent, so sound may come late; it never comes early.
    assert np.quantile(first, 0.02) > -3


def test_times_do_not_drift_in_a_long_text():
    lexicon, rng = load_lexicon("spa"), random.Random(2)
    text = " ".join(invent_sentence(lexicon, 10, rng) for _ in range(12))
    pcm, words = engine().speak(text, Delivery("es", word_gap=20))
    assert len(pcm) > 60 * RATE_HZ
    late, _ = edge_lags_msec(pcm, words[-40:])
    assert abs(np.median(late)) < 5


def test_characters_are_counted_not_bytes():
    text = "Ура, мы дома."
    _, words = engine().speak(text, Delivery("ru"))
    assert [text[word.char] for word in words] == ["У", "м", "д"]


def test_words_after_a_full_stop_are_found_where_they_are_written():
    text = "la casa. el perro. una luz."  # small letters: the event has the blank
    _, words = engine().speak(text, Delivery("es"))
    for word, written in zip(words, text.split(), strict=True):
        assert text[word.char :].startswith(written)


def test_samples_are_those_of_this_call_alone():
    first, _ = engine().speak("uno dos tres cuatro cinco seis", Delivery("es"))
    second, words = engine().speak("uno", Delivery("es"))
    assert 0 < len(second) < len(first) / 2
    assert len(words) == 1
    assert engine().rate_hz == RATE_HZ


def test_a_faster_rate_and_a_word_gap_are_heard():
    text = "una casa blanca junto al mar"
    length = {
        name: len(engine().speak(text, delivery)[0])
        for name, delivery in {
            "even": Delivery("es"),
            "fast": Delivery("es", rate=220),
            "with gaps": Delivery("es", word_gap=30),
        }.items()
    }
    assert length["fast"] < 0.8 * length["even"]
    assert length["with gaps"] > length["even"] + 4 * 0.2 * RATE_HZ


def test_there_is_one_engine_in_a_process():
    assert engine() is engine()


@pytest.mark.parametrize("variant", [*TRAINING_VOICES, *UNHEARD_VOICES])
def test_every_variant_speaks(variant):
    pcm, words = engine().speak("una casa", Delivery(f"es+{variant}"))
    assert len(words) == 2
    assert np.abs(pcm.astype(int)).max() > 1000


@pytest.mark.parametrize("voice", ["xx", "", "en-gb", "sw+nobody", "sw+../f2"])
def test_an_unknown_voice_is_refused_by_name(voice):
    with pytest.raises(ConfigError, match="espeak-ng has no") as caught:
        engine().speak("habari", Delivery(voice))
    assert repr(voice) in str(caught.value)


def test_a_runaway_text_is_stopped(monkeypatch):
    monkeypatch.setattr(espeak, "_MAX_UTTERANCE_SEC", 1)
    with pytest.raises(SpeechError, match="at most 1 s of speech"):
        engine().speak("una casa blanca junto al mar. " * 20, Delivery("es"))
    # The engine is not harmed.
    pcm, words = engine().speak("uno", Delivery("es"))
    assert len(words) == 1
    assert len(pcm) < RATE_HZ


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(ConfigError, match=r"pip install 'pericope\[synth\]'"):
        engine.__wrapped__()
