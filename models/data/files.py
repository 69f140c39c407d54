"""Files of a corpus, which lies in a folder or in a bucket (s3, gs)."""

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import fsspec

from schemas.errors import ConfigError

_BUCKET = re.compile(r"^(s3|gs):/+")
_EXTRA = {"s3": "s3", "gs": "gcs"}
_AHEAD_BYTES = 4 * 2**20


def root_of(corpus: Path | str) -> str:
    """Return a corpus's folder or URI; a ``Path`` of a URI has lost one slash."""
    return _BUCKET.sub(r"\1://", str(corpus)).rstrip("/")


def files_below(folder: str) -> list[str]:
    """Return all files below a folder, in order; none where there is no folder."""
    if _is_local(folder):
        found = (path for path in Path(folder).rglob("*") if path.is_file())
        return sorted(str(path) for path in found)
    filesystem, path = _filesystem(folder)
    scheme = folder.partition("://")[0]
    return sorted(f"{scheme}://{found}" for found in filesystem.find(path))


def open_file(path: str) -> BinaryIO:
    """Open a file for reading from start to end; raises FileNotFoundError."""
    if _is_local(path):
        return Path(path).open("rb")
    filesystem, inner = _filesystem(path)
    return filesystem.open(inner, "rb", block_size=_AHEAD_BYTES)


def size_bytes(path: str) -> int:
    """Return the size of a file; raises FileNotFoundError."""
    if _is_local(path):
        return os.stat(path).st_size
    filesystem, inner = _filesystem(path)
    return int(filesystem.info(inner)["size"])


def read_range(path: str, offset: int, length: int) -> bytes:
    """Return bytes of a file, fewer at its end; raises FileNotFoundError."""
    if _is_local(path):
        # Opened for each clip: thousands of shards are more than may be open at once.
        file = os.open(path, os.O_RDONLY)
        try:
            return os.pread(file, length, offset)
        finally:
            os.close(file)
    filesystem, inner = _filesystem(path)
    return filesystem.cat_file(inner, start=offset, end=offset + length)


@contextlib.contextmanager
def local_copy(path: str) -> Iterator[Path]:
    """Give the path of a file on this machine; one in a bucket is copied meanwhile.

    Raises:
      FileNotFoundError: there is no such file.
    """
    if _is_local(path):
        yield Path(path)
        return
    with tempfile.TemporaryDirectory(prefix="pericope-") as folder:
        filesystem, inner = _filesystem(path)
        copy = Path(folder, inner.rpartition("/")[2])
        filesystem.get_file(inner, str(copy))
        yield copy


def _is_local(path: str) -> bool:
    return not _BUCKET.match(path)


def _filesystem(uri: str) -> tuple[Any, str]:
    try:
        return fsspec.core.url_to_fs(uri, use_listings_cache=False)
    except ImportError as error:
        scheme = uri.partition("://")[0]
        raise ConfigError(
            f"{scheme}:// needs another library: pip install "
            f"'pericope[{_EXTRA[scheme]}]'"
        ) from error
