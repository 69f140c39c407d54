"""What is hidden, and that nothing else changes."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.networks.load import load_network, new_network
from models.networks.speech_network import Inputs
from models.training.masks import Masks, masks_for
from models.vocabulary import Vocabulary
from schemas.errors import ConfigError
from tests.models.tiny_wav2vec2 import save_plain


@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=3),
    seed=st.integers(0, 99),
    bands=st.sampled_from([0, 8]),
)
def test_hidden_parts_take_the_mean_and_the_rest_stays(lengths, seed, bands):
    longest = max(lengths) + 3
    shape = (len(lengths), longest, bands) if bands else (len(lengths), longest)
    values = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    before = values.clone()
    masks = Masks(stretches=2, stretch_share=0.2, bands=1, band_share=0.25)
    inputs = Inputs(values, torch.tensor(lengths))
    masked = masks(inputs, np.random.default_rng(seed))
    assert torch.equal(values, before)
    for old, new, length in zip(values, masked.values, lengths, strict=True):
        assert torch.equal(old[length:], new[length:])
        hidden = old[:length] != new[:length]
        mean = old[:length].mean(0).expand(old[:length].shape)
        torch.testing.assert_close(new[:length][hidden], mean[hidden])
        if bands:
            # At most 2 of 8 bands, and at most two fifths of the frames.
            in_time = hidden.float().mean(1) == 1
            rest = hidden[~in_time]
            assert rest.any(0).sum() <= 2
            assert in_time.sum() <= 0.4 * length
        else:
            assert hidden.sum() <= 0.4 * length


def test_networks_that_hide_parts_by_themselves_get_no_masks(tmp_path):
    letters = Vocabulary.from_texts(["ab"])
    new_network("conformer", size="tiny", vocabulary=letters).save_pretrained(
        tmp_path / "conformer"
    )
    save_plain(tmp_path / "hides")
    save_plain(tmp_path / "does_not", apply_spec_augment=False)
    found = {
        name: masks_for(load_network(f"hf:{tmp_path / name}"))
        for name in ("conformer", "hides", "does_not")
    }
    assert found == {"conformer": Masks(), "hides": None, "does_not": Masks()}


def test_the_same_random_numbers_hide_the_same():
    inputs = Inputs(torch.randn(2, 100, 80), torch.tensor([100, 60]))
    one, two, other = (
        Masks()(inputs, np.random.default_rng(k)).values for k in (0, 0, 1)
    )
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    assert (one != inputs.values).float().mean() > 0.1


@pytest.mark.parametrize("wrong", [{"stretches": -1}, {"band_share": 1.5}])
def test_impossible_masks_are_refused(wrong):
    with pytest.raises(ConfigError, match="masks"):
        Masks(**wrong)
