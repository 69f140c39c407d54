import json

import numpy as np

from models.data import Clip
from models.training.noise import MakeOfNoise, noisy
from schemas.units import SAMPLE_RATE_HZ
from tests.models.shards import spoken_sample


def spoken_clip() -> Clip:
    sample = spoken_sample(["aik", "ukka", "ia"])
    row = json.loads(sample["json"])
    clip = Clip("r_0010000_0012000", sample["flac"], 0.0, "AIK UKKA IA", row)
    seconds = len(clip.samples) / SAMPLE_RATE_HZ
    return Clip(clip.key, clip.flac, seconds, clip.text, clip.row)


def test_the_words_stay_and_the_sound_is_another():
    clip = spoken_clip()
    others = [noisy(clip, np.random.default_rng(seed)) for seed in range(20)]
    assert {other.text for other in others} == {clip.text}
    assert {other.key for other in others} == {clip.key}
    assert len({other.flac for other in others}) == len(others)
    lengths = [other.duration_sec / clip.duration_sec for other in others]
    assert 0.8 < min(lengths) < 0.99
    assert 1.01 < max(lengths) < 1.25
    assert all(np.abs(other.samples).max() <= 1 for other in others)
    for other in others:
        assert len(other.samples) / SAMPLE_RATE_HZ == other.duration_sec


def test_a_batch_is_made_of_noisy_clips():
    make = MakeOfNoise(lambda clips, rng: [clip.flac for clip in clips])
    first = make([spoken_clip()] * 2, np.random.default_rng(0))
    assert first == make([spoken_clip()] * 2, np.random.default_rng(0))
    assert first[0] != first[1]
