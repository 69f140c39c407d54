from collections import Counter

import pytest

from pipelines.report.sums import sum_tables
from pipelines.tables import read_alignments, read_ledger
from schemas.segment import Fate
from tests.pipelines.report.built import HOSTILE, NUMBER, build_corpus


def test_sums_of_a_run_are_those_of_its_rows(finished):
    sums = sum_tables(str(finished), 3)
    entries = list(read_ledger(str(finished)))
    for code in ("rus", "swh"):
        own = [entry for entry in entries if entry.language == code]
        assert sums.recordings[code] == len({entry.recording for entry in own})
        counted = Counter((entry.fate, entry.reason) for entry in own)
        assert {(f.fate, f.reason): f.stretches for f in sums.fates[code]} == counted
        hours = sum(entry.end_sec - entry.start_sec for entry in own) / 3600
        assert sum(f.hours for f in sums.fates[code]) == pytest.approx(hours, abs=1e-5)
        rows = list(read_alignments(str(finished), code))
        kinds = Counter(event.kind for row in rows for event in row.events)
        assert {e.kind: e.count for e in sums.events.get(code, ())} == kinds
    assert sums.rejects == {}
    assert sums.languages == ("rus", "swh")


def test_fates_come_in_their_order_and_the_longest_reason_first(tmp_path):
    build_corpus(tmp_path / "c", sound=False)
    fates = sum_tables(str(tmp_path / "c"), 3).fates["swh"]
    assert [own.fate for own in fates] == [Fate.LABELED, Fate.UNLABELED, Fate.DROPPED]
    assert fates[2].reason == "score_below_threshold"
    assert sum(own.msec for own in fates) == (NUMBER + 4) * 2000


def test_only_the_first_are_listed_but_all_are_counted(tmp_path):
    build_corpus(tmp_path / "c", sound=False)
    sums = sum_tables(str(tmp_path / "c"), 2)
    (missing,) = sums.rejects["swh"]
    assert (missing.stage, missing.reason, missing.count) == (
        "fetch",
        "source_missing",
        25,
    )
    assert missing.shown == tuple(
        (f"swh-act-{n:03d}", f"{HOSTILE} {n}") for n in range(2)
    )
    assert sums.rejects[""][0].shown == (("row 7", "row 7: 'zzq'"),)
    unwritten, omitted = sums.events["arb"]
    assert (unwritten.kind, unwritten.count, unwritten.msec) == ("unwritten", 3, 4500)
    assert [place.start_sec for place in unwritten.shown] == [0.0, 10.0]
    assert unwritten.shown[0].text == HOSTILE
    assert (omitted.kind, omitted.count, omitted.msec) == ("omitted", 1, 0)
    assert sums.languages == ("", "arb", "swh")


def test_nothing_at_all(tmp_path):
    assert sum_tables(str(tmp_path), 2).languages == ()
