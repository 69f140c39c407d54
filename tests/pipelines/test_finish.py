"""The end of a run: selections as configured, and corpus.json."""

import json
from pathlib import Path

import pytest

from pipelines.config import load_config
from pipelines.context import RunContext
from pipelines.criteria import Criteria
from pipelines.finish import FORMAT, finish_corpus, model_threshold
from pipelines.manifest import Manifest
from pipelines.selections import read_selection
from pipelines.tables import write_rows
from schemas.segment import Fate, LedgerEntry, Reject
from schemas.tables import LEDGER_TABLE, REJECT_TABLE, SEGMENT_TABLE
from tests.builders import make_segment

TOML = """
[corpus]
name = "demo"
manifest = "recordings.csv"
output = "{output}"
[select.strict]
score = {{ min = -0.15 }}
[run]
workers = {workers}
"""
SEGMENTS = [
    make_segment(0, 4, score=-0.1),
    make_segment(4, 8, score=-0.2),
    make_segment(8, 12, score=-0.4),
    make_segment(
        12, 16, source="recording", text="", words=(), romanised="", score=float("nan")
    ),
]


def finish(folder: Path, output: str = "out", workers: int = 1) -> tuple[int, str]:
    """Finish a corpus of four segments; returns the rejects and corpus.json."""
    toml = folder / "corpus.toml"
    toml.write_text(TOML.format(output=output, workers=workers))
    root = str(folder / output)
    entry = LedgerEntry("rec-001", "swh", 0, 36, Fate.LABELED)
    write_rows(root, LEDGER_TABLE, [entry], "swh")
    write_rows(root, SEGMENT_TABLE, SEGMENTS, "swh")
    write_rows(
        root, REJECT_TABLE, [Reject("fetch", "b", "source_missing", "no", "swh")]
    )
    context = RunContext(
        output=root,
        model_name="bundled",
        model_fingerprint="f" * 64,
        criteria=Criteria(()),
        model_licence="CC-BY-NC-4.0",
    )
    rejects = finish_corpus(
        load_config(toml), Manifest((), (), "d" * 64), context, threshold=-0.3
    )
    return rejects, Path(root, "corpus.json").read_text()


def kept(root: Path, name: str) -> list[bool]:
    verdicts = read_selection(str(root), name)
    return [verdicts[key].keep for key in sorted(verdicts)]


def test_every_selection_judges_every_segment_with_text(tmp_path):
    finish(tmp_path)
    assert kept(tmp_path / "out", "default") == [True, True, False]
    assert kept(tmp_path / "out", "strict") == [True, False, False]
    rules = json.loads((tmp_path / "out/selections/default.json").read_text())["rules"]
    threshold = {"name": "score_below_threshold", "where": "score >= -0.3e0"}
    assert rules == {"where": [threshold]}  # the model's own
    assert model_threshold(str(tmp_path / "out")) == -0.3


def test_rejects_are_counted(tmp_path):
    assert finish(tmp_path)[0] == 1


def test_corpus_json(tmp_path):
    document = json.loads(finish(tmp_path)[1])
    assert document["format"] == FORMAT
    assert document["name"] == "demo"
    assert document["model"] == {
        "name": "bundled",
        "fingerprint": "f" * 64,
        "licence": "CC-BY-NC-4.0",
        "score_threshold": -0.3,
    }
    assert document["manifest_sha256"] == "d" * 64
    assert document["languages"] == {
        "swh": {
            "recordings": 1,
            "rejects": 1,
            "segments": 4,
            "hours": pytest.approx(0.01),
            "labeled_hours": pytest.approx(0.01),
            "unlabeled_hours": 0,
        }
    }
    assert document["configuration"]["select"]["strict"] == {
        "where": [],
        "score": {"min": -0.15},
        "lane": "",
        "labels": "",
    }


def test_it_does_not_tell_where_and_with_how_many_workers_it_was_made(tmp_path):
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    here = finish(tmp_path / "here", "out", workers=1)
    assert finish(tmp_path / "there", "elsewhere", workers=7) == here
    assert str(tmp_path) not in here[1]
