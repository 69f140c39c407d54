"""Alignments in the store: what goes in comes out, and damage is noticed."""

import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.alignment_file import dump_alignment, load_alignment
from schemas.alignment import ChapterAlignment
from schemas.errors import ArtifactError
from tests.builders import Spoken, make_chapter, spoken

numbers = st.builds(
    Spoken,
    st.integers(0, 999).map(str),
    st.floats(0, 2),
    st.floats(0.05, 2),
    st.just(True),
)
words = st.builds(
    Spoken,
    st.text("aä'яक ", min_size=1, max_size=5).filter(str.strip).map(str.strip),
    st.floats(0, 2),
    st.floats(0.05, 2),
)
verses = st.lists(st.lists(numbers | words, max_size=4), min_size=1, max_size=4)

CHAPTER = make_chapter([spoken("maji mengi"), [], [Spoken("12", is_number=True)]])


def _plain(alignment: ChapterAlignment) -> dict:
    """Return all fields so that equal ones compare equal, NaN included."""

    def told(value):
        if isinstance(value, dict):
            return {key: told(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [told(item) for item in value]
        if isinstance(value, np.ndarray):
            return value.dtype.str, value.shape, value.tobytes()
        if isinstance(value, float) and math.isnan(value):
            return "NaN"
        return value

    return told(asdict(alignment))


@given(verses, st.floats(0, 3))
def test_an_alignment_comes_back_as_it_was(verses, title_sec):
    if not verses[0]:
        verses = [[Spoken("a")], *verses]
    alignment = make_chapter(verses, title_sec=title_sec)
    data = dump_alignment(alignment)
    loaded = load_alignment(data)
    assert _plain(loaded) == _plain(alignment)
    assert dump_alignment(loaded) == data


def test_equal_alignments_give_equal_bytes_and_others_do_not():
    assert dump_alignment(CHAPTER) == dump_alignment(replace(CHAPTER))
    assert dump_alignment(CHAPTER) != dump_alignment(replace(CHAPTER, model="other"))


@given(st.data())
def test_damage_is_noticed_or_does_not_matter(data):
    whole = dump_alignment(CHAPTER)
    at = data.draw(st.integers(0, len(whole) - 1), label="at")
    if data.draw(st.booleans(), label="cut"):
        damaged = whole[:at]
    else:
        flipped = whole[at] ^ data.draw(st.integers(1, 255), label="flipped")
        damaged = whole[:at] + bytes([flipped]) + whole[at + 1 :]
    try:
        loaded = load_alignment(damaged, "store/align/x.npz")
    except ArtifactError as error:
        assert str(error).startswith("store/align/x.npz: ")
        assert "delete it" in str(error)
    else:
        assert _plain(loaded) == _plain(CHAPTER)


@pytest.mark.parametrize("data", [b"", b"\x80\x04K\x01.", b"PK\x03\x04", b"{}"])
def test_other_files_are_refused(data):
    with pytest.raises(ArtifactError, match="damaged"):
        load_alignment(data)


def test_another_version_is_refused():
    data = dump_alignment(CHAPTER)
    import pipelines.alignment_file as module

    other = pytest.MonkeyPatch()
    with other.context() as patch:
        patch.setattr(module, "FORMAT", "pericope-alignment/0")
        with pytest.raises(ArtifactError, match="pericope-alignment/0"):
            load_alignment(data)
