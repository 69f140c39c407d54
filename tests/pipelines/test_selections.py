"""Selections: their files read back, and totals."""

import pyarrow.parquet as pq
import pytest

from pipelines.criteria import Criteria, Rule
from pipelines.select import select_segments
from pipelines.selections import SelectionTotals, read_selection, stored_selection
from pipelines.tables import write_rows
from schemas.errors import ArtifactError, ConfigError
from schemas.tables import SEGMENT_TABLE
from tests.builders import make_segment


@pytest.fixture
def root(tmp_path):
    segments = [make_segment(k, k + 1, score=-k / 10) for k in range(4)]
    write_rows(str(tmp_path), SEGMENT_TABLE, segments, "swh")
    select_segments(str(tmp_path), "default", Criteria((Rule("score > -0.15"),)))
    return tmp_path


def test_a_selection_comes_back(root):
    verdicts = read_selection(str(root), "default")
    assert [(v.keep, v.reasons) for v in verdicts.values()] == [
        (True, ()),
        (True, ()),
        (False, ("score > -0.15",)),
        (False, ("score > -0.15",)),
    ]
    assert list(verdicts) == sorted(verdicts)


def test_the_summary_travels_with_the_verdicts(root):
    stored = stored_selection(str(root), "default", ("key",))
    assert stored.summary["languages"]["swh"]["kept_segments"] == 2
    assert stored.languages == (("swh", 4),)
    assert stored.table.column_names == ["key"]


def test_a_segment_that_is_lost_for_two_reasons_counts_once():
    totals = SelectionTotals()
    totals.add(2, 36_000, ("cer", "rate"))
    totals.add(1, 18_000, ())
    assert totals.summary() == {
        "kept_hours": 0.005,
        "lost_hours": 0.01,
        "kept_segments": 1,
        "lost_segments": 2,
        "lost_hours_by_reason": {"cer": 0.01, "rate": 0.01},
    }


def test_a_selection_that_is_not_there_is_named(root):
    with pytest.raises(ConfigError, match="there is no selection 'strict'"):
        read_selection(str(root), "strict")
    with pytest.raises(ConfigError, match="there is no selection 'strict'"):
        read_selection("memory://nowhere", "strict")


def test_a_damaged_selection_is_named(root):
    path = root / "selections/default.parquet"
    with pq.ParquetFile(path) as file:
        notes = file.metadata.metadata
    table = pq.read_table(path)
    pq.write_table(table.slice(1).replace_schema_metadata(notes), path)
    with pytest.raises(ArtifactError, match="3 rows are not those of its languages"):
        read_selection(str(root), "default")
    path.write_bytes(b"PAR1")
    with pytest.raises(ArtifactError, match=r"default\.parquet: damaged selection"):
        read_selection(str(root), "default")


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b"])
def test_a_name_that_is_no_file_is_refused(tmp_path, name):
    with pytest.raises(ConfigError, match="selection"):
        read_selection(str(tmp_path), name)
