"""A small task that a network can learn in seconds: tones that stand for letters."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from models.networks.speech_network import SpeechNetwork

LETTERS = "αβγδ"
_TONE_SAMPLES = 3200


def spoken(text: str, seed: int = 0) -> np.ndarray:
    """Say each letter as a tone of its own for a fifth of a second."""
    rng = np.random.default_rng(seed)
    steps = np.arange(_TONE_SAMPLES) / 16_000
    tones = [
        0.2 * np.sin(2 * np.pi * 300 * (2 + LETTERS.index(letter)) * steps)
        for letter in text
    ]
    whole = np.concatenate(tones)
    return (whole + 0.01 * rng.standard_normal(len(whole))).astype(np.float32)


def texts(count: int, seed: int) -> list[str]:
    """Return words of two to five letters."""
    rng = np.random.default_rng(seed)
    return [
        "".join(rng.choice(list(LETTERS), size=rng.integers(2, 6)))
        for _ in range(count)
    ]


def ctc_loss(network: SpeechNetwork, words: list[str]) -> torch.Tensor:
    """Return nats a letter of words that are said."""
    inputs = network.prepare([spoken(word) for word in words])
    encoded = network(inputs.values, inputs.lengths)
    targets = [network.vocabulary.encode(word) for word in words]
    losses = functional.ctc_loss(
        encoded.logits_BTC.log_softmax(-1).transpose(0, 1),
        torch.tensor([column for target in targets for column in target]),
        encoded.frames,
        torch.tensor([len(target) for target in targets]),
        blank=network.vocabulary.blank,
        reduction="sum",
    )
    return losses / sum(map(len, targets))


def train(network: nn.Module, steps: int, rate: float = 1e-2) -> tuple[float, float]:
    """Train what wants a gradient; return the loss on other words before and after."""
    torch.manual_seed(0)
    held_out = texts(8, seed=999)
    learning = [p for p in network.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam(learning, rate)
    with torch.no_grad():
        before = float(ctc_loss(network.eval(), held_out))
    network.train()
    for step in range(steps):
        loss = ctc_loss(network, texts(8, seed=step))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        return before, float(ctc_loss(network.eval(), held_out))
