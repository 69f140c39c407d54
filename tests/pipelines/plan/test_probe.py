"""A sample goes all the way in a process of its own, and a plan is made of it."""

import json

import pytest

from pipelines.cli import main
from pipelines.plan.probe import choose_sample
from schemas.source import Recording
from tests.pipelines.corpora import Speech, write_corpus


def recordings(count: int) -> list[Recording]:
    return [
        Recording(recording_id=f"r{k}", language="swh", audio=f"{k}")
        for k in range(count)
    ]


def test_samples_are_long_enough_and_the_same_every_time():
    rows = recordings(50)
    lengths = [60.0 + k for k in range(50)]
    by_id = {row.recording_id: sec for row, sec in zip(rows, lengths, strict=True)}
    sample = choose_sample(rows, lengths, minutes=10)
    seconds = [by_id[one.recording_id] for one in sample]
    assert seconds == sorted(seconds)
    assert 600 <= sum(seconds) < 600 + max(lengths)
    again = choose_sample(rows[::-1], lengths[::-1], minutes=10)
    assert again == sample
    assert len(choose_sample(rows, lengths, minutes=0)) == 2
    assert len(choose_sample(rows[:1], lengths[:1], minutes=10)) == 1


def test_what_is_elsewhere_is_fetched_only_where_nothing_is_at_hand():
    rows = recordings(9)
    here = [None, 30.0, None, 30.0, *[None] * 5]
    assert set(choose_sample(rows, here, 99.0)) == {rows[1], rows[3]}
    assert len(choose_sample(rows, [None] * 9, 99.0)) == 4


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
