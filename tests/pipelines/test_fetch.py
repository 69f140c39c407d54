import gzip
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import fsspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines import fetch as fetch_module
from pipelines.fetch import FetchedFile, FetchLimits, fetch
from pipelines.store import Store, local_copy
from schemas.errors import (
    ArtifactError,
    FetchFailed,
    SourceMissing,
    SourceRefused,
    SourceTooLarge,
)

QUICK = FetchLimits(backoff_sec=0.001, backoff_max_sec=0.01, retries=2)


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path / "corpus"))


def entries(store: Store) -> list[Path]:
    return sorted(Path(store.root, "store", "fetch").glob("??/*.json"))


def unfinished(store: Store) -> list[str]:
    folder = Path(store.root, "store", "fetch", "unfinished")
    return sorted(path.name for path in folder.iterdir())


@settings(
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.binary(max_size=300))
def test_local_files_are_hashed_where_they_are(tmp_path, store, data):
    path = tmp_path / "a b.mp3"
    path.write_bytes(data)
    expected = hashlib.sha256(data).hexdigest()
    for uri in (str(path), path.as_uri(), os.path.relpath(path)):
        fetched = fetch(uri, store, QUICK)
        assert fetched == FetchedFile(str(path), expected, len(data), str(path))


def test_a_digest_is_remembered_once_the_file_has_settled(tmp_path, store, monkeypatch):
    path = tmp_path / "a.mp3"
    path.write_bytes(b"abc")
    fetch(str(path), store, QUICK)
    assert entries(store) == []  # it may be written again within the same tick
    monkeypatch.setattr(fetch_module, "_SETTLED_SEC", -1.0)
    fetch(str(path), store, QUICK)
    (entry,) = entries(store)
    entry.write_text(json.dumps({"sha256": "remembered", "size_bytes": 3}))
    assert fetch(str(path), store, QUICK).sha256 == "remembered"
    path.write_bytes(b"abd")
    assert fetch(str(path), store, QUICK).sha256 == hashlib.sha256(b"abd").hexdigest()


def test_a_file_with_its_old_time_put_back_is_read_again(tmp_path, store, monkeypatch):
    monkeypatch.setattr(fetch_module, "_SETTLED_SEC", -1.0)
    path = tmp_path / "a.mp3"
    path.write_bytes(b"abc")
    before = path.stat()
    first = fetch(str(path), store, QUICK)
    path.unlink()
    path.write_bytes(b"abd")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert fetch(str(path), store, QUICK).sha256 != first.sha256


def test_local_files_that_cannot_be_had(tmp_path, store):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").write_bytes(b"abc")
    os.mkfifo(tmp_path / "pipe")
    cases = [
        ("nothing", SourceMissing, "there is none"),
        ("file/below", SourceMissing, "there is none"),
        (".", SourceMissing, "got a folder"),
        ("pipe", SourceRefused, "pipe or device"),
        ("loop", FetchFailed, "Too many levels"),
        ("x" * 300, FetchFailed, "File name too long"),
    ]
    for name, error, message in cases:
        with pytest.raises(error, match=message):
            fetch(str(tmp_path / name), store, QUICK)
    with pytest.raises(SourceTooLarge, match="at most 2 bytes, got 3"):
        fetch(str(tmp_path / "file"), store, FetchLimits(max_bytes=2))


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("ftp://h.example/a", "scheme 'ftp'"),
        ("memory://a", "scheme 'memory'"),
        ("file://host/a", "no host"),
        ("http://", "expected a host"),
        ("s3://bucket", "expected a bucket and a key"),
        ("s3://bucket/a::file:///etc/passwd", "without '::'"),
    ],
)
def test_other_addresses_are_refused(store, uri, message):
    with pytest.raises(SourceRefused, match=message):
        fetch(uri, store, QUICK)


def test_a_download_lands_in_the_store(server, store):
    fetched = fetch(server.url(), store, QUICK)
    sha256 = hashlib.sha256(server.content).hexdigest()
    path = f"{store.root}/store/fetch/{sha256[:2]}/{sha256}.bin"
    assert fetched == FetchedFile(server.url(), sha256, len(server.content), path)
    assert Path(path).read_bytes() == server.content
    assert unfinished(store) == []


def test_a_second_run_asks_nothing(server, store):
    signed = server.url("/a.mp3?X-Amz-Signature=one&X-Amz-Date=2")
    first = fetch(signed, store, QUICK)
    again = fetch(signed.replace("one", "two"), store, QUICK)
    assert again.sha256 == first.sha256
    assert len(server.requests) == 1
    assert "=one" not in first.uri + "".join(
        path.read_text() for path in entries(store)
    )


def test_what_was_deleted_is_fetched_again(server, store):
    first = fetch(server.url(), store, QUICK)
    Path(first.path).unlink()
    assert fetch(server.url(), store, QUICK) == first
    assert Path(first.path).read_bytes() == server.content
    assert len(server.requests) == 2


def test_two_addresses_of_the_same_bytes_share_them(server, store):
    first, second = (fetch(server.url(path), store, QUICK) for path in ("/a", "/b"))
    assert first.path == second.path and first.uri != second.uri


def test_the_limit_holds_for_what_is_known_too(server, store):
    fetch(server.url(), store, QUICK)
    with pytest.raises(SourceTooLarge):
        fetch(server.url(), store, FetchLimits(max_bytes=10))


def test_a_damaged_entry_is_named(server, store):
    fetch(server.url(), store, QUICK)
    (entry,) = entries(store)
    entry.write_text("{}")
    with pytest.raises(ArtifactError, match=r"\.json: damaged; delete it"):
        fetch(server.url(), store, QUICK)


def test_failures_leave_what_the_next_run_can_use(server, store):
    server.script = [server.serve(limit=1_000), *[server.status(500)] * 2]
    with pytest.raises(FetchFailed):
        fetch(server.url(), store, QUICK)
    fetched = fetch(server.url(), store, QUICK)
    assert server.requests[-1][1]["Range"] == "bytes=1000-"
    assert Path(fetched.path).read_bytes() == server.content


def test_a_compressed_body_is_kept_unpacked(server, store):
    plain, server.content = server.content, gzip.compress(server.content, mtime=0)
    server.script = [server.serve(Content_Encoding="gzip")]
    fetched = fetch(server.url(), store, QUICK)
    assert Path(fetched.path).read_bytes() == plain
    assert fetched.sha256 == hashlib.sha256(plain).hexdigest()
    assert unfinished(store) == []


def test_many_workers_ask_once(server, store):
    found = []
    workers = [
        threading.Thread(target=lambda: found.append(fetch(server.url(), store, QUICK)))
        for _ in range(6)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(set(found)) == 1 and len(found) == 6
    assert len(server.requests) == 1


def ask_again(uri: str, store: Store) -> FetchedFile:
    return fetch(uri, store, QUICK, asked_since_sec=time.time())


def test_a_source_is_asked_for_again_on_request(server, store):
    first = fetch(server.url(), store, QUICK)
    (entry,) = entries(store)
    since = time.time()
    server.script = [server.status(304)]
    assert ask_again(server.url(), store) == first
    assert server.requests[1][1]["If-None-Match"] == server.etag
    # What was asked since then is not asked once more, by this worker or another one.
    assert fetch(server.url(), store, QUICK, since) == first
    assert len(server.requests) == 2
    assert entries(store) == [entry]


def test_a_changed_source_is_fetched_anew(server, store):
    first = fetch(server.url(), store, QUICK)
    server.content, server.etag = b"changed", '"v2"'
    assert fetch(server.url(), store, QUICK) == first
    second = ask_again(server.url(), store)
    assert Path(second.path).read_bytes() == b"changed"
    assert fetch(server.url(), store, QUICK) == second
    assert Path(first.path).exists()  # another address may have the same bytes
    assert unfinished(store) == []


def test_a_source_without_validators_is_fetched_anew_on_request(server, store):
    server.etag = None
    first = fetch(server.url(), store, QUICK)
    assert ask_again(server.url(), store) == first
    server.content = b"changed"
    assert Path(ask_again(server.url(), store).path).read_bytes() == b"changed"


def test_entries_without_a_version_are_asked_for_in_full(server, store):
    first = fetch(server.url(), store, QUICK)
    (entry,) = entries(store)
    entry.write_text(
        json.dumps({"sha256": first.sha256, "size_bytes": first.size_bytes})
    )
    assert fetch(server.url(), store, QUICK) == first
    assert ask_again(server.url(), store) == first
    assert len(server.requests) == 2
    assert "If-None-Match" not in server.requests[1][1]


def test_a_source_that_cannot_be_asked_fails_and_stays(server, store):
    first = fetch(server.url(), store, QUICK)
    server.script = [server.status(500)] * 3
    with pytest.raises(FetchFailed):
        ask_again(server.url(), store)
    assert fetch(server.url(), store, QUICK) == first


FULL = """
import resource, signal, sys
from pipelines.fetch import FetchLimits, fetch
from pipelines.store import Store
from schemas.errors import DiskFull
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    fetch(sys.argv[1], Store(sys.argv[2]), FetchLimits())
except DiskFull as error:
    print(error)
"""


def test_a_full_disk_is_told_and_what_came_stays(server, store):
    """A limit on the size of files stands for the disk: the kernel refuses to write."""
    ended = subprocess.run(
        [sys.executable, "-c", FULL, server.url(), store.root],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "a.mp3: expected room to write, got 'File too large'" in ended.stdout
    assert "make room and start the same command again" in ended.stdout
    fetched = fetch(server.url(), store, QUICK)
    assert server.requests[1][1]["Range"] == "bytes=100000-"
    assert Path(fetched.path).read_bytes() == server.content


FETCH = """
import sys
from pipelines.fetch import FetchLimits, fetch
from pipelines.store import Store
fetch(sys.argv[1], Store(sys.argv[2]), FetchLimits())
"""


def test_a_killed_run_goes_on_where_it_was(server, store):
    sent = threading.Event()

    def stall(handler):
        sent.set()
        handler.server.stopping.wait()

    server.script = [server.serve(limit=200_000, then=stall)]
    folder = Path(store.root, "store", "fetch", "unfinished")
    with subprocess.Popen(
        [sys.executable, "-c", FETCH, server.url(), store.root],
        cwd=Path(__file__).parents[2],
    ) as process:
        try:
            sent.wait()
            while sum(part.stat().st_size for part in folder.glob("?" * 64)) < 100_000:
                assert process.poll() is None
        finally:
            process.send_signal(signal.SIGKILL)
    assert entries(store) == []
    fetched = fetch(server.url(), store, QUICK)
    begun = int(server.requests[1][1]["Range"].removeprefix("bytes=").removesuffix("-"))
    assert 0 < begun <= 200_000
    assert Path(fetched.path).read_bytes() == server.content


def test_a_store_in_a_bucket(server):
    fsspec.filesystem("memory").store.clear()
    store = Store("memory://bucket/corpus")
    fetched = fetch(server.url(), store, QUICK)
    assert fetched.path.startswith("memory://bucket/corpus/store/fetch/")
    with local_copy(fetched.path) as path:
        assert path.read_bytes() == server.content
    assert fetch(server.url(), store, QUICK) == fetched
    assert len(server.requests) == 1


def test_a_missing_library_is_named(store):
    try:
        import gcsfs  # noqa: F401
    except ImportError:
        with pytest.raises(SourceRefused, match=r"pip install 'pericope\[gcs\]'"):
            fetch("gs://bucket/a.mp3", store, QUICK)
    else:
        pytest.skip("gcsfs is installed")
