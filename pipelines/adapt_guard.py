"""Whether a model may follow a voice: learnt from half of the verses, judged by others.

Every second verse is kept from training and tells how much better it fits its own text
than that of another verse; then the other way round. Only if this margin is large
enough before, and does not fall, the model learns from all verses.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from aligner.emissions import AcousticModel
from aligner.text_margin import FOLDS, fold_of, text_margin
from aligner.verse_clips import VerseClip
from models.adapt import (
    Trainable,
    VoiceClip,
    Weights,
    adapt,
    is_trainable,
    with_weights,
)
from pipelines.adapt_config import AdaptConfig
from schemas.alignment import Adaptation, AdaptationOutcome
from schemas.units import SAMPLE_RATE_HZ

Waveform = npt.NDArray[np.float32]


class TrainableModel(AcousticModel, Trainable, Protocol):
    """A model that aligns and can be trained."""


def trainable(model: AcousticModel) -> TrainableModel | None:
    """Return the model if its weights can be trained here."""
    return cast(TrainableModel, model) if is_trainable(model) else None


@dataclass(frozen=True)
class _Voice:
    """Clips of one voice, and how they are trained on."""

    clips: tuple[VoiceClip, ...]
    config: AdaptConfig
    seed: int

    def learnt(self, model: TrainableModel, places: Sequence[int]) -> Weights:
        """Return what a model learns from some of the clips."""
        return adapt(
            model,
            [self.clips[at] for at in places],
            steps=self.config.steps,
            learning_rate=self.config.learning_rate,
            seed=self.seed,
        )

    def margin(self, model: AcousticModel, fold: int) -> float:
        """Return the margin of the clips of a fold against each other's texts."""
        places = fold_of(len(self.clips), fold)
        heard = [_log_probs(model, self.clips[at].waveform_N) for at in places]
        texts = [self.clips[at].tokens for at in places]
        return text_margin(heard, texts, model.blank)


def adapt_to_voice(
    model: TrainableModel,
    waveform_N: Waveform,
    clips: Sequence[VerseClip],
    config: AdaptConfig,
    seed: int = 0,
) -> tuple[Adaptation, Weights]:
    """Let a model learn from the verses of a recording, if that is safe.

    Args:
      model: stays as it is.
      waveform_N: the recording, float32 at 16 kHz.
      clips: its verses, as ``aligner.verse_clips`` returns them.
      config: steps, rate and the guard's limits.
      seed: of all that is chosen by chance.

    Returns:
      What was done (without the recording's name), and what is to be added to the
      weights: nothing unless the outcome is ``adapted``.
    """
    heard = _up_to(clips, config.max_speech_sec)
    speech_sec = sum(clip.samples for clip in heard) / SAMPLE_RATE_HZ
    if len(heard) < config.min_verses or speech_sec < config.min_speech_sec:
        return Adaptation(AdaptationOutcome.TOO_SHORT), {}
    normalise = model.normaliser(waveform_N)
    voice = _Voice(
        tuple(
            VoiceClip(normalise(waveform_N[clip.start : clip.end]), clip.tokens)
            for clip in heard
        ),
        config,
        seed,
    )
    before = _mean([voice.margin(model, fold) for fold in range(FOLDS)])
    if not before >= config.min_margin:
        return Adaptation(AdaptationOutcome.MARGIN_LOW, margin_before=before), {}
    after = _mean([_held_out_margin(model, voice, fold) for fold in range(FOLDS)])
    if not after >= before:
        return Adaptation(AdaptationOutcome.MARGIN_FELL, "", before, after), {}
    weights = voice.learnt(model, range(len(voice.clips)))
    return Adaptation(AdaptationOutcome.ADAPTED, "", before, after), weights


def _held_out_margin(model: TrainableModel, voice: _Voice, fold: int) -> float:
    """Return the margin of a fold after learning from the others."""
    kept = set(fold_of(len(voice.clips), fold))
    others = [at for at in range(len(voice.clips)) if at not in kept]
    weights = voice.learnt(model, others)
    return voice.margin(with_weights(model, weights, model.fingerprint), fold)


def _up_to(clips: Sequence[VerseClip], most_sec: float) -> Sequence[VerseClip]:
    ends = accumulate(clip.samples for clip in clips)
    return clips[: sum(end <= most_sec * SAMPLE_RATE_HZ for end in ends)]


def _log_probs(model: AcousticModel, clip_N: Waveform) -> npt.NDArray[np.float32]:
    whole = len(clip_N) // model.hop_samples * model.hop_samples
    return model.log_probs(clip_N[None, :whole])[0]


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
