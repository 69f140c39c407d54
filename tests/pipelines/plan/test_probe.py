"""A sample goes all the way in a process of its own, and a plan is made of it."""

import json

import pytest

from pipelines.cli import main
from pipelines.config import load_config
from pipelines.job import prepare_job
from pipelines.plan.probe import alone_in_model
from tests.pipelines.corpora import Speech, write_corpus


def test_the_model_alone_is_timed_in_a_store_of_its_own(tmp_path, speech: Speech):
    toml = write_corpus(tmp_path, speech, speech.rows())
    job = prepare_job(load_config(toml), 1)
    (tmp_path / "corpus").mkdir()
    assert alone_in_model(job.recordings[0], job.context) > 0
    assert list((tmp_path / "corpus").iterdir()) == []


def test_a_plan_of_a_real_corpus(tmp_path, speech: Speech, capsys, monkeypatch):
    toml = write_corpus(tmp_path, speech, speech.rows())
    arguments = f"pericope plan {toml} --json --minutes 0.5 --machines 3 --workers 2"
    monkeypatch.setattr("sys.argv", arguments.split())
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    plan = json.loads(capsys.readouterr().out)
    truths = speech.truths.values()
    assert plan["workload"]["hours"] * 3600 == pytest.approx(
        sum(truth.duration_sec for truth in truths), abs=0.3
    )
    rates = plan["rates"]
    assert rates["sample_recordings"] == 2
    assert rates["sample_rejects"] == 0
    assert set(rates["worker_sec"]) == {
        *("fetch", "decode", "emissions", "align", "score", "speech", "cut"),
        "shards and tables",
    }
    assert min(rates["worker_sec"].values()) > 0
    assert {"emissions", "align", "cut"} <= set(rates["store_bytes"])
    assert 0 < rates["shard_bytes"] < 200e6  # FLAC at 16 kHz: below 115 MB an hour
    assert [one["set_up"]["machines"] for one in plan["estimates"]] == [1, 3]
    assert not (tmp_path / "corpus").exists()  # the user's own is not touched
