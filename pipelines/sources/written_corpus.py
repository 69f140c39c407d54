"""What a fetch leaves behind: a manifest, a corpus.toml and the rejects, as files."""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from pathlib import Path

from pipelines.manifest_rows import COLUMNS, read_rows
from pipelines.sources.gather import Gathered
from pipelines.sources.source import MANIFEST, Listing
from pipelines.store import Store, write_atomic
from schemas.errors import ConfigError
from schemas.segment import Reject
from schemas.source import Recording

CORPUS, REJECTS = "corpus.toml", "rejects.csv"
# A corpus, which may be large and at work, can lie beside them.
_FOLDERS = ("audio", "text", "timestamps", "unpacked", "store")


def remove_leftovers(output: Path) -> None:
    """Delete what killed fetches left of unfinished files; only one may be at work."""
    for name in _FOLDERS:
        Store(str(output / name)).remove_leftovers()


def check_same_sources(output: Path, listing: Listing) -> None:
    """Refuse to replace a manifest by one that lacks recordings of it.

    Raises:
      ConfigError: the folder was filled from other sources, or from more.
    """
    manifest = output / MANIFEST
    if not manifest.exists():
        return
    before = {row.cells.get("recording_id", "") for row in read_rows(manifest)}
    listed = {item.recording.recording_id for item in listing.items}
    lost = sorted(before - listed - {reject.key for reject in listing.rejects})
    if lost:
        raise ConfigError(
            f"{manifest}: has {len(lost)} recordings that these sources do not have "
            f"({', '.join(lost[:4])}); name all sources of the folder, take another "
            f"folder, or delete {MANIFEST}"
        )


def write_corpus(gathered: Gathered, output: Path) -> bool:
    """Write manifest, rejects and, if there is none yet, a corpus.toml.

    Returns:
      Whether there is anything to run.
    """
    output = output.resolve()
    # A manifest must have a row.
    if gathered.recordings:
        rows = [_row_of(item.recording, output) for item in gathered.recordings]
        _write_csv(output / MANIFEST, COLUMNS, rows)
        if not (output / CORPUS).exists():
            is_outside = any(
                Path(row[column]).is_absolute()
                for row in rows
                for column in ("audio", "text", "timing")
            )
            write_atomic(str(output / CORPUS), _toml(output.name, is_outside).encode())
    columns = [column.name for column in fields(Reject)]
    rejects = sorted(gathered.rejects, key=lambda reject: (reject.stage, reject.key))
    _write_csv(output / REJECTS, columns, [asdict(reject) for reject in rejects])
    return bool(gathered.recordings)


def _row_of(recording: Recording, output: Path) -> dict[str, str]:
    def cell(address: str | None) -> str:
        if not address:
            return ""
        path = Path(address)
        inside = path.is_relative_to(output)
        return path.relative_to(output).as_posix() if inside else address

    return {
        "recording_id": recording.recording_id,
        "language": recording.language,
        "audio": cell(recording.audio),
        "text": cell(recording.text),
        "text_format": recording.text_format.value if recording.text else "",
        "book": recording.book,
        "chapter": str(recording.chapter),
        "version": recording.version,
        "reader": recording.reader,
        "drama": str(recording.drama).lower(),
        "licence": recording.licence,
        "timing": cell(recording.timing),
    }


def _write_csv(
    path: Path, columns: Iterable[str], rows: Iterable[Mapping[str, str]]
) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(columns), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _one_line(value) for key, value in row.items()})
    write_atomic(str(path), text.getvalue().encode())


def _one_line(value: str) -> str:
    # Messages may quote names of files that are no text.
    return " ".join(value.encode(errors="replace").decode().splitlines())


def _toml(folder: str, is_outside: bool) -> str:
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", folder).strip("-_")[:64] or "corpus"
    lines = ["[corpus]", f'name = "{name}"', f'manifest = "{MANIFEST}"']
    lines.append('output = "corpus"')
    if is_outside:
        lines.append("allow_outside = true  # the manifest names files where they lie")
    return "\n".join(lines) + "\n"
