import math

import numpy as np
import pytest

from pipelines.report.columns import COLUMNS
from pipelines.report.measures import measure_segments
from pipelines.tables import read_segments, write_rows
from schemas.tables import SEGMENT_TABLE, SEGMENTS
from tests.builders import make_segment
from tests.pipelines.report.built import NUMBER, build_corpus


def test_columns_are_numbers_of_the_table():
    assert {str(SEGMENTS.field(own.name).type) for own in COLUMNS} == {"double"}
    assert len({own.name for own in COLUMNS}) == len(COLUMNS)


def test_measures_of_a_run_are_those_of_its_segments(finished):
    found = measure_segments(str(finished))
    assert list(found) == ["rus", "swh"]
    for code, own in found.items():
        segments = list(read_segments(str(finished), code))
        labeled = [segment for segment in segments if segment.text]
        assert own.labeled == len(labeled) > 0
        assert own.unlabeled == len(segments) - len(labeled)
        assert [segments[row] for row in own.subject] == labeled
        assert own.labeled_msec == sum(round(s.duration_sec * 1000) for s in labeled)
        for name, histogram in own.histograms.items():
            values = [getattr(segment, name) for segment in labeled]
            there = [value for value in values if not math.isnan(value)]
            assert histogram.total == len(there)
            assert histogram.median == np.median(there)
            inner = histogram.edges[1:-1]
            counted = np.histogram(there, (-np.inf, *inner, np.inf))[0]
            if not np.isin(there, histogram.edges).any():  # else a rule decides
                assert histogram.inner == tuple(counted)
        assert own.rank_name == "score"
        assert own.rank.tolist() == [segment.score for segment in labeled]
    # Languages share their axes.
    edges = {own.histograms["score"].edges for own in found.values()}
    assert len(edges) == 1


def test_trust_ranks_where_there_is_any(tmp_path):
    segments = [
        make_segment(n * 5.0, n * 5.0 + 3, trust=n / 10, score=-n / 10)
        for n in range(5)
    ]
    write_rows(str(tmp_path), SEGMENT_TABLE, segments, "swh")
    own = measure_segments(str(tmp_path))["swh"]
    assert own.rank_name == "trust"
    assert own.rank.tolist() == [n / 10 for n in range(5)]


def test_without_text_the_unlabeled_are_drawn(tmp_path):
    build_corpus(tmp_path / "c", labeled=False, selection=False, sound=False)
    own = measure_segments(str(tmp_path / "c"))["swh"]
    assert (own.labeled, own.unlabeled, own.is_labeled) == (0, 4, False)
    assert own.subject.tolist() == own.unlabeled_rows.tolist() == [0, 1, 2, 3]
    assert "score" not in own.histograms
    assert own.histograms["snr_db"].total == 4


def test_missing_values_are_counted(tmp_path):
    build_corpus(tmp_path / "c", sound=False)
    histogram = measure_segments(str(tmp_path / "c"))["arb"].histograms["null_quantile"]
    assert histogram.missing == NUMBER // 5
    assert histogram.total == NUMBER - NUMBER // 5


@pytest.mark.parametrize("rows", [None, ()])
def test_a_corpus_without_segments(tmp_path, rows):
    if rows is not None:
        write_rows(str(tmp_path), SEGMENT_TABLE, rows, "swh")
    assert measure_segments(str(tmp_path)) == {}
