"""Killed anywhere and started again, a run ends with the same bytes."""

import random
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.pipelines.corpora import (
    Speech,
    contents,
    states,
    write_corpus,
    write_manifest,
)
from tests.pipelines.forks import Ended, Forks

SETTINGS = "[shards]\nsamples_per_shard = 2\n"
KILLED = -signal.SIGKILL


@pytest.fixture(scope="module")
def toml(speech: Speech, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus to be run; its output is whatever a test makes of it."""
    folder = tmp_path_factory.mktemp("resume")
    return write_corpus(folder, speech, speech.rows(("swh-luk-001",)), SETTINGS)


@pytest.fixture(scope="module")
def undisturbed(toml: Path, forks: Forks) -> tuple[dict[str, str], Ended]:
    """What one run gives, and how it went."""
    ended = forks.run("run", toml, "--workers", 2)
    assert ended.status == 0, ended.stderr
    assert ended.decodings == 3  # each recording once, for all of its steps
    output = toml.parent / "corpus"
    found = contents(output)
    shutil.rmtree(output)
    return found, ended


@pytest.fixture
def output(toml: Path):
    yield toml.parent / "corpus"
    shutil.rmtree(toml.parent / "corpus", ignore_errors=True)


def test_ten_kills_at_random_moments(toml, undisturbed, forks, output):
    """Beam on two threads, killed from outside."""
    expected, whole = undisturbed
    rng = random.Random(5)
    kills = 0
    while kills < 10:
        running = forks.start("run", toml, "--workers", 2)
        running.kill_after(rng.uniform(0, whole.cpu_sec))
        ended = running.wait()
        if ended.status == KILLED:
            kills += 1
        else:  # done before it was hit: begin anew
            assert ended.status == 0, ended.stderr
            assert contents(output) == expected
            shutil.rmtree(output)
    assert forks.run("run", toml, "--workers", 2).status == 0
    assert contents(output) == expected


def test_kills_before_changes_of_files(toml, undisturbed, forks, output):
    """The process dies right before a write, a rename or a removal, any of them."""
    expected, whole = undisturbed
    rng = random.Random(6)

    def kill(before: int) -> None:
        ended = forks.run("run", toml, "--runner", "plain", kill_at=before)
        assert ended.status == KILLED, ended.stderr
        assert not _half_files(output, expected)

    # Each run finds what those before it have left; even a finished corpus has its
    # tables written again, which takes more changes than this.
    for before in rng.sample(range(1, 60), 9):
        kill(before)
    for share in (0.5, 0.9):
        shutil.rmtree(output)
        kill(round(share * whole.changes))
    assert forks.run("run", toml, "--runner", "plain").status == 0
    assert contents(output) == expected


def _half_files(output: Path, expected: dict[str, str]) -> list[str]:
    """Return files that are neither what they should be nor temporary."""
    found = contents(output)
    return [
        path
        for path, digest in found.items()
        if ".tmp-" not in path and digest != expected.get(path)
    ]


def test_finished_work_is_not_done_again(toml, forks, output, speech):
    assert forks.run("run", toml, "--workers", 2).status == 0
    before, expected = states(output), contents(output)
    again = forks.run("run", toml, "--workers", 2)
    assert again.status == 0
    assert again.decodings == 0
    after = states(output)
    kept = [path for path in before if path.startswith(("store/", "shards/"))]
    assert [path for path in kept if after.get(path) != before[path]] == []
    assert contents(output) == expected

    # Another text for one chapter: that chapter is done again, and no other.
    text = toml.parent / speech.row("rus-jhn-001")["text"]
    original = text.read_text()
    try:
        text.write_text(original.replace("\\v 2 ", "\\v 2 и "))
        changed = forks.run("run", toml, "--workers", 2)
    finally:
        text.write_text(original)
    assert changed.status == 0, changed.stderr
    assert changed.decodings == 1
    now = states(output)
    new = [p for p in now if p not in after and not p.startswith("store/fetch/")]
    assert sorted(path.split("/")[1] for path in new if path.startswith("store/")) == [
        *("align", "cut", "cut", "opinion", "score", "speech"),
    ]
    lists = [path for path in kept if path.endswith("/digests.txt")]
    results = [p for p in kept if p.startswith("store/") and p not in lists]
    assert [p for p in results if now[p] != after[p]] == []
    changed_shards = [
        path for path in now
        if path.startswith("shards/") and now[path] != after.get(path)
    ]  # fmt: skip
    assert changed_shards
    assert all("/rus/" in path for path in changed_shards)


def test_the_same_chapter_twice_is_aligned_for_each_name(toml, forks, output, speech):
    """Names are part of a result: no recording takes another's."""
    row = speech.row("swh-mrk-001")
    both = [row, {**row, "recording_id": "swh-mrk-again"}]
    manifest = toml.parent / "recordings.csv"
    original = manifest.read_bytes()
    write_manifest(toml.parent, both)
    try:
        ended = forks.run("run", toml, "--runner", "plain")
    finally:
        manifest.write_bytes(original)
    assert ended.status == 0
    assert len(list((output / "store/align").rglob("*.npz"))) == 2


def test_two_runs_at_once(toml, undisturbed, forks, output):
    """The second one is sent away, the first one ends as it would alone."""
    first = forks.start("run", toml, "--workers", 2)
    while not (output / "store").exists():
        assert not first.has_ended()
        time.sleep(0.01)
    first.signal(signal.SIGSTOP)
    second = forks.run("run", toml, "--workers", 2)
    first.signal(signal.SIGCONT)
    assert second.status == 2
    assert "another run" in second.stderr
    assert first.wait().status == 0
    assert contents(output) == undisturbed[0]
