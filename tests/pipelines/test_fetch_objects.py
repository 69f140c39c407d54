"""Sources in buckets, against a real server."""

import os
import time
from pathlib import Path

import pytest

from pipelines import fetch_objects
from pipelines.fetch import FetchLimits, fetch
from pipelines.store import Store, write_atomic
from schemas.errors import FetchFailed, SourceMissing, SourceTooLarge

QUICK = FetchLimits(backoff_sec=0.001, backoff_max_sec=0.01, retries=2)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> int:
    """How many bytes a download asks for at once."""
    monkeypatch.setattr(fetch_objects, "_AT_ONCE_BYTES", 2**16)
    return 2**16


def test_sources_are_fetched_once(bucket, tmp_path):
    root, folder = bucket
    store = Store(str(tmp_path / "corpus"))
    (folder / "a#1.mp3").write_bytes(b"abc")
    fetched = fetch(f"{root}/a#1.mp3", store, QUICK)
    assert Path(fetched.path).read_bytes() == b"abc"
    write_atomic(f"{root}/a#1.mp3", b"changed")
    assert fetch(f"{root}/a#1.mp3", store, QUICK) == fetched
    changed = fetch(f"{root}/a#1.mp3", store, QUICK, asked_since_sec=time.time())
    assert Path(changed.path).read_bytes() == b"changed"
    assert (
        fetch(f"{root}/a#1.mp3", store, QUICK, asked_since_sec=time.time()) == changed
    )


def test_sources_that_cannot_be_had(bucket, tmp_path):
    root, _ = bucket
    store = Store(str(tmp_path / "corpus"))
    write_atomic(f"{root}/folder/a.mp3", b"abc")
    with pytest.raises(SourceMissing, match="there is none"):
        fetch(f"{root}/nothing.mp3", store, QUICK)
    with pytest.raises(SourceMissing, match="got a folder"):
        fetch(f"{root}/folder", store, QUICK)
    with pytest.raises(SourceTooLarge, match="at most 2 bytes, got 3"):
        fetch(f"{root}/folder/a.mp3", store, FetchLimits(max_bytes=2))
    with pytest.raises(FetchFailed, match="there is no such bucket"):
        fetch("s3://no-such-bucket/a.mp3", store, QUICK)


def test_a_broken_download_goes_on_by_bytes(bucket, proxy, tmp_path, small_blocks):
    root, _ = bucket
    data = os.urandom(small_blocks * 5 // 2)
    write_atomic(f"{root}/a.mp3", data)
    store = Store(str(tmp_path / "corpus"))
    gets = [0]

    def second_block_fails(line: str) -> str | None:
        gets[0] += line.startswith("GET")
        return "slow down" if gets[0] >= 2 else None

    proxy.choose = second_block_fails
    with pytest.raises(FetchFailed):
        fetch(f"{root}/a.mp3", store, QUICK)
    proxy.choose = lambda _: None
    proxy.requests.clear()
    fetched = fetch(f"{root}/a.mp3", store, QUICK)
    assert Path(fetched.path).read_bytes() == data
    # Of three blocks the first one was there already.
    assert sum(line.startswith("GET") for line in proxy.requests) == 2


def test_bytes_of_two_versions_never_come_together(
    bucket, proxy, s3, tmp_path, small_blocks
):
    root, _ = bucket
    old, new = (os.urandom(small_blocks * 5 // 2) for _ in range(2))
    write_atomic(f"{root}/a.mp3", old)
    import botocore.session

    past = botocore.session.get_session().create_client("s3", endpoint_url=s3.url)
    begun: list[str] = []

    def change_once(line: str) -> object:
        if not line.startswith("GET") or begun:
            return None
        begun.append(line)
        name = root.removeprefix("s3://")
        return lambda: past.put_object(Bucket=name, Key="a.mp3", Body=new)

    proxy.choose = change_once
    fetched = fetch(f"{root}/a.mp3", Store(str(tmp_path / "corpus")), QUICK)
    assert Path(fetched.path).read_bytes() == new
    assert begun
