"""Texts that cannot be read, do not follow their format, or have nothing to say."""

import codecs
import gzip

from tests.pipelines.bad_inputs.kinds import Bad

WORDS = "maji mengi na mvua ndogo"


def plain(name: str, text: bytes | str, reason: str, **more: str) -> Bad:
    content = text.encode() if isinstance(text, str) else text
    return Bad(name=name, stage="align", reason=reason, text=content, **more)


def marked(
    name: str, form: str, text: str | bytes, reason: str = "text_malformed"
) -> Bad:
    content = text.encode() if isinstance(text, str) else text
    return Bad(
        name=name, stage="align", reason=reason, text=content, endings={"text": form}
    )


def encodings() -> list[Bad]:
    """Return bytes that are not what they should be."""
    kinds = {
        "text-latin-1": "mañana será".encode("latin-1"),
        "text-windows-1252": "‘maji’ – mengi…".encode("cp1252"),
        "text-koi8": "вода много".encode("koi8-r"),
        "text-shift-jis": "水がたくさん".encode("shift-jis"),
        "text-gb18030": "水很多".encode("gb18030"),
        "text-overlong": b"maji \xc0\xaf mengi",
        "text-surrogate-bytes": b"maji \xed\xa0\x80 mengi",
        "text-stray-continuation": b"maji \x80 mengi",
        "text-half-a-letter": "maji mengi à".encode()[:-1],
        "text-beyond-unicode": b"maji \xf5\x80\x80\x80",
        "text-packed": gzip.compress(WORDS.encode() * 9),
        "text-utf-16-half-a-unit": codecs.BOM_UTF16_LE + WORDS.encode("utf-16-le")[:-1],
        "text-utf-16-lone-surrogate": codecs.BOM_UTF16_BE + b"\xd8\x00\x00a",
    }
    nul = {
        "text-utf-16-without-mark": WORDS.encode("utf-16-le"),
        "text-utf-32": codecs.BOM_UTF32_LE + WORDS.encode("utf-32-le"),
        "text-with-nul": WORDS + "\0" + WORDS,
        "text-of-nuls": bytes(500),
    }
    return [
        *(plain(name, data, "text_unreadable") for name, data in kinds.items()),
        *(plain(name, data, "text_malformed") for name, data in nul.items()),
    ]


def nothing_to_say() -> list[Bad]:
    """Return texts without a letter to align."""
    kinds = {
        "text-empty": "",
        "text-blank": " \n\t\n \r\n",
        "text-mark-alone": codecs.BOM_UTF8,
        "text-punctuation": "—\n…\n!?\n",
        "text-notes": "♪ ♪\n",
        "text-emoji": "😀😀\n🙏\n",
        "text-direction-marks": "\u202e\u202d\u2066\u2069\n\u200e\u200f",
        "text-zero-width": "\u200b\u200c\u200d\ufeff\n",
        "text-combining-marks": "\u0301\u0302\u0303\n",
        "text-soft-hyphens": "\u00ad\u00ad\n",
        "text-variation-selectors": "\ufe0f\ufe0e\n",
        "text-replacement-characters": "\ufffd\ufffd\n",
    }
    tables = {
        "tsv-header-alone": ("tsv", "verse\ttext\n"),
        "tsv-empty-verses": ("tsv", "1\t\n2\t \n"),
        "vpl-empty-verses": ("vpl", "MAT 1:1\nMAT 1:2 \n"),
        "vpl-blank": ("vpl", "\n\n"),
        "usfm-blank": ("usfm", "\n \n"),
        "usfm-empty-verses": ("usfm", "\\id MAT\n\\c 1\n\\p\n\\v 1\n\\v 2\n"),
        "usfm-headings-alone": ("usfm", "\\id MAT\n\\c 1\n\\s Maji\n\\s Mvua\n"),
        "usfm-footnotes-alone": (
            "usfm", "\\id MAT\n\\c 1\n\\p\n\\v 1 \\f + \\ft maji\\f*\n"
        ),
        "usfm-no-chapter": ("usfm", "\\id MAT\n\\h Maji\n"),
        "usx-blank": ("usx", " \n"),
        "usx-no-chapter": ("usx", '<usx><book code="MAT" style="id"/></usx>'),
        "usx-empty-verses": ("usx", usx('<verse number="1" style="v"/>')),
    }  # fmt: skip
    return [
        *(plain(name, text, "text_empty") for name, text in kinds.items()),
        *(marked(name, form, text, "text_empty")
          for name, (form, text) in tables.items()),
    ]  # fmt: skip


def lines() -> list[Bad]:
    """Return tables and lists whose lines are not as they should be."""
    tsv = {
        "tsv-one-column": "1 maji\n",
        "tsv-three-columns": "1\tmaji\tmengi\n",
        "tsv-later-line-broken": "1\tmaji\nmengi\n",
        "tsv-no-number": "1\tmaji\nx\tmengi\n",
        "tsv-number-of-a-book": "MAT 1:1\tmaji\n",
        "tsv-number-too-long": "1000\tmaji\n",
        "tsv-verse-again": "1\tmaji\n2\tmengi\n1\tmvua\n",
        "tsv-is-csv": "verse,text\n1,maji\n",
    }
    vpl = {
        "vpl-no-reference": "maji mengi\n",
        "vpl-no-verse": "MAT 1 maji\n",
        "vpl-verse-not-a-number": "MAT 1:x maji\n",
        "vpl-verse-again": "MAT 1:1 maji\nMAT 1:2 mengi\nMAT 1:1 mvua\n",
        "vpl-chapter-absent": "MAT 2:1 maji\n",
        "vpl-book-absent": "LUK 1:1 maji\n",
        "vpl-is-tsv": "1\tmaji\n",
    }
    two_books = marked("vpl-two-books", "vpl", "LUK 1:1 maji\nMRK 1:1 mvua\n")
    unnamed = dict(two_books.cells, book="", chapter="1")
    return [
        plain("text-line-too-long", "maji " * 20_001, "text_malformed"),
        plain("text-too-large", WORDS.encode() * 800_000, "source_too_large"),
        plain("text-begins-with-range", "<range>\nmaji\n", "text_malformed"),
        plain("text-too-long-for-sound", f"{WORDS} {WORDS}\n" * 60,
              "alignment_infeasible"),
        *(marked(name, "tsv", text) for name, text in tsv.items()),
        *(marked(name, "vpl", text) for name, text in vpl.items()),
        Bad(name="vpl-no-book-named", stage="align", reason="text_malformed",
            text=two_books.text, endings={"text": "vpl"}, cells=unnamed),
    ]  # fmt: skip


def usfm() -> list[Bad]:
    """Return USFM with markers that are missing, wrong, or never closed."""
    start = "\\id MAT\n\\c 1\n\\p\n"
    nested = "".join(f"\\+nd {word} " for word in WORDS.split() * 20)
    kinds = {
        "usfm-no-id": "\\c 1\n\\p\n\\v 1 maji\n",
        "usfm-no-markers": "no markers here, and no chapter\n",
        "usfm-web-page": "<!DOCTYPE html><p>maji</p>\n",
        "usfm-verse-before-chapter": "\\id MAT\n\\p\n\\v 1 maji\n",
        "usfm-verse-no-number": start + "\\v maji mengi\n",
        "usfm-verse-number-wrong": start + "\\v 1_2 maji\n",
        "usfm-verse-too-high": start + "\\v 1000 maji\n",
        "usfm-verse-again": start + "\\v 1 maji\n\\v 2 mvua\n\\v 1 maji\n",
        "usfm-chapter-not-a-number": "\\id MAT\n\\c moja\n\\p\n\\v 1 maji\n",
        "usfm-chapter-absent": "\\id MAT\n\\c 2\n\\p\n\\v 1 maji\n",
        "usfm-book-absent": "\\id LUK\n\\c 1\n\\p\n\\v 1 maji\n",
        "usfm-bare-backslash": start + "\\v 1 maji \\ mengi\n",
        "usfm-unknown-marker": start + "\\v 1 maji \\unheard mengi\n",
        "usfm-note-not-closed": start + "\\v 1 maji \\f + \\ft mvua\n\\v 2 mengi\n",
        "usfm-attributes-not-closed": start + '\\v 1 \\w maji|lemma="ji" mengi\n',
        "usfm-milestone-not-closed": start + '\\v 1 maji \\qt-s |sid="a" mengi\n',
        "usfm-nested-too-deep": start + f"\\v 1 \\nd {nested}\n",
        "usfm-is-usx": '<?xml version="1.0"?><usx/>\n',
        "usfm-chapter-again": start + "\\v 1 a\n\\v 2 b\n\\c 1\n\\p\n\\v 1 c\n",
    }
    return [marked(name, "usfm", text) for name, text in kinds.items()]


def usx(inside: str, chapter: str = "1") -> str:
    return (
        '<usx version="3.0"><book code="MAT" style="id"/>'
        f'<chapter number="{chapter}" style="c"/><para style="p">{inside}</para></usx>'
    )


def billion_laughs(depth: int = 12) -> str:
    entities = '<!ENTITY a0 "maji ">'
    for level in range(1, depth):
        entities += f'<!ENTITY a{level} "{f"&a{level - 1};" * 10}">'
    verse = f'<verse number="1" style="v"/>&a{depth - 1};'
    return f"<!DOCTYPE usx [{entities}]>{usx(verse)}"


def xml() -> list[Bad]:
    """Return USX that is no XML, no USX, or made to do harm."""
    verse = '<verse number="{}" style="v"/>maji '
    one = verse.format(1)
    quadratic = f'<!DOCTYPE usx [<!ENTITY a "{"maji " * 20_000}">]>'
    kinds = {
        "usx-billion-laughs": billion_laughs(),
        "usx-quadratic-entity": quadratic + usx(one + "&a;" * 20_000),
        "usx-file-of-the-machine": (
            '<!DOCTYPE usx [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
            + usx(one + "&a;")
        ),
        "usx-from-the-network": (
            '<!DOCTYPE usx SYSTEM "http://127.0.0.1:9/usx.dtd">' + usx(one)
        ),
        "usx-doctype-alone": "<!DOCTYPE usx>" + usx(one),
        "usx-undefined-entity": usx(one + "&maji;"),
        "usx-words": "maji mengi",
        "usx-web-page": "<html><body><p>maji</p></body></html>",
        "usx-other-root": "<osis><verse>maji</verse></osis>",
        "usx-broken-off": usx(one * 9)[:-40],
        "usx-not-closed": usx(one + "<char style='nd'>maji"),
        "usx-two-roots": usx(one) * 2,
        "usx-attribute-twice": usx('<verse number="1" number="2" style="v"/>maji'),
        "usx-attribute-unquoted": usx("<verse number=1/>maji"),
        "usx-nul-reference": usx(one + "&#0;"),
        "usx-control-character": usx(one + "\x01"),
        "usx-deep": usx("<char style='nd'>" * 5_000 + "maji" + "</char>" * 5_000),
        "usx-no-style": usx("<char>maji</char>"),
        "usx-no-book-code": '<usx><book style="id"/></usx>',
        "usx-verse-no-number": usx('<verse style="v"/>maji'),
        "usx-verse-wrong": usx(verse.format("x")),
        "usx-verse-again": usx(verse.format(1) + verse.format(2) + verse.format(1)),
        "usx-chapter-wrong": usx(one, chapter="moja"),
        "usx-chapter-absent": usx(one, chapter="2"),
        "usx-verse-before-chapter": (
            f'<usx><book code="MAT" style="id"/><para style="p">{one}</para></usx>'
        ),
        "usx-is-usfm": "\\id MAT\n\\c 1\n\\p\n\\v 1 maji\n",
    }
    return [marked(name, "usx", text) for name, text in kinds.items()]


def bad_texts() -> list[Bad]:
    return [*encodings(), *nothing_to_say(), *lines(), *usfm(), *xml()]
