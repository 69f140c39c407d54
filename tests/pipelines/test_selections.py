"""Selections: verdicts, their file, and what they keep and lose."""

import json
import math

import pytest

from pipelines.selections import read_selection, select_by_score, write_selection
from schemas.errors import ArtifactError, ConfigError
from schemas.tables import Verdict
from tests.builders import make_segment

SEGMENTS = [
    make_segment(0, 9, score=-0.1),
    make_segment(9, 18, score=-0.2),
    make_segment(18, 36, score=-0.2001),
    make_segment(36, 45, score=math.nan, language="quz"),
]
RULES = {"score": {"min": -0.2}}


def judged(segments=SEGMENTS):
    return zip(segments, select_by_score(segments, -0.2), strict=True)


def test_a_score_at_the_threshold_is_kept_and_none_is_not():
    assert [(v.keep, v.reasons) for v in select_by_score(SEGMENTS, -0.2)] == [
        (True, ()),
        (True, ()),
        (False, ("score_below_threshold",)),
        (False, ("no_score",)),
    ]


def test_a_selection_comes_back(tmp_path):
    write_selection(str(tmp_path), "default", judged(), RULES)
    back = read_selection(str(tmp_path), "default")
    assert back == {v.key: v for v in select_by_score(SEGMENTS, -0.2)}
    assert list(back) == sorted(back)


def test_the_summary_says_by_which_rules_and_what_was_lost(tmp_path):
    totals = write_selection(str(tmp_path), "default", judged(), RULES)
    summary = json.loads((tmp_path / "selections/default.json").read_text())
    assert summary == {
        "name": "default",
        "rules": RULES,
        "languages": {
            "swh": {
                "kept_hours": 0.005,
                "lost_hours": 0.005,
                "kept_segments": 2,
                "lost_segments": 1,
                "lost_hours_by_reason": {"score_below_threshold": 0.005},
            },
            "quz": {
                "kept_hours": 0.0,
                "lost_hours": 0.0025,
                "kept_segments": 0,
                "lost_segments": 1,
                "lost_hours_by_reason": {"no_score": 0.0025},
            },
        },
    }
    assert (totals["swh"].kept_msec, totals["quz"].lost_msec) == (18_000, 9_000)


def test_a_segment_that_is_lost_for_two_reasons_counts_once(tmp_path):
    segment = make_segment(0, 36)
    verdict = Verdict(segment.key, False, ("cer", "rate"))
    totals = write_selection(str(tmp_path), "x", [(segment, verdict)], {})["swh"]
    assert totals.summary()["lost_hours"] == 0.01
    assert totals.summary()["lost_hours_by_reason"] == {"cer": 0.01, "rate": 0.01}


def test_the_same_verdicts_give_the_same_bytes_in_any_order(tmp_path):
    for name, segments in (("a", SEGMENTS), ("b", SEGMENTS[::-1])):
        write_selection(str(tmp_path / name), "default", judged(segments), RULES)
    for suffix in ("parquet", "json"):
        files = [tmp_path / n / f"selections/default.{suffix}" for n in "ab"]
        assert files[0].read_bytes() == files[1].read_bytes()


def test_a_selection_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ArtifactError, match="strict"):
        read_selection(str(tmp_path), "strict")


def test_a_damaged_selection_is_named(tmp_path):
    write_selection(str(tmp_path), "default", judged(), RULES)
    (tmp_path / "selections/default.parquet").write_bytes(b"PAR1")
    with pytest.raises(ArtifactError, match=r"default\.parquet: expected a Parquet"):
        read_selection(str(tmp_path), "default")


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b"])
def test_a_name_that_is_no_file_is_refused(tmp_path, name):
    with pytest.raises(ConfigError, match="selection"):
        write_selection(str(tmp_path), name, [], {})
