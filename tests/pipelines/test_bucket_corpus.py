"""A whole corpus in a bucket: the same bytes as on disk, whatever happens."""

import json
import os
import random
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.data import SpeechShards
from pipelines.config import load_config
from pipelines.job import prepare_job
from pipelines.lease import holding
from tests.pipelines.corpora import (
    Speech,
    contents,
    run_plainly,
    write_corpus,
)
from tests.pipelines.forks import Forks
from tests.pipelines.s3_server import SECRET, S3Server

SETTINGS = "[shards]\nsamples_per_shard = 2\n"
KILLED = -signal.SIGKILL
REQUESTS_A_RECORDING = 40


@pytest.fixture(scope="module")
def here(speech: Speech, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of a corpus on disk, finished."""
    folder = tmp_path_factory.mktemp("on-disk")
    toml = write_corpus(folder, speech, speech.rows(("swh-luk-001",)), SETTINGS)
    assert run_plainly(toml) == 0
    return toml


@pytest.fixture(scope="module", autouse=True)
def undisturbed(here: Path) -> dict[str, str]:
    """What its run has written, before other commands add to it."""
    return contents(here.parent / "corpus")


@pytest.fixture(scope="module")
def bucket(s3: S3Server) -> Path:
    return s3.bucket("corpora")


def toml_for(here: Path, output: str) -> Path:
    """Return the same configuration with another output."""
    toml = here.with_name(f"{output.removeprefix('s3://').replace('/', '-')}.toml")
    toml.write_text(
        here.read_text().replace('output = "corpus"', f'output = "{output}"')
    )
    return toml


@pytest.fixture(scope="module")
def there(here: Path, bucket: Path) -> Path:
    """The same in a bucket, finished."""
    toml = toml_for(here, "s3://corpora/plain")
    assert run_plainly(toml) == 0
    return toml


@pytest.fixture(scope="module")
def s3_forks(s3: S3Server) -> Iterator[Forks]:
    """Processes that find the server."""
    with Forks() as server:
        yield server


def test_every_file_is_the_same(undisturbed, there, bucket):
    assert contents(bucket / "plain") == undisturbed


def test_a_second_run_does_nothing_again(there, bucket, s3):
    before = {p: p.stat().st_mtime_ns for p in bucket.rglob("*") if p.is_file()}
    begun = len(s3.requests())
    assert run_plainly(there) == 0
    kept = [p for p in before if {"store", "shards"} & set(p.parts)]
    assert [p for p in kept if p.stat().st_mtime_ns != before[p]] == []
    of_recordings = [
        line for line in s3.requests()[begun:] if re.search("store|shards/", line[1])
    ]
    assert len(of_recordings) <= 3 * REQUESTS_A_RECORDING


def test_commands_say_and_write_the_same(here, there, bucket, command, tmp_path):
    on_disk = {"t": here, "o": here.parent / "corpus"}
    in_bucket = {"t": there, "o": "s3://corpora/plain"}

    def both(*arguments: str) -> list[str]:
        done = [
            command(*(argument.format(**places) for argument in arguments))
            for places in (on_disk, in_bucket)
        ]
        assert [one.status for one in done] == [0, 0], done
        return [one.out for one in done]

    for line in (
        ("select", "{t}", "long", "--where", "duration_sec > 2", "--json"),
        ("inspect", "{o}"),
        ("inspect", "{o}", "--worst", "3"),
    ):
        said = both(*line)
        assert said[0] == said[1]
    both("shards", "{t}", "long")
    both("report", "{t}")
    both("label", "{t}", "heard", "--runner", "plain", "--quiet")
    both("evaluate", "bundled", "{o}", "--split", "*", "--selection", "", "--json")
    assert contents(bucket / "plain") == contents(here.parent / "corpus")
    key = next(SpeechShards(corpus="s3://corpora/plain", split="*").in_order()).key
    for name, places in (("a", on_disk), ("b", in_bucket)):
        saved = tmp_path / f"{name}.flac"
        assert command("inspect", places["o"], key, "--save", saved).status == 0
    assert (tmp_path / "a.flac").read_bytes() == (tmp_path / "b.flac").read_bytes()


def test_clips_are_read_alike(here, there):
    for labels, lane in ((None, "labeled"), (None, "unlabeled")):
        found = [
            [
                (clip.key, clip.text, clip.samples.tobytes())
                for clip in SpeechShards(
                    corpus=corpus, split="*", selection=None, lane=lane, labels=labels
                ).epoch(seed=1)
            ]
            for corpus in (here.parent / "corpus", Path("s3://corpora/plain"))
        ]
        assert found[0] == found[1]
        assert found[0]


def test_killed_anywhere_it_ends_with_the_same_bytes(
    undisturbed, here, bucket, s3_forks
):
    """Beam on two threads, killed from outside, and before changes of local files."""
    toml = toml_for(here, "s3://corpora/killed")
    rng = random.Random(3)
    kills = 0
    for cpu_sec in (0.5, 1.2, 2.0):
        running = s3_forks.start("run", toml, "--workers", 2)
        running.kill_after(cpu_sec + rng.random() / 2)
        kills += running.wait().status == KILLED
        assert not _wrong(bucket / "killed", undisturbed)
    assert kills >= 2
    ended = s3_forks.run("run", toml, "--runner", "plain", kill_at=9)
    assert ended.status == KILLED, ended.stderr
    assert not _wrong(bucket / "killed", undisturbed)
    ended = s3_forks.run("run", toml, "--workers", 2)
    assert ended.status == 0, ended.stderr
    assert SECRET not in ended.stderr + ended.stdout
    assert contents(bucket / "killed") == undisturbed


def _wrong(output: Path, expected: dict[str, str]) -> list[str]:
    """Return what is neither whole nor of the run alone."""
    if not output.exists():
        return []
    found = contents(output).items()
    return [
        p for p, d in found if not p.startswith("running/") and d != expected.get(p)
    ]


def test_another_text_redoes_one_chapter_and_what_is_stale_goes(
    here, bucket, s3_forks, speech
):
    toml = toml_for(here, "s3://corpora/changed")
    shutil.copytree(bucket / "plain", bucket / "changed")  # etags are made up again
    text = here.parent / speech.row("rus-jhn-001")["text"]
    original = text.read_text()
    manifest = here.parent / "recordings.csv"
    rows = manifest.read_bytes()
    try:
        text.write_text(original.replace("\\v 2 ", "\\v 2 и "))
        ended = s3_forks.run("run", toml, "--workers", 2)
        assert ended.status == 0, ended.stderr
        assert ended.decodings == 1
        left = (line for line in rows.splitlines(True) if b"rus-" not in line)
        manifest.write_bytes(b"".join(left))
        assert s3_forks.run("run", toml, "--runner", "plain").status == 0
    finally:
        text.write_text(original)
        manifest.write_bytes(rows)
    made = ("shards/", "segments/", "alignments/", "ledger/", "calibration/")
    left = [path for path in contents(bucket / "changed") if path.startswith(made)]
    assert [path for path in left if "rus" in path] == []
    assert left


def test_manifest_and_sources_in_a_bucket(undisturbed, here, bucket):
    """Nothing of the corpus is on this machine but its configuration."""
    for name in ("audio", "text", "recordings.csv"):
        source = here.parent / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, bucket / name)
    toml = here.with_name("remote.toml")
    toml.write_text(
        here.read_text()
        .replace('"recordings.csv"', '"s3://corpora/recordings.csv"')
        .replace('output = "corpus"', 'output = "s3://corpora/remote"')
    )
    assert run_plainly(toml) == 0
    assert contents(bucket / "remote") == undisturbed


def test_two_runs_at_once_are_refused(there, s3_forks):
    with holding("s3://corpora/plain"):
        ended = s3_forks.run("run", there, "--workers", 2)
        assert ended.status == 2
        said = " ".join(ended.stderr.split())
        assert "s3://corpora/plain: another run is at work" in said
        assert f"process {os.getpid()}" in said
        assert "Traceback" not in ended.stderr


def test_a_missing_bucket_is_told_before_any_work(here, s3_forks):
    ended = s3_forks.run("run", toml_for(here, "s3://nowhere-at-all/corpus"))
    assert ended.status == 1
    assert "s3://nowhere-at-all: there is no such bucket" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.decodings == 0


def test_where_the_corpus_lies_is_not_in_it(there, here):
    contexts = [prepare_job(load_config(toml)).context for toml in (there, here)]
    assert contexts[0].output == "s3://corpora/plain"
    assert contexts[0].manifest_folder == contexts[1].manifest_folder


def test_status_verify_and_prune_know_a_bucket(here, bucket, command, speech):
    toml = toml_for(here, "s3://corpora/kept")
    output = "s3://corpora/kept"
    assert command("run", toml, "--runner", "plain", "--quiet").status == 0
    told = json.loads(command("status", output, "--json").out)
    of_disk = json.loads(command("status", here, "--json").out)
    assert (told["state"], told["done"]) == ("finished", told["recordings"])
    told["stored"].pop("fetch", None)  # files just written get no entry
    assert {"align", "score", "cut"} <= told["stored"].keys()
    assert told["stored"].items() <= of_disk["stored"].items()
    assert command("verify", output).status == 0

    text = here.parent / speech.row("rus-jhn-001")["text"]
    original = text.read_text()
    try:
        text.write_text(original.replace("\\v 2 ", "\\v 2 и "))
        assert run_plainly(toml) == 0
        before = contents(bucket / "kept")
        dry = json.loads(command("prune", toml, "--json").out)
        unused = {stage["stage"]: stage["unused_files"] for stage in dry["stages"]}
        assert unused["align"] and unused["score"] and unused["cut"]
        unused.pop("fetch", None)  # entries of local files are not in `contents`
        assert contents(bucket / "kept") == before
        deleted = json.loads(command("prune", toml, "--delete", "--json").out)
        assert deleted["stages"] == dry["stages"]
        after = contents(bucket / "kept")
        assert len(before) - len(after) == sum(unused.values())
        assert command("verify", output).status == 0
        (again,) = command("prune", toml, "--json").out.splitlines()
        assert sum(s["unused_files"] for s in json.loads(again)["stages"]) == 0
        assert run_plainly(toml) == 0
        assert contents(bucket / "kept") == after
    finally:
        text.write_text(original)

    shard = min((bucket / "kept/shards").rglob("*.tar"))
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    found = json.loads(command("verify", output, "--json").out)["findings"]
    path = shard.relative_to(bucket / "kept").as_posix()
    assert path in {finding["path"] for finding in found}
