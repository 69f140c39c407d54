"""The head that tells languages: what it pools, and what is kept of it."""

import numpy as np
import pytest
import torch

from models.networks.heads import LanguageHead, load_language_head

CODES = ("eng", "hin", "swh")


@pytest.mark.parametrize("spread", [False, True])
def test_only_valid_frames_are_pooled(spread):
    head = LanguageHead(5, CODES, spread=spread)
    rng = np.random.default_rng(0)
    encoded_BTD = torch.from_numpy(rng.standard_normal((3, 7, 5))).float()
    frames_B = torch.tensor([7, 4, 1])
    expected = []
    for rows, frames in zip(encoded_BTD.numpy(), frames_B.tolist(), strict=True):
        own = rows[:frames]
        spreads = [np.sqrt(own.var(axis=0) + 1e-5)] if spread else []
        expected.append(np.concatenate([own.mean(axis=0), *spreads]))
    encoded_BTD[1, 4:], encoded_BTD[2, 1:] = torch.inf, torch.nan
    found = head.pooled(encoded_BTD, frames_B)
    np.testing.assert_allclose(found.numpy(), np.array(expected), rtol=1e-4, atol=1e-6)


def test_a_clip_of_one_frame_or_none_has_a_gradient():
    head = LanguageHead(2, CODES, spread=True)
    encoded_BTD = torch.ones(2, 3, 2, requires_grad=True)
    head(encoded_BTD, torch.tensor([1, 0])).sum().backward()
    assert torch.isfinite(encoded_BTD.grad).all()


@pytest.mark.parametrize("spread", [False, True])
def test_a_saved_head_is_the_same(tmp_path, spread):
    head = LanguageHead(4, CODES, spread=spread)
    head.save(tmp_path)
    again = load_language_head(tmp_path)
    assert again is not None
    assert (again.languages, again.spread) == (CODES, spread)
    encoded_BTD, frames_B = torch.randn(2, 6, 4), torch.tensor([6, 3])
    torch.testing.assert_close(
        again(encoded_BTD, frames_B), head(encoded_BTD, frames_B)
    )
