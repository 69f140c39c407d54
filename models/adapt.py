"""A model's weights moved towards one voice, by some steps on clips of it.

Plain CTC of clips with known letters, hidden bands and stretches (SpecAugment), AdamW
without decay. On the CPU equal inputs give equal weights. What is kept is the
difference from the model's own weights, which half precision holds well.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from models.devices import one_thread_each

_MOST_CLIPS = 16
_PASS_SAMPLES = 64 * 16_000
"""Audio whose gradients are in memory at once; a step may take several passes."""
_WARM_UP_STEPS = 8
_LAST_RATE = 0.1
_BETAS = (0.9, 0.98)
_LARGEST_GRADIENT = 2.0

Waveform = npt.NDArray[np.float32]
Weights = dict[str, Tensor]


@dataclass(frozen=True)
class VoiceClip:
    """Some speech, normalised as the model wants it (N,), and its letters' columns."""

    waveform_N: Waveform
    tokens: npt.NDArray[np.int32]


@runtime_checkable
class Trainable(Protocol):
    """What training asks of a model, a dataclass with network and fingerprint."""

    @property
    def network(self) -> nn.Module:
        """What is trained."""

    @property
    def fingerprint(self) -> str:
        """Names the weights."""

    @property
    def blank(self) -> int:
        """Column of the CTC blank."""

    @property
    def adapting_rate(self) -> float:
        """Highest learning rate of a few dozen steps on one voice."""

    def is_adapted(self, name: str, parameter: Tensor) -> bool:
        """Say whether a parameter of the network follows a voice."""

    def training_input(self, waveform_N: Waveform) -> Tensor:
        """Return a clip as the network takes it."""

    def training_logits(
        self, inputs: Sequence[Tensor], rng: np.random.Generator
    ) -> list[Tensor]:
        """Return logits (T, C) of each clip, parts of which were hidden."""


Model = TypeVar("Model", bound=Trainable)


def is_trainable(model: object) -> bool:
    """Say whether a model's weights can be trained here."""
    return isinstance(model, Trainable) and isinstance(model.network, nn.Module)


def adapt(
    model: Trainable,
    clips: Sequence[VoiceClip],
    *,
    steps: int,
    learning_rate: float | None = None,
    seed: int = 0,
) -> Weights:
    """Train a copy of a model on clips of one voice.

    Args:
      model: stays as it is.
      clips: at most 16 of them are in a step, chosen anew each time. Each has more
        frames than letters.
      steps: of the optimiser; the rate rises over the first 8 and falls to a tenth.
      learning_rate: the highest; None for the model's own.
      seed: of the choice of clips and of what is hidden.

    Returns:
      What is to be added to the weights, in half precision, by parameter.
    """
    own = with_weights(model, {}, model.fingerprint)
    trained = {
        name: parameter.requires_grad_(True)
        for name, parameter in own.network.named_parameters()
        if own.is_adapted(name, parameter)
    }
    before = {name: tensor.detach().clone() for name, tensor in trained.items()}
    highest = learning_rate or own.adapting_rate
    optimiser = torch.optim.AdamW(
        trained.values(), lr=highest, betas=_BETAS, weight_decay=0.0
    )
    rng = np.random.default_rng(seed)
    with one_thread_each():
        inputs = [own.training_input(clip.waveform_N) for clip in clips]
        for step in range(steps):
            for group in optimiser.param_groups:
                group["lr"] = highest * _schedule(step, steps)
            chosen = rng.permutation(len(clips))[:_MOST_CLIPS].tolist()
            _add_gradients(own, clips, inputs, chosen, rng)
            nn.utils.clip_grad_norm_(trained.values(), _LARGEST_GRADIENT)
            optimiser.step()
            optimiser.zero_grad()
    return {
        name: (trained[name].detach() - before[name]).half().cpu().contiguous()
        for name in trained
    }


def with_weights(
    model: Model, weights: Mapping[str, Tensor], fingerprint: str
) -> Model:
    """Return a model whose weights differ from a given one's.

    Args:
      model: stays as it is; what does not adapt is shared with it.
      weights: what is to be added, as ``adapt`` returns it.
      fingerprint: of the new model.

    Raises:
      ValueError: the weights belong to another network.
    """
    shared = {
        id(parameter): parameter.requires_grad_(False)
        for name, parameter in model.network.named_parameters()
        if not model.is_adapted(name, parameter)
    }
    network = copy.deepcopy(model.network, dict(shared))
    parameters = dict(network.named_parameters())
    for name, difference in weights.items():
        own = parameters.get(name)
        if own is None or own.shape != difference.shape:
            raise ValueError(f"{name}: no such weights in the network")
        own.data += difference.to(own)
    changed: Any = model  # any dataclass
    return replace(changed, network=network, fingerprint=fingerprint)


def _schedule(step: int, steps: int) -> float:
    falling = 1 - (1 - _LAST_RATE) * step / steps
    return min(1.0, (step + 1) / _WARM_UP_STEPS) * falling


def _add_gradients(
    model: Trainable,
    clips: Sequence[VoiceClip],
    inputs: Sequence[Tensor],
    chosen: Sequence[int],
    rng: np.random.Generator,
) -> None:
    """Add the gradients of the mean loss of a letter, in passes that fit the memory."""
    letters = sum(len(clips[at].tokens) for at in chosen)
    for part in _passes(chosen, [len(clip.waveform_N) for clip in clips]):
        logits = model.training_logits([inputs[at] for at in part], rng)
        loss = functional.ctc_loss(
            pad_sequence(logits).float().log_softmax(-1),
            torch.from_numpy(np.concatenate([clips[at].tokens for at in part])).long(),
            torch.tensor([len(rows) for rows in logits]),
            torch.tensor([len(clips[at].tokens) for at in part]),
            blank=model.blank,
            reduction="sum",
            zero_infinity=True,
        )
        (loss / letters).backward()


def _passes(chosen: Sequence[int], samples: Sequence[int]) -> list[list[int]]:
    """Group clips of like length, so that little is padding."""
    passes: list[list[int]] = []
    for at in sorted(chosen, key=lambda at: (samples[at], at)):
        # The next clip is the longest of its pass.
        if passes and (len(passes[-1]) + 1) * samples[at] <= _PASS_SAMPLES:
            passes[-1].append(at)
        else:
            passes.append([at])
    return passes
