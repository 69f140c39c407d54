"""The truth on disk: back as it was, or refused with the reason."""

import json
import math
from dataclasses import replace

import pytest

from pipelines.synth.truth import (
    FORMAT,
    ChapterTruth,
    TruthExtra,
    TruthVerse,
    TruthWord,
    read_truth,
    write_truth,
)
from schemas.errors import TimingMalformed

VERSES = (
    TruthVerse(
        "1",
        "Мокрый «кот» 25.",
        "once",
        1.5,
        3.25,
        (
            TruthWord(0, 6, 1.5, 2.0),
            TruthWord(8, 11, 2.0, 2.125),
            TruthWord(13, 15, 2.5, 3.25, True),
        ),
        "ru+m3",
    ),
    TruthVerse("2", "Ушёл.", "never", math.nan, math.nan, ()),
)
TRUTH = ChapterTruth(
    recording_id="rec-1",
    language="rus",
    duration_sec=4.0,
    options={"minutes": 0.1, "voices": ["m3"], "title": True, "noise_db": None},
    verses=VERSES,
    extras=(TruthExtra("title", "Кот", 0.25, 1.0),),
)


def written(path, document) -> object:
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_round_trip(tmp_path):
    path = tmp_path / "truth.json"
    write_truth(TRUTH, path)
    back = read_truth(path)
    assert math.isnan(back.verses[1].start_sec)
    assert math.isnan(back.verses[1].end_sec)
    known = replace(back, verses=(back.verses[0], VERSES[1]))
    assert known == TRUTH
    again = tmp_path / "again.json"
    write_truth(back, again)
    assert again.read_bytes() == path.read_bytes()


def test_the_file_is_plain_json_in_utf_8(tmp_path):
    path = tmp_path / "truth.json"
    write_truth(TRUTH, path)
    document = json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert document["format"] == FORMAT
    assert document["verses"][1]["start_sec"] is None
    assert document["verses"][0]["text"] == VERSES[0].text
    assert document["options"]["noise_db"] is None


def changed(*place: str | int, to: object) -> dict:
    """The document with one value changed."""
    document = json.loads(
        json.dumps(
            {
                "format": FORMAT,
                "recording_id": "r",
                "language": "rus",
                "duration_sec": 4.0,
                "options": {},
                "verses": [
                    {
                        "number": "1",
                        "text": "Мокрый кот.",
                        "read": "once",
                        "start_sec": 1.5,
                        "end_sec": 3.0,
                        "voice": "",
                        "words": [
                            {
                                "char_start": 0,
                                "char_end": 6,
                                "start_sec": 1.5,
                                "end_sec": 2.0,
                                "is_number": False,
                            },
                            {
                                "char_start": 7,
                                "char_end": 10,
                                "start_sec": 2.0,
                                "end_sec": 3.0,
                                "is_number": False,
                            },
                        ],
                    }
                ],
                "extras": [
                    {"kind": "title", "text": "К", "start_sec": 0.1, "end_sec": 1.0}
                ],
            }
        )
    )
    owner = document
    for step in place[:-1]:
        owner = owner[step]
    if to is ...:
        del owner[place[-1]]
    else:
        owner[place[-1]] = to
    return document


WORD = ("verses", 0, "words", 1)


def test_what_is_changed_below_is_right_to_begin_with(tmp_path):
    truth = read_truth(written(tmp_path / "t.json", changed("language", to="swh")))
    assert truth.verses[0].words[1] == TruthWord(7, 10, 2.0, 3.0)


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (changed("format", to="pericope-truth/9"), "format"),
        (changed("verses", to=...), "verses"),
        (changed("verses", to={}), "verses"),
        (changed("surprise", to=1), "surprise"),
        (changed("duration_sec", to="4"), "duration_sec"),
        (changed("verses", 0, "read", to="thrice"), "read"),
        (changed("verses", 0, "number", to=1), "number"),
        (changed(*WORD, "start_sec", to=None), "start_sec"),
        (changed(*WORD, "start_sec", to="2.0"), "start_sec"),
        (changed(*WORD, "start_sec", to=math.nan), "got nan"),
        (changed(*WORD, "end_sec", to=math.inf), "got 2.0 and inf"),
        (changed(*WORD, "end_sec", to=1.0), "start_sec <= end_sec"),
        (changed(*WORD, "start_sec", to=1.75), "one after another"),
        (changed(*WORD, "char_start", to=3), "one after another"),
        (changed(*WORD, "char_end", to=99), "within the text of 11"),
        (changed(*WORD, "char_end", to=7), "within the text"),
        (changed("verses", 0, "words", 0, "start_sec", to=-1.0), "0 <= start_sec"),
        (changed("verses", 0, "words", 0, "surprise", to=1), "surprise"),
        (changed("extras", 0, "end_sec", to=0.0), "title"),
        (changed("extras", 0, "kind", to=...), "kind"),
        ([], "the file"),
        ("text", "the file"),
    ],
)
def test_a_malformed_document_is_refused_with_the_place(document, told, tmp_path):
    with pytest.raises(TimingMalformed, match=told) as caught:
        read_truth(written(tmp_path / "times.json", document))
    assert "times.json" in str(caught.value)


@pytest.mark.parametrize(
    "octets",
    [b"", b"\xff\xfe{", b"<html></html>", b"[" * 100_000, b'{"format": ', b"\x00" * 9],
    ids=["empty", "not utf-8", "html", "deep", "cut off", "zeros"],
)
def test_what_is_no_json_is_refused(octets, tmp_path):
    path = tmp_path / "times.json"
    path.write_bytes(octets)
    with pytest.raises(TimingMalformed, match=r"times\.json: expected word times"):
        read_truth(path)
