"""The bundled acoustic model: a small convolutional CTC network.

Shapes: B batch, F feature frames of 10 ms, T = ceil(F / 2) output frames of 20 ms,
C classes. Output frame t is centred on feature frame 2 t.
"""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.features import MELS
from schemas.errors import ArtifactError

LABELS: tuple[str, ...] = ("", *"abcdefghijklmnopqrstuvwxyz'")
BLANK = 0


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Widths and depths; the outer blocks run every 20 ms, the inner every 40 ms."""

    outer_channels: int = 192
    inner_channels: int = 256
    entry_blocks: int = 2
    inner_blocks: int = 7
    exit_blocks: int = 2
    outer_kernel: int = 9
    inner_kernel: int = 11

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able form."""
        return asdict(self)


class Block(nn.Module):
    """Depthwise convolution in time, then a wide pointwise layer (as in ConvNeXt)."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(
            channels, channels, kernel, padding=kernel // 2, groups=channels
        )
        self.norm = nn.LayerNorm(channels)
        self.widen = nn.Linear(channels, 2 * channels)
        self.dropout = nn.Dropout(0.0)  # jobs that want it say so: ``set_dropout``
        self.narrow = nn.Linear(2 * channels, channels)
        self.scale = nn.Parameter(torch.full((channels,), 0.3))

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Return the same shape."""
        y = self.depthwise(x_BTD.transpose(1, 2)).transpose(1, 2)
        y = self.dropout(functional.relu(self.widen(self.norm(y))))
        return x_BTD + self.scale * self.narrow(y)


class AcousticNetwork(nn.Module):
    """Features (B, F, 80) → logits (B, ceil(F / 2), C)."""

    def __init__(self, config: NetworkConfig, classes: int = len(LABELS)) -> None:
        super().__init__()
        self.config = config
        outer, inner = config.outer_channels, config.inner_channels
        self.stem = nn.Conv1d(MELS, outer, 5, stride=2, padding=2)
        self.stem_norm = nn.LayerNorm(outer)
        self.entry = _stack(config.entry_blocks, outer, config.outer_kernel)
        self.down = nn.Conv1d(outer, inner, 3, stride=2, padding=1)
        self.inner = _stack(config.inner_blocks, inner, config.inner_kernel)
        self.inner_norm = nn.LayerNorm(inner)
        self.up = nn.Linear(inner, 2 * outer)
        self.exit = _stack(config.exit_blocks, outer, config.outer_kernel)
        self.exit_norm = nn.LayerNorm(outer)
        self.head = nn.Linear(outer, classes)

    def forward(self, features_BFM: Tensor, lengths_B: Tensor | None = None) -> Tensor:
        """Return logits (B, T, C).

        Args:
          features_BFM: of clips side by side.
          lengths_B: feature frames of each clip; what is behind them then changes
            nothing, so that each clip has the logits that it has alone. Without them
            all is heard.
        """
        return self.head(self.encode(features_BFM, lengths_B))

    def encode(self, features_BFM: Tensor, lengths_B: Tensor | None = None) -> Tensor:
        """Return what the output layer sees, (B, T, D)."""
        x = _cut(features_BFM, lengths_B)
        x = functional.relu(self.stem(x.transpose(1, 2)))
        frames = x.shape[2]
        frames_B = _halved(lengths_B)
        x = _run(self.entry, self.stem_norm(x.transpose(1, 2)), frames_B)
        even = functional.pad(x, (0, 0, 0, frames % 2))
        y = self.down(even.transpose(1, 2)).transpose(1, 2)
        y = self.up(self.inner_norm(_run(self.inner, y, _halved(frames_B))))
        y = y.reshape(len(y), -1, self.config.outer_channels)[:, :frames]
        return self.exit_norm(_run(self.exit, x + y, frames_B))


def _run(blocks: nn.Sequential, x_BTD: Tensor, lengths_B: Tensor | None) -> Tensor:
    """Run blocks that hear nothing but zeros behind the end of each clip."""
    x_BTD = _cut(x_BTD, lengths_B)
    for block in blocks:
        x_BTD = _cut(block(x_BTD), lengths_B)
    return x_BTD


def _cut(x_BTD: Tensor, lengths_B: Tensor | None) -> Tensor:
    if lengths_B is None:
        return x_BTD
    steps_T = torch.arange(x_BTD.shape[1], device=x_BTD.device)
    return x_BTD.masked_fill((steps_T >= lengths_B[:, None])[..., None], 0.0)


def _halved(lengths_B: Tensor | None) -> Tensor | None:
    return None if lengths_B is None else (lengths_B + 1) // 2


def _stack(count: int, channels: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(*(Block(channels, kernel) for _ in range(count)))


def network_from_dict(
    document: dict[str, Any], classes: int = len(LABELS)
) -> AcousticNetwork:
    """Build the network that a checkpoint describes.

    Raises:
      ArtifactError: the description has unknown or missing keys.
    """
    try:
        return AcousticNetwork(NetworkConfig(**document), classes)
    except TypeError as error:
        raise ArtifactError(f"checkpoint's network description: {error}") from error
