"""Attention within pieces of a clip: USM's chunks, and short context to start with.

A clip of T frames is cut into pieces of equal length, the pieces are stacked along the
batch, attention runs on them, and the result is stitched together again. Memory and
time then grow with T, not with its square. Equal to a block-diagonal mask. Source: USM,
Zhang et al. 2023 (chunks of 8 s, the same in training and inference); Lugosch et al.
2022 (pieces as a share of the clip, to warm up).

Importing this module makes ``ATTENTION`` known to transformers, as the name of an
attention implementation.

Shapes: B clips, T frames, n pieces of P frames, H heads, D features of one.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AttentionInterface, AttentionMaskInterface

ATTENTION = "pericope_pieces"
_FIRST_SHARE = 0.25


def reshape_to_pieces(frames_BTX: Tensor, piece_frames: int) -> Tensor:
    """Return (B, T, ...) as (B n, P, ...); zeros fill up the last piece of each clip.

    A piece at least as long as the clips leaves them as they are.
    """
    frames = frames_BTX.shape[1]
    if piece_frames >= frames:
        return frames_BTX
    missing = -frames % piece_frames
    if missing:
        rest = frames_BTX.new_zeros(len(frames_BTX), missing, *frames_BTX.shape[2:])
        frames_BTX = torch.cat([frames_BTX, rest], dim=1)
    return frames_BTX.reshape(-1, piece_frames, *frames_BTX.shape[2:])


def stitch(pieces: Tensor, frames: int) -> Tensor:
    """Undo ``reshape_to_pieces``: (B n, P, ...) → (B, T, ...).

    Args:
      pieces: of clips that all had ``frames`` frames.
      frames: T.
    """
    each = -(-frames // pieces.shape[1])
    whole = pieces.reshape(-1, each * pieces.shape[1], *pieces.shape[2:])
    return whole[:, :frames]


def piece_of(frames: int, share: float, at_most: int | None = None) -> int:
    """Return the frames of a piece that is a share of clips of so many frames.

    Args:
      frames: of the longest clip in the batch.
      share: over 0; 1 for whole clips.
      at_most: frames of the network's own chunks, if it has some.
    """
    piece = max(1, math.ceil(share * frames))
    return piece if at_most is None else min(piece, at_most)


def share_at(step: int, warm_up_steps: int) -> float:
    """Return the share of a clip that attention reaches over at a step of training.

    It rises evenly from a quarter to all in the warm-up. How it rose in the source is
    not known; this is our own choice.
    """
    if step >= warm_up_steps:
        return 1.0
    return _FIRST_SHARE + (1 - _FIRST_SHARE) * step / warm_up_steps


def widen_context(network: Any, warm_up_steps: int, step: int) -> None:
    """Set how far attention of a ``SpeechNetwork`` reaches at a step of training."""
    network.context_share = share_at(step, warm_up_steps)


def attend_in_pieces(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **settings: Any,
) -> tuple[Tensor, None]:
    """Attend within pieces, as transformers calls its attention functions.

    Args:
      module: the attention layer.
      query: (B, H, T, D); key and value alike.
      key: see query.
      value: see query.
      attention_mask: True for valid frames, (B, 1, 1, T), or None if all are.
      **settings: ``piece_frames``, P; without it the ``chunk_frames`` of the layer's
        configuration, else whole clips. ``dropout`` of attention weights; ``scaling``
        of the products.

    Returns:
      (B, T, H, D), and no weights.
    """
    frames = query.shape[2]
    chunk: int | None = getattr(module.config, "chunk_frames", None)
    piece = min(settings.get("piece_frames") or chunk or frames, frames)
    valid = None
    if attention_mask is not None or frames % piece:
        every_BT = query.new_ones(len(query), frames, dtype=torch.bool)
        valid_BT = every_BT if attention_mask is None else attention_mask[:, 0, 0]
        valid = reshape_to_pieces(valid_BT.expand(len(query), -1), piece)
        # A piece without any valid frame would have no weights to sum to one.
        valid = (valid | ~valid.any(dim=1, keepdim=True))[:, None, None]
    attended = functional.scaled_dot_product_attention(
        _heads_first(query, piece),
        _heads_first(key, piece),
        _heads_first(value, piece),
        attn_mask=valid,
        dropout_p=settings.get("dropout", 0.0),
        scale=settings.get("scaling"),
    )
    return stitch(attended.transpose(1, 2), frames), None


def _heads_first(frames_BHTD: Tensor, piece: int) -> Tensor:
    return reshape_to_pieces(frames_BHTD.transpose(1, 2), piece).transpose(1, 2)


def padding_mask(*, attention_mask: Tensor | None = None, **_: Any) -> Tensor | None:
    """Return which frames are valid, (B, 1, 1, T): linear in T, unlike a full mask."""
    return None if attention_mask is None else attention_mask[:, None, None, :]


AttentionInterface.register(ATTENTION, attend_in_pieces)
AttentionMaskInterface.register(ATTENTION, padding_mask)
