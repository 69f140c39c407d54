import pytest

from pipelines.report.measures import measure_segments
from pipelines.report.verdicts import (
    VerdictTable,
    read_selections,
    rule_text,
    selection_hours,
)
from pipelines.select import select_segments
from pipelines.selections import read_selection
from pipelines.tables import read_segments
from schemas.errors import ArtifactError
from schemas.tables import SEGMENT_TABLE
from tests.pipelines.report.built import (
    CRITERIA,
    NUMBER,
    THRESHOLD,
    build_corpus,
    labeled_segment,
)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build_corpus(tmp_path_factory.mktemp("a=b") / "c", sound=False)


@pytest.mark.parametrize("language", ["arb", "swh"])
def test_verdicts_are_those_of_the_selection(built, language):
    measures = measure_segments(str(built))[language]
    table = VerdictTable(str(built), "default")
    segments = list(read_segments(str(built), language))
    selection = read_selection(str(built), "default")
    subject = [segments[row].key for row in measures.subject]
    kept = table.of(measures).keep.tolist()
    assert kept == [selection[key].keep for key in subject]
    assert 0 < sum(kept) < len(kept)
    for row, key, is_kept in zip(measures.subject, subject, kept, strict=True):
        told = "kept by default"
        if not is_kept:
            told = f"rejected by default: {', '.join(selection[key].reasons)}"
        assert table.told(measures, row) == (told, is_kept)


def test_what_a_selection_does_not_know_is_not_kept(tmp_path):
    root = build_corpus(tmp_path / "c", sound=False)
    known = [labeled_segment("swh", 29)]
    table = SEGMENT_TABLE.table(known)
    select_segments(str(root), "default", CRITERIA, segments=table)
    measures = measure_segments(str(root))["swh"]
    table = VerdictTable(str(root), "default")
    assert measures.subject[table.of(measures).keep].size == 1
    told = {table.told(measures, row)[0] for row in measures.subject}
    assert told == {"kept by default", "not known to default"}


def test_hours_of_selections(built):
    summaries = read_selections(str(built))
    (own,) = selection_hours(summaries, "swh")
    kept = sum(-0.3 + n / 100 >= THRESHOLD for n in range(NUMBER))
    assert (own.kept_segments, own.lost_segments) == (kept, NUMBER - kept)
    assert own.kept_hours == round(kept * 2 / 3600, 6)
    assert own.lost_hours_by_reason == (("score >= -0.2", own.lost_hours),)
    assert own.rule == "score >= -0.2"
    assert selection_hours(summaries, "kat") == ()


def test_no_selection_is_no_error(tmp_path):
    assert read_selections(str(tmp_path)) == {}


def test_a_damaged_summary_is_told(tmp_path):
    (tmp_path / "selections").mkdir()
    for text in ("{", "{}", "[]"):
        (tmp_path / "selections/odd.json").write_text(text)
        with pytest.raises(ArtifactError, match=r"odd\.json: expected a selection's"):
            read_selections(str(tmp_path))


def test_rules_on_one_line():
    where = {"where": [{"name": "", "where": "cer < 0.1"}, {"where": "score > -1"}]}
    assert rule_text(where) == "(cer < 0.1) and (score > -1)"
    where = {"where": [{"name": "", "where": "cer < 0.1"}], "lane": "commercial"}
    assert rule_text(where) == "cer < 0.1 and commercial lane"
    assert rule_text({"where": [{"where": "score >= -0.2e0"}]}) == "score >= -0.2"
