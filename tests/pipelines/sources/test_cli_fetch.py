"""``pericope fetch`` from a server like Bible Brain's, and ``run`` on what it wrote."""

import csv
import json
import re
from pathlib import Path

import pytest

from pipelines.alone import alone_in
from pipelines.cli_fetch import _split
from pipelines.config import load_config
from pipelines.manifest import read_manifest
from pipelines.tables import read_segments
from pipelines.texts import read_chapter
from schemas.errors import ConfigError
from tests.pipelines.corpora import SMALL_LANGUAGES
from tests.pipelines.sources.bible_brain_server import KEY, Bible, Book, answer_with

FILESETS = [
    {"id": "SWHABCN1DA", "type": "audio", "size": "NTP"},
    {"id": "SWHABC", "type": "text_plain", "size": "NTP"},
]
ARGUMENTS = ("dbp:SWHABC", "--retries", "0", "--quiet")


@pytest.fixture
def bible(bible_brain, speech) -> Bible:
    """Mark and Luke as they are spoken in ``speech``."""
    recordings = {"MRK": "swh-mrk-001", "LUK": "swh-luk-001"}
    verses = [
        {"book_id": book, "chapter": 1, "verse_start": number, "verse_text": text}
        for book, name in recordings.items()
        for number, text in enumerate(speech.verses(name), start=1)
    ]
    audio = {book: speech.audio(name) for book, name in recordings.items()}
    books = [Book(book, {1: path.read_bytes()}) for book, path in audio.items()]
    bible = Bible(
        "SWHABC", "swh", FILESETS, books, plain={"SWHABC": verses},
        copyrights={"SWHABCN1DA": "CC BY 4.0"},
    )  # fmt: skip
    bible_brain.bibles = [bible]
    return bible


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_what_is_fetched_can_be_run(bible, bible_brain, command, tmp_path):
    out = tmp_path / "swahili bible"
    bible.books.pop()
    done = command("fetch", *ARGUMENTS, out, "--server", bible_brain.url)
    assert done.status == 0, done.err
    assert "CC BY 4.0" in done.out and "at hand: 1 recordings, 0.01 h" in done.out
    (row,) = rows(out / "recordings.csv")
    assert re.fullmatch(r"audio/SWHABCN1DA_MRK_001-[0-9a-f]{8}\.mp3", row["audio"])
    assert rows(out / "rejects.csv") == []
    toml = out / "corpus.toml"
    toml.write_text(toml.read_text() + SMALL_LANGUAGES)
    done = command("run", toml, "--runner", "plain", "--quiet")
    assert done.status == 0, done.err
    segments = list(read_segments(str(out / "corpus")))
    labeled = [segment for segment in segments if segment.text]
    assert {segment.recording_id for segment in labeled} == {"SWHABCN1DA_MRK_001"}
    assert {segment.licence for segment in labeled} == {"CC BY 4.0"}
    # The key is in nothing that was said or written.
    files = [path for path in out.rglob("*") if path.is_file()]
    assert all(KEY.encode() not in path.read_bytes() for path in files)
    assert KEY not in done.out + done.err


def test_the_list_alone_fetches_nothing(bible, bible_brain, command):
    done = command("fetch", *ARGUMENTS, "--server", bible_brain.url, "--list", "--json")
    assert done.status == 0
    told = json.loads(done.out)
    (row,) = told["stock"]
    assert (row["language"], row["recordings"], row["with_text"]) == ("swh", 2, 2)
    assert row["licence"] == "CC BY 4.0" and row["hours"] == 0.0114
    assert told["recordings"][0]["audio"].endswith(
        "?Expires=1&Signature=***&Key-Pair-Id=APK"
    )
    assert bible_brain.paths("/audio/") == []
    done = command("fetch", *ARGUMENTS, "--server", bible_brain.url, "--plan")
    assert done.status == 0 and "0.01" in done.out


def test_what_cannot_be_had_is_named_and_the_rest_goes_on(
    bible, bible_brain, command, tmp_path
):
    path = "/audio/SWHABCN1DA/SWHABCN1DA_MRK_001.mp3"
    bible_brain.faults[path] = [answer_with(500), answer_with(500)]
    arguments = ("fetch", *ARGUMENTS, tmp_path, "--server", bible_brain.url)
    done = command(*arguments)
    assert done.status == 3
    (reject,) = rows(tmp_path / "rejects.csv")
    assert (reject["key"], reject["reason"]) == ("SWHABCN1DA_MRK_001", "fetch_failed")
    (row,) = rows(tmp_path / "recordings.csv")
    assert row["recording_id"] == "SWHABCN1DA_LUK_001"
    luke = "/audio/SWHABCN1DA/SWHABCN1DA_LUK_001.mp3"
    asked = bible_brain.paths(luke)
    done = command(*arguments, "--json")
    assert done.status == 0
    assert json.loads(done.out)["rejects"] == []
    assert len(rows(tmp_path / "recordings.csv")) == 2
    assert bible_brain.paths(luke) == asked  # what is there is not asked for again


def test_two_do_not_fetch_into_one_folder(bible, bible_brain, command, tmp_path):
    arguments = ("fetch", *ARGUMENTS, tmp_path, "--server", bible_brain.url)
    with alone_in(str(tmp_path)):
        done = command(*arguments)
    assert done.status == 2 and "another run is at work" in " ".join(done.err.split())
    assert list(tmp_path.iterdir()) == []
    left = tmp_path / "unpacked/b/.tmp-0123456789abcdef"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"of a run that was killed")
    assert command(*arguments).status == 0
    assert not left.exists()


def test_a_folder_filled_from_other_sources_is_not_emptied(
    bible, bible_brain, command, tmp_path
):
    arguments = ("fetch", *ARGUMENTS, tmp_path, "--server", bible_brain.url)
    assert command(*arguments).status == 0
    done = command(*arguments, "--books", "MRK")
    assert done.status == 2
    assert "has 1 recordings that these sources do not have" in done.err
    assert len(rows(tmp_path / "recordings.csv")) == 2


def test_local_files_stay_where_they_are(speech, command, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    audio = folder / f"SWHABCN1DA_B002_MRK_001{speech.audio('swh-mrk-001').suffix}"
    audio.write_bytes(speech.audio("swh-mrk-001").read_bytes())
    verses = speech.verses("swh-mrk-001")
    lines = [f"MAR 1:{number} {text}" for number, text in enumerate(verses, 1)]
    (folder / "swh_vpl.txt").write_text("\n".join(lines))
    out = tmp_path / "out"
    done = command("fetch", f"bible:{folder}", out, "--licence", "CC0-1.0")
    assert done.status == 0, done.err
    corpus = load_config(out / "corpus.toml").corpus
    manifest = read_manifest(Path(corpus.manifest), allow_outside=corpus.allow_outside)
    (recording,) = manifest.recordings
    assert recording.audio == str(audio) and recording.licence == "CC0-1.0"
    assert recording.text is not None
    assert Path(recording.text).parent == out / "text"
    read = read_chapter(recording.text, recording).verses
    assert [verse.text for verse in read] == verses


def test_wrong_usage_is_told_in_a_line(bible_brain, command, tmp_path, monkeypatch):
    monkeypatch.setenv("PERICOPE_DBP_KEY", "wrong-key-wrong")
    bible_brain.bibles = []
    done = command("fetch", *ARGUMENTS, tmp_path, "--server", bible_brain.url)
    assert done.status == 2 and "was refused" in " ".join(done.err.split())
    assert "wrong-key-wrong" not in done.out + done.err
    assert "Traceback" not in done.err
    with pytest.raises(ConfigError, match="the folder to fetch into"):
        _split(["bible:x"], only_list=False)
    for last in ("s3://bucket/x", "dbp:SWHABC", __file__):
        with pytest.raises(ConfigError, match="expected a local folder"):
            _split(["bible:x", last], only_list=False)
