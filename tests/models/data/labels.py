"""Pseudo-labels of a small corpus."""

from collections.abc import Mapping
from pathlib import Path

import pyarrow.parquet as pq

from schemas.labels import LABEL_TABLE, PseudoLabel

NAN = float("nan")


def write_labels(
    corpus: Path,
    name: str,
    language: str,
    texts: Mapping[str, str],
    *,
    split: str = "train",
    source: str = "star",
    part: int = 0,
) -> Path:
    """Write a part of a language's labels: a text for each key."""
    labels = [
        PseudoLabel(
            key=key,
            recording_id=key.rsplit("_", 2)[0],
            language=language,
            split=split,
            source=source,
            duration_sec=1.0,
            text=text,
            is_empty=not text,
            posterior=0.9,
            chars_per_sec=10.0,
            chars_per_sec_z=0.0,
            words_per_sec=2.0,
            words_per_sec_z=0.0,
            repeated_share=0.0,
            script="Latn",
            script_share=1.0,
            lid_language="",
            lid_score=NAN,
            is_feasible=True,
            lm_score=NAN,
            expected_cer=NAN,
            teacher="t",
            decoder="greedy",
        )
        for key, text in texts.items()
    ]
    folder = corpus / "labels" / name / f"language={language}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"part-{part:06d}.parquet"
    pq.write_table(LABEL_TABLE.table(labels), path)
    (corpus / "labels" / f"{name}.json").write_text("{}")
    return path
