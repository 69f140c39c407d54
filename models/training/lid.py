"""The job that tells languages: cross-entropy over clips with or without text.

Shapes: B clips, N samples, L languages.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.augment import degrade, drift_speed
from models.confusion import Confusion
from models.data import Clip
from models.networks.speech_network import Encoded, Inputs
from models.training.task import Losses
from schemas.errors import ArtifactError
from schemas.units import samples_from_sec

Waveform = npt.NDArray[np.float32]
_SLOWEST, _FASTEST = 0.87, 1.15
_DEGRADED_SHARE = 0.3


@dataclass(frozen=True)
class LanguageBatch:
    """Clips side by side with what is spoken in them."""

    keys: tuple[str, ...]
    heard_sec: float
    inputs: Inputs
    languages_B: Tensor
    """Column of the language head, int64."""

    def to(self, device: torch.device) -> "LanguageBatch":
        """Return the batch with its tensors on a device."""
        inputs = Inputs(self.inputs.values.to(device), self.inputs.lengths.to(device))
        return replace(self, inputs=inputs, languages_B=self.languages_B.to(device))


@dataclass(frozen=True, kw_only=True)
class MakeLanguageBatch:
    """Clips and random numbers → a batch; runs in a loader's worker."""

    prepare: Callable[[Sequence[Waveform]], Inputs]
    """The network's."""
    languages: tuple[str, ...]
    crop_sec: float | None = None
    """Longer clips are cut to so much somewhere; None leaves them whole."""
    varied: bool = False
    """Voices, rooms and lines are changed, so that none of them gives a language
    away."""

    def __call__(self, clips: list[Clip], rng: np.random.Generator) -> LanguageBatch:
        """Return the clips as a batch.

        Raises:
          ArtifactError: a clip is of another language than these, or damaged.
        """
        waveforms = [self._heard(clip.samples, rng) for clip in clips]
        sec = sum(clip.duration_sec for clip in clips)
        return LanguageBatch(
            keys=tuple(clip.key for clip in clips),
            heard_sec=sec,
            inputs=self.prepare(waveforms),
            languages_B=torch.tensor([self._column(clip) for clip in clips]),
        )

    def _column(self, clip: Clip) -> int:
        if clip.language not in self._columns:
            raise ArtifactError(
                f"{clip.key}: expected one of {', '.join(self.languages)}, got a clip "
                f"of {clip.language or 'no language'}; read only shards of these"
            )
        return self._columns[clip.language]

    @cached_property
    def _columns(self) -> dict[str, int]:
        return {code: column for column, code in enumerate(self.languages)}

    def _heard(self, clip_N: Waveform, rng: np.random.Generator) -> Waveform:
        if self.crop_sec is not None:
            most = samples_from_sec(self.crop_sec)
            first = int(rng.integers(0, max(1, len(clip_N) - most + 1)))
            clip_N = clip_N[first : first + most]
        return varied_voice(clip_N, rng) if self.varied else clip_N


def varied_voice(clip_N: Waveform, rng: np.random.Generator) -> Waveform:
    """Return a clip as another might say it elsewhere; its length changes.

    Played faster or slower it has another pitch and vocal tract.
    """
    speed = np.exp(rng.uniform(np.log(_SLOWEST), np.log(_FASTEST)))
    places = np.arange(0, max(1, len(clip_N) - 1), speed)
    played_N = np.interp(places, np.arange(len(clip_N)), clip_N).astype(np.float32)
    if rng.random() < _DEGRADED_SHARE:
        played_N, _ = drift_speed(played_N, (), rng)
        played_N = degrade(played_N, rng)
    return played_N


@dataclass(frozen=True, kw_only=True)
class LanguageTask:
    """Cross-entropy of the language; each clip counts once."""

    languages: tuple[str, ...]
    held_out: Iterable[LanguageBatch] = ()
    """What ``validate`` measures on."""

    def losses(self, network: nn.Module, batch: LanguageBatch) -> Losses:
        """Return the sum over clips."""
        logits_BL = _logits(network, batch)
        with torch.autocast(logits_BL.device.type, enabled=False):
            total = functional.cross_entropy(
                logits_BL.float(), batch.languages_B, reduction="sum"
            )
        wrong = int((logits_BL.argmax(-1) != batch.languages_B).sum())
        return Losses(total, len(batch.keys), {"wrong": float(wrong)})

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return the share of held-out clips that is told wrong, pooled and by code."""
        found = self.confusion(network)
        if not found.counts:
            return {}
        by_code = {f"wrong/{c}": 1 - found.accuracy(c) for c in found.languages}
        return {"wrong": 1 - found.accuracy(), **by_code}

    def confusion(self, network: nn.Module) -> Confusion:
        """Return what held-out clips are taken for."""
        device = next(network.parameters()).device
        pairs = []
        for batch in self.held_out:
            with torch.no_grad():
                heard_B = _logits(network, batch.to(device)).argmax(-1)
            pairs += [
                (self.languages[true], self.languages[heard])
                for true, heard in zip(
                    batch.languages_B.tolist(), heard_B.tolist(), strict=True
                )
            ]
        return Confusion.of(pairs)


def _logits(network: nn.Module, batch: LanguageBatch) -> Tensor:
    encoded: Encoded = network(batch.inputs.values, batch.inputs.lengths)
    assert encoded.language_logits_BL is not None, "a network without language head"
    return encoded.language_logits_BL
