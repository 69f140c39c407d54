"""Worker processes, real ones, as there is one for each GPU of a machine."""

import multiprocessing
import os
import signal

import pytest

from pipelines.config import load_config
from pipelines.gpu_workers import cut_on_gpus
from pipelines.job import prepare_job, run_job
from schemas.errors import PericopeError
from tests.pipelines.corpora import Speech, contents, run_plainly, write_corpus

GPUS = ("3", "GPU-5f2e")  # where torch sees none of them, a worker is on the CPU


def prepared(folder, speech: Speech):
    folder.mkdir()
    rows = speech.rows()
    rows.append(rows[0] | {"recording_id": "no-speech", "audio": rows[0]["text"]})
    toml = write_corpus(folder, speech, rows, "[model]\ndevice = 'auto'\n")
    return toml, prepare_job(load_config(toml), 2)


def test_two_workers_do_all_and_the_run_after_them_writes_the_same_corpus(
    tmp_path, speech: Speech
):
    toml, _ = prepared(tmp_path / "plain", speech)
    run_plainly(toml)
    _, job = prepared(tmp_path / "gpus", speech)
    done = list(cut_on_gpus(job.recordings, job.context, GPUS, 2))
    assert sorted(one.recording_id for one in done) == sorted(
        recording.recording_id for recording in job.recordings
    )
    assert {one.gpu for one in done} == set(GPUS)
    assert multiprocessing.active_children() == []
    seconds = {one.recording_id: one.duration_sec for one in done}
    for name, truth in speech.truths.items():
        assert seconds[name] == pytest.approx(truth.duration_sec, abs=0.1)
    assert seconds["no-speech"] is None
    output = tmp_path / "gpus" / "corpus"
    cut = {
        path: path.stat().st_mtime_ns for path in (output / "store/cut").rglob("*.*")
    }
    assert cut
    assert run_job(job, "plain") == 1
    assert {path: path.stat().st_mtime_ns for path in cut} == cut  # nothing twice
    assert contents(output) == contents(tmp_path / "plain" / "corpus")


def test_a_worker_that_is_killed_is_told_and_the_rest_ends(tmp_path, speech: Speech):
    _, job = prepared(tmp_path / "killed", speech)
    working = cut_on_gpus(job.recordings, job.context, GPUS[:1], 2)
    next(working)
    (worker,) = multiprocessing.active_children()
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(
        PericopeError, match=r"GPU 3 .* exit status -9; .* same command"
    ):
        list(working)
    assert multiprocessing.active_children() == []
