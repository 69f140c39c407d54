"""Several alignments in one call: what was asked for, item by item."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

import numpy.typing as npt

from aligner.graph import Jumps
from aligner.path import AlignmentPath
from schemas.errors import AlignmentInfeasible

if TYPE_CHECKING:
    import torch


class BatchOptions(TypedDict, total=False):
    """What ``forced_align`` takes beside a batch of emissions and tokens."""

    entry_cost_T: Sequence[npt.ArrayLike | None] | None
    entry_tokens: Sequence[npt.ArrayLike | None] | None
    tolls_L: Sequence[npt.ArrayLike | None] | None
    jumps: Sequence[Jumps | None] | None
    prune: bool | None
    block_frames: int | None
    memory_bytes: int | None
    threads: int


@dataclass(frozen=True, eq=False)
class Item:
    """One alignment as ``aligner.viterbi.forced_align`` is asked for it."""

    name: str
    """What an error begins with: "", or "batch[3]: " in a batch."""
    emissions_TC: "npt.ArrayLike | torch.Tensor"
    tokens_L: "npt.ArrayLike | torch.Tensor"
    entry_cost_T: npt.ArrayLike | None = None
    entry_tokens: npt.ArrayLike | None = None
    tolls_L: npt.ArrayLike | None = None
    jumps: Jumps | None = None

    @property
    def is_on_gpu(self) -> bool:
        """Whether the emissions are a CUDA tensor."""
        return bool(getattr(self.emissions_TC, "is_cuda", False))


def is_batch(emissions: object) -> bool:
    """Tell a list of emissions from emissions that are a list of rows."""
    return isinstance(emissions, list | tuple) and all(
        getattr(item, "ndim", 0) > 1 for item in emissions
    )


def items_of(emissions: Any, tokens: Any, **options: Any) -> list[Item]:
    """Return what is asked for, one item where it is no batch.

    Raises:
      ValueError: the tokens or an option of a batch are no list of its length.
    """
    if not is_batch(emissions):
        return [Item("", emissions, tokens, **options)]
    count = len(emissions)
    columns = {"tokens_L": tokens}
    columns |= {name: given for name, given in options.items() if given is not None}
    for name, values in columns.items():
        is_list = isinstance(values, list | tuple)
        if not is_list or len(values) != count:
            given = f"{len(values)}" if is_list else type(values).__name__
            raise ValueError(
                f"{name}: expected a list of {count}, one for each of the emissions, "
                f"got {given}"
            )
    return [
        Item(
            f"batch[{index}]: ",
            emissions[index],
            **{name: values[index] for name, values in columns.items()},
        )
        for index in range(count)
    ]


def align_items(
    items: Sequence[Item], align: Callable[[Item], AlignmentPath], threads: int
) -> list[AlignmentPath]:
    """Align one item after the other, or some side by side.

    Raises:
      AlignmentInfeasible: as ``align`` does, with the item's name.
      ValueError: likewise; or there is no thread.
    """
    if threads < 1:
        raise ValueError(f"threads: expected 1 or more, got {threads}")

    def align_named(item: Item) -> AlignmentPath:
        with naming(item.name):
            return align(item)

    if threads == 1:
        return [align_named(item) for item in items]
    with ThreadPoolExecutor(threads, thread_name_prefix="align") as pool:
        return list(pool.map(align_named, items))


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Put a name before the messages of the errors that an input can cause."""
    try:
        yield
    except AlignmentInfeasible as error:
        raise AlignmentInfeasible(f"{name}{error}") from error
    except ValueError as error:
        raise ValueError(f"{name}{error}") from error
