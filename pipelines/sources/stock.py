"""How much there is: recordings, hours, bytes, by language, version and licence."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from pipelines.addresses import redact_uri
from pipelines.sources.source import Listing, SourceRecording


@dataclass(frozen=True, kw_only=True)
class StockRow:
    """Recordings that have these things in common."""

    language: str
    version: str
    drama: bool
    licence: str
    recordings: int
    with_text: int
    hours: float
    """Of those of which it is known."""
    unknown_hours: int
    """Recordings of which it is not."""
    audio_bytes: int
    unknown_bytes: int

    @property
    def hours_told(self) -> str:
        """The hours, with a plus sign if there are more."""
        if self.unknown_hours == self.recordings:
            return "unknown"
        return f"{self.hours:.2f}{'+' if self.unknown_hours else ''}"

    @property
    def mebibytes_told(self) -> str:
        """The size of the audio, likewise."""
        if self.unknown_bytes == self.recordings:
            return "unknown"
        return f"{self.audio_bytes / 2**20:.1f}{'+' if self.unknown_bytes else ''}"


@dataclass(frozen=True)
class Stock:
    """All rows, by language, version, drama and licence."""

    rows: tuple[StockRow, ...]

    @property
    def recordings(self) -> int:
        """How many there are."""
        return sum(row.recordings for row in self.rows)

    @property
    def audio_bytes(self) -> int:
        """How large they are, as far as it is known."""
        return sum(row.audio_bytes for row in self.rows)

    @property
    def unknown_bytes(self) -> int:
        """Of how many recordings it is not known."""
        return sum(row.unknown_bytes for row in self.rows)

    def __str__(self) -> str:
        hours = sum(row.hours for row in self.rows)
        languages = len({row.language for row in self.rows})
        return (
            f"{self.recordings} recordings, {hours:.2f} h, "
            f"{self.audio_bytes / 2**20:.1f} MiB, languages: {languages}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return {"stock": [asdict(row) for row in self.rows]}


def stock_of(listed: Iterable[SourceRecording]) -> Stock:
    """Count recordings together that have language, version and licence in common."""
    groups: dict[tuple[str, str, bool, str], list[SourceRecording]] = {}
    for item in listed:
        recording = item.recording
        key = (
            recording.language,
            recording.version,
            recording.drama,
            recording.licence,
        )
        groups.setdefault(key, []).append(item)
    return Stock(tuple(_row(key, groups[key]) for key in sorted(groups)))


def rows_of(listing: Listing) -> list[dict[str, Any]]:
    """Return each recording ready for JSON, without signatures of addresses."""
    rows = []
    for item in listing.items:
        recording = asdict(item.recording)
        for name in ("audio", "text", "timing"):
            if recording[name] is not None:
                recording[name] = redact_uri(recording[name])
        recording["audio_bytes"] = item.audio_bytes
        recording["duration_sec"] = item.duration_sec
        rows.append(recording)
    return rows


def _row(key: tuple[str, str, bool, str], items: list[SourceRecording]) -> StockRow:
    language, version, drama, licence = key
    seconds = [item.duration_sec for item in items if item.duration_sec is not None]
    sizes = [item.audio_bytes for item in items if item.audio_bytes is not None]
    return StockRow(
        language=language,
        version=version,
        drama=drama,
        licence=licence,
        recordings=len(items),
        with_text=sum(item.recording.text is not None for item in items),
        hours=round(sum(seconds) / 3600, 4),
        unknown_hours=len(items) - len(seconds),
        audio_bytes=sum(sizes),
        unknown_bytes=len(items) - len(sizes),
    )
