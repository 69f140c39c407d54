"""The job that spells: CTC over letters, and the language of a clip beside it.

Shapes: B clips, T frames, C labels, L letters of the longest target.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.data import Clip, ClipText
from models.networks.speech_network import Encoded, Inputs, SpeechNetwork
from models.training.task import Losses
from models.training.validation import measured
from models.vocabulary import Vocabulary
from schemas.errors import ConfigError, LettersUnknown

Spell = Callable[[ClipText], str | None]
"""A clip's text in letters, one space between words; None if nobody knows it."""
Augment = Callable[[Inputs, np.random.Generator], Inputs]
Prepare = Callable[[Sequence[npt.NDArray[np.float32]]], Inputs]

UNKNOWN_TEXT = "nobody knows what letters are said"
NO_LETTERS = "no letters"
_NO_LANGUAGE = -1


@dataclass(frozen=True)
class CtcBatch:
    """Clips side by side with what is said in them; may be empty."""

    keys: tuple[str, ...]
    texts: tuple[str, ...]
    codes: tuple[str, ...]
    """The language of each clip."""
    heard_sec: float
    inputs: Inputs
    targets_BL: Tensor
    """Columns of the letters, int64; behind a target's end they mean nothing."""
    target_lengths_B: Tensor
    needed_frames_B: Tensor
    """One a letter, and one between two equal ones."""
    languages_B: Tensor
    """Column of the language head, -1 for a language that it does not know."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Clips that were to be in the batch and cannot be, by key: why."""

    def to(self, device: torch.device) -> "CtcBatch":
        """Return the batch with its tensors on a device."""
        inputs = Inputs(self.inputs.values.to(device), self.inputs.lengths.to(device))
        return replace(
            self,
            inputs=inputs,
            targets_BL=self.targets_BL.to(device),
            target_lengths_B=self.target_lengths_B.to(device),
            needed_frames_B=self.needed_frames_B.to(device),
            languages_B=self.languages_B.to(device),
        )


@dataclass(frozen=True, kw_only=True)
class MakeCtcBatch:
    """Clips and random numbers → a batch; runs in a loader's worker."""

    prepare: Prepare
    """The network's."""
    vocabulary: Vocabulary
    languages: tuple[str, ...] = ()
    """Of the language head."""
    spell: Spell
    skips_unknown: bool = False
    """Whether a text with letters outside the vocabulary is left out, and named, or
    ends the training."""
    augment: Augment | None = None
    """What training does to a network's inputs; None for held-out clips."""

    def __call__(self, clips: list[Clip], rng: np.random.Generator) -> CtcBatch:
        """Return the clips whose text is known, as a batch.

        Raises:
          LettersUnknown: a text has letters outside the vocabulary, and such texts are
            not to be left out.
          ArtifactError: a clip's audio is damaged.
        """
        kept: list[tuple[Clip, str, list[int]]] = []
        left_out = {}
        for clip in clips:
            text = self.spell(clip)
            try:
                why, columns = self._columns(text, clip.key)
            except LettersUnknown as error:
                if not self.skips_unknown:
                    raise
                why, columns = str(error), []
            if text is None or not columns:
                left_out[clip.key] = why
            else:
                kept.append((clip, text, columns))
        return self._batch(kept, left_out, rng)

    def _columns(self, text: str | None, key: str) -> tuple[str, list[int]]:
        """Return the target, or why there is none."""
        if text is None:
            return UNKNOWN_TEXT, []
        return NO_LETTERS, self.vocabulary.encode(text, key)

    @cached_property
    def _column_of(self) -> dict[str, int]:
        return {code: column for column, code in enumerate(self.languages)}

    def _batch(
        self,
        kept: list[tuple[Clip, str, list[int]]],
        left_out: dict[str, str],
        rng: np.random.Generator,
    ) -> CtcBatch:
        targets = [columns for _, _, columns in kept]
        clips = [clip for clip, _, _ in kept]
        inputs = Inputs(torch.zeros(0), torch.zeros(0, dtype=torch.int64))
        if clips:
            inputs = self.prepare([clip.samples for clip in clips])
            if self.augment is not None:
                inputs = self.augment(inputs, rng)
        longest = max(map(len, targets), default=0)
        padded = [columns + [0] * (longest - len(columns)) for columns in targets]
        known = [self._column_of.get(clip.language, _NO_LANGUAGE) for clip in clips]
        return CtcBatch(
            keys=tuple(clip.key for clip in clips),
            texts=tuple(text for _, text, _ in kept),
            codes=tuple(clip.language for clip in clips),
            heard_sec=sum(clip.duration_sec for clip in clips),
            inputs=inputs,
            targets_BL=torch.tensor(padded, dtype=torch.int64),
            target_lengths_B=torch.tensor([len(t) for t in targets]),
            needed_frames_B=torch.tensor([needed_frames(t) for t in targets]),
            languages_B=torch.tensor(known, dtype=torch.int64),
            left_out=left_out,
        )


def needed_frames(columns: Sequence[int]) -> int:
    """Count the frames that CTC needs: one a letter, one between equal letters."""
    return len(columns) + sum(a == b for a, b in itertools.pairwise(columns))


@dataclass(frozen=True, kw_only=True)
class CtcTask:
    """CTC, and γ times the cross-entropy of the language where the network tells it.

    Both are sums over clips: a clip costs what its letters cost and γ times what its
    language costs. Source: Lugosch et al. 2022, with γ = 1.

    Raises:
      ConfigError: γ is below 0.
    """

    gamma: float = 1.0
    held_out: Sequence[CtcBatch] = ()
    """What ``validate`` measures on."""

    def __post_init__(self) -> None:
        if not self.gamma >= 0:
            raise ConfigError(f"training: γ: expected 0 or more, got {self.gamma}")

    def losses(self, network: nn.Module, batch: CtcBatch) -> Losses:
        """Return the losses of the clips that have frames enough for their letters."""
        if not batch.keys:
            return Losses(torch.zeros(()), 0, left_out=batch.left_out)
        encoded: Encoded = network(batch.inputs.values, batch.inputs.lengths)
        fits_B = batch.needed_frames_B <= encoded.frames
        left_out = dict(batch.left_out)
        for k in torch.nonzero(~fits_B).flatten().tolist():
            left_out[batch.keys[k]] = (
                f"{int(encoded.frames[k])} frames are too few for its letters, which "
                f"need {int(batch.needed_frames_B[k])}"
            )
        blank = _speech(network).vocabulary.blank
        with torch.autocast(encoded.logits_BTC.device.type, enabled=False):
            ctc = _ctc_loss(encoded, batch, blank, fits_B)
            language = _language_loss(encoded, batch, fits_B)
        parts = {"ctc": float(ctc.detach())}
        if language is None:
            total = ctc
        else:
            total = ctc + self.gamma * language
            parts["language"] = float(language.detach())
        letters = int(batch.target_lengths_B[fits_B].sum())
        return Losses(total, letters, parts, left_out)

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return error rates of held-out clips, of all and by language.

        ``cer`` and ``wer`` are pooled over letters and words, ``cer/swh`` those of one
        language; ``language_wrong`` is the share of clips whose language is not told.
        """
        return measured(_speech(network), self.held_out)


def _ctc_loss(encoded: Encoded, batch: CtcBatch, blank: int, fits_B: Tensor) -> Tensor:
    """Return minus the log-probability (nats) of the letters of clips that fit.

    The others are taken away before, not after: the gradient of an infinite loss is no
    number even where it counts for nothing.
    """
    log_probs_BTC = encoded.logits_BTC[fits_B].float().log_softmax(-1)
    if not len(log_probs_BTC):
        return log_probs_BTC.sum()
    return functional.ctc_loss(
        log_probs_BTC.transpose(0, 1),
        batch.targets_BL[fits_B],
        encoded.frames[fits_B],
        batch.target_lengths_B[fits_B],
        blank=blank,
        reduction="sum",
    )


def _language_loss(encoded: Encoded, batch: CtcBatch, fits_B: Tensor) -> Tensor | None:
    if encoded.language_logits_BL is None:
        return None
    told_B = torch.where(fits_B, batch.languages_B, _NO_LANGUAGE)
    return functional.cross_entropy(
        encoded.language_logits_BL.float(),
        told_B,
        ignore_index=_NO_LANGUAGE,
        reduction="sum",
    )


def _speech(network: nn.Module) -> SpeechNetwork:
    speech: SpeechNetwork = network  # type: ignore[assignment]
    return speech
