"""Swapped files, found before anything is aligned."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipelines.checking import Finding, counts_of
from tests.pipelines.corpora import Speech, states, write_corpus


def swapped_rows(speech: Speech) -> list[dict[str, str]]:
    """Return the manifest with the texts of two recordings changed over."""
    mark, luke, john = speech.rows()
    texts = [(row["text"], row["text_format"]) for row in (luke, mark)]
    for row, (text, text_format) in zip((mark, luke), texts, strict=True):
        row.update(text=text, text_format=text_format)
    return [mark, luke, john]


def verdicts(out: str) -> Mapping[str, str]:
    return {row["recording_id"]: row["verdict"] for row in json.loads(out)}


@pytest.fixture
def swapped(speech: Speech, tmp_path: Path) -> Path:
    return write_corpus(tmp_path, speech, swapped_rows(speech))


def test_recordings_that_read_their_own_text_are_left_in_peace(
    speech, command, tmp_path
):
    toml = write_corpus(tmp_path, speech, speech.rows(unlabeled=["swh-luk-001"]))
    done = command("check", toml, "--json")
    assert (done.status, done.err) == (0, "")
    assert verdicts(done.out) == {"swh-mrk-001": "own", "rus-jhn-001": "own"}
    for row in json.loads(done.out):
        assert set(row) == set(Finding.__dataclass_fields__)
        assert row["own_fit"] > 4
        assert (row["likely_recording"], row["message"]) == ("", "")
    told = command("check", toml)
    assert told.out == "2 own, 0 other_chapter, 0 other_text, 0 unsure, 0 unusable\n"
    assert "swh-mrk-001" in command("check", toml, "--all").out


def test_of_swapped_files_each_is_told_the_others_name(swapped, command):
    done = command("check", swapped, "--json", "--workers", 2)
    assert done.status == 3
    rows = {row["recording_id"]: row for row in json.loads(done.out)}
    assert rows["rus-jhn-001"]["verdict"] == "own"
    for name, other, book in (("mrk", "luk", "LUK"), ("luk", "mrk", "MRK")):
        row = rows[f"swh-{name}-001"]
        assert row["verdict"] == "other_chapter"
        assert row["likely_recording"] == f"swh-{other}-001"
        assert (row["likely_language"], row["likely_book"]) == ("swh", book)
        assert row["likely_chapter"] == 1
        assert row["likely_gain"] > 3.5 > row["own_fit"]
        assert f"heard that of swh-{other}-001" in row["message"]
    told = command("check", swapped)
    assert "1 own, 2 other_chapter, 0 other_text, 0 unsure, 0 unusable" in told.out
    assert "swh-luk-001" in told.out
    assert "rus-jhn-001" not in told.out


def test_a_text_of_another_language_is_no_text_of_the_recording(
    speech, command, tmp_path
):
    mark, _, john = speech.rows()
    john.update(text=mark["text"], text_format=mark["text_format"])
    toml = write_corpus(tmp_path, speech, [mark, john])
    done = command("check", toml, "--json")
    assert done.status == 3
    assert verdicts(done.out) == {"swh-mrk-001": "own", "rus-jhn-001": "other_text"}
    message = json.loads(done.out)[1]["message"]
    assert "heard none that the manifest names" in message


def test_what_was_found_is_not_looked_for_again(swapped, command):
    first = command("check", swapped, "--json")
    before = states(swapped.parent / "corpus" / "store" / "identity")
    assert len(before) > 3
    again = command("check", swapped, "--json")
    assert again == first
    assert states(swapped.parent / "corpus" / "store" / "identity") == before


def test_a_changed_text_is_judged_anew(speech, command, tmp_path):
    toml = write_corpus(tmp_path, speech, speech.rows())
    assert set(verdicts(command("check", toml, "--json").out).values()) == {"own"}
    path = tmp_path / speech.row("rus-jhn-001")["text"]
    lines = path.read_text().splitlines()
    words = " ".join(" ".join(line.split()[2:]) for line in lines[3:]).split()
    path.write_text("\n".join([*lines[:3], f"\\v 1 {' '.join(reversed(words))}"]))
    found = verdicts(command("check", toml, "--json").out)
    assert found["swh-mrk-001"] == "own"
    assert found["rus-jhn-001"] == "other_text"


def test_what_cannot_be_had_is_told(speech, command, tmp_path):
    mark, luke, _ = speech.rows()
    rows = [{**luke, "language": "xx"}, mark, {**luke, "audio": "audio/no.mp3"}]
    rows[0]["recording_id"] = "other"
    toml = write_corpus(tmp_path, speech, rows)
    done = command("check", toml, "--json")
    assert done.status == 3
    _, missing, unreadable = json.loads(done.out)
    assert missing["verdict"] == unreadable["verdict"] == "unusable"
    assert missing["message"].startswith("source_missing: ")
    assert unreadable["message"].startswith("language_unknown: ")


def test_every_verdict_is_counted():
    finding = Finding(
        recording_id="a", language="eng", book="", chapter=0, verdict="own"
    )
    assert counts_of([finding, finding]) == {
        "own": 2, "other_chapter": 0, "other_text": 0, "unsure": 0, "unusable": 0,
    }  # fmt: skip
