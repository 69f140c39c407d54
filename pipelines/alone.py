"""One run at a time works on a corpus."""

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator

from pipelines.addresses import local_path_of
from pipelines.lease import holding
from schemas.errors import ConfigError

# Some network file systems cannot lock a folder: there nobody is kept out.
_NO_LOCKS = (errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP)
_ASKED_SEC = 0.1


@contextlib.contextmanager
def alone_in(output: str) -> Iterator[None]:
    """Make the corpus's folder and keep other runs out of it.

    A folder is locked for this machine, and the lock goes with the process, however it
    ends. In a bucket runs of all machines see each other (``lease``).

    Raises:
      ConfigError: another run is at work there, or it cannot be a folder.
      StoreUnavailable: the bucket cannot be used.
    """
    folder = local_path_of(output)
    if folder is None:
        with holding(output):
            yield
        return
    try:
        os.makedirs(folder, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise ConfigError(
            f"corpus.output: expected a folder, {folder} cannot be one: "
            f"{error.strerror}"
        ) from error
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def is_locked(output: str) -> bool | None:
    """Tell whether a run of this machine is at work on a corpus.

    None where that cannot be told: in a bucket, and where folders cannot be locked.
    """
    folder = local_path_of(output)
    if folder is None:
        return None
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return False
    try:
        # Shared, so that two who ask do not see each other.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return None
    finally:
        os.close(descriptor)
    return False


def _lock(descriptor: int, folder: str) -> None:
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_ASKED_SEC)  # whoever asks ``is_locked`` holds it for a moment
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ConfigError(
            f"{folder}: another run is at work on this corpus; wait for its end, or "
            "choose another output"
        ) from error
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
