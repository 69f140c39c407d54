"""A chapter's alignment as one file of the store: arrays and JSON in an npz."""

import io
import json
import zipfile
import zlib
from dataclasses import asdict
from typing import Any

import numpy as np

from schemas.alignment import (
    Adaptation,
    AdaptationOutcome,
    ChapterAlignment,
    EventKind,
    ReadingEvent,
    StarSpan,
    VerseAlignment,
    WordSpan,
)
from schemas.errors import ArtifactError

SUFFIX = ".npz"
FORMAT = "pericope-alignment/3"
# What zip, numpy and JSON say of bytes that are not what was written.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, ValueError, KeyError, OSError, EOFError),
    RuntimeError,  # a flag for encryption, or for an unknown compression
)


def dump_alignment(alignment: ChapterAlignment) -> bytes:
    """Return the file's bytes; equal alignments give equal bytes."""
    document = asdict(alignment)
    arrays = {name: document.pop(name) for name in ("frame_score", "level_db")}
    document["format"] = FORMAT
    text = json.dumps(document, ensure_ascii=False, sort_keys=True)
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer, document=np.frombuffer(text.encode(), np.uint8), **arrays
    )
    return buffer.getvalue()


def load_alignment(data: bytes, name: str = "alignment file") -> ChapterAlignment:
    """Read the file back; ``name`` is for the message.

    Raises:
      ArtifactError: it is damaged or of another version.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            document: dict[str, Any] = json.loads(arrays["document"].tobytes())
            frame_score, level_db = arrays["frame_score"], arrays["level_db"]
    except _DAMAGE as error:
        raise ArtifactError(f"{name}: damaged ({error}); delete it") from error
    if document.pop("format", None) != FORMAT:
        raise ArtifactError(f"{name}: expected format {FORMAT}; delete it")
    verses = tuple(_verse(verse) for verse in document.pop("verses"))
    stars = tuple(StarSpan(**star) for star in document.pop("stars"))
    events = tuple(_event(event) for event in document.pop("events"))
    adaptation = _adaptation(document.pop("adaptation"))
    return ChapterAlignment(
        adaptation=adaptation,
        verses=verses,
        stars=stars,
        events=events,
        frame_score=frame_score,
        level_db=level_db,
        **document,
    )


def _adaptation(row: dict[str, Any]) -> Adaptation:
    return Adaptation(**{**row, "outcome": AdaptationOutcome(row["outcome"])})


def _event(row: dict[str, Any]) -> ReadingEvent:
    return ReadingEvent(**{**row, "kind": EventKind(row["kind"])})


def _verse(row: dict[str, Any]) -> VerseAlignment:
    words = tuple(WordSpan(**word) for word in row.pop("words"))
    stars = tuple(StarSpan(**star) for star in row.pop("stars"))
    return VerseAlignment(words=words, stars=stars, **row)
