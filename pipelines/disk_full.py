"""A full disk stops a run; it is the fault of no recording."""

import contextlib
import errno
from collections.abc import Iterator

from schemas.errors import DiskFull

_NO_ROOM = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,  # a limit on the size of files is another kind of quota
)


def is_no_room(error: BaseException) -> bool:
    """Tell whether an error says that there was no room to write."""
    return isinstance(error, OSError) and error.errno in _NO_ROOM


@contextlib.contextmanager
def told_if_full(what: str) -> Iterator[None]:
    """Tell what could not be written; other errors pass as they are.

    Raises:
      DiskFull: there was no room.
    """
    try:
        yield
    except OSError as error:
        if not is_no_room(error):
            raise
        place = f" ({error.filename})" if error.filename else ""
        raise DiskFull(
            f"{what}: expected room to write, got {error.strerror!r}{place}; make room "
            "and start the same command again: what is finished stays"
        ) from error
