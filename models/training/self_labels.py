"""What a network in training hears in clips, now."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from models.data import Clip
from models.decoding.greedy import greedy_text


@dataclass(frozen=True)
class SelfLabeller:
    """Greedy transcripts by a ``SpeechNetwork``, without dropout and augmentation."""

    network: Any
    """Forwarded on the device where it is; its mode is as before afterwards."""
    columns: frozenset[int] | None = None
    """Letters that may be written; None for all."""

    def __call__(self, clips: Sequence[Clip]) -> list[str]:
        """Return a text for each clip, "" where nothing is heard.

        Raises:
          ArtifactError: a clip is damaged.
        """
        network: nn.Module = self.network
        inputs = self.network.prepare([clip.samples for clip in clips])
        device = next(network.parameters()).device
        was_training = network.training
        network.eval()
        try:
            with torch.inference_mode():
                encoded = network(inputs.values.to(device), inputs.lengths.to(device))
        finally:
            network.train(was_training)
        logits_BTC = encoded.logits_BTC.float().cpu().numpy()
        return [
            greedy_text(logits_TC[:frames], self.network.vocabulary, self.columns)
            for logits_TC, frames in zip(
                logits_BTC, encoded.frames.tolist(), strict=True
            )
        ]
