"""The content store: results named by the digest of all they depend on.

A file is there whole or not at all: it is written under a temporary name beside its
place, flushed to the disk and renamed; a bucket shows an object only when its upload
is complete (nothing is renamed there: that would be a copy and a removal). So a run may
be killed at any time, and what is there needs no check.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pipelines.addresses import local_path_of, scheme_of
from pipelines.disk_full import told_if_full
from pipelines.object_stores import (
    abort_uploads,
    filesystem_of,
    size_of_object,
    upload,
)
from schemas.errors import ConfigError

_TEMP_NAME = re.compile(r"\.tmp-[0-9a-f]{16}")
_COPY = ".copy"  # behind the name of a temporary file: the folder that goes with it
_STAGE = re.compile(r"[a-z][a-z0-9_]*")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SUFFIX = re.compile(r"(\.[A-Za-z0-9]+)*")

__all__ = [
    "Store",
    "filesystem_of",
    "local_copy",
    "locked",
    "remove",
    "write_atomic",
    "writing",
]


@dataclass(frozen=True)
class Store:
    """Results under ``<root>/store/<stage>/<aa>/<digest><suffix>``.

    ``root`` is the corpus's output: a local path or a URI (s3, gs, memory).
    """

    root: str

    def __post_init__(self) -> None:
        path = local_path_of(self.root)
        root = self.root.rstrip("/") if path is None else os.path.abspath(path)
        object.__setattr__(self, "root", root)

    def uri(self, stage: str, digest: str, suffix: str = "") -> str:
        """Return where a result lies, whether or not it is there yet.

        Raises:
          ValueError: a part could lead out of its place in the store.
        """
        for part, pattern in ((stage, _STAGE), (digest, _DIGEST), (suffix, _SUFFIX)):
            if not pattern.fullmatch(part):
                raise ValueError(f"{part!r}: expected {pattern.pattern}")
        return f"{self.root}/store/{stage}/{digest[:2]}/{digest}{suffix}"

    def has(self, stage: str, digest: str, suffix: str = "") -> bool:
        """Tell whether a result is there."""
        return self.size_bytes(stage, digest, suffix) is not None

    def size_bytes(self, stage: str, digest: str, suffix: str = "") -> int | None:
        """Return the size of a result, None if it is not there."""
        uri = self.uri(stage, digest, suffix)
        if not _is_local(uri):
            return size_of_object(uri)
        try:
            return os.stat(uri).st_size
        except FileNotFoundError:
            return None

    def read_bytes(self, stage: str, digest: str, suffix: str = "") -> bytes:
        """Return a result; raises FileNotFoundError if it is not there."""
        with local_copy(self.uri(stage, digest, suffix)) as path:
            return path.read_bytes()

    def write_bytes(
        self, data: bytes, stage: str, digest: str, suffix: str = ""
    ) -> str:
        """Write a result in one go and return where it lies."""
        uri = self.uri(stage, digest, suffix)
        write_atomic(uri, data)
        return uri

    def writing(
        self, stage: str, digest: str, suffix: str = ""
    ) -> contextlib.AbstractContextManager[BinaryIO]:
        """Open a result for writing; it is there once the block ends without error."""
        return writing(self.uri(stage, digest, suffix))

    def remove(self, stage: str, digest: str, suffix: str = "") -> None:
        """Delete a result that is not to be kept, if it is there."""
        remove(self.uri(stage, digest, suffix))

    def adopt(self, path: Path, stage: str, digest: str, suffix: str = "") -> str:
        """Move a complete local file into the store and return where it lies."""
        uri = self.uri(stage, digest, suffix)
        _publish(path, uri)
        return uri

    @contextlib.contextmanager
    def scratch(self, stage: str) -> Iterator[Path]:
        """Give a local folder for unfinished work of a stage.

        It outlives the process, so that the next run can go on: beside a local store,
        or for a bucket in this machine's folder for temporary files.
        """
        if _is_local(self.root):
            folder = Path(self.root, "store", stage, "unfinished")
        else:
            name = hashlib.sha256(self.root.encode()).hexdigest()[:16]
            folder = own_temporary_folder() / name / stage
        folder.mkdir(parents=True, exist_ok=True)
        yield folder

    def remove_leftovers(self) -> int:
        """Delete what killed runs left of unfinished files; return how many.

        Files that a living process of this machine is writing are locked and stay. In a
        bucket these are parts of uploads, and whoever calls has the corpus for itself.
        """
        if not _is_local(self.root):
            folder, uploads = str(own_temporary_folder()), abort_uploads(self.root)
        else:
            folder, uploads = self.root, 0
        return uploads + sum(
            _remove_if_abandoned(os.path.join(inner, name))
            for inner, _, names in os.walk(folder)
            for name in filter(_TEMP_NAME.fullmatch, names)
        )


@contextlib.contextmanager
def writing(uri: str) -> Iterator[BinaryIO]:
    """Open any output for writing; it appears whole when the block ends without error.

    Args:
      uri: a local path (folders are made) or a URI (s3, gs, memory).

    Raises:
      DiskFull: there is no room; nothing appears.
    """
    local = local_path_of(uri)
    if local is None:
        folder = str(own_temporary_folder())
    else:
        folder = os.path.dirname(os.path.abspath(local))
        os.makedirs(folder, exist_ok=True)
    temp, descriptor = _create_temp(folder)
    try:
        with told_if_full(uri), os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            # Published while still open, because its lock keeps the file from removal.
            _publish(Path(temp), uri)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temp)


def write_atomic(uri: str, data: bytes) -> None:
    """Write a whole file: whoever looks sees the old content or the new, never less."""
    with writing(uri) as file:
        file.write(data)


@contextlib.contextmanager
def local_copy(uri: str) -> Iterator[Path]:
    """Give the local path of a file; one in a bucket is copied for as long as needed.

    Raises:
      FileNotFoundError: there is no such file.
    """
    local = local_path_of(uri)
    if local is not None:
        yield Path(local)
        return
    # The folder goes with a locked file, so that what a kill leaves can be told.
    temp, descriptor = _create_temp(str(own_temporary_folder()))
    folder = Path(temp + _COPY)
    try:
        folder.mkdir()
        filesystem, path = filesystem_of(uri)
        copy = folder / Path(path).name
        filesystem.get_file(path, str(copy))
        yield copy
    finally:
        if folder.exists():
            shutil.rmtree(folder)
        os.unlink(temp)
        os.close(descriptor)


def remove(uri: str) -> None:
    """Delete a file if it is there."""
    filesystem, path = filesystem_of(uri)
    with contextlib.suppress(FileNotFoundError):
        filesystem.rm_file(path)


def own_temporary_folder() -> Path:
    """Return this user's folder for files that are on their way to a bucket.

    Raises:
      ConfigError: somebody else has a folder of its name.
    """
    folder = Path(tempfile.gettempdir(), f"pericope-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.getuid() or not stat.S_ISDIR(status.st_mode):
        raise ConfigError(f"{folder}: belongs to somebody else; set TMPDIR")
    return folder


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file that only one process of this machine has at a time."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            break
        os.close(descriptor)  # its last holder has deleted it meanwhile
    try:
        yield
    finally:
        path.unlink()
        os.close(descriptor)


def _is_local(uri: str) -> bool:
    return scheme_of(uri) in ("", "file")


def _create_temp(folder: str) -> tuple[str, int]:
    """Create a locked temporary file; return its path and descriptor."""
    while True:
        temp = os.path.join(folder, f".tmp-{secrets.token_hex(8)}")
        descriptor = os.open(temp, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        # Someone who removes leftovers may have come between the two calls.
        if _try_lock(descriptor) and os.fstat(descriptor).st_nlink:
            return temp, descriptor
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove_if_abandoned(temp: str) -> bool:
    try:
        descriptor = os.open(temp, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        if not _try_lock(descriptor):
            return False
        if os.path.exists(temp + _COPY):
            shutil.rmtree(temp + _COPY)
        os.unlink(temp)
    except FileNotFoundError:  # renamed to its final name just now
        return False
    finally:
        os.close(descriptor)
    return True


def _publish(source: Path, uri: str) -> None:
    """Move a complete local file to its final place in one step."""
    local = local_path_of(uri)
    if local is None:
        upload(source, uri)
        source.unlink()
        return
    os.makedirs(os.path.dirname(os.path.abspath(local)), exist_ok=True)
    with source.open("rb+") as file:
        os.fsync(file.fileno())  # else a power cut could leave the name without bytes
    os.replace(source, local)
