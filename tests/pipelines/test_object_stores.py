"""What a store does when all goes well, and when it does not."""

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pipelines.manifest import read_manifest
from pipelines.object_stores import _PART_BYTES, _connection, abort_uploads
from pipelines.store import Store, filesystem_of, local_copy, write_atomic, writing
from schemas.errors import (
    ConfigError,
    StoreUnavailable,
)
from schemas.keys import digest_of
from tests.pipelines.s3_server import SECRET

DIGEST = digest_of("a")


def shown(folder: Path) -> list[str]:
    """Return the objects of a bucket, without the server's own files."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(str(path) for path in found if not path.parts[0].startswith("."))


def test_results_come_back(bucket):
    store = Store(f"{bucket[0]}/corpus")
    assert not store.has("align", DIGEST, ".npz")
    store.write_bytes(b"abc", "align", DIGEST, ".npz")
    assert store.size_bytes("align", DIGEST, ".npz") == 3
    assert store.read_bytes("align", DIGEST, ".npz") == b"abc"
    store.remove("align", DIGEST, ".npz")
    assert not store.has("align", DIGEST, ".npz")
    with pytest.raises(FileNotFoundError):
        store.read_bytes("align", DIGEST, ".npz")


def test_nothing_is_there_until_the_block_ends(bucket, s3):
    root, folder = bucket
    with writing(f"{root}/c/a.bin") as file:
        file.write(b"x" * 100_000)
        assert shown(folder) == []
    assert shown(folder) == ["c/a.bin"]
    with pytest.raises(ZeroDivisionError), writing(f"{root}/c/a.bin") as file:
        file.write(b"other")
        raise ZeroDivisionError
    assert (folder / "c/a.bin").stat().st_size == 100_000
    copied = [line for line in s3.requests() if "x-id=CopyObject" in line[1]]
    assert copied == []


def test_large_files_go_in_parts_and_appear_at_the_end(bucket, proxy):
    root, folder = bucket
    before_last: list[list[str]] = []

    def look(line: str) -> None:
        if line.startswith("PUT") and "partNumber" in line:
            before_last.append(shown(folder))

    proxy.choose = look
    size = 2 * _PART_BYTES + 12_345
    with writing(f"{root}/c/large.bin") as file:
        file.truncate(size)
    assert before_last == [[], [], []]
    assert (folder / "c/large.bin").stat().st_size == size


def test_a_killed_upload_is_never_shown_and_is_cleared(
    bucket, proxy, tmp_path, monkeypatch
):
    """The process dies while parts are on their way."""
    root, folder = bucket
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # what others left does not count
    monkeypatch.setattr(tempfile, "tempdir", None)
    script = (
        "from pipelines.store import writing\n"
        f"with writing('{root}/c/large.bin') as file:\n"
        f"    file.truncate({3 * _PART_BYTES})\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script], env=dict(os.environ))
    proxy.choose = lambda line: child.kill if "partNumber=2" in line else None
    assert child.wait(120) == -signal.SIGKILL
    assert shown(folder) == []
    assert Store(f"{root}/c").remove_leftovers() == 2  # its parts, and what it sent
    assert Store(f"{root}/c").remove_leftovers() == 0
    write_atomic(f"{root}/c/large.bin", b"whole")
    assert shown(folder) == ["c/large.bin"]


def test_leftovers_of_other_corpora_stay(bucket):
    root, _ = bucket
    filesystem, _ = filesystem_of(root)
    name = root.removeprefix("s3://")
    for key in ("one/a.tar", "one-more/a.tar"):
        filesystem.call_s3("create_multipart_upload", Bucket=name, Key=key)
    assert abort_uploads(f"{root}/one") == 1
    assert abort_uploads(f"{root}/one-more") == 1


@pytest.mark.parametrize("fault", ["slow down", "reset", "cut"])
def test_faults_that_pass_are_not_noticed(bucket, proxy, fault):
    root, folder = bucket
    store = Store(f"{root}/corpus")
    data = bytes(range(256)) * 300
    broken: set[str] = set()

    def once(line: str) -> str | None:
        if line in broken:
            return None
        broken.add(line)
        return fault

    proxy.choose = once
    store.write_bytes(data, "cut", DIGEST)
    assert store.read_bytes("cut", DIGEST) == data
    assert store.size_bytes("cut", DIGEST) == len(data)
    assert len(shown(folder)) == 1
    assert broken


def test_a_store_that_stays_away_is_told(bucket, proxy):
    proxy.choose = lambda _: "slow down"
    with pytest.raises(StoreUnavailable, match=r"s3://b\w+: .*start the same command"):
        Store(f"{bucket[0]}/corpus").read_bytes("cut", DIGEST)


def test_a_missing_bucket_is_told(s3):
    for use in (
        lambda: write_atomic("s3://no-such-bucket/a", b"a"),
        lambda: filesystem_of("s3://no-such-bucket/a")[0].find("no-such-bucket/a"),
    ):
        with pytest.raises(StoreUnavailable, match="s3://no-such-bucket: there is no"):
            use()


def test_wrong_credentials_are_told_and_never_shown(bucket, monkeypatch, caplog):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another-secret")
    _connection.cache_clear()
    caplog.set_level(logging.DEBUG, "s3fs")
    try:
        with pytest.raises(StoreUnavailable, match="AWS_ACCESS_KEY_ID") as caught:
            write_atomic(f"{bucket[0]}/a", b"a")
    finally:
        _connection.cache_clear()
    told = f"{caught.value} {caplog.text}"
    assert "another-secret" not in told and SECRET not in told


def test_no_credentials_are_told(bucket, monkeypatch, tmp_path):
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    _connection.cache_clear()
    try:
        with pytest.raises(StoreUnavailable, match="give credentials"):
            write_atomic(f"{bucket[0]}/a", b"a")
    finally:
        _connection.cache_clear()


def test_a_server_that_is_not_there_is_told(bucket, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    _connection.cache_clear()
    try:
        with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:9"):
            write_atomic(f"{bucket[0]}/a", b"a")
    finally:
        _connection.cache_clear()


def test_a_manifest_in_a_bucket(bucket):
    root, _ = bucket
    rows = [
        {"recording_id": "a", "language": "swh", "audio": "audio/a.mp3", "text": ""},
        {"recording_id": "b", "language": "swh", "audio": "../b.mp3", "text": ""},
        {"recording_id": "c", "language": "swh", "audio": "/etc/passwd", "text": ""},
        {"recording_id": "d", "language": "swh", "audio": "s3://o/d.mp3", "text": ""},
    ]
    text = "\n".join(map(json.dumps, rows))
    write_atomic(f"{root}/in/rows.jsonl", text.encode())
    manifest = read_manifest(f"{root}/in/rows.jsonl")
    found = {
        recording.recording_id: recording.audio for recording in manifest.recordings
    }
    assert found == {"a": f"{root}/in/audio/a.mp3", "d": "s3://o/d.mp3"}
    assert [reject.key for reject in manifest.rejects] == ["b", "c"]
    assert all("leads to" in reject.message for reject in manifest.rejects)
    free = read_manifest(f"{root}/in/rows.jsonl", allow_outside=True)
    assert [r.audio for r in free.recordings][1] == f"{root}/b.mp3"
    with pytest.raises(ConfigError, match=r"in/none.csv: cannot be read"):
        read_manifest(f"{root}/in/none.csv")
    write_atomic(f"{root}/in/bad.csv", b"a;b\n1;2\n")
    with pytest.raises(ConfigError, match=rf"{root}/in/bad.csv"):
        read_manifest(f"{root}/in/bad.csv")


def test_copies_are_gone_afterwards(bucket):
    write_atomic(f"{bucket[0]}/a.txt", b"abc")
    with local_copy(f"{bucket[0]}/a.txt") as path:
        assert path.read_bytes() == b"abc"
    assert not path.exists()
