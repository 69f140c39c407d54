import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.audio_names import Verses, audio_name, fileset_of
from pipelines.sources.books import (
    NEW_TESTAMENT,
    OLD_TESTAMENT,
    book_of_code,
    book_of_name,
)

FILESETS = st.builds(
    "{}{}{}DA".format,
    st.text("ABYZ0129", min_size=6, max_size=6),
    st.sampled_from("NOP"),
    st.sampled_from("12"),
)


@pytest.mark.parametrize(
    ("stem", "book", "chapter"),
    [
        ("B01___01_Matthew_____ENGESVN2DA", "MAT", 1),
        ("B27___22_Revelation__ENGESVN2DA", "REV", 22),
        ("A19__119_Psalms______ENGESVO1DA", "PSA", 119),
        ("B07___13_1CorinthiansENGESVN1DA", "1CO", 13),
        ("B13___02_1ThessaloniaENGESVN1DA", "1TH", 2),
        ("B01___05_San_Mateo___SPNBDAN1DA", "MAT", 5),  # by its place
        ("A05___03_Joshua______HEBXYZO1DA", "JOS", 3),  # by its name, in another order
        ("ENGESVN2DA_B001_MAT_001", "MAT", 1),
        ("ENGESVN2DA16_B013_1TH_005", "1TH", 5),
        ("ENGESVN2DA_B009_EZE_005", "EZK", 5),
        ("yoOBYO17_GEN_003", "GEN", 3),
        ("haOSRK20_01_GEN_1", "GEN", 1),
        ("MRK01", "MRK", 1),
        ("eng-kjv_046_1CO_13_read", "1CO", 13),
        ("0141SA-07", "1SA", 7),
        ("mrk.chapter", None, 0),
        ("numbers_1", None, 0),  # NUM is part of a word
        ("B28___01_Nobody______ENGESVN2DA", None, 0),
        ("track07", None, 0),
    ],
)
def test_names_say_book_and_chapter(stem, book, chapter):
    name = audio_name(stem)
    if book is None:
        assert name is None
    else:
        assert name is not None
        assert (name.book, name.chapter) == (book, chapter)


def test_a_number_alone_is_of_the_folders_book():
    assert audio_name("003", "02_EXO") == audio_name("EXO_003")
    assert audio_name("003", "exodus") is None


@given(FILESETS, st.sampled_from(NEW_TESTAMENT), st.integers(1, 150))
def test_what_the_newer_pattern_writes_is_read(fileset, book, chapter):
    order = NEW_TESTAMENT.index(book) + 1
    name = audio_name(f"{fileset}_B{order:03d}_{book}_{chapter:03d}")
    assert name is not None and name.fileset is not None and name.verses is None
    assert (name.book, name.chapter) == (book, chapter)
    assert name.fileset == fileset_of(fileset)
    assert name.fileset.drama == (fileset[7] == "2")
    assert name.fileset.language == fileset[:3].lower()
    assert name.fileset.version == fileset[3:6]


@given(FILESETS, st.sampled_from(OLD_TESTAMENT), st.integers(1, 150))
def test_what_the_older_pattern_writes_is_read(fileset, book, chapter):
    order = OLD_TESTAMENT.index(book) + 1
    stem = f"A{order:02d}_".ljust(4, "_") + "_" + f"{chapter:02d}".rjust(3, "_")
    name = audio_name(f"{stem}_{'Kitabu':_<12}{fileset}")
    assert name is not None and name.fileset == fileset_of(fileset)
    assert (name.book, name.chapter) == (book, chapter)


def test_a_passage_has_its_verses():
    name = audio_name("IRUNLCP1DA_B013_1TH_001_003-002_010")
    assert name is not None and name.verses == Verses(3, 2, 10)
    assert name.is_of_chapters
    within = audio_name("IRUNLCP1DA_B013_1TH_001_003-001_010")
    assert within is not None and not within.is_of_chapters


def test_books_have_codes_and_names():
    assert book_of_code("joh") == "JHN" and book_of_code("XYZ") is None
    assert book_of_name("Song of Songs") == book_of_name("SongofSongs_") == "SNG"
    assert book_of_name("2 Thess") == "2TH"
