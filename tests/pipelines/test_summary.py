"""The table at the end of a run."""

import io

import pytest
from rich.console import Console

from pipelines.ledger import rejected_ledger
from pipelines.summary import (
    LanguageSummary,
    dropped_lines,
    reading_lines,
    summarise,
    summary_table,
)
from pipelines.tables import read_ledger, read_segments, write_rows
from schemas.alignment import EventKind, ReadingEvent
from schemas.alignment_row import AlignmentRow
from schemas.errors import ArtifactError
from schemas.segment import Fate, LedgerEntry, Reject
from schemas.tables import (
    ALIGNMENT_TABLE,
    LEDGER_TABLE,
    REJECT_TABLE,
    SEGMENT_TABLE,
)
from tests.builders import NAN, make_chapter, make_segment, spoken

HOUR_SEC = 3600.0


@pytest.fixture
def root(tmp_path):
    """Two recordings in Swahili, one of them rejected; a reject without language."""
    root = str(tmp_path)
    ledger = [
        LedgerEntry("a", "swh", 0, HOUR_SEC / 2, Fate.LABELED),
        LedgerEntry("a", "swh", HOUR_SEC / 2, HOUR_SEC, Fate.DROPPED, "pause"),
        LedgerEntry("a", "swh", HOUR_SEC, 1.5 * HOUR_SEC, Fate.UNLABELED),
        *rejected_ledger("b", "swh", HOUR_SEC, "text_empty"),
    ]
    segments = [
        make_segment(0, 4, score=-0.5),
        make_segment(4, 8, score=-0.1),
        make_segment(8, 12, score=NAN),
        make_segment(12, 16, score=-0.2),
    ]
    rejects = [
        Reject("align", "b", "text_empty", "nothing to read", "swh"),
        Reject("manifest", "row 7", "language_unknown", "xx?"),
    ]
    write_rows(root, LEDGER_TABLE, ledger, "swh")
    write_rows(root, SEGMENT_TABLE, segments, "swh")
    write_rows(root, REJECT_TABLE, rejects)
    kinds = (EventKind.ASIDE, EventKind.OMITTED, EventKind.ASIDE)
    alignment = AlignmentRow(
        recording_id="a", language="swh", book="MRK", chapter=1, model="", digest="",
        verse=make_chapter([spoken("kuku na mti")]).verses[0],
        events=tuple(ReadingEvent(kind, "1", 0.0, 0.0) for kind in kinds),
    )  # fmt: skip
    write_rows(root, ALIGNMENT_TABLE, [alignment], "swh")
    return root


def shown(rows) -> str:
    file = io.StringIO()
    console = Console(file=file, width=80)
    console.print(summary_table(rows))
    return file.getvalue()


def test_hours_by_fate_and_language(root):
    nobody, swahili = summarise(root)
    assert nobody == LanguageSummary("", rejects=1)
    assert swahili.language == "swh"
    assert (swahili.recordings, swahili.rejects, swahili.segments) == (2, 1, 4)
    assert swahili.labeled_hours == pytest.approx(0.5)
    assert swahili.unlabeled_hours == pytest.approx(0.5)
    assert swahili.dropped_hours == {
        "pause": pytest.approx(0.5),
        "rejected:text_empty": pytest.approx(1.0),
    }
    assert swahili.hours == pytest.approx(2.5)
    assert swahili.median_score == pytest.approx(-0.2)  # the one without is left out


def test_the_table_fits_and_ends_with_the_sum(root):
    lines = shown(summarise(root)).splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.split()[0] for line in lines] == ["language", "?", "swh", "all"]
    assert lines[-1].split() == "all 2 2 2.50 0.50 0.50 1.50 4".split()
    assert lines[2].split()[-1] == "-0.20"


def test_a_single_language_has_no_sum(root):
    rows = [row for row in summarise(root) if row.language]
    assert "all" not in shown(rows)


def test_why_is_told_by_weight_in_minutes(root):
    assert dropped_lines(summarise(root)) == [
        "  swh: rejected:text_empty 60.0 min, pause 30.0 min"
    ]


def test_readers_who_differ_from_the_text_are_counted(root):
    assert reading_lines(summarise(root)) == ["  swh: 2 aside, 1 omitted"]


def test_a_folder_without_tables_is_no_corpus(tmp_path):
    with pytest.raises(ArtifactError, match="expected the table, found none; run"):
        summarise(str(tmp_path))


def test_a_corpus_of_rejects_alone_has_no_hours(tmp_path):
    write_rows(str(tmp_path), REJECT_TABLE, [Reject("fetch", "a", "x", "", "swh")])
    (row,) = summarise(str(tmp_path))
    assert (row.language, row.rejects, row.hours) == ("swh", 1, 0)


def test_a_finished_corpus_adds_up(finished):
    rows = summarise(str(finished))
    ledger = list(read_ledger(str(finished)))
    total = sum(entry.end_sec - entry.start_sec for entry in ledger) / HOUR_SEC
    assert sum(row.hours for row in rows) == pytest.approx(total)
    segments = len(list(read_segments(str(finished))))
    assert sum(row.segments for row in rows) == segments
    assert [row.language for row in rows] == ["rus", "swh"]
    assert all(row.median_score is not None for row in rows)
