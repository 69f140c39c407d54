"""Word times that are damaged or belong to something else."""

import json
from typing import Any

from tests.pipelines.bad_inputs.kinds import Bad


def truth() -> dict[str, Any]:
    """Return times as they would be right for the short text."""
    words = [
        {"char_start": 0, "char_end": 4, "start_sec": 0.3, "end_sec": 0.6},
        {"char_start": 5, "char_end": 10, "start_sec": 0.6, "end_sec": 1.0},
    ]
    verse = {
        "number": "1", "text": "maji mengi", "read": "once",
        "start_sec": 0.3, "end_sec": 1.0, "words": words,
    }  # fmt: skip
    return {
        "format": "pericope-truth/1",
        "recording_id": "short",
        "language": "swh",
        "duration_sec": 2.0,
        "options": {},
        "verses": [verse],
        "extras": [],
    }


def changed(path: str, value: Any) -> bytes:
    """Return the times with one value changed; a path such as verses.0.number."""
    times: Any = truth()
    at, names = times, path.split(".")
    for name in names[:-1]:
        at = at[int(name)] if name.isdigit() else at[name]
    last: Any = int(names[-1]) if names[-1].isdigit() else names[-1]
    at[last] = value
    return json.dumps(times).encode()


def bad_timings() -> list[Bad]:
    word = "verses.0.words.1"
    backwards = [{**entry} for entry in truth()["verses"][0]["words"][::-1]]
    kinds = {
        "times-empty": b"",
        "times-not-json": b"0.3 0.6 maji",
        "times-broken-off": changed("language", "swh")[:-30],
        "times-a-list": b"[]",
        "times-deep": b"[" * 3_000 + b"]" * 3_000,
        "times-not-utf-8": b'{"format": "\xff"}',
        "times-of-another-format": changed("format", "pericope-truth/9"),
        "times-with-more-keys": changed("words", []),
        "times-as-text": changed(f"{word}.start_sec", "0.6"),
        "times-negative": changed(f"{word}.start_sec", -0.6),
        "times-reversed": changed(f"{word}.end_sec", 0.1),
        "times-infinite": changed(f"{word}.end_sec", float("inf")),
        "times-not-a-number": changed(f"{word}.end_sec", float("nan")),
        "times-after-the-end": changed(f"{word}.end_sec", 3_600.0),
        "times-overlapping": changed(f"{word}.start_sec", 0.4),
        "times-backwards": changed("verses.0.words", backwards),
        "times-beyond-the-text": changed(f"{word}.char_end", 99),
        "times-of-no-letters": changed(f"{word}.char_end", 5),
        "times-of-another-text": changed("verses.0.text", "mvua ndogo"),
        "times-of-no-verses": changed("verses", []),
    }
    return [
        Bad(
            name=name,
            stage="align",
            reason="timing_malformed",
            timing=data,
            text=b"maji mengi\n",
        )
        for name, data in kinds.items()
    ] + [
        Bad(
            name="times-not-there",
            stage="fetch",
            reason="source_missing",
            cells={"timing": "timing/nowhere.json"},
        )
    ]
