"""Small labeled corpora: letters are tones, so that a network can learn them soon."""

import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import soundfile

from schemas.selection import LANGUAGES_KEY, SUMMARY_KEY
from schemas.tables import (
    INDEX_TABLE,
    SELECTION_TABLE,
    SHARD_BYTES_KEY,
    IndexEntry,
    Verdict,
)

Sample = Mapping[str, bytes]

TONES_HZ = {"a": 400, "i": 1000, "u": 2200, "k": 4200}
_LETTER_SEC = 0.12
_PAUSE_SEC = 0.2


def flac_of(samples: npt.NDArray[np.floating], rate_hz: int = 16_000) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate_hz, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def spoken_sample(words: Iterable[str], start_sec: float = 10.0) -> dict[str, bytes]:
    """Speak words in tones; times count from the recording's start, as in shards."""
    rng = np.random.default_rng(0)
    blocks, timed, now_sec = [], [], 0.0

    def add(block: npt.NDArray[np.floating]) -> None:
        nonlocal now_sec
        blocks.append(block)
        now_sec += len(block) / 16_000

    add(np.zeros(int(_PAUSE_SEC * 16_000)))
    for word in words:
        begin_sec = now_sec
        for letter in word:
            seconds = np.arange(int(_LETTER_SEC * 16_000)) / 16_000
            add(0.2 * np.sin(2 * np.pi * TONES_HZ[letter] * seconds))
        timed.append((word, start_sec + begin_sec, start_sec + now_sec))
        add(np.zeros(int(_PAUSE_SEC * 16_000)))
    samples = np.concatenate(blocks)
    samples = samples + 1e-3 * rng.standard_normal(len(samples))
    ends = np.cumsum([len(word) + 1 for word, _, _ in timed]) - 1
    row = {
        "start_sec": start_sec,
        "star_sec": 0.0,
        "romanised": " ".join(word for word, _, _ in timed),
        "words": [
            {
                "word": word.upper(),
                "start_sec": begin,
                "end_sec": end,
                "char_start": int(last) - len(word),
                "char_end": int(last),
            }
            for (word, begin, end), last in zip(timed, ends, strict=True)
        ],
    }
    return {
        "flac": flac_of(samples),
        "json": json.dumps(row).encode(),
        "txt": " ".join(word.upper() for word, _, _ in timed).encode(),
    }


def invented_words(rng: np.random.Generator, count: int) -> list[str]:
    return [
        "".join(rng.choice(list(TONES_HZ), size=rng.integers(2, 5)))
        for _ in range(count)
    ]


def write_tar(path: Path, samples: Mapping[str, Sample]) -> None:
    """Write a shard and its index as the pipeline does: members of a key together."""
    path.parent.mkdir(parents=True, exist_ok=True)
    entries = []
    with tarfile.open(path, "w") as tar:
        for key, members in sorted(samples.items()):
            offset = tar.offset
            for suffix, data in sorted(members.items()):
                member = tarfile.TarInfo(f"{key}.{suffix}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
            entries.append(IndexEntry(key, path.name, offset, tar.offset - offset))
    table = INDEX_TABLE.table(entries)
    notes = {SHARD_BYTES_KEY: str(path.stat().st_size).encode()}
    marked = table.replace_schema_metadata({**table.schema.metadata, **notes})
    pq.write_table(marked, path.with_name(f"index-{path.stem[-6:]}.parquet"))


def shard_path(
    corpus: Path, language: str, split: str, number: int = 0, lane: str = "labeled"
) -> Path:
    folder = corpus / "shards" / lane / language / split
    return folder / f"{language}-{split}-{number:06d}.tar"


def sample_key(recording: str, number: int, sample: Sample) -> str:
    """Return a key that says how long the sample is, as those of the pipeline do."""
    start_msec = 100_000 * number
    duration_sec = soundfile.info(io.BytesIO(sample["flac"])).duration
    return f"{recording}_{start_msec:07d}_{start_msec + round(duration_sec * 1000):07d}"


def write_selection(
    corpus: Path,
    name: str,
    verdicts: Mapping[str, bool],
    languages: Mapping[str, int] | None = None,
) -> None:
    """Write verdicts; ``languages`` is how many each has, all swh without it."""
    path = corpus / "selections" / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    table = SELECTION_TABLE.table(Verdict(key, keep) for key, keep in verdicts.items())
    counts = [[*count] for count in (languages or {"swh": len(verdicts)}).items()]
    notes = {SUMMARY_KEY: b"{}", LANGUAGES_KEY: json.dumps(counts).encode()}
    marked = table.replace_schema_metadata({**table.schema.metadata, **notes})
    pq.write_table(marked, path)


def write_speech_corpus(
    corpus: Path, clips: Mapping[str, int], language: str = "swh"
) -> None:
    """Write splits with so many spoken clips each, and keep all of them."""
    rng = np.random.default_rng(0)
    verdicts = {}
    for split, count in clips.items():
        spoken = [spoken_sample(invented_words(rng, 3)) for _ in range(count)]
        samples = {
            sample_key(f"{language}-{split}", number, sample): sample
            for number, sample in enumerate(spoken)
        }
        write_tar(shard_path(corpus, language, split), samples)
        verdicts.update(dict.fromkeys(samples, True))
    write_selection(corpus, "default", verdicts, {language: len(verdicts)})
