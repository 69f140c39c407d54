import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.data import Clip
from models.training.crops import MakeOfCrops, cropped
from schemas.units import SAMPLE_RATE_HZ
from tests.models.shards import TONES_HZ, invented_words, spoken_sample

START_SEC = 10.0


def spoken_clip(count: int, seed: int = 0) -> Clip:
    sample = spoken_sample(invented_words(np.random.default_rng(seed), count))
    clip = Clip(
        "r_0010000_0020000", sample["flac"], 0.0, "", json.loads(sample["json"])
    )
    seconds = len(clip.samples) / SAMPLE_RATE_HZ
    return Clip(clip.key, clip.flac, seconds, sample["txt"].decode(), clip.row)


def tones_of(clip: Clip, word: dict) -> str:
    """Read the tones of a word back from the samples."""
    origin_sec = clip.row["start_sec"]
    letters = []
    count = round((word["end_sec"] - word["start_sec"]) / 0.12)
    for k in range(count):
        at = round((word["start_sec"] - origin_sec + 0.12 * k + 0.02) * SAMPLE_RATE_HZ)
        part = clip.samples[at : at + 1280]
        peak_hz = np.abs(np.fft.rfft(part)).argmax() * SAMPLE_RATE_HZ / len(part)
        letters.append(min(TONES_HZ, key=lambda k: abs(TONES_HZ[k] - peak_hz)))
    return "".join(letters)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 12), st.floats(0.3, 6.0), st.integers(0, 2**32))
def test_a_crop_has_whole_words_and_their_sound(count, longest_sec, seed):
    clip = spoken_clip(count)
    crop = cropped(clip, longest_sec, np.random.default_rng(seed))
    words = crop.row["words"]
    assert crop.text == " ".join(word["word"] for word in words)
    assert crop.text in clip.text
    assert crop.row["romanised"] == crop.text.lower()
    assert [tones_of(crop, word) for word in words] == crop.text.lower().split()
    assert len(crop.samples) / SAMPLE_RATE_HZ == crop.duration_sec
    assert crop.duration_sec <= longest_sec + 1e-3 or len(words) == 1
    # As much as fits: with the next word it would be too long, or there is none.
    if clip.duration_sec <= longest_sec:
        assert crop is clip


def test_a_crop_is_written_as_its_clip_is():
    clip = spoken_clip(8)
    hyphens = replace(clip, text=clip.text.replace(" ", "-"))
    crop = cropped(hyphens, 2.0, np.random.default_rng(1))
    assert 1 < len(crop.row["words"]) < 8
    assert crop.text == "-".join(word["word"] for word in crop.row["words"])
    places = [(word["char_start"], word["char_end"]) for word in crop.row["words"]]
    assert [crop.text[first:last] for first, last in places] == crop.text.split("-")


def test_every_word_is_heard_at_some_time():
    clip = spoken_clip(12)
    rng = np.random.default_rng(0)
    heard = {
        word["start_sec"]
        for _ in range(60)
        for word in cropped(clip, 2.0, rng).row["words"]
    }
    assert heard == {word["start_sec"] for word in clip.row["words"]}


def test_nothing_is_cut_beside_words_without_times():
    clip = spoken_clip(6)
    for word in clip.row["words"][1:5]:
        word["start_sec"] = word["end_sec"] = None
    crop = cropped(clip, 1.0, np.random.default_rng(0))
    assert crop.text == clip.text


def test_clips_with_numbers_stay_whole():
    clip = spoken_clip(6)
    clip.row["star_sec"] = 0.4
    assert cropped(clip, 1.0, np.random.default_rng(0)) is clip


def test_clips_without_words_stay_whole():
    clip = spoken_clip(4)
    whole = Clip(clip.key, clip.flac, clip.duration_sec, "", {"start_sec": START_SEC})
    assert cropped(whole, 0.5, np.random.default_rng(0)) is whole


def test_a_batch_is_made_of_crops():
    clips = [spoken_clip(10, seed) for seed in range(4)]
    make = MakeOfCrops(lambda crops, rng: [crop.duration_sec for crop in crops], 2.0)
    lengths = make(clips, np.random.default_rng(0))
    assert max(lengths) <= 2.001
    assert len(set(lengths)) > 1
    assert lengths == make(clips, np.random.default_rng(0))
    assert lengths != pytest.approx(make(clips, np.random.default_rng(1)))
