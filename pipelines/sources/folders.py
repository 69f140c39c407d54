"""Folders and zip archives of files, wherever they lie, as plain local folders."""

import os
from collections.abc import Iterator
from pathlib import Path

from pipelines.addresses import local_path_of
from pipelines.archives import Archive, opened_archive
from pipelines.fetch import fetch
from pipelines.fetch_limits import FetchLimits
from pipelines.store import Store, writing
from schemas.errors import ConfigError
from schemas.keys import digest_of

AUDIO_ENDINGS = (".mp3", ".wav", ".flac", ".ogg", ".opus", ".m4a", ".aac", ".webm")
_ZIP = ".zip"


def local_folder(place: str, output: Path, limits: FetchLimits) -> Path:
    """Return a local folder or file with what lies at a place.

    A remote archive is fetched, and every archive unpacked below ``output``, once: what
    is there already stays.

    Args:
      place: a folder, a file, or a zip archive; the latter may be a URI.
      output: the folder that is fetched into.
      limits: of the fetch.

    Raises:
      ConfigError: there is no such folder or file, or ``output`` lies in the folder:
        what is written there would be found as another text the next time.
      InputError: the archive cannot be fetched, or is not safe to unpack.
    """
    local = local_path_of(place)
    if local is None:
        archive = Path(fetch(place, Store(str(output)), limits).path)
    else:
        archive = Path(local)
        if not archive.exists():
            raise ConfigError(f"{place}: expected a folder or archive, there is none")
        if output.resolve().is_relative_to(archive.resolve()):
            raise ConfigError(
                f"{place}: expected a folder to fetch into outside of it, got "
                f"{output.resolve()}"
            )
        if archive.is_dir() or archive.suffix.lower() != _ZIP:
            return archive.resolve()
    state = archive.stat()
    name = digest_of("unpacked", str(archive), state.st_size, state.st_mtime_ns)[:16]
    folder = output.resolve() / "unpacked" / f"{_stem_of(place)}-{name}"
    _unpack(archive, folder)
    return folder


def audio_below(folder: Path) -> list[Path]:
    """Return the audio files of a folder, as ``files_below`` yields them.

    Raises:
      ConfigError: there are none.
    """
    paths = [p for p in files_below(folder) if p.suffix.lower() in AUDIO_ENDINGS]
    if not paths:
        raise ConfigError(
            f"{folder}: expected audio ({' '.join(AUDIO_ENDINGS)}), got none"
        )
    return paths


def files_below(folder: Path) -> Iterator[Path]:
    """Yield all files of a folder, or the file itself, in the order of their names.

    Hidden ones (beginning with a dot) and what macOS packs beside files are left out.
    """
    if folder.is_file():
        yield folder
        return
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith((".", "__MACOSX")))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(parent, name)


def _stem_of(place: str) -> str:
    name = place.partition("?")[0].rstrip("/").rpartition("/")[2]
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in name)[:60]


def _unpack(archive: Path, folder: Path) -> None:
    with opened_archive(archive) as opened:
        for member in opened.members:
            target = folder / member.name
            if not (target.is_file() and target.stat().st_size == member.size_bytes):
                _copy(opened, member.name, target)


def _copy(archive: Archive, name: str, target: Path) -> None:
    with writing(str(target)) as file:
        archive.copy(name, file)
