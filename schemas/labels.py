"""What a teacher heard in audio without text, with all that tells good from bad.

``labels/<name>/language=<code>/part-*.parquet``: one row per segment. Nothing is
filtered: selections decide.
"""

from dataclasses import dataclass

import pyarrow as pa

from schemas.tables import TABLE_KEY, VERSION_KEY, TableKind

_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class PseudoLabel:
    """One segment as a teacher hears it.

    NaN is what could not be measured. A rule of a selection sees these columns in place
    of the segment's own of the same name.
    """

    key: str
    recording_id: str
    language: str
    split: str
    source: str
    """The segment's, or "rejected": a segment with text that no selection keeps."""
    duration_sec: float
    text: str
    """In the teacher's letters, one space between words; may be empty."""
    is_empty: bool
    posterior: float
    """Mean posterior of the frames that are not blank."""
    sampled_cer: float = float("nan")
    """Edits to texts drawn from the teacher's own probabilities, for each letter."""
    chars_per_sec: float
    chars_per_sec_z: float
    """Place among the labeled segments of the language."""
    words_per_sec: float
    words_per_sec_z: float
    repeated_share: float
    script: str
    script_share: float
    lid_language: str
    """What a language identifier hears, "" without one."""
    lid_score: float
    """Posterior of the declared language, NaN without an identifier."""
    is_feasible: bool
    """Its frames are enough for its letters and the blanks between equal ones."""
    lm_score: float
    """Log-probability per letter of a language model, natural; NaN without one."""
    expected_cer: float
    """Letters that are probably wrong, for each letter, learnt on aligned audio."""
    expected_cer_high: float = float("nan")
    """Nine of ten such segments have fewer wrong letters; wider for a reader or a
    language of which nothing is aligned."""
    teacher: str
    """Fingerprint."""
    decoder: str
    """greedy, or the beam's settings."""


_TEXT, _REAL, _TRUTH = pa.string(), pa.float64(), pa.bool_()
_TYPES = {str: _TEXT, float: _REAL, bool: _TRUTH}

LABELS = pa.schema(
    [
        pa.field(name, _TYPES[of], nullable=False)
        for name, of in PseudoLabel.__annotations__.items()
    ],
    metadata={TABLE_KEY: b"labels", VERSION_KEY: str(_VERSION).encode()},
)
LABEL_TABLE: TableKind[PseudoLabel] = TableKind(
    LABELS, lambda label: dict(vars(label)), lambda row: PseudoLabel(**row)
)
