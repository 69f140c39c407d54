"""The same speech in every container, the same verses in every text format."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligner.audio import decode_audio
from pipelines.synth.espeak import Delivery
from pipelines.synth.files import (
    AUDIO_FORMATS,
    AudioFileOptions,
    text_suffix,
    write_audio,
    write_text,
)
from pipelines.synth.lexicon import invent_sentence, load_lexicon
from pipelines.synth.speech import MASTER_RATE_HZ, speak
from pipelines.texts import read_chapter
from schemas.errors import ConfigError, PericopeError
from schemas.source import Recording, TextFormat, Verse
from tests.aligner.sounds import lag_msec

RATES_HZ = {
    "wav": (8_000, 44_100),
    "flac": (16_000, 48_000),
    "ogg": (16_000, 44_100),
    "opus": (16_000, 48_000),
    "mp3": (16_000, 22_050, 44_100),
    "mp3-untagged": (22_050, 24_000, 48_000),
    "m4a": (16_000, 44_100),
    "aac": (22_050, 48_000),
}


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    lexicon = load_lexicon("swh")
    text = invent_sentence(lexicon, 8, random.Random(0))
    return speak(text, Delivery(lexicon.voice)).samples


@pytest.fixture(scope="module")
def reference(speech, tmp_path_factory) -> np.ndarray:
    path = tmp_path_factory.mktemp("reference") / "a.wav"
    write_audio(speech, path, AudioFileOptions(format="wav"))
    return decode_audio(path)


def test_the_wav_is_the_speech(speech, reference):
    assert len(reference) == pytest.approx(
        len(speech) * 16_000 / MASTER_RATE_HZ, abs=200
    )
    times = np.arange(len(reference)) / 16_000 * MASTER_RATE_HZ
    expected = np.interp(times, np.arange(len(speech)), speech)
    assert abs(lag_msec(expected, reference)) < 0.2
    assert np.corrcoef(expected, reference)[0, 1] > 0.95


@pytest.mark.parametrize(
    ("audio_format", "rate_hz", "channels"),
    [
        (name, rate_hz, channels)
        for name in AUDIO_FORMATS
        for rate_hz, channels in zip(RATES_HZ[name], (1, 2, 1), strict=False)
    ],
)
def test_every_format_and_rate_holds_the_same_speech(
    audio_format, rate_hz, channels, speech, reference, tmp_path
):
    options = AudioFileOptions(format=audio_format, rate_hz=rate_hz, channels=channels)
    path = tmp_path / f"a{options.suffix}"
    write_audio(speech, path, options)
    decoded = decode_audio(path)
    assert abs(lag_msec(reference, decoded)) <= 5
    length = min(len(reference), len(decoded))
    assert abs(len(reference) - len(decoded)) < 0.1 * 16_000
    assert np.corrcoef(reference[:length], decoded[:length])[0, 1] > 0.85


def test_equal_samples_give_equal_bytes(speech, tmp_path):
    for name in ("a.mp3", "b.mp3"):
        write_audio(speech, tmp_path / name, AudioFileOptions())
    assert (tmp_path / "a.mp3").read_bytes() == (tmp_path / "b.mp3").read_bytes()


def test_a_bitrate_is_kept(speech, tmp_path):
    sizes = {}
    for bitrate in ("16k", "64k"):
        path = tmp_path / "a.mp3"
        write_audio(speech, path, AudioFileOptions(bitrate=bitrate))
        sizes[bitrate] = path.stat().st_size
    assert 3 < sizes["64k"] / sizes["16k"] < 5


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"format": "wma"}, "one of wav, flac"),
        ({"format": "opus", "rate_hz": 22_050}, "rate of opus"),
        ({"format": "mp3", "rate_hz": 96_000}, "rate of mp3"),
        ({"format": "aac", "rate_hz": 7_000}, "rate of aac"),
        ({"format": "wav", "rate_hz": 0}, "rate of wav"),
        ({"channels": 6}, "1 or 2"),
    ],
)
def test_what_a_container_cannot_hold_is_refused(wrong, told):
    with pytest.raises(ConfigError, match=told):
        AudioFileOptions(**wrong)


def test_ffmpeg_says_itself_what_it_could_not_do(speech, tmp_path):
    with pytest.raises(PericopeError, match=r"could not write a\.mp3: .*abc"):
        write_audio(speech, tmp_path / "a.mp3", AudioFileOptions(bitrate="abc"))


def read_back(verses, text_format, folder) -> tuple[Verse, ...]:
    path = folder / f"chapter{text_suffix(text_format)}"
    write_text(verses, path, text_format, "MAT", 7)
    recording = Recording(
        recording_id="r",
        language="swh",
        audio="a.wav",
        text=str(path),
        text_format=text_format,
        book="MAT",
        chapter=7,
    )
    return read_chapter(path, recording).verses


@pytest.mark.parametrize("text_format", TextFormat)
@pytest.mark.parametrize("language", ["swh", "fra", "rus", "hin", "amh", "kor", "arb"])
def test_every_text_format_reads_back_as_it_was(text_format, language, tmp_path):
    lexicon, rng = load_lexicon(language), random.Random(1)
    verses = tuple(
        Verse(str(number), invent_sentence(lexicon, 6, rng)) for number in range(1, 8)
    )
    assert read_back(verses, text_format, tmp_path) == verses


@pytest.mark.parametrize("text_format", TextFormat)
@given(
    words=st.lists(st.text("ab<>&\"'«»—;:,.!?()[]{}%#@*+=^$1", min_size=1), min_size=1)
)
def test_signs_of_the_markup_are_text_like_any_other(
    text_format, words, tmp_path_factory
):
    verses = (Verse("1", "Moja."), Verse("2", "a" + " ".join(words)))
    folder = tmp_path_factory.mktemp("signs")
    assert read_back(verses, text_format, folder) == verses


@pytest.mark.parametrize(
    ("text_format", "text"),
    [
        (TextFormat.PLAIN, "Moja\nmbili"),
        (TextFormat.TSV, "Moja\tmbili"),
        (TextFormat.VPL, "Moja\rmbili"),
        (TextFormat.USFM, "Moja \\v 2 mbili"),
        (TextFormat.USFM, "Moja~mbili"),
        (TextFormat.USFM, "Moja // mbili"),
        (TextFormat.USX, "Moja  mbili"),
    ],
)
def test_text_that_would_be_read_as_markup_is_refused(text_format, text, tmp_path):
    with pytest.raises(ConfigError, match=f"verse 4: expected text that {text_format}"):
        write_text([Verse("4", text)], tmp_path / "a", text_format, "MAT", 1)
    assert not (tmp_path / "a").exists()
