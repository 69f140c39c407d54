"""The network's shape in time, its size, and its description."""

import pytest
import torch

from models.features import MELS
from models.network import (
    BLANK,
    LABELS,
    AcousticNetwork,
    NetworkConfig,
    network_from_dict,
)
from schemas.errors import ArtifactError

SMALL = NetworkConfig(
    outer_channels=8,
    inner_channels=12,
    entry_blocks=1,
    inner_blocks=2,
    exit_blocks=1,
)
REACH_FRAMES = 176
"""1.76 s: what the bundled shape sees on each side; windows have 3 s of context."""


@pytest.fixture(scope="module")
def bundled() -> AcousticNetwork:
    torch.manual_seed(0)
    return AcousticNetwork(NetworkConfig()).eval()


def influence(network: AcousticNetwork, output: int, frames: int) -> torch.Tensor:
    """Return how strongly each feature frame moves an output frame."""
    features = torch.randn(1, frames, MELS, generator=torch.Generator().manual_seed(1))
    features.requires_grad_()
    network(features)[0, output].square().sum().backward()
    assert features.grad is not None
    return features.grad[0].abs().sum(-1)


def test_labels_are_letters_an_apostrophe_and_the_blank():
    assert LABELS[BLANK] == ""
    assert "".join(LABELS) == "abcdefghijklmnopqrstuvwxyz'"
    assert len(set(LABELS)) == len(LABELS) == 28


@pytest.mark.parametrize("frames", range(1, 14))
def test_there_is_an_output_for_every_two_frames(frames):
    torch.manual_seed(0)
    network = AcousticNetwork(SMALL)
    assert network(torch.randn(3, frames, MELS)).shape == (3, -(-frames // 2), 28)


def test_the_bundled_shape_has_2_8_million_parameters(bundled):
    count = sum(parameter.numel() for parameter in bundled.parameters())
    assert 2.7e6 < count < 2.9e6


@pytest.mark.parametrize("output", [160, 161])
def test_an_output_listens_around_its_own_frame(output, bundled):
    heard = influence(bundled, output, frames=2 * 320)
    frames = torch.arange(len(heard))
    reached = frames[heard > 0]
    # The inner blocks run every 40 ms: an odd output hears around the frame before it.
    centre = 2 * output - 2 * (output % 2)
    assert abs(int(reached.min() + reached.max()) / 2 - centre) <= 2
    assert int(reached.max()) - centre == REACH_FRAMES
    weight = heard / heard.sum()
    assert float((weight * frames).sum()) == pytest.approx(2 * output, abs=2)
    assert int(heard.argmax()) in range(2 * output - 2, 2 * output + 3)


def test_items_of_a_batch_do_not_hear_each_other(bundled):
    features = torch.randn(2, 60, MELS, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        together = bundled(features)
        alone = torch.cat([bundled(row[None]) for row in features])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("frames", [800, 801, 802, 803])
def test_what_lies_beyond_the_reach_does_not_matter(frames, bundled):
    generator = torch.Generator().manual_seed(3)
    features = torch.randn(1, frames, MELS, generator=generator)
    with torch.inference_mode():
        whole = bundled(features)
        part = bundled(features[:, 200:])
        start = bundled(features[:, :600])
    torch.testing.assert_close(
        whole[:, 100 + REACH_FRAMES // 2 + 1 :],
        part[:, REACH_FRAMES // 2 + 1 :],
        rtol=1e-4,
        atol=1e-4,
    )
    sure = 300 - REACH_FRAMES // 2 - 2
    torch.testing.assert_close(whole[:, :sure], start[:, :sure], rtol=1e-4, atol=1e-4)


def test_a_description_builds_the_same_network():
    torch.manual_seed(0)
    network = AcousticNetwork(SMALL)
    again = network_from_dict(network.config.to_dict())
    assert again.config == SMALL
    again.load_state_dict(network.state_dict())
    features = torch.randn(1, 20, MELS)
    torch.testing.assert_close(again(features), network(features))


@pytest.mark.parametrize(
    "wrong", [{"layers": 3}, {"outer_channels": "many"}, {"outer_channels": None}]
)
def test_a_strange_description_is_refused(wrong):
    with pytest.raises(ArtifactError, match="network description"):
        network_from_dict(wrong)
