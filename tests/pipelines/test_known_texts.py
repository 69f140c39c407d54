"""Which texts a recording is held against, and in which order."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipelines import known_texts
from pipelines.context import RunContext
from pipelines.criteria import Criteria
from pipelines.known_texts import candidates, known_text, store_texts
from pipelines.store import Store
from schemas.source import Recording


def recording(name: str, text: str = "a.txt") -> Recording:
    """Name a recording by language, book and chapter."""
    language, book, chapter = name.split("-")
    return Recording(
        recording_id=name, language=language, book=book, chapter=int(chapter),
        audio="a.mp3", text=text,
    )  # fmt: skip


def context_of(folder: Path, recordings: list[Recording]) -> RunContext:
    return RunContext(
        output=str(folder), model_name="bundled", model_fingerprint="f",
        criteria=Criteria(()),
        known_texts=store_texts(recordings, Store(str(folder))),
    )  # fmt: skip


NAMES = ("swh-MRK-1", "swh-MRK-2", "swh-LUK-1", "zul-LUK-2", "zul-MRK-3", "zul-MRK-2",
         "xho-MRK-2")  # fmt: skip


def test_the_book_comes_first_then_the_language_then_others(tmp_path):
    rows = [recording(name) for name in NAMES]
    unlabeled = replace(recording("swh-MRK-9"), text=None)
    context = context_of(tmp_path, [*rows, unlabeled])
    found = [[r.recording_id for r in ring] for ring in candidates(rows[1], context)]
    assert found == [
        ["swh-MRK-1", "swh-MRK-2"],
        ["swh-LUK-1"],
        ["xho-MRK-2", "zul-MRK-2", "zul-MRK-3", "zul-LUK-2"],
    ]
    (first, *_) = candidates(rows[1], context)
    assert first[1] == replace(rows[1], audio="")


def test_not_more_texts_than_are_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(known_texts, "MOST_TEXTS", 2)
    rows = [recording(name) for name in NAMES]
    rings = list(candidates(rows[1], context_of(tmp_path, rows)))
    assert [len(ring) for ring in rings] == [2, 1, 2]
    assert {r.chapter for r in rings[2]} == {2}


def test_the_list_is_the_same_in_any_order(tmp_path):
    rows = [recording(name) for name in NAMES]
    store = Store(str(tmp_path))
    assert store_texts(rows, store) == store_texts(rows[::-1], store)
    assert store_texts(rows, store) != store_texts(rows[1:], store)


def test_an_address_with_a_secret_is_not_written_down(tmp_path):
    address = "https://reader:secret@example.org/a.txt"
    rows = [recording("swh-MRK-1"), recording("swh-MRK-2", address)]
    (ring, *_) = candidates(rows[1], context_of(tmp_path, rows))
    assert [r.recording_id for r in ring] == ["swh-MRK-1"]
    for path in tmp_path.rglob("*.json"):
        assert "secret" not in path.read_text()


def test_a_text_is_read_again_when_it_has_changed(tmp_path):
    path = tmp_path / "a.txt"
    row = recording("swh-MRK-1", str(path))
    context = context_of(tmp_path / "corpus", [row])
    path.write_text("Simba na tembo.\n")
    first = known_text(row, context)
    assert first is not None
    assert len(first.letters.tokens) == len("simbanatembo")
    assert known_text(row, context) is first
    path.write_text("Simba.\n")
    second = known_text(row, context)
    assert second is not None
    assert len(second.letters.tokens) == len("simba")
    assert second.digest != first.digest


@pytest.mark.parametrize("written", [None, "", "1 2 3\n"])
def test_a_text_that_cannot_be_used_is_no_candidate(tmp_path, written):
    path = tmp_path / "a.txt"
    if written is not None:
        path.write_text(written)
    row = recording("swh-MRK-1", str(path))
    assert known_text(row, context_of(tmp_path / "corpus", [row])) is None
