"""Selecting by rules: verdicts against plain Python, versions, and what is refused."""

import json
import math

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.criteria import Criteria, Rule, score_rule
from pipelines.judge import JudgedBatch, conditions_of, judge, sealed_connection
from pipelines.previous_selection import PreviousSelection
from pipelines.rules import parse_rule
from pipelines.select import select_segments
from pipelines.selections import read_selection
from pipelines.tables import prune_languages, segments_dataset, write_rows
from pipelines.tally import Tally
from schemas.errors import ArtifactError, ConfigError
from schemas.keys import digest_of
from schemas.tables import SEGMENT_TABLE, SELECTION_TABLE, VERSION_KEY
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


def select_by(root, *rules, **options):
    return select_segments(str(root), "s", Criteria(rules), **options)


def contents(root):
    return {path.name: path.read_bytes() for path in (root / "selections").iterdir()}


@settings(max_examples=8)
@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=20))
def test_verdicts_are_those_of_plain_python(tmp_path_factory, scores):
    root = tmp_path_factory.mktemp("corpus")
    segments = write(root, scores)
    rules = [Rule("score > -0.4 and margin <= 0.2"), Rule("score < 0.2", "low")]
    made = select_by(root, *rules, allow_empty=True)
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
    assert not select_by(root, *rules, allow_empty=True).is_new
    assert contents(root) == before


SOME = st.lists(st.integers(0, 8), unique=True, max_size=9).map(sorted)


@settings(max_examples=10)
@given(
    st.dictionaries(st.sampled_from(["quz", "srp-Cyrl", "srp"]), SOME),
    st.dictionaries(st.sampled_from(["quz", "srp-Cyrl", "srp"]), SOME),
    st.integers(0, 8),
    st.integers(0, 8),
)
def test_gains_and_losses_are_those_of_sets(tmp_path_factory, old, new, first, second):
    """Segments come and go with their languages between two versions."""
    root = tmp_path_factory.mktemp("corpus")
    kept = []
    for there, least in ((old, first), (new, second)):
        prune_languages(str(root), SEGMENT_TABLE, set(there))
        for language, places in {"aaa": [], **there}.items():
            segments = [
                make_segment(k, k + 1 + k % 3, score=k / 10, language=language)
                for k in places
            ]
            write_rows(str(root), SEGMENT_TABLE, segments, language)
        made = select_by(root, Rule(f"score >= {least / 10}"), allow_empty=True)
        kept.append({(c, k) for c in there for k in there[c] if k >= least})

    def hours(pairs, language):
        return sum(1 + k % 3 for c, k in pairs if c == language) / 3600

    gone = {(c, k) for c, k in kept[0] if k not in new.get(c, [])}
    expected = {
        language: {
            "gained_hours": pytest.approx(hours(kept[1] - kept[0], language), abs=1e-6),
            "lost_hours": pytest.approx(hours(kept[0] - kept[1], language), abs=1e-6),
            "vanished_hours": pytest.approx(hours(gone, language), abs=1e-6),
        }
        for language in {c for c in new if new[c]} | {c for c, _ in gone}
    }
    if made.is_new and made.summary["version"]["number"] == 2:
        assert made.summary["change"]["languages"] == expected
    else:
        assert kept[0] == kept[1]


def test_a_missing_value_is_kept_only_where_the_rule_says_so(tmp_path):
    write(tmp_path, [(NAN, 1.0), (0.1, NAN)])
    for text in ("score is null or score > 0", "coalesce(margin, 1) > 0"):
        select_by(tmp_path, Rule(text))
        assert all(v.keep for v in read_selection(str(tmp_path), "s").values())
    text = "not (score > 5) or margin / (score - score) > 1"
    select_by(tmp_path, Rule(text, "odd"))
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
        ("score >", r"got a syntax error at its end\nscore >\n       \^"),
        ("score::main.foo > 1", "type 'foo' of a schema"),
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
    select_by(tmp_path, Rule("score > 0"))
    before = contents(tmp_path)
    with pytest.raises(ConfigError, match=told):
        select_by(tmp_path, Rule(text))
    assert contents(tmp_path) == before


def test_a_rule_that_always_holds_is_told(tmp_path):
    write(tmp_path, [(0.1, 1.0), (-0.5, NAN)])
    (warning,) = select_by(tmp_path, Rule("score < 5")).warnings
    assert "holds for each of 2 segments (score goes from -0.5 to 0.1)" in warning


def test_the_connection_reaches_no_file():
    import duckdb

    with sealed_connection() as connection:
        for query in ("FROM read_text('/etc/hostname')", "SET threads = 1"):
            with pytest.raises(duckdb.Error):
                connection.execute(query)
        (condition,) = parse_rule(Rule("score > -0.2 or drama"), connection)
    assert condition.columns == ("score", "drama")


def test_casts_are_allowed(tmp_path):
    write(tmp_path, [(0.14, 1.0), (0.16, 1.0)])
    select_by(tmp_path, Rule("score::DECIMAL(3,1) > 0.1"))
    found = [v.keep for v in read_selection(str(tmp_path), "s").values()]
    assert found == [False, True]


def test_the_threshold_of_a_score_is_exact(tmp_path):
    scores = [-0.1234567890123456789, math.nextafter(-0.1234567890123456789, -1)]
    write(tmp_path, [(score, 1.0) for score in scores])
    select_by(tmp_path, score_rule(scores[0]))
    found = [v.reasons for v in read_selection(str(tmp_path), "s").values()]
    assert found == [(), ("score_below_threshold",)]


def test_a_lane_is_open_to_licences_that_allow_it(tmp_path):
    licences = [
        ("CC0-1.0", "Apache-2.0"),
        ("CC-BY-NC-4.0", "none"),
        ("", "Apache-2.0"),
        ("none", "it's mine"),
        ("CC BY 4.0", "none"),
    ]
    segments = [
        make_segment(k, k + 1, licence=source, model_licence=model)
        for k, (source, model) in enumerate(licences)
    ]
    write_rows(str(tmp_path), SEGMENT_TABLE, segments, "swh")
    criteria = Criteria((Rule("score < 0"),), "commercial")
    made = select_segments(str(tmp_path), "s", criteria)
    assert made.summary["rules"]["lane"] == "commercial"
    found = [v.reasons for v in read_selection(str(tmp_path), "s").values()]
    assert found == [
        (),
        ("licence: CC-BY-NC-4.0",),
        ("licence: not given",),
        ("licence: none", "model_licence: it's mine"),
        (),
    ]
    write_rows(str(tmp_path), SEGMENT_TABLE, segments[1:2], "swh")
    with pytest.raises(ConfigError, match="licence allows commercial use' holds"):
        select_segments(str(tmp_path), "s", criteria)


@pytest.mark.parametrize("damage", ["no parquet", "another version", "no summary"])
def test_a_version_before_that_cannot_be_read_is_told_and_replaced(damage, tmp_path):
    write(tmp_path, [(0.1, 1.0), (-0.5, 2.0)])
    select_by(tmp_path, Rule("score > 0"))
    path = tmp_path / "selections/s.parquet"
    table = pq.read_table(path)
    if damage == "no parquet":
        path.write_bytes(b"PAR1")
    elif damage == "another version":
        marks = {**table.schema.metadata, VERSION_KEY: b"3"}
        pq.write_table(table.replace_schema_metadata(marks), path)
    else:
        pq.write_table(SELECTION_TABLE.table([]), path)
    with pytest.raises(ArtifactError, match=r"s\.parquet: "):
        read_selection(str(tmp_path), "s")
    made = select_by(tmp_path, Rule("score > 0"))
    assert made.is_new and made.summary["version"]["number"] == 1
    assert "nothing to compare with" in made.warnings[0]
    assert [v.keep for v in read_selection(str(tmp_path), "s").values()] == [
        True,
        False,
    ]


def part_of(batch, start, end):
    codes = batch.codes[start:end]
    numbers = list(dict.fromkeys(codes.tolist()))  # anew, by first appearance
    return JudgedBatch(
        batch.keys.slice(start, end - start),
        batch.languages.slice(start, end - start),
        batch.lengths_msec[start:end],
        np.array([numbers.index(code) for code in codes]),
        batch.outcomes[:, numbers],
    )


def test_rows_and_digest_do_not_depend_on_batches(tmp_path):
    write(tmp_path, [(k % 7 / 10, k % 3) for k in range(50)])
    write(tmp_path, [(k % 5 / 10, k % 4) for k in range(30)], "quz", 100)
    rule = Rule("score > 0.2 and margin >= 1")
    whole = select_by(tmp_path, rule).summary
    rows = read_selection(str(tmp_path), "s")
    found = []
    with sealed_connection(segments_dataset(str(tmp_path))) as connection:
        conditions = conditions_of(Criteria((rule,)), connection)
        assert [c.columns for c in conditions] == [("score",), ("margin",)]
        tally = Tally(conditions, PreviousSelection(None))
        for batch in judge(conditions, connection):
            for start in range(0, len(batch.keys), 11):
                found += tally.add(part_of(batch, start, start + 11)).to_pylist()
    assert [(row["key"], row["keep"], tuple(row["reasons"])) for row in found] == [
        (v.key, v.keep, v.reasons) for v in rows.values()
    ]
    rules = whole["rules"]
    assert digest_of(rules, *tally.digests()) == whole["version"]["digest"]


CORPUS = '[corpus]\nname = "test"\nmanifest = "recordings.csv"\noutput = "corpus"\n'


def test_the_command(command, tmp_path):
    toml = tmp_path / "corpus.toml"
    toml.write_text(CORPUS)
    write(tmp_path / "corpus", [(0.1, 1.0), (-0.5, 2.0)])
    words = ("select", toml, "strict", "--where", "score > 0")
    done = command(*words)
    assert done.status == 0, done.err
    assert "strict: version 1" in done.out
    assert "as it was" in command(*words).out
    document = json.loads(command(*words, "--json").out)
    assert document["languages"]["swh"]["kept_segments"] == 1
    assert (
        json.loads((tmp_path / "corpus/selections/strict.json").read_text()) == document
    )
    clean = json.loads(
        command("select", toml, "c", "--lane", "commercial", "--json").out
    )
    assert clean["languages"]["swh"]["kept_segments"] == 2
    for words in (
        ("default", "--where", "true"),
        ("strict",),
        ("x", "--lane", "comercial"),
    ):
        assert command("select", toml, *words).status == 2


def test_a_configured_selection_is_made_again(command, tmp_path):
    toml = tmp_path / "corpus.toml"
    toml.write_text(CORPUS + '[select.wide]\nwhere = { wide = "margin > 1.5" }\n')
    write(tmp_path / "corpus", [(0.1, 1.0), (-0.5, 2.0), (-0.9, NAN)])
    done = command("select", toml, "wide")
    assert done.status == 0, done.err
    found = read_selection(str(tmp_path / "corpus"), "wide").values()
    assert [v.reasons for v in found] == [("wide",), (), ("no_margin",)]
    # The threshold of the model is in corpus.json, the model itself is not needed.
    assert "say `pericope run` first" in " ".join(
        command("select", toml, "default").err.split()
    )
    (tmp_path / "corpus/corpus.json").write_text('{"model": {"score_threshold": -0.6}}')
    done = command("select", toml, "default")
    assert done.status == 0, done.err
    assert "the ledger follows" in done.out
    found = read_selection(str(tmp_path / "corpus"), "default").values()
    assert [v.keep for v in found] == [True, True, False]
