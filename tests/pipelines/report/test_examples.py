from dataclasses import replace

import numpy as np
import pytest

from pipelines.report.examples import Verdicts, choose_examples, rows_at
from pipelines.report.measures import measure_segments
from pipelines.tables import read_segments, write_rows
from schemas.tables import SEGMENT_TABLE
from tests.builders import make_segment


@pytest.fixture
def measures(tmp_path):
    """Forty segments with mixed scores; the last five have none."""
    scores = np.random.default_rng(5).permutation(40) / 100
    segments = [
        make_segment(n * 5.0, n * 5.0 + 3, score=-s, trust=float("nan"))
        for n, s in enumerate(scores)
    ]
    segments[35:] = [replace(own, score=float("nan")) for own in segments[35:]]
    write_rows(str(tmp_path), SEGMENT_TABLE, segments, "swh", rows_per_part=15)
    return measure_segments(str(tmp_path))["swh"]


def scores_of(group, measures):
    place = {row: k for k, row in enumerate(measures.subject.tolist())}
    return [measures.rank[place[row]] for row in group.rows]


def test_the_worst_are_the_lowest_in_order(measures):
    worst = choose_examples(measures, None, 6)[0]
    assert scores_of(worst, measures) == sorted(measures.rank[:35])[:6]


def test_the_border_is_what_a_selection_kept_or_rejected_most_narrowly(measures):
    keep = measures.rank >= -0.2  # a NaN is not kept
    verdicts = Verdicts("default", keep)
    border = choose_examples(measures, verdicts, 6)[1]
    ranked = sorted(measures.rank[:35])
    first = next(k for k, value in enumerate(ranked) if value >= -0.2)
    assert scores_of(border, measures) == ranked[first - 3 : first + 3][::-1]


def test_the_border_of_one_side_only(measures):
    rejected = Verdicts("default", np.zeros(40, bool))
    border = choose_examples(measures, rejected, 6)[1]
    assert scores_of(border, measures) == sorted(measures.rank[:35])[:-4:-1]
    # Where all is kept the border would be the worst again.
    kept = Verdicts("default", np.ones(40, bool))
    titles = [group.title for group in choose_examples(measures, kept, 6)]
    assert titles == ["Worst", "Random"]


def test_without_a_selection_the_border_is_the_lowest_tenth(measures):
    border = choose_examples(measures, None, 4)[1]
    assert scores_of(border, measures) == sorted(measures.rank[:35])[1:5][::-1]
    assert "No selection" in border.told


def test_random_ones_are_distinct_and_the_same_every_time(measures):
    once, again = (choose_examples(measures, None, 12)[-1].rows for _ in range(2))
    assert once == again == tuple(sorted(set(once)))
    assert len(once) == 12
    everything = choose_examples(measures, None, 100)
    assert [len(group.rows) for group in everything] == [35, 40]


def test_none_are_wanted(measures):
    assert choose_examples(measures, None, 0) == ()


def test_rows_are_found_across_parts(measures, tmp_path):
    segments = list(read_segments(str(tmp_path), "swh"))
    wanted = [39, 0, 14, 15, 31]
    found = rows_at(str(tmp_path), "swh", wanted)
    assert {row: own.key for row, own in found.items()} == {
        row: segments[row].key for row in wanted
    }
