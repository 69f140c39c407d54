"""Sounds that networks are tried on, and what all networks must keep to."""

import pickle
from collections.abc import Sequence

import numpy as np
import torch

from models.networks.speech_network import Encoded, SpeechNetwork


def sound(samples: int, seed: int = 0) -> np.ndarray:
    """Coloured noise whose colour changes along the way."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(samples + 1)
    slow = np.sin(np.linspace(0, samples / 4000 + seed, samples))
    return (0.1 * noise[1:] + 0.1 * slow * noise[:-1]).astype(np.float32)


def forwarded(network: SpeechNetwork, clips: Sequence[np.ndarray]) -> Encoded:
    """Logits in eval mode."""
    inputs = network.prepare(clips)
    with torch.no_grad():
        return network.eval()(inputs.values, inputs.lengths)


def assert_workers_get_little(network: SpeechNetwork) -> None:
    """What a loader's worker is handed is small, and prepares the same."""
    handed = pickle.dumps(network.prepare)
    assert len(handed) < 1000
    clips = [sound(4000), sound(900, 1)]
    ours, theirs = network.prepare(clips), pickle.loads(handed)(clips)
    assert torch.equal(ours.values, theirs.values)


def assert_padding_changes_nothing(
    network: SpeechNetwork, clips: Sequence[np.ndarray], atol: float = 2e-5
) -> None:
    """Each clip has the same logits alone as beside longer ones, and as many."""
    together = forwarded(network, clips)
    for row, clip in enumerate(clips):
        alone = forwarded(network, [clip])
        frames = int(alone.frames[0])
        assert int(together.frames[row]) == frames
        torch.testing.assert_close(
            together.logits_BTC[row, :frames],
            alone.logits_BTC[0, :frames],
            atol=atol,
            rtol=0,
        )
        if network.languages:
            torch.testing.assert_close(
                together.language_logits_BL[row],
                alone.language_logits_BL[0],
                atol=atol,
                rtol=0,
            )
    spread = together.logits_BTC[-1].std(0).max()
    assert spread > 100 * atol  # the frames do differ
