import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.store import (
    Store,
    filesystem_of,
    local_copy,
    locked,
    write_atomic,
    writing,
)
from schemas.errors import ConfigError
from schemas.keys import digest_of

DIGEST = digest_of("a")


@pytest.fixture(params=["local", "file", "memory"])
def store(request, tmp_path, monkeypatch):
    if request.param == "memory":
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        yield Store("memory://corpus")
        fsspec.filesystem("memory").store.clear()
    else:
        yield Store(str(tmp_path) if request.param == "local" else f"file://{tmp_path}")


def files_below(folder: Path) -> list[str]:
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(str(path) for path in found)


def test_what_is_written_is_read(store):
    assert not store.has("align", DIGEST, ".npz")
    assert store.size_bytes("align", DIGEST, ".npz") is None
    uri = store.write_bytes(b"abc", "align", DIGEST, ".npz")
    assert uri == store.uri("align", DIGEST, ".npz")
    assert uri == f"{store.root}/store/align/{DIGEST[:2]}/{DIGEST}.npz"
    assert store.has("align", DIGEST, ".npz")
    assert store.size_bytes("align", DIGEST, ".npz") == 3
    assert store.read_bytes("align", DIGEST, ".npz") == b"abc"
    assert not store.has("align", DIGEST)
    store.write_bytes(b"other", "align", DIGEST, ".npz")
    assert store.read_bytes("align", DIGEST, ".npz") == b"other"


def test_a_missing_result_is_missing(store):
    with pytest.raises(FileNotFoundError):
        store.read_bytes("align", DIGEST)


def test_an_error_while_writing_leaves_nothing(store, tmp_path):
    store.write_bytes(b"first", "align", digest_of("b"))
    before = files_below(tmp_path)
    with pytest.raises(KeyboardInterrupt), store.writing("align", DIGEST) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert not store.has("align", DIGEST)
    assert files_below(tmp_path) == before
    assert store.remove_leftovers() == 0


def test_nothing_is_there_until_the_block_ends(store):
    with store.writing("align", DIGEST) as file:
        file.write(b"x" * 100_000)
        file.flush()
        assert not store.has("align", DIGEST)
    assert store.size_bytes("align", DIGEST) == 100_000


def test_an_error_keeps_the_old_content(store):
    store.write_bytes(b"old", "align", DIGEST)
    with pytest.raises(ZeroDivisionError), store.writing("align", DIGEST) as file:
        file.write(b"new")
        raise ZeroDivisionError
    assert store.read_bytes("align", DIGEST) == b"old"


def test_a_file_can_be_adopted(store, tmp_path):
    path = tmp_path / "download"
    path.write_bytes(b"abc")
    store.adopt(path, "fetch", DIGEST, ".bin")
    assert store.read_bytes("fetch", DIGEST, ".bin") == b"abc"
    assert not path.exists()


def test_scratch_lasts(store, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with store.scratch("fetch") as folder:
        (folder / "a").write_bytes(b"abc")
    with store.scratch("fetch") as folder:
        assert (folder / "a").read_bytes() == b"abc"
    with Store("memory://another").scratch("fetch") as folder:
        assert not (folder / "a").exists()


def test_local_copies(store):
    uri = store.write_bytes(b"abc", "cut", DIGEST, ".flac")
    with local_copy(uri) as path:
        assert path.read_bytes() == b"abc"
        assert path.name == f"{DIGEST}.flac"
    assert path.exists() is not uri.startswith("memory")


def test_stores_travel_by_pickle(store):
    assert pickle.loads(pickle.dumps(store)) == store


@settings(deadline=None)
@given(st.text(max_size=70), st.text(max_size=70), st.text(max_size=9))
def test_no_part_leads_out_of_the_store(stage, digest, suffix):
    store = Store("/corpus")
    for parts in (
        (stage, DIGEST, ""),
        ("align", digest, ""),
        ("align", DIGEST, suffix),
    ):
        try:
            uri = store.uri(*parts)
        except ValueError:
            continue
        assert os.path.normpath(uri) == uri
        assert uri.startswith("/corpus/store/")


@pytest.mark.parametrize(
    "parts",
    [
        ("..", DIGEST, ""),
        ("a/b", DIGEST, ""),
        ("", DIGEST, ""),
        ("align\n", DIGEST, ""),
        ("align", "../" + DIGEST[3:], ""),
        ("align", DIGEST.upper(), ""),
        ("align", DIGEST[1:], ""),
        ("align", DIGEST, "/../x"),
        ("align", DIGEST, ".."),
        ("align", DIGEST, "npz"),
    ],
)
def test_unsafe_parts_are_refused(parts):
    with pytest.raises(ValueError, match="expected"):
        Store("/corpus").uri(*parts)


def test_the_root_does_not_follow_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = Store("out")
    monkeypatch.chdir("/")
    store.write_bytes(b"", "align", DIGEST)
    assert (tmp_path / "out" / "store").is_dir()


def test_files_get_the_permissions_of_ordinary_files(tmp_path):
    ordinary, atomic = tmp_path / "ordinary", tmp_path / "folder" / "atomic"
    ordinary.write_bytes(b"")
    write_atomic(str(atomic), b"")
    assert ordinary.stat().st_mode == atomic.stat().st_mode


WRITER = """
import sys, time
from pipelines.store import Store
with Store(sys.argv[1]).writing("align", sys.argv[2], ".npz") as file:
    file.write(b"half of it")
    file.flush()
    print("writing", flush=True)
    time.sleep(60)
"""


def test_a_killed_writer_leaves_only_what_can_be_removed(tmp_path):
    store = Store(str(tmp_path))
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, store.root, DIGEST],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
        # It is still being written: nobody may take it away.
        assert store.remove_leftovers() == 0
        assert len(files_below(tmp_path)) == 1
        process.send_signal(signal.SIGKILL)
    (left,) = files_below(tmp_path)
    assert Path(left).name.startswith(".tmp-")
    assert not store.has("align", DIGEST, ".npz")
    assert store.remove_leftovers() == 1
    assert files_below(tmp_path) == []


READER = """
import sys, time
from pipelines.store import Store, local_copy
store = Store("memory://killed/corpus")
uri = store.write_bytes(b"whole", "align", sys.argv[1], ".npz")
with local_copy(uri) as path:
    print(path.read_text(), path.suffix, flush=True)
    time.sleep(60)
"""


def test_a_killed_reader_leaves_only_what_can_be_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    store = Store("memory://killed/corpus")
    with subprocess.Popen(
        [sys.executable, "-c", READER, DIGEST],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"whole .npz\n"
        assert store.remove_leftovers() == 0
        assert len(files_below(tmp_path)) == 2
        process.send_signal(signal.SIGKILL)
    assert store.remove_leftovers() == 1
    assert files_below(tmp_path) == []


def test_only_our_own_temporary_files_are_removed(tmp_path):
    others = [".tmp-", ".tmp-notes", "x.tmp-0123456789abcdef", ".tmp-0123456789ABCDEF"]
    for name in others:
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / ".tmp-0123456789abcdef").write_bytes(b"")
    assert Store(str(tmp_path)).remove_leftovers() == 1
    assert files_below(tmp_path) == sorted(others)


def test_writers_and_removers_do_not_hurt_each_other(tmp_path):
    store = Store(str(tmp_path))
    stop = threading.Event()
    removed = []

    def remove() -> None:
        while not stop.is_set():
            removed.append(store.remove_leftovers())

    remover = threading.Thread(target=remove)
    remover.start()
    try:
        for number in range(200):
            store.write_bytes(b"x" * number, "align", digest_of(number))
    finally:
        stop.set()
        remover.join()
    assert [store.size_bytes("align", digest_of(n)) for n in range(200)] == list(
        range(200)
    )
    assert len(files_below(tmp_path)) == 200


def test_two_writers_of_one_result_both_finish(tmp_path):
    target = str(tmp_path / "a")
    with writing(target) as first, writing(target) as second:
        first.write(b"1")
        second.write(b"22")
    assert Path(target).read_bytes() == b"1"  # the outer block ended last
    assert files_below(tmp_path) == ["a"]


def test_a_lock_is_held_by_one_at_a_time(tmp_path):
    holders, most = 0, 0
    guard = threading.Lock()

    def work() -> None:
        nonlocal holders, most
        for _ in range(20):
            with locked(tmp_path / "lock"):
                with guard:
                    holders += 1
                    most = max(most, holders)
                time.sleep(0)
                with guard:
                    holders -= 1

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert most == 1
    assert files_below(tmp_path) == []


def test_a_missing_library_names_the_extra():
    try:
        import s3fs  # noqa: F401
    except ImportError:
        with pytest.raises(ConfigError, match=r"pip install 'pericope\[s3\]'"):
            filesystem_of("s3://bucket/key")
    else:
        pytest.skip("s3fs is installed")
