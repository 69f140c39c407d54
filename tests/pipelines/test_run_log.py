"""The log: one JSON object a line, nothing secret, in order, whoever stops it."""

import json
import logging
import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import pytest

from pipelines import run_log
from pipelines.events import attempting, redacted, tell, worked
from pipelines.log_reading import last_lines, read_logs
from pipelines.run_log import current_log, log_uri, logging_to
from schemas.errors import ConfigError, DiskFull

SECRET = "https://me:hunter2@host.example/a.mp3?token=abc123&part=2"


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_what_stages_do_is_told_with_the_recording(tmp_path):
    path = tmp_path / "logs/a.jsonl"
    with logging_to(str(path)):
        with attempting("align", "swh-1") as own:
            worked()
            own.facts = {"audio_sec": 12.5}
        with attempting("cut", "swh-1"):
            pass
        with attempting("align", "swh-2") as own:
            own.reason = "text_empty"
    told = lines(path)
    assert [(row["event"], row["stage"], row["recording"]) for row in told] == [
        ("begin", "align", "swh-1"),
        ("done", "align", "swh-1"),
        ("begin", "cut", "swh-1"),
        ("done", "cut", "swh-1"),
        ("begin", "align", "swh-2"),
        ("rejected", "align", "swh-2"),
    ]
    assert [row["level"] for row in told[:2]] == ["debug", "info"]
    assert (told[1]["reused"], told[3]["reused"]) == (False, True)
    assert told[1]["audio_sec"] == 12.5
    assert told[5]["reason"] == "text_empty"
    assert all(row["time"].endswith("Z") for row in told)


def test_nothing_secret_is_told(tmp_path, capsys):
    path = tmp_path / "a.jsonl"
    with logging_to(str(path), "info"):
        tell("run_failed", message=f"cannot fetch {SECRET}: 403")
        logging.getLogger("pipelines.fetch").warning("slow: %s", SECRET)
    for text in (path.read_text(), capsys.readouterr().err):
        assert "hunter2" not in text and "abc123" not in text
        assert text.count("host.example/a.mp3?token=***&part=2") == 2
    assert redacted("no address") == "no address"


def test_stderr_gets_what_is_asked_for(capsys):
    with logging_to("", "warning"):
        tell("done")
        tell("rejected", level=logging.WARNING)
    assert [json.loads(x)["event"] for x in capsys.readouterr().err.splitlines()] == [
        "rejected"
    ]
    with logging_to(""):  # as without any log: warnings as plain text, no events
        tell("rejected", level=logging.WARNING)
        logging.getLogger("pipelines.finish").warning("keeps nothing")
    assert capsys.readouterr().err == "keeps nothing\n"
    with pytest.raises(ConfigError, match="--log-level: expected one of debug"):
        logging_to("", "loud").__enter__()


def test_lines_of_many_threads_are_whole(tmp_path):
    path = tmp_path / "a.jsonl"
    with logging_to(str(path)), ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: tell("done", recording=f"r{n}" * 50), range(400)))
    assert len({row["recording"] for row in lines(path)}) == 400


@pytest.mark.parametrize("place", ["", "memory://bucket-of-odd-names"])
def test_a_name_that_is_no_utf_8_is_told(place, tmp_path):
    root = place or str(tmp_path)
    message = os.fsdecode(b"caf\xe9.mp3: no audio")
    with logging_to(log_uri(root, "run")):
        tell("run_failed", message=message)
    assert [row["message"] for row in last_lines(root, 1)] == [message]


def test_a_disk_without_room_for_the_log_is_told_as_such():
    with (
        pytest.raises(DiskFull, match="/dev/full: expected room to write"),
        logging_to("/dev/full"),
    ):
        tell("run_started")


def test_nothing_is_written_before_something_happens(tmp_path):
    with logging_to(log_uri(str(tmp_path), "run")):
        assert not list(tmp_path.iterdir())
        tell("run_started")
    assert len(list(tmp_path.rglob("*-run-*.jsonl"))) == 1


def test_a_bucket_gets_parts_that_are_read_as_one(monkeypatch):
    monkeypatch.setattr(run_log, "_PART_SEC", 0.0)  # every event is a part
    root = "memory://bucket-of-logs"
    with logging_to(log_uri(root, "run")):
        tell("run_started", recordings=3)
        with attempting("fetch", "swh-1"):
            pass
        tell("run_ended", seconds=1.0)
    filesystem, folder = fsspec.core.url_to_fs(f"{root}/logs")
    assert len(filesystem.find(folder)) == 4
    (log,) = read_logs(root)
    assert log.start["recordings"] == 3
    assert log.end is not None and log.end["event"] == "run_ended"
    assert log.events["event"].to_pylist() == ["begin", "done"]


def test_broken_lines_are_left_out(tmp_path):
    path = tmp_path / "logs/a.jsonl"
    with logging_to(str(path)):
        tell("run_started", recordings=1)
        with attempting("fetch", "swh-1"):
            pass
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"time": "2026-01-01T00:00')
    (log,) = read_logs(str(tmp_path))
    assert len(log.events) == 2 and log.end is None
    path.write_bytes(whole.replace(b'"begin"', b'"beg\x01n}'))
    (log,) = read_logs(str(tmp_path))
    assert log.events["event"].to_pylist() == ["done"]
    path.write_bytes(whole[10:])  # without its start it is nobody's
    assert not list(read_logs(str(tmp_path)))
    assert [row["event"] for row in last_lines(str(tmp_path), 1)] == ["done"]
    assert last_lines(str(tmp_path / "none"), 3) == []


def test_other_processes_of_a_run_write_to_the_same_log(tmp_path):
    path = tmp_path / "a.jsonl"
    assert current_log() == ("", "")
    spawn = multiprocessing.get_context("spawn")
    with logging_to(str(path), "error"):
        assert current_log() == (str(path), "error")
        tell("run_started")
        others = [
            spawn.Process(target=tell_much, args=(current_log(), name))
            for name in ("a", "b")
        ]
        for other in others:
            other.start()
        for other in others:
            other.join()
    assert current_log() == ("", "")
    assert len(lines(path)) == 1 + 2 * 200
    with logging_to("memory://bucket-of-one/logs/a.jsonl"):
        assert current_log() == ("", "")


def tell_much(log: tuple[str, str], name: str) -> None:
    with logging_to(*log):
        for _ in range(200):
            tell("done", recording=name * 100)
