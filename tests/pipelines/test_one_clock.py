"""The same speech has the same times, whatever file it comes in."""

from pathlib import Path

import numpy as np
import pytest

from aligner.align import align_chapter
from aligner.audio import decode_audio
from aligner.config import AlignConfig
from models import load_acoustic_model
from pipelines.synth.chapter import ChapterOptions, speak_chapter
from pipelines.synth.files import AudioFileOptions, write_audio
from schemas.source import Chapter, Verse

FILES = [
    ("flac", 16_000, 1),
    ("flac", 44_100, 2),
    ("ogg", 22_050, 1),
    ("ogg", 48_000, 2),
    ("opus", 48_000, 1),
    ("opus", 24_000, 2),
    ("mp3", 22_050, 1),
    ("mp3", 44_100, 2),
    ("mp3-untagged", 16_000, 1),
    ("mp3-untagged", 22_050, 1),
    ("mp3-untagged", 44_100, 2),
    ("m4a", 22_050, 2),
    ("m4a", 44_100, 1),
    ("aac", 22_050, 1),
    ("aac", 44_100, 2),
    ("aac", 48_000, 1),
    ("wav", 48_000, 2),
]


@pytest.fixture(scope="module")
def spoken():
    options = ChapterOptions(language="swh", minutes=0.4, words_per_verse=(6, 10))
    return speak_chapter("clock", options)


@pytest.fixture(scope="module")
def edges(spoken, tmp_path_factory):
    """Return a function from a kind of file to the edges of all words, (words, 2)."""
    samples, truth = spoken
    folder = tmp_path_factory.mktemp("clock")
    model = load_acoustic_model("bundled", "cpu")
    verses = tuple(Verse(verse.number, verse.text) for verse in truth.verses)
    chapter = Chapter(language="swh", verses=verses)

    def align(kind: str, rate_hz: int, channels: int) -> np.ndarray:
        options = AudioFileOptions(format=kind, rate_hz=rate_hz, channels=channels)
        path = Path(folder, f"{kind}-{rate_hz}-{channels}{options.suffix}")
        write_audio(samples, path, options)
        found = align_chapter(decode_audio(path), chapter, model, AlignConfig())
        return np.array(
            [(w.start_sec, w.end_sec) for v in found.verses for w in v.words]
        )

    return align


@pytest.fixture(scope="module")
def of_wav(edges) -> np.ndarray:
    return edges("wav", 22_050, 1)


def test_the_wav_has_the_times_of_the_truth(of_wav, spoken):
    words = [word for verse in spoken[1].verses for word in verse.words]
    truth = np.array([(word.start_sec, word.end_sec) for word in words])
    assert of_wav.shape == truth.shape
    assert np.median(np.abs(of_wav - truth)) < 0.03


@pytest.mark.parametrize(("kind", "rate_hz", "channels"), FILES)
def test_every_file_has_the_times_of_the_wav(kind, rate_hz, channels, edges, of_wav):
    off_sec = edges(kind, rate_hz, channels) - of_wav
    assert np.median(np.abs(off_sec)) <= 0.005
    assert abs(np.mean(np.clip(off_sec, -0.02, 0.02))) <= 0.005
    assert np.mean(np.abs(off_sec) <= 0.0201) >= 0.97
