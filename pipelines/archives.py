"""Zip archives from outside, read so that they can do no harm.

An archive is refused whole when one of its members is what no archive of recordings
has: a name that leads elsewhere, a link or device, a name twice, a password, another
compression than deflate, members that lie over one another, or sizes beyond the limits.
Sizes are first taken from the directory and held to while a member is unpacked: what
unpacks to more or to other bytes than the directory says is an error, too.
"""

import contextlib
import io
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from schemas.errors import (
    ArchiveUnusable,
    ConfigError,
    InputError,
    SourceMissing,
    SourceRefused,
    SourceTooLarge,
)

_BLOCK_BYTES = 64 * 1024
_ENCRYPTED = 0x1
# The others unpack as much as they like in one go, whatever they are asked for.
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# Below this a ratio says nothing: a page of blanks is no bomb.
_HARMLESS_BYTES = 1024 * 1024
# What disks take; of the whole path, room is left for the folder to unpack into.
_MAX_PART_BYTES, _MAX_NAME_BYTES = 255, 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DRIVE = re.compile(r"[A-Za-z]:")
# What zipfile and zlib raise on damaged archives.
_DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,  # of a later version of the format
    UnicodeDecodeError,
)


@dataclass(frozen=True, kw_only=True)
class ArchiveLimits:
    """What an archive may be at most."""

    max_members: int = 50_000
    max_directory_bytes: int = 8 * 2**20
    """Of the list of members, which is read at once: 170 bytes for each of 50,000."""
    max_member_bytes: int = 4 * 2**30
    max_total_bytes: int = 64 * 2**30
    """Of all members, unpacked."""
    max_ratio: float = 200.0
    """Unpacked over packed bytes of a member of 1 MiB and more: text has 3 to 10,
    digital silence up to 1,000."""

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if not getattr(self, name) > 0:
                raise ConfigError(
                    f"archive.{name}: expected above 0, got {getattr(self, name)!r}"
                )


@dataclass(frozen=True)
class Member:
    """A regular file in an archive; ``name`` is relative, with forward slashes."""

    name: str
    size_bytes: int


class Archive:
    """An open archive whose members were all found harmless; see ``opened_archive``."""

    def __init__(self, path: Path, file: zipfile.ZipFile, limits: ArchiveLimits):
        self._path, self._file = path, file
        self._info_of = _checked(path, file, limits)
        self.members = tuple(
            Member(name, info.file_size) for name, info in self._info_of.items()
        )

    def copy(self, name: str, target: BinaryIO) -> int:
        """Unpack a member into an open file and return how many bytes it has.

        Args:
          name: of one of ``members``.
          target: is given the bytes in blocks; it may have got some when this fails.

        Raises:
          SourceMissing: there is no such member.
          ArchiveUnusable: it is damaged, or not what the directory says it is.
        """
        shown = f"{self._path}: {name!r:.200}"
        info = self._info_of.get(name)
        if info is None:
            raise SourceMissing(f"{shown}: expected a file in the archive, got none")
        copied = 0
        with _damages_told(shown), self._file.open(info) as packed:
            while block := packed.read(_BLOCK_BYTES):
                copied += len(block)
                target.write(block)
        if copied != info.file_size:
            raise ArchiveUnusable(
                f"{shown}: expected {info.file_size} bytes as in the archive's "
                f"directory, got {copied}; fetch it again"
            )
        return copied


@contextlib.contextmanager
def opened_archive(
    path: str | Path, limits: ArchiveLimits | None = None
) -> Iterator[Archive]:
    """Open a zip archive after a look at all that its directory says.

    Raises:
      SourceMissing: there is no such file.
      ArchiveUnusable: it is no zip archive, is damaged, encrypted or ambiguous.
      SourceRefused: a member's name leads elsewhere, or it is a link or device.
      SourceTooLarge: it has too many members, or they are too large.
    """
    path, limits = Path(path), limits or ArchiveLimits()
    with contextlib.ExitStack() as opened:
        try:
            raw = opened.enter_context(_OneGulp(path, limits.max_directory_bytes))
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise SourceMissing(f"{path}: expected an archive: {error}") from error
        with _damages_told(str(path)):
            file = opened.enter_context(zipfile.ZipFile(raw))
        yield Archive(path, file, limits)


class _OneGulp(io.FileIO):
    """A file that does not give more than so many bytes at a time.

    The directory of an archive is read in one go, as long as the archive says it is.
    """

    def __init__(self, path: Path, max_bytes: int):
        super().__init__(path, "rb")
        self._path, self._max_bytes = path, max_bytes

    def read(self, size: int | None = -1, /) -> bytes:
        asked = self._max_bytes + 1 if size is None or size < 0 else size
        data = b""
        if asked <= self._max_bytes + 1:
            data = super().read(asked) or b""
        if asked > self._max_bytes + 1 or len(data) > self._max_bytes:
            raise SourceTooLarge(
                f"{self._path}: expected a list of members of at most "
                f"{self._max_bytes} bytes, got more; split the archive"
            )
        return data


@contextlib.contextmanager
def _damages_told(shown: str) -> Iterator[None]:
    try:
        yield
    except _DAMAGES as error:
        raise ArchiveUnusable(
            f"{shown}: expected a whole zip archive: {error}; fetch it again"
        ) from error


def _checked(
    path: Path, file: zipfile.ZipFile, limits: ArchiveLimits
) -> dict[str, zipfile.ZipInfo]:
    """Return the regular files by name; raises InputError if anything is wrong."""
    entries = file.infolist()
    if len(entries) > limits.max_members:
        raise SourceTooLarge(
            f"{path}: expected at most {limits.max_members} members, got "
            f"{len(entries)}; split the archive"
        )
    for info in entries:
        _check_member(path, info, limits)
    total = sum(info.file_size for info in entries)
    if total > limits.max_total_bytes:
        raise SourceTooLarge(
            f"{path}: expected at most {limits.max_total_bytes} bytes unpacked, got "
            f"{total}; split the archive"
        )
    _check_apart(path, entries)
    files = [info for info in entries if not info.is_dir()]
    _check_places(path, files)
    return {info.filename: info for info in files}


def _check_member(path: Path, info: zipfile.ZipInfo, limits: ArchiveLimits) -> None:
    problem = _problem_of_name(info.orig_filename)
    kind = stat.S_IFMT(info.external_attr >> 16)
    if not problem and kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        problem = "expected a file, got a link or device"
    if problem:
        raise SourceRefused(f"{_told(path, info)}: {problem}")
    if info.flag_bits & _ENCRYPTED:
        raise _unusable(path, info, "expected no password, got an encrypted member")
    if info.compress_type not in _COMPRESSIONS:
        raise _unusable(
            path,
            info,
            f"expected it stored or deflated, got method {info.compress_type}",
        )
    _check_size(path, info, limits)


def _check_size(path: Path, info: zipfile.ZipInfo, limits: ArchiveLimits) -> None:
    size = info.file_size
    if size > limits.max_member_bytes:
        raise SourceTooLarge(
            f"{_told(path, info)}: expected at most {limits.max_member_bytes} bytes, "
            f"got {size}"
        )
    if size >= _HARMLESS_BYTES and size > limits.max_ratio * info.compress_size:
        raise SourceTooLarge(
            f"{_told(path, info)}: expected at most {limits.max_ratio:g} times its "
            f"packed size, got {size} bytes out of {info.compress_size}"
        )


def _parts(name: str) -> list[str]:
    return [part for part in re.split(r"[/\\]", name) if part not in ("", ".")]


def _problem_of_name(name: str) -> str:
    """Return what is wrong with a member's name, "" if nothing is.

    Backslashes count as slashes, because some programs unpack them so.
    """
    if _CONTROL.search(name):
        return "expected a name without control characters"
    if name.startswith(("/", "\\")) or _DRIVE.match(name):
        return "expected a path relative to the archive, got an absolute one"
    if ".." in _parts(name):
        return "expected a path within the archive, got one that leads out of it"
    if not _parts(name):
        return "expected a name, got none"
    longest = max(len(part.encode()) for part in _parts(name))
    if longest > _MAX_PART_BYTES or len(name.encode()) > _MAX_NAME_BYTES:
        return (
            f"expected a name of at most {_MAX_NAME_BYTES} bytes, {_MAX_PART_BYTES} "
            f"between slashes, got {len(name.encode())} and {longest}"
        )
    return ""


def _check_places(path: Path, files: list[zipfile.ZipInfo]) -> None:
    """Refuse two files of which one would replace the other, or lie below it."""
    # What unpacks to the same path is the same file, however it is written.
    places = [tuple(_parts(info.orig_filename)) for info in files]
    seen: set[tuple[str, ...]] = set()
    folders = {place[:depth] for place in places for depth in range(1, len(place))}
    for info, place in zip(files, places, strict=True):
        if place in seen:
            raise _unusable(path, info, "expected each name once, got it twice")
        if place in folders:
            raise _unusable(path, info, "expected a file or a folder, got both")
        seen.add(place)


def _check_apart(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    """Refuse members that share packed bytes: a small archive could be endless."""
    end, last = 0, ""
    for info in sorted(entries, key=lambda entry: entry.header_offset):
        if info.header_offset < end:
            raise _unusable(
                path, info, f"expected bytes of its own, got {last!r:.80}'s"
            )
        end, last = info.header_offset + info.compress_size, info.filename


def _told(path: Path, info: zipfile.ZipInfo) -> str:
    return f"{path}: {info.orig_filename!r:.200}"


def _unusable(path: Path, info: zipfile.ZipInfo, problem: str) -> InputError:
    return ArchiveUnusable(f"{_told(path, info)}: {problem}")
