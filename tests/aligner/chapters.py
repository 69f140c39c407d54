"""Small alignment problems with all that a chapter can have, and how paths compare."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from aligner.batch import Item
from aligner.graph import checked_jumps
from aligner.path import AlignmentPath
from aligner.viterbi import forced_align
from schemas.errors import AlignmentInfeasible

BLANK = 1


def chapter(rng: np.random.Generator, *, frames: int = 20, tokens: int = 7) -> Item:
    """Return a problem up to that size; every second one has whole numbers: ties."""
    count = int(rng.integers(1, frames))
    length = int(rng.integers(0, min(tokens, count) + 1))
    whole = rng.random() < 0.5
    emissions = (
        -rng.integers(0, 3, (count, 4)) if whole else rng.normal(-2, 2, (count, 4))
    )
    emissions = emissions.astype(np.float32)
    if rng.random() < 0.5:
        emissions[:, 3] = -1  # a star
    if rng.random() < 0.3:
        emissions[rng.random(emissions.shape) < 0.1] = -np.inf
    jumps = None
    if rng.random() < 0.6:
        sources, targets = rng.integers(0, length + 1, (2, 6))
        real = sources != targets
        costs = rng.integers(0, 3, real.sum())
        jumps = checked_jumps(sources[real], targets[real], costs, length)
    return Item(
        "",
        emissions,
        rng.choice([0, 2, 3], length),
        rng.integers(0, 4, count),
        rng.random(length) < 0.4,
        rng.integers(-1, 3, length),
        jumps,
    )


def arguments(item: Item) -> dict[str, Any]:
    """Return what ``forced_align`` takes for one problem."""
    return {name: values[0] for name, values in of_batch([item]).items()}


def of_batch(items: Sequence[Item]) -> dict[str, list[Any]]:
    """Return what it takes for a batch of them."""
    names = [field.name for field in fields(Item) if field.name != "name"]
    return {name: [getattr(item, name) for item in items] for name in names}


def aligned(item: Item) -> AlignmentPath | None:
    """Return the CPU kernel's path from the full lattice, None if there is none."""
    try:
        return forced_align(**arguments(item), blank=BLANK, prune=False)
    except AlignmentInfeasible:
        return None


def solvable(
    rng: np.random.Generator, count: int, **sizes: int
) -> tuple[list[Item], list[AlignmentPath]]:
    """Return problems that have a path, and their paths."""
    items: list[Item] = []
    paths: list[AlignmentPath] = []
    while len(items) < count:
        item = chapter(rng, **sizes)
        path = aligned(item)
        if path is not None:
            items.append(item)
            paths.append(path)
    return items, paths


def assert_same_paths(
    found: list[AlignmentPath], expected: list[AlignmentPath]
) -> None:
    """Compare all but the share of the lattice that was computed."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.frames.tolist() == other.frames.tolist()
        assert one.starts.tolist() == other.starts.tolist()
        assert one.ends.tolist() == other.ends.tolist()
        assert one.jumps == other.jumps
        assert one.score == other.score
        assert one.frames.dtype == one.starts.dtype == one.ends.dtype == np.int32
