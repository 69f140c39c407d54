"""Batch norm over valid frames: as over the clips alone, laid end to end."""

import torch
from torch import nn

from models.networks.valid_norm import ValidBatchNorm


def norms() -> tuple[ValidBatchNorm, nn.BatchNorm1d]:
    ours, theirs = ValidBatchNorm(3, momentum=0.2), nn.BatchNorm1d(3, momentum=0.2)
    with torch.no_grad():
        ours.weight.copy_(torch.tensor([0.5, 2.0, 1.0]))
        ours.bias.copy_(torch.tensor([0.1, 0.0, -1.0]))
    theirs.load_state_dict(ours.state_dict())
    return ours.train(), theirs.train()


def test_padding_counts_for_nothing():
    torch.manual_seed(0)
    ours, theirs = norms()
    clips = [torch.randn(3, 9) * 2 + 1, torch.randn(3, 4)]
    batch = torch.full((2, 3, 9), 1e6)
    batch[0], batch[1, :, :4] = clips[0], clips[1]
    ours.valid_BT = torch.arange(9)[None] < torch.tensor([9, 4])[:, None]
    found = ours(batch)
    expected = theirs(torch.cat(clips, 1)[None])[0]
    torch.testing.assert_close(found[0], expected[:, :9])
    torch.testing.assert_close(found[1, :, :4], expected[:, 9:])
    assert not found[1, :, 4:].any()
    for name, tensor in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], tensor)
    torch.testing.assert_close(ours.eval()(batch), theirs.eval()(batch))


def test_a_batch_that_is_not_finite_is_not_learnt_from():
    ours, _ = norms()
    before = {name: tensor.clone() for name, tensor in ours.state_dict().items()}
    broken = torch.randn(1, 3, 5)
    broken[0, 1, 2] = torch.nan
    ours(broken)
    assert torch.isfinite(ours.running_mean).all()
    assert torch.isfinite(ours.running_var).all()
    assert ours.running_mean[1] == before["running_mean"][1]
    assert ours.running_mean[0] != before["running_mean"][0]


def test_a_single_frame_is_normalised_as_in_use():
    ours, theirs = norms()
    frame = torch.randn(1, 3, 1)
    torch.testing.assert_close(ours(frame), theirs.eval()(frame))


def test_frozen_it_is_as_in_use():
    ours, theirs = norms()
    ours.requires_grad_(False)
    batch = torch.randn(2, 3, 8) + 4
    before = ours.running_mean.clone()
    torch.testing.assert_close(ours(batch), theirs.eval()(batch))
    assert torch.equal(ours.running_mean, before)
