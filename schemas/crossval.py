"""What models trained on the other half of a language hear, clip by clip."""

from dataclasses import dataclass

import pyarrow as pa

from schemas.tables import TABLE_KEY, VERSION_KEY, TableKind

_VERSION = 1


@dataclass(frozen=True)
class HeardClip:
    """One clip as the model of the other half spells it.

    ``alignment`` names the recording's alignment: where it is another one by now, so is
    the clip. ``errors`` are edits from ``letters`` (how many the text has) to
    ``heard``.
    """

    key: str
    recording_id: str
    alignment: str
    half: int
    heard: str
    errors: int
    letters: int


CROSSVAL_TABLE: TableKind[HeardClip] = TableKind(
    pa.schema(
        [
            *(
                pa.field(name, pa.string(), nullable=False)
                for name in ("key", "recording_id", "alignment")
            ),
            pa.field("half", pa.int64(), nullable=False),
            pa.field("heard", pa.string(), nullable=False),
            pa.field("errors", pa.int64(), nullable=False),
            pa.field("letters", pa.int64(), nullable=False),
        ],
        metadata={TABLE_KEY: b"crossval", VERSION_KEY: str(_VERSION).encode()},
    ),
    lambda clip: dict(vars(clip)),
    lambda row: HeardClip(**row),
)
