"""Reading chapters: what all formats share (files, encodings, choice of a chapter)."""

import pytest

from pipelines.texts import MAX_LINE_CHARS, MAX_TEXT_BYTES, read_chapter
from schemas.errors import (
    SourceMissing,
    SourceTooLarge,
    TextEmpty,
    TextMalformed,
    TextUnreadable,
)
from schemas.source import Chapter, Recording, TextFormat, Verse

VPL = "BOT 1:1 red\nBOT 1:2-3 blue\nBOT 1:4\nBOT 2:1 green\nSEA 1:1 grey\n"


@pytest.fixture
def read(tmp_path):
    """Write a file and read it as a recording's text."""

    def read_as(text, text_format="plain", book="", chapter=1) -> Chapter:
        path = tmp_path / "text.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_chapter(
            path,
            Recording(
                recording_id="rec-1",
                language="eng",
                audio="a.mp3",
                text_format=TextFormat(text_format),
                book=book,
                chapter=chapter,
            ),
        )

    return read_as


def numbered(chapter: Chapter) -> list[tuple[str, str]]:
    return [(verse.number, verse.text) for verse in chapter.verses]


def test_plain_numbers_the_lines_that_are_not_blank(read):
    chapter = read(
        "A red boat.\n\n \t\n  Two  oars. \nThe sea\n", book="BOT", chapter=4
    )
    assert chapter == Chapter(
        language="eng",
        book="BOT",
        chapter=4,
        verses=(
            Verse("1", "A red boat."),
            Verse("2", "Two  oars."),
            Verse("3", "The sea"),
        ),
    )


def test_plain_range_marks_make_bridges(read):
    text = "one\ntwo\n<range>\n<range>\nfive\n"
    assert numbered(read(text)) == [("1", "one"), ("2-4", "two"), ("5", "five")]
    with pytest.raises(TextMalformed, match=r"line 1: .*<range>"):
        read("<range>\none\n")


@pytest.mark.parametrize("header", ["", "verse\ttext\n", "\nNumber\tWords\n"])
def test_tsv_with_and_without_header(read, header):
    text = header + "1\tA boat\n2-3\tA sea\n4\t\n५\tA hill\n"
    assert numbered(read(text, "tsv")) == [
        ("1", "A boat"), ("2-3", "A sea"), ("4", ""), ("5", "A hill"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\tone\n2 two\n", "line 2: expected 2 columns .* got 1"),
        ("1\tone\ttwo\n", "line 1: expected 2 columns .* got 3"),
        ("1\tone\n\nx\ttwo\n", "line 3: expected a verse number .* got 'x'"),
        ("1:1\tone\n", "line 1: expected a verse number .* got '1:1'"),
        ("1\ta\n2\tb\n1\tc\n", "line 3: .* verse 1 again .first in line 1"),
    ],
)
def test_wrong_tsv_names_the_line(read, text, message):
    with pytest.raises(TextMalformed, match=f"^rec-1: text.txt: {message}"):
        read(text, "tsv")


def test_vpl_chooses_book_and_chapter(read):
    chapter = read(VPL, "vpl", "bot", 1)
    assert chapter.book == "BOT"
    assert numbered(chapter) == [("1", "red"), ("2-3", "blue"), ("4", "")]
    assert numbered(read(VPL, "vpl", "SEA", 1)) == [("1", "grey")]


def test_chapter_0_is_the_whole_book(read):
    chapter = read(VPL, "vpl", "BOT", 0)
    assert numbered(chapter) == [
        ("1:1", "red"), ("1:2-3", "blue"), ("1:4", ""), ("2:1", "green"),
    ]  # fmt: skip


def test_the_only_book_need_not_be_named(read):
    chapter = read("BOT 2:1 red\nBOT 2:2 blue\n", "vpl", "", 2)
    assert (chapter.book, len(chapter.verses)) == ("BOT", 2)


@pytest.mark.parametrize(
    ("book", "chapter", "message"),
    [
        ("BOT", 7, "expected BOT 7, got BOT 1-2; SEA 1"),
        ("HIL", 1, "expected HIL 1, got BOT 1-2; SEA 1"),
        ("HIL", 0, "expected HIL, got BOT 1-2; SEA 1"),
        ("", 1, "names no book: expected one, got BOT 1-2; SEA 1"),
    ],
)
def test_a_missing_book_or_chapter_is_told_with_what_there_is(
    read, book, chapter, message
):
    with pytest.raises(TextMalformed, match=message):
        read(VPL, "vpl", book, chapter)


@pytest.mark.parametrize("line", ["BOT 1.1 red", "red boat", "BOT 1:x red", "1:1 red"])
def test_wrong_vpl_names_the_line(read, line):
    with pytest.raises(TextMalformed, match="line 2: expected a verse such as"):
        read(f"BOT 1:1 one\n{line}\n", "vpl", "BOT")


def test_a_verse_that_goes_on_under_its_number_is_one(read):
    text = "BOT 1:1 red\nBOT 1:1 boat\nBOT 1:2 sea\n"
    assert numbered(read(text, "vpl")) == [("1", "red boat"), ("2", "sea")]
    with pytest.raises(TextMalformed, match=r"line 3: .*verse 1 again"):
        read("BOT 1:1 red\nBOT 1:2 sea\nBOT 1:1 boat\n", "vpl")


@pytest.mark.parametrize("text", ["", "\n \n", "\ufeff\n"])
@pytest.mark.parametrize("text_format", list(TextFormat))
def test_empty_text_in_every_format(read, text, text_format):
    with pytest.raises(TextEmpty, match=r"^rec-1: text\.txt: "):
        read(text, text_format)


def test_verses_without_any_text_are_empty(read):
    with pytest.raises(TextEmpty, match="got none in 2 verses"):
        read("1\t\n2\t \n", "tsv")


# Bytes


def test_byte_order_marks_are_taken_off(read):
    for encoding in ("utf-8-sig", "utf-16"):
        chapter = read("bâteau ٣\n海".encode(encoding))
        assert numbered(chapter) == [("1", "bâteau ٣"), ("2", "海")]
    big_endian = b"\xfe\xff" + "red\n".encode("utf-16-be")
    assert numbered(read(big_endian)) == [("1", "red")]


@pytest.mark.parametrize(
    ("data", "offset"),
    [
        (b"a red b\xe2teau\n", 7),
        (b"\xef\xbb\xbfred \xff", 7),
        (b"\xff\xfer\x00\x00\xd8r\x00", 4),
    ],
)
def test_undecodable_bytes_are_located(read, data, offset):
    with pytest.raises(TextUnreadable, match=rf"at offset {offset} .*save .* as UTF-8"):
        read(data)


def test_nul_characters_are_refused(read):
    with pytest.raises(TextMalformed, match="line 2: expected text, got a NUL"):
        read("red\nbl\0ue\n")
    with pytest.raises(TextMalformed, match="UTF-16 without a byte order mark"):
        read("red".encode("utf-16-le"))


def test_line_ends_of_every_kind(read):
    assert [v.text for v in read("a\r\nb\rc\nd").verses] == ["a", "b", "c", "d"]


def test_other_separators_of_unicode_stay_in_the_verse(read):
    assert read("a\u2028b\u0085c\u000bd\n").verses[0].text == "a\u2028b\u0085c\u000bd"


@pytest.mark.parametrize("text_format", ["plain", "tsv", "vpl", "usfm"])
def test_absurdly_long_lines_are_refused(read, text_format):
    with pytest.raises(TextMalformed, match=f"line 2: .* got {MAX_LINE_CHARS + 1}"):
        read("red\n" + "x" * (MAX_LINE_CHARS + 1), text_format)


def test_large_files_are_refused_before_they_are_read_whole(tmp_path):
    path = tmp_path / "large.txt"
    with path.open("wb") as file:
        file.truncate(MAX_TEXT_BYTES + 1)
    recording = Recording(recording_id="rec-1", language="eng", audio="a")
    with pytest.raises(SourceTooLarge, match=f"at most {MAX_TEXT_BYTES} bytes"):
        read_chapter(path, recording)


def test_missing_files_and_folders(tmp_path):
    recording = Recording(recording_id="rec-1", language="eng", audio="a")
    for path in (tmp_path / "none.txt", tmp_path, tmp_path / "none" / "x.txt"):
        with pytest.raises(SourceMissing, match=r"^rec-1: "):
            read_chapter(path, recording)
