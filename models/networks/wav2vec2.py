"""Networks of the wav2vec 2.0 family (MMS, XLS-R) that learn from shards.

Shapes: B clips, N samples, T = N // 320 frames of 20 ms, D features.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from models.checkpoints import Checkpoint, find_checkpoint
from models.networks.heads import (
    LanguageHead,
    language_head_for,
    language_logits,
    load_language_head,
    replace_head,
    save_language_head,
    told_languages,
    valid_frames,
)
from models.networks.pieces import ATTENTION, piece_of
from models.networks.residual_adapters import (
    ResidualAdapters,
    load_residual_adapters,
    refuse_residual,
)
from models.networks.speech_network import Encoded, Inputs
from models.vocabulary import Vocabulary
from models.wav2vec2 import VARIANCE_FLOOR, load_ctc, read_letters, read_settings
from models.waveform_model import RECEPTIVE_SAMPLES
from schemas.errors import ConfigError
from schemas.units import FRAME_SAMPLES

if TYPE_CHECKING:
    from transformers import Wav2Vec2ForCTC

_NOT_ENCODER = ("network.lm_head.", "language_head.", "adapters.")
_EDGE_SAMPLES = RECEPTIVE_SAMPLES - FRAME_SAMPLES


@dataclass(frozen=True)
class WaveformInputs:
    """Clips (N,) → waveforms padded with zeros, so much longer that T = N // 320."""

    normalised: bool
    """Each clip is brought to mean 0 and variance 1."""

    def __call__(self, waveforms: Sequence[npt.NDArray[np.float32]]) -> Inputs:
        """Return clips side by side."""
        clips = [self._prepared(clip_N) for clip_N in waveforms]
        lengths = torch.tensor([len(clip_N) for clip_N in clips])
        return Inputs(pad_sequence(clips, batch_first=True), lengths)

    def _prepared(self, clip_N: npt.NDArray[np.float32]) -> Tensor:
        if self.normalised:
            variance = clip_N.var(dtype=np.float64)
            centred_N = clip_N - clip_N.mean(dtype=np.float64)
            clip_N = (centred_N / np.sqrt(variance + VARIANCE_FLOOR)).astype(np.float32)
        # The convolutions see 80 samples more than the hop.
        missing = max(_EDGE_SAMPLES, RECEPTIVE_SAMPLES - len(clip_N))
        return nn.functional.pad(torch.from_numpy(clip_N), (0, missing))


class Wav2Vec2Network(nn.Module):
    """A ``SpeechNetwork`` around transformers' ``Wav2Vec2ForCTC``.

    What follows a clip in its batch changes nothing of it. The configuration's own
    masks over time (SpecAugment on latent features) are drawn in training from torch's
    random numbers, so that a resumed run draws the same.
    """

    def __init__(
        self,
        network: "Wav2Vec2ForCTC",
        vocabulary: Vocabulary,
        language_head: LanguageHead | None = None,
        *,
        normalised: bool = True,
    ) -> None:
        """Take a network whose output layer has the vocabulary's columns.

        Args:
          network: its configuration's attention becomes that of ``pieces``.
          vocabulary: of the output layer.
          language_head: on the same encoder.
          normalised: each clip is brought to mean 0 and variance 1.
        """
        super().__init__()
        network.set_attn_implementation(ATTENTION)
        self.network = network
        self.vocabulary = vocabulary
        self.language_head = language_head
        self.normalised = normalised
        self.adapters: ResidualAdapters | None = None
        """Of one language, beside the network."""
        self.context_share = 1.0
        """Share of the batch's longest clip that attention reaches over in training."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Of the language head's columns."""
        return told_languages(self.language_head)

    @property
    def hides_parts(self) -> bool:
        """Whether its own configuration hides parts of what it hears in training."""
        config = self.network.config
        return bool(config.apply_spec_augment and config.mask_time_prob > 0)

    @property
    def prepare(self) -> "WaveformInputs":
        """What makes clips inputs; a loader's workers get it without the network."""
        return WaveformInputs(self.normalised)

    def forward(self, values: Tensor, lengths: Tensor) -> Encoded:
        """Return logits of clips as ``prepare`` returns them."""
        frames = (lengths - RECEPTIVE_SAMPLES) // FRAME_SAMPLES + 1
        if self._hears_padding and bool((lengths != lengths[0]).any()):
            encoded_BTD = self._one_by_one(values, lengths)
        else:
            encoded_BTD = self._encoded(values, lengths, frames)
        dropped_BTD = self.network.dropout(encoded_BTD)
        languages_BL = language_logits(self.language_head, dropped_BTD, frames)
        return Encoded(self.network.lm_head(dropped_BTD), frames, languages_BL)

    def is_encoder(self, name: str) -> bool:
        """Tell whether a parameter belongs to the encoder, not to what is on it."""
        return not name.startswith(_NOT_ENCODER)

    def save_pretrained(self, folder: Path, language: str | None = None) -> None:
        """Write what ``hf:<folder>`` names; transformers loads it by itself.

        Args:
          folder: made if it is not there.
          language: of the letters, if the folder is to have adapters of several.

        Raises:
          ConfigError: the network has adapters beside it, which have their own file.
        """
        from transformers import Wav2Vec2FeatureExtractor

        refuse_residual(self.adapters)
        folder.mkdir(parents=True, exist_ok=True)
        self.network.config.vocab_size = len(self.vocabulary.labels)
        self.network.config.pad_token_id = self.vocabulary.blank
        self.network.save_pretrained(folder)
        self.vocabulary.save(folder, language)
        Wav2Vec2FeatureExtractor(
            do_normalize=self.normalised, return_attention_mask=not self._hears_padding
        ).save_pretrained(folder)
        save_language_head(self.language_head, folder)

    @property
    def _hears_padding(self) -> bool:
        """Group norms in the convolutions take their mean over padding, too."""
        return bool(self.network.config.feat_extract_norm == "group")

    def _one_by_one(self, values: Tensor, lengths: Tensor) -> Tensor:
        rows = []
        for clip_N, length in zip(values, lengths, strict=True):
            frames = (length - RECEPTIVE_SAMPLES) // FRAME_SAMPLES + 1
            alone = clip_N[None, : int(length)]
            rows.append(self._encoded(alone, length[None], frames[None])[0])
        return pad_sequence(rows, batch_first=True)

    def _encoded(self, values: Tensor, lengths: Tensor, frames: Tensor) -> Tensor:
        longest = (values.shape[1] - RECEPTIVE_SAMPLES) // FRAME_SAMPLES + 1
        share = self.context_share if self.training else 1.0
        output = self.network.wav2vec2(
            values,
            attention_mask=valid_frames(lengths, values.shape[1]).long(),
            mask_time_indices=self._masked(frames, longest),
            piece_frames=piece_of(longest, share),
        )
        encoded_BTD: Tensor = output.last_hidden_state
        return encoded_BTD

    def _masked(self, frames: Tensor, longest: int) -> Tensor:
        """Draw which frames are hidden in training, bool (B, T).

        Spans of ``mask_time_length`` begin so often that they would make up
        ``mask_time_prob`` of a clip if none overlapped.
        """
        config = self.network.config
        if not (self.training and self.hides_parts):
            return frames.new_zeros(len(frames), longest, dtype=torch.bool)
        rate = config.mask_time_prob / config.mask_time_length
        starts_BT = (torch.rand(len(frames), longest) < rate).float()
        spans_BT = nn.functional.max_pool1d(
            nn.functional.pad(starts_BT, (config.mask_time_length - 1, 0)),
            config.mask_time_length,
            stride=1,
        )
        return (spans_BT > 0).to(frames.device) & valid_frames(frames, longest)


def load_wav2vec2_network(
    reference: str,
    vocabulary: Vocabulary | None = None,
    languages: tuple[str, ...] | None = None,
) -> Wav2Vec2Network:
    """Load a checkpoint of the wav2vec 2.0 family to be trained.

    The convolutions of the waveform do not learn, as in the fine-tuning of wav2vec 2.0.

    Args:
      reference: ``<folder or hub name>[#<adapter language>]``.
      vocabulary: None for its own; else its output layer is made for this one. A
        checkpoint that was only pre-trained has none of its own.
      languages: of the language head; None for its own.

    Raises:
      ConfigError: no such model, or one of another kind, or one without letters for
        which no vocabulary is given.
      ArtifactError: its files are missing, damaged or do not fit each other.
    """
    checkpoint = find_checkpoint(reference)
    normalised = read_settings(checkpoint)
    network, own = _load(checkpoint, vocabulary)
    adapters = None
    if checkpoint.residual is not None:
        adapters, own = load_residual_adapters(network, checkpoint.residual)
    replace_head(network, own, vocabulary or own)
    network.freeze_feature_encoder()
    head = language_head_for(
        load_language_head(checkpoint.folder), network.config.hidden_size, languages
    )
    found = Wav2Vec2Network(network, vocabulary or own, head, normalised=normalised)
    found.adapters = adapters
    return found


def _load(
    checkpoint: Checkpoint, vocabulary: Vocabulary | None
) -> tuple["Wav2Vec2ForCTC", Vocabulary]:
    """Return a network and what its columns stand for."""
    if _reads(checkpoint):
        network = load_ctc(checkpoint)
        return network, read_letters(checkpoint, network.lm_head.out_features)
    if vocabulary is None:
        raise ConfigError(
            f"model: {checkpoint.folder} was only pre-trained and has no letters; "
            "`pericope train asr --new-letters` trains an output layer for those of a "
            "corpus"
        )
    fresh = load_ctc(
        checkpoint,
        fresh=("lm_head.",),
        vocab_size=len(vocabulary.labels),
        pad_token_id=vocabulary.blank,
    )
    return fresh, vocabulary


def _reads(checkpoint: Checkpoint) -> bool:
    """Tell whether a checkpoint has an output layer for letters."""
    from transformers import Wav2Vec2Config

    settings: dict[str, Any] = Wav2Vec2Config.get_config_dict(checkpoint.folder)[0]
    return "Wav2Vec2ForCTC" in (settings.get("architectures") or ["Wav2Vec2ForCTC"])
