"""Selecting by rules: verdicts against plain Python, versions, and what is refused."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.judge import sealed_connection
from pipelines.rules import Rule, parse_rule
from pipelines.select import select_segments
from pipelines.selections import read_selection
from pipelines.tables import write_rows
from schemas.errors import ConfigError
from schemas.tables import SEGMENT_TABLE
from tests.builders import make_segment

NAN = math.nan
VALUES = st.sampled_from([-1.0, -0.5, -0.2, 0.0, 0.3, NAN])


def write(root, scores, language="swh", start=0):
    segments = [
        make_segment(start + k, start + k + 1, score=a, margin=b, language=language)
        for k, (a, b) in enumerate(scores)
    ]
    write_rows(str(root), SEGMENT_TABLE, segments, language)
    return segments


def contents(root):
    return {path.name: path.read_bytes() for path in (root / "selections").iterdir()}


@settings(max_examples=25)
@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=20))
def test_verdicts_are_those_of_plain_python(tmp_path_factory, scores):
    root = tmp_path_factory.mktemp("corpus")
    segments = write(root, scores)
    rules = [Rule("score > -0.4 and margin <= 0.2"), Rule("score < 0.2", "low")]
    made = select_segments(str(root), "s", rules, allow_empty=True)
    verdicts = read_selection(str(root), "s")
    assert set(verdicts) == {segment.key for segment in segments}
    for segment in segments:
        expected = []
        for value, holds, label, missing in (
            (segment.score, segment.score > -0.4, "score > -0.4", "no_score"),
            (segment.margin, segment.margin <= 0.2, "margin <= 0.2", "no_margin"),
            (segment.score, segment.score < 0.2, "low", "no_score"),
        ):
            if math.isnan(value):
                expected.append(missing)
            elif not holds:
                expected.append(label)
        verdict = verdicts[segment.key]
        assert list(verdict.reasons) == list(dict.fromkeys(expected))
        assert verdict.keep == (not expected)
    told = made.summary["languages"]["swh"]
    assert told["kept_segments"] + told["lost_segments"] == len(segments)
    before = contents(root)
    assert not select_segments(str(root), "s", rules, allow_empty=True).is_new
    assert contents(root) == before


@settings(max_examples=25)
@given(st.floats(-1, 0.3), st.floats(-1, 0.3))
def test_gains_and_losses_add_up(tmp_path_factory, first, second):
    root = tmp_path_factory.mktemp("corpus")
    values = [(k / 10, 0.0) for k in range(-10, 4)]
    write(root, values)
    write(root, values, "quz", 100)
    old = select_segments(str(root), "s", [Rule(f"score >= {first}")], allow_empty=True)
    write(root, [*values, (0.4, 0.0)], "quz", 100)  # another run has found one more
    new = select_segments(
        str(root), "s", [Rule(f"score <= {second}")], allow_empty=True
    )
    for language, hours in new.summary["languages"].items():
        change = new.summary["change"]["languages"][language]
        kept_before = old.summary["languages"][language]["kept_hours"]
        assert hours["kept_hours"] == pytest.approx(
            kept_before + change["gained_hours"] - change["lost_hours"], abs=2e-6
        )
    assert new.summary["version"]["number"] == 2


def test_a_missing_value_is_kept_only_where_the_rule_says_so(tmp_path):
    write(tmp_path, [(NAN, 1.0), (0.1, NAN)])
    for text in ("score is null or score > 0", "coalesce(margin, 1) > 0"):
        select_segments(str(tmp_path), "s", [Rule(text)])
        assert all(v.keep for v in read_selection(str(tmp_path), "s").values())
    text = "not (score > 5) or margin / (score - score) > 1"
    select_segments(str(tmp_path), "s", [Rule(text, "odd")])
    found = [v.reasons for v in read_selection(str(tmp_path), "s").values()]
    assert found == [("no_score",), ()]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("text = read_csv('/etc/passwd')", "function 'read_csv'"),
        ("score > 0; COPY segments TO 'x'", r"at or near \";\""),
        ("score > 0; ATTACH 'x'", r"at or near \";\""),
        ("COPY segments TO 'x'", "syntax error"),
        ("score > (SELECT 1)", "got SUBQUERY"),
        ("key IN (SELECT key FROM segments)", "got SUBQUERY"),
        ("EXISTS (FROM read_text('/etc/passwd'))", "got SUBQUERY"),
        ("true) FROM read_csv('/etc/passwd') WHERE (true", "more than one condition"),
        ("true), (true", "more than one condition"),
        ("true) UNION SELECT (true", "more than one condition"),
        ("random() > 0.5", "function 'random'"),
        ("getvariable('x')", "function 'getvariable'"),
        ("sum(score) OVER () > 1", "got WINDOW"),
        ("count(*) > 1", "function 'count_star'"),
        ("COLUMNS('s') > 1", "got STAR"),
        ("score > $1", "got PARAMETER"),
        ("len(words) > 1", "function 'len'"),
        ("words IS NULL", "unknown column 'words'"),
        ("segments.score > 1", r"unknown column 'segments\.score'"),
        ("scor > 1", r"did you mean score.*\nscor > 1\n\^"),
        ('language = "swh"', "single quotes: 'swh'\n"),
        ("score >", "syntax error"),
        ("", "1 to 10000 characters"),
        ("-- nothing", "function 'row'"),
        ("score", "expected true or false, got a DOUBLE"),
        ("score > 'high'", "cannot be computed"),
        ("score > 5", "holds for none of 2 segments .score goes from -0.5 to 0.1"),
        ("score > 0 and margin > 1.5", "no segment of 2 meets all rules"),
    ],
)
def test_what_is_no_rule_is_refused_and_nothing_changes(text, told, tmp_path):
    write(tmp_path, [(0.1, 1.0), (-0.5, 2.0)])
    select_segments(str(tmp_path), "s", [Rule("score > 0")])
    before = contents(tmp_path)
    with pytest.raises(ConfigError, match=told):
        select_segments(str(tmp_path), "s", [Rule(text)])
    assert contents(tmp_path) == before


def test_a_rule_that_always_holds_is_told(tmp_path):
    write(tmp_path, [(0.1, 1.0), (-0.5, NAN)])
    (warning,) = select_segments(str(tmp_path), "s", [Rule("score < 5")]).warnings
    assert "holds for each of 2 segments (score goes from -0.5 to 0.1)" in warning


def test_the_connection_reaches_no_file():
    import duckdb

    connection = sealed_connection()
    for query in ("FROM read_text('/etc/hostname')", "SET threads = 1"):
        with pytest.raises(duckdb.Error):
            connection.execute(query)
    (condition,) = parse_rule(Rule("score > -0.2 or drama"), connection)
    assert condition.columns == ("score", "drama")


def test_the_command(command, tmp_path):
    toml = tmp_path / "corpus.toml"
    toml.write_text(
        '[corpus]\nname = "test"\nmanifest = "recordings.csv"\noutput = "corpus"\n'
    )
    write(tmp_path / "corpus", [(0.1, 1.0), (-0.5, 2.0)])
    words = ("select", toml, "strict", "--where", "score > 0")
    done = command(*words)
    assert done.status == 0, done.err
    assert "strict: version 1" in done.out
    assert "as it was" in command(*words).out
    document = json.loads(command(*words, "--json").out)
    assert document["languages"]["swh"]["kept_segments"] == 1
    assert command("select", toml, "default", "--where", "true").status == 2
    assert command("select", toml, "strict").status == 2
