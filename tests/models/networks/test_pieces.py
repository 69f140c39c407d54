"""Pieces and back, and attention within them against a full mask."""

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import scaled_dot_product_attention

from models.networks.pieces import (
    attend_in_pieces,
    piece_of,
    reshape_to_pieces,
    share_at,
    stitch,
)

sizes = st.integers(1, 40)


@given(clips=st.integers(1, 3), frames=sizes, piece=sizes, width=st.integers(1, 3))
def test_there_and_back(clips, frames, piece, width):
    whole = torch.arange(clips * frames * width).reshape(clips, frames, width) + 1
    pieces = reshape_to_pieces(whole, piece)
    count = -(-frames // piece)
    expected = (clips * count, piece) if count > 1 else (clips, frames)
    assert pieces.shape == (*expected, width)
    assert torch.equal(stitch(pieces, frames), whole)
    assert int((pieces != 0).sum()) == whole.numel()  # the rest is filled with zeros


@given(frames=st.integers(1, 3000), share=st.floats(0.001, 1))
def test_a_share_of_the_clip(frames, share):
    piece = piece_of(frames, share)
    assert 1 <= piece <= frames
    assert piece_of(frames, 1.0) == frames
    assert piece_of(frames, share, 7) == min(piece, 7)
    assert -(-frames // piece) <= 1 / share + 1


def test_the_share_rises_to_all():
    shares = [share_at(step, 8) for step in range(10)]
    assert shares[0] == 0.25
    assert shares[8:] == [1.0, 1.0]
    assert shares[:9] == sorted(set(shares))
    assert share_at(0, 0) == 1.0


@pytest.mark.parametrize("frames", [1, 7, 21, 23])
@pytest.mark.parametrize("piece", [1, 5, 7, 100])
def test_equal_to_a_block_diagonal_mask(frames, piece):
    torch.manual_seed(frames)
    query, key, value = torch.randn(3, 3, 2, frames, 4).unbind(0)
    lengths = torch.tensor([frames, max(1, frames - 6), 1])
    steps = torch.arange(frames)
    valid_BT = steps[None] < lengths[:, None]
    layer = SimpleNamespace(config=SimpleNamespace(chunk_frames=piece))
    found, _ = attend_in_pieces(
        layer, query, key, value, valid_BT[:, None, None], scaling=0.3
    )
    together = (steps[:, None] // piece) == (steps[None] // piece)
    mask = together[None, None] & valid_BT[:, None, None]
    expected = scaled_dot_product_attention(query, key, value, mask, scale=0.3)
    expected = expected.transpose(1, 2)
    assert found.shape == expected.shape
    assert torch.isfinite(found).all()
    torch.testing.assert_close(found[valid_BT], expected[valid_BT])
    # A given length goes before the layer's own.
    whole, _ = attend_in_pieces(
        layer, query, key, value, None, scaling=0.3, piece_frames=frames
    )
    plain = scaled_dot_product_attention(query, key, value, scale=0.3)
    torch.testing.assert_close(whole, plain.transpose(1, 2))
