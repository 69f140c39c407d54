"""Features against those of transformers, and block by block."""

import numpy as np
import pytest
import torch
from transformers import LasrFeatureExtractor

from models.networks import log_mel
from models.networks.log_mel import log_mel_rows, normalised_rows
from tests.models.networks.clips import sound


@pytest.mark.parametrize("mels", [80, 128])
def test_equal_to_those_of_transformers(mels):
    clip = sound(16_000)
    # Theirs begin with the window at sample 0, ours 120 samples before.
    shifted = np.pad(clip, (120, 120))
    extractor = LasrFeatureExtractor(feature_size=mels)
    theirs = extractor(shifted, sampling_rate=16_000, return_tensors="pt")
    ours = log_mel_rows(clip, mels)
    assert ours.shape == (100, mels)
    torch.testing.assert_close(ours, theirs.input_features[0], atol=2e-3, rtol=1e-4)


@pytest.mark.parametrize("samples", [0, 1, 160, 161, 5_000])
def test_blocks_make_no_difference(samples, monkeypatch):
    clip = sound(samples)
    whole = log_mel_rows(clip, 80)
    assert whole.shape == (-(-samples // 160), 80)
    monkeypatch.setattr(log_mel, "_BLOCK_ROWS", 7)
    torch.testing.assert_close(log_mel_rows(clip, 80), whole)


def test_each_band_has_mean_0_and_deviation_1():
    rows = normalised_rows(log_mel_rows(sound(32_000), 80))
    torch.testing.assert_close(rows.mean(0), torch.zeros(80), atol=1e-4, rtol=0)
    torch.testing.assert_close(rows.std(0, correction=0), torch.ones(80))
    silence = normalised_rows(log_mel_rows(np.zeros(1600, np.float32), 80))
    assert torch.equal(silence, torch.zeros(10, 80))
