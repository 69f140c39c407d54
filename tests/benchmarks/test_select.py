"""Generated segments are in order, of one language each, and can be selected."""

import json

import numpy as np

from benchmarks import select as part
from pipelines.tables import read_segments


def test_a_small_corpus_is_selected(tmp_path, monkeypatch):
    monkeypatch.setattr(part, "BENCH", tmp_path)
    monkeypatch.setattr(part, "_ROWS_PER_LANGUAGE", 60)
    toml = part.corpus_of(150)
    segments = list(read_segments(str(tmp_path / "select-150/corpus")))
    keys = [segment.key for segment in segments]
    assert len(set(keys)) == 150 and keys == sorted(keys)
    assert {segment.language for segment in segments} == {"aaa", "aab", "aac"}
    assert 120 < np.mean([len(segment.text) for segment in segments]) < 180
    usage = part.select(toml, "score > -0.1")
    assert usage.exit_status == 0 and usage.peak_bytes > 1e7
    selections = tmp_path / "select-150/corpus/selections"
    assert {path.name for path in selections.iterdir()} == {
        "strict.json",
        "strict.parquet",
    }
    told = json.loads((selections / "strict.json").read_text())["languages"]["aab"]
    kept = sum(s.language == "aab" and s.score > -0.1 for s in segments)
    assert told["kept_segments"] == kept > 0
    assert part.corpus_of(150) == toml  # kept
