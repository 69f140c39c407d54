"""What is hidden: how much, where, and nothing else."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.spec_augment import SpecAugment
from schemas.errors import ConfigError

RATE_HZ = 100.0


def batch_of(lengths: list[int], bins: int | None, seed: int = 0) -> torch.Tensor:
    shape = (len(lengths), max(lengths), *([] if bins is None else [bins]))
    values = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
    return torch.from_numpy(values)


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=4),
    st.sampled_from([None, 1, 8]),
    st.builds(
        SpecAugment,
        bands=st.integers(0, 3),
        band_bins=st.integers(0, 10),
        stretches=st.integers(0, 3),
        stretch_sec=st.floats(0, 0.3),
        stretch_share=st.floats(0, 1),
    ),
    st.integers(0, 9),
)
def test_only_so_many_stretches_and_bands_of_valid_values_are_hidden(
    lengths, bins, masks, seed
):
    values = batch_of(lengths, bins)
    before = values.clone()
    rng = np.random.default_rng(seed)
    hidden = masks.hide(values, torch.tensor(lengths), RATE_HZ, rng)
    assert torch.equal(values, before)
    for clip, old, length in zip(hidden, before, lengths, strict=True):
        assert torch.equal(clip[length:], old[length:])
        changed = (clip[:length] != old[:length]).reshape(length, -1)
        assert torch.all(
            (clip[:length] == old[:length]) | (clip[:length] == old[:length].mean())
        )
        whole_rows = changed.all(dim=1)
        limit = int(min(masks.stretch_sec * RATE_HZ, masks.stretch_share * length))
        if bins is None or masks.band_bins * masks.bands == 0:
            assert whole_rows.sum() <= masks.stretches * limit
            assert torch.equal(whole_rows, changed.any(dim=1))
        elif bins > masks.band_bins * masks.bands and not whole_rows.all():
            columns = changed[~whole_rows].any(dim=0)
            assert columns.sum() <= masks.bands * masks.band_bins


def test_about_half_of_the_limit_is_hidden_on_average():
    masks = SpecAugment(bands=1, band_bins=20, stretches=1, stretch_share=0.2)
    values = batch_of([250] * 400, 80)
    hidden = masks.hide(
        values, torch.full((400,), 250), RATE_HZ, np.random.default_rng(0)
    )
    changed = hidden != values
    assert changed.all(dim=2).float().mean() == pytest.approx(0.1, abs=0.01)
    assert changed.all(dim=1).float().mean() == pytest.approx(10 / 80, abs=0.01)


def test_the_same_random_numbers_hide_the_same():
    values, lengths = batch_of([900, 500], None), torch.tensor([900, 500])
    first, again, other = (
        SpecAugment().hide(values, lengths, RATE_HZ, np.random.default_rng(seed))
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"stretch_share": 1.5}, "stretch_share: expected 0 to 1, got 1.5"),
        ({"bands": -1}, "bands: expected 0 or more, got -1"),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong, told):
    with pytest.raises(ConfigError, match=told):
        SpecAugment(**wrong)
