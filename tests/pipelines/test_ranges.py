from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ranges import _BLOCK_BYTES, _GAP_BYTES, Piece, _joined, read_pieces

CONTENT = bytes(range(256)) * 4000  # some gaps are bridged in it, and some are not
places = st.tuples(
    st.sampled_from("ab"), st.integers(0, len(CONTENT)), st.integers(0, 9000)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("ranges")
    for name in "ab":
        (folder / name).write_bytes(CONTENT)
    return folder


@given(wanted=st.lists(places, max_size=200))
def test_pieces_are_those_of_the_files(folder, wanted):
    pieces = [Piece(f"{folder}/{name}", at, length) for name, at, length in wanted]
    expected = [CONTENT[at : at + length] for _, at, length in wanted]
    assert list(read_pieces(pieces)) == expected


def test_neighbours_are_read_together_within_bounds():
    near = [Piece("a", at, 1000) for at in range(0, 50_000, 1000)]
    assert len(_joined(near)[1]) == 1
    far = [Piece("a", at * (_GAP_BYTES + 1001), 1000) for at in range(5)]
    assert len(_joined(far)[1]) == 5
    large = [Piece("a", at * 2**20, 2**20) for at in range(30)]
    blocks = _joined(large)[1]
    assert max(block.end - block.start for block in blocks) == _BLOCK_BYTES


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        list(read_pieces([Piece(str(tmp_path / "none"), 0, 1)]))
