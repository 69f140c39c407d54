"""A Conformer with USM's chunk-wise attention: hours of audio at linear cost.

Attention stays within chunks of 8 s (200 frames), in training as in use; only
convolutions cross their borders, by 2 frames a layer with kernels of 5. As attention
hands on within a chunk what came in over its border, a frame hears at most as many
chunks to each side as there are layers. Source: USM, Zhang et al. 2023.

It is transformers' ``LasrForCTC``, which loads our folders by itself: with the same
result for clips of at most one chunk, and for longer ones if this module is imported
and ``attn_implementation=ATTENTION`` is asked for.

Shapes: B clips, F = 4 T rows of features every 10 ms, T = ceil(N / 640) frames of
40 ms, M mel bands, D features.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from models.networks.heads import (
    LanguageHead,
    language_logits,
    save_language_head,
    told_languages,
    valid_frames,
)
from models.networks.log_mel import HOP_SAMPLES, log_mel_rows, normalised_rows
from models.networks.pieces import ATTENTION, piece_of
from models.networks.residual_adapters import ResidualAdapters, refuse_residual
from models.networks.speech_network import Encoded, Inputs
from models.networks.valid_norm import leave_padding_out
from models.vocabulary import Vocabulary

if TYPE_CHECKING:
    from transformers import LasrForCTC

ROWS_PER_FRAME = 4
FRAME_SAMPLES = ROWS_PER_FRAME * HOP_SAMPLES
"""40 ms, twice that of the other networks."""

NORMALISED = "normalise_clips"
"""Key in preprocessor_config.json, beside those of transformers."""

# Two convolutions of kernel 5 and stride 2 see 13 rows; with 4 before and 5 behind the
# clip each frame is centred on its own 4 rows.
_ROWS_BEFORE, _ROWS_BEHIND = 4, 5


@dataclass(frozen=True)
class LogMelInputs:
    """Clips (N,) → log-mel features, four rows a frame, padded with zeros."""

    mels: int
    normalised: bool
    """In each clip and band to mean 0 and deviation 1."""

    def __call__(self, waveforms: Sequence[npt.NDArray[np.float32]]) -> Inputs:
        """Return clips side by side."""
        clips = [self._features(clip_N) for clip_N in waveforms]
        lengths = torch.tensor([len(clip_FM) for clip_FM in clips])
        return Inputs(pad_sequence(clips, batch_first=True), lengths)

    def _features(self, clip_N: npt.NDArray[np.float32]) -> Tensor:
        rows_FM = log_mel_rows(clip_N, self.mels)
        if self.normalised and len(rows_FM):
            rows_FM = normalised_rows(rows_FM)
        missing = -len(rows_FM) % ROWS_PER_FRAME if len(rows_FM) else ROWS_PER_FRAME
        return functional.pad(rows_FM, (0, 0, 0, missing))


class ConformerNetwork(nn.Module):
    """A ``SpeechNetwork`` around transformers' ``LasrForCTC``.

    What follows a clip in its batch changes nothing of it, in training neither but
    through the statistics of batch norms, which leave padding out.
    """

    def __init__(
        self,
        network: "LasrForCTC",
        vocabulary: Vocabulary,
        language_head: LanguageHead | None = None,
        *,
        normalised: bool = True,
    ) -> None:
        """Take a network whose output layer has the vocabulary's columns.

        Args:
          network: its attention becomes that of ``pieces``; ``chunk_frames`` of its
            encoder's configuration, if there, are those of a chunk.
          vocabulary: of the output layer.
          language_head: on the same encoder.
          normalised: features are normalised in each clip.
        """
        super().__init__()
        network.set_attn_implementation(ATTENTION)
        for layer in network.encoder.layers:
            leave_padding_out(layer.conv)
        self.network = network
        self.vocabulary = vocabulary
        self.language_head = language_head
        self.normalised = normalised
        self.adapters: ResidualAdapters | None = None
        """Of one language, beside the network."""
        self.context_share = 1.0
        """Share of the batch's longest clip that attention reaches over in training, at
        most."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Of the language head's columns."""
        return told_languages(self.language_head)

    @property
    def chunk_frames(self) -> int | None:
        """Frames that attention reaches over; None for all of a clip."""
        frames: int | None = getattr(
            self.network.config.encoder_config, "chunk_frames", None
        )
        return frames

    @property
    def prepare(self) -> "LogMelInputs":
        """What makes clips inputs; a loader's workers get it without the network."""
        mels = self.network.config.encoder_config.num_mel_bins
        return LogMelInputs(mels, self.normalised)

    def forward(self, values: Tensor, lengths: Tensor) -> Encoded:
        """Return logits of clips as ``prepare`` returns them."""
        around = _ROWS_BEFORE + _ROWS_BEHIND
        frames, longest = lengths // ROWS_PER_FRAME, values.shape[1] // ROWS_PER_FRAME
        rows_BF = valid_frames(lengths, values.shape[1])
        padded = functional.pad(
            values.masked_fill(~rows_BF[..., None], 0.0),
            (0, 0, _ROWS_BEFORE, _ROWS_BEHIND),
        )
        share = self.context_share if self.training else 1.0
        output = self.network.encoder(
            padded,
            attention_mask=valid_frames(lengths + around, padded.shape[1]).long(),
            piece_frames=piece_of(longest, share, self.chunk_frames),
        )
        encoded_BTD = output.last_hidden_state
        languages_BL = language_logits(self.language_head, encoded_BTD, frames)
        return Encoded(self.network.ctc_head(encoded_BTD), frames, languages_BL)

    def is_encoder(self, name: str) -> bool:
        """Tell whether a parameter belongs to the encoder, not to what is on it."""
        return name.startswith("network.encoder.")

    def save_pretrained(self, folder: Path) -> None:
        """Write what ``hf:<folder>`` names; transformers loads it by itself.

        Raises:
          ConfigError: the network has adapters beside it, which have their own file.
        """
        from transformers import LasrFeatureExtractor

        refuse_residual(self.adapters)
        folder.mkdir(parents=True, exist_ok=True)
        config = self.network.config
        config.vocab_size = len(self.vocabulary.labels)
        config.pad_token_id = self.vocabulary.blank
        self.network.save_pretrained(folder)
        self.vocabulary.save(folder)
        mels = config.encoder_config.num_mel_bins
        LasrFeatureExtractor(
            feature_size=mels, **{NORMALISED: self.normalised}
        ).save_pretrained(folder)
        save_language_head(self.language_head, folder)
