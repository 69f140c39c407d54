"""Many small pieces out of few large files, by few requests."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pipelines.store import filesystem_of

# A request to a bucket costs as much time as some hundred kilobytes.
_GAP_BYTES = 2**17
_BLOCK_BYTES = 8 * 2**20
_AT_ONCE = 64


class Piece(NamedTuple):
    """Some bytes of a file."""

    uri: str
    offset: int
    length: int


@dataclass
class _Block:
    """Neighbouring pieces of a file, read together."""

    uri: str
    start: int
    end: int


def read_pieces(pieces: Sequence[Piece]) -> Iterator[bytes]:
    """Yield the bytes of each piece, in order; a few tens are in memory at a time.

    A piece that goes beyond the end of its file comes shorter.

    Raises:
      FileNotFoundError: a file is not there.
    """
    for first in range(0, len(pieces), _AT_ONCE):
        yield from _read(pieces[first : first + _AT_ONCE])


def _read(pieces: Sequence[Piece]) -> list[bytes]:
    block_of, blocks = _joined(pieces)
    if not blocks:
        return []
    filesystem, _ = filesystem_of(blocks[0].uri)
    found = filesystem.cat_ranges(
        [filesystem_of(block.uri)[1] for block in blocks],
        [block.start for block in blocks],
        [block.end for block in blocks],
        on_error="raise",
    )
    read = []
    for piece, number in zip(pieces, block_of, strict=True):
        start = piece.offset - blocks[number].start
        read.append(bytes(memoryview(found[number])[start : start + piece.length]))
    return read


def _joined(pieces: Sequence[Piece]) -> tuple[list[int], list[_Block]]:
    """Return the block of each piece, and the blocks."""
    block_of = [0] * len(pieces)
    blocks: list[_Block] = []
    for number in sorted(range(len(pieces)), key=lambda number: pieces[number]):
        uri, start, length = pieces[number]
        last = blocks[-1] if blocks else None
        if (
            last is not None
            and last.uri == uri
            and start <= last.end + _GAP_BYTES
            and start + length <= last.start + _BLOCK_BYTES
        ):
            last.end = max(last.end, start + length)
        else:
            blocks.append(_Block(uri, start, start + length))
        block_of[number] = len(blocks) - 1
    return block_of, blocks
