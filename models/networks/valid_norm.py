"""Batch norm that leaves padding out of its statistics.

Its weights have the names of ``torch.nn.BatchNorm1d``, as which others load them.
Shapes: B clips, T frames, D channels.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_LEAST_FRAMES = 2


class ValidBatchNorm(nn.BatchNorm1d):
    """Normalises channels by the valid frames of a batch, in training.

    In use, and where its weights are frozen, it is a fixed scale and shift per channel,
    so that what stands beside a clip changes nothing. A batch that is not finite leaves
    what was learnt as it is.
    """

    valid_BT: Tensor | None = None
    """Of the batch that comes next; None if all frames are valid."""

    def forward(self, input: Tensor) -> Tensor:
        """Return (B, D, T) normalised; in training zeros where frames are not valid."""
        if not (self.training and self.weight.requires_grad):
            return self._fixed(input)
        x_BTD = input.transpose(1, 2)
        if self.valid_BT is None:
            valid_BT = x_BTD.new_ones(x_BTD.shape[:2], dtype=torch.bool)
        else:
            valid_BT = self.valid_BT
        rows = x_BTD[valid_BT]
        if len(rows) < _LEAST_FRAMES:  # nothing to take a variance of
            return self._fixed(input)
        normed = functional.batch_norm(
            rows, None, None, self.weight, self.bias, training=True, eps=self.eps
        )
        self._learn(rows.detach().float())
        result = torch.zeros_like(x_BTD, dtype=normed.dtype)
        result[valid_BT] = normed
        return result.transpose(1, 2)

    def _fixed(self, x_BDT: Tensor) -> Tensor:
        return functional.batch_norm(
            x_BDT, self.running_mean, self.running_var, self.weight, self.bias,
            training=False, eps=self.eps,
        )  # fmt: skip

    def _learn(self, rows: Tensor) -> None:
        assert self.running_mean is not None and self.running_var is not None
        momentum = 0.1 if self.momentum is None else self.momentum
        for kept, seen in (
            (self.running_mean, rows.mean(0)),
            (self.running_var, rows.var(0)),
        ):
            finite = torch.where(torch.isfinite(seen), seen, kept)
            kept.lerp_(finite.to(kept), momentum)
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1


def leave_padding_out(convolution: nn.Module) -> None:
    """Give a Conformer's convolution module, of transformers, such a norm.

    Args:
      convolution: has a BatchNorm1d ``norm`` and is called with ``attention_mask``, the
        valid frames (B, 1, 1, T) or None.
    """
    before: Any = convolution.norm
    norm = ValidBatchNorm(before.num_features, before.eps, before.momentum)
    norm.load_state_dict(before.state_dict())
    convolution.norm = norm.train(before.training)
    convolution.register_forward_pre_hook(_hand_on, with_kwargs=True)


def _hand_on(
    convolution: nn.Module, _: tuple[Any, ...], settings: dict[str, Any]
) -> None:
    mask: Tensor | None = settings.get("attention_mask")
    norm: Any = convolution.norm
    norm.valid_BT = None if mask is None else mask[:, 0, 0]
