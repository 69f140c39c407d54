"""Which recordings a reader is learnt from; planned once, from the manifest alone."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from schemas.source import Recording

# The next one is tried where one has too little text, or a text that is not its own.
_MOST_SOURCES = 3

Readers: TypeAlias = Mapping[tuple[str, str], tuple[Recording, ...]]
"""The first recordings of each reader by id, by language and name."""


def plan_readers(recordings: Iterable[Recording]) -> Readers:
    """Return what each named reader is learnt from: what is aligned with its text."""
    own: dict[tuple[str, str], list[Recording]] = {}
    for recording in recordings:
        if recording.reader and recording.text and not recording.timing:
            reader = recording.language, recording.reader
            own.setdefault(reader, []).append(recording)
    return {
        reader: tuple(sorted(rows, key=lambda row: row.recording_id)[:_MOST_SOURCES])
        for reader, rows in own.items()
    }


def sources_of_reader(recording: Recording, readers: Readers) -> tuple[Recording, ...]:
    """Return what a recording's reader is learnt from; without a name, itself."""
    return readers.get((recording.language, recording.reader), (recording,))
