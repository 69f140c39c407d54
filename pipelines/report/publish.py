"""A folder that appears whole: made aside, then put in place of the old one."""

import contextlib
import ctypes
import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pipelines.addresses import local_path_of
from pipelines.store import filesystem_of

_ASIDE = ".report-"
_AT_CWD, _EXCHANGE = -100, 2  # of renameat2(2)
_NOT_HERE = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)


@contextlib.contextmanager
def publishing(root: str, name: str) -> Iterator[Path]:
    """Give an empty local folder that becomes ``<root>/<name>`` if no error comes.

    What was there is gone then. In a bucket files replace each other one by one, the
    pages that lead to the others last. Whoever calls has the corpus for itself.
    """
    local = local_path_of(root)
    if local is None:
        with tempfile.TemporaryDirectory(prefix="pericope-") as temporary:
            yield Path(temporary)
            _upload(Path(temporary), f"{root}/{name}")
        return
    for left in Path(local).glob(f"{_ASIDE}*"):  # of killed runs
        shutil.rmtree(left)
    aside = Path(local, f"{_ASIDE}{secrets.token_hex(8)}")
    aside.mkdir(parents=True)
    try:
        yield aside
        _replace(aside, Path(local, name))
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _replace(new: Path, place: Path) -> None:
    """Put a folder in a place; what was there lies where the new one was."""
    if not place.exists():
        new.rename(place)
        return
    code = _exchange(new, place)
    if code == 0:
        return
    if code not in _NOT_HERE:
        raise OSError(code, os.strerror(code), str(place))
    # This file system cannot exchange two folders: for a moment there is none.
    old = new.with_name(f"{new.name}-old")
    place.rename(old)
    new.rename(place)
    shutil.rmtree(old)


def _exchange(one: Path, other: Path) -> int:
    """Exchange two folders in one step; return 0 or the error's number."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return errno.ENOSYS
    paths = os.fsencode(one), os.fsencode(other)
    done = rename(_AT_CWD, paths[0], _AT_CWD, paths[1], _EXCHANGE)
    return 0 if done == 0 else ctypes.get_errno()


def _upload(folder: Path, uri: str) -> None:
    filesystem, target = filesystem_of(uri)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    # Pages last, index.html behind those of the languages: what they name is there.
    files.sort(key=lambda path: (path.suffix == ".html", path.parent == folder))
    names = [path.relative_to(folder).as_posix() for path in files]
    for path, name in zip(files, names, strict=True):
        filesystem.pipe_file(f"{target}/{name}", path.read_bytes())
    wanted = {f"{target}/{name}" for name in names}
    for path in set(filesystem.find(target)) - wanted:
        filesystem.rm_file(path)
