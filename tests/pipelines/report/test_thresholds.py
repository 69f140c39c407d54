import json

import duckdb
import pytest

from pipelines.report.measures import measure_segments
from pipelines.report.thresholds import columns_with_values, threshold_data
from pipelines.tables import segments_dataset
from tests.pipelines.report.built import build_corpus


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build_corpus(tmp_path_factory.mktemp("thresholds") / "c", sound=False)


def test_columns_without_values_or_without_a_better_side_are_left_out(built):
    names = [own.name for own in columns_with_values(measure_segments(str(built)))]
    assert {"score", "null_quantile", "cer", "snr_db"} <= set(names)
    assert not {"trust", "duration_sec", "chars_per_sec"} & set(names)


def test_none_for_what_has_no_text(tmp_path):
    build_corpus(tmp_path / "c", labeled=False, selection=False, sound=False)
    assert columns_with_values(measure_segments(str(tmp_path / "c"))) == ()


@pytest.mark.parametrize("name", ["score", "null_quantile", "cer"])
def test_the_slider_tells_what_the_rule_that_it_shows_would_keep(built, name):
    """Compared with DuckDB, which judges the rules of selections."""
    measures = measure_segments(str(built))
    column = next(c for c in columns_with_values(measures) if c.name == name)
    data = json.loads(json.dumps(threshold_data(column, measures, {})))
    connection = duckdb.connect()
    connection.register("segments", segments_dataset(str(built)))
    for at, edge in enumerate(data["edges"]):
        rule = f"{name} {data['better']} {edge:.{data['digits']}f}"
        rows = connection.sql(
            f"SELECT language, count(*), sum(round(duration_sec * 1000)) "
            f"FROM segments WHERE source = '' AND NOT isnan({name}) AND {rule} "
            "GROUP BY language"
        ).fetchall()
        kept = {code: (count, msec) for code, count, msec in rows}
        for code, (counts, lengths) in data["kept"].items():
            assert (counts[at], lengths[at]) == kept.get(code, (0, 0)), (rule, code)


def test_the_slider_begins_at_the_default_selection(built):
    measures = measure_segments(str(built))
    score = next(c for c in columns_with_values(measures) if c.name == "score")
    rules = {"default": {"rules": {"where": [{"where": "score >= -0.2e0"}]}}}
    data = threshold_data(score, measures, rules)
    assert data["edges"][data["start"]] == -0.2
    assert threshold_data(score, measures, {})["start"] == 0
    cer = next(c for c in columns_with_values(measures) if c.name == "cer")
    low = threshold_data(cer, measures, rules)
    assert low["start"] == len(low["edges"]) - 1
