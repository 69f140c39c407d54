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
from schemas.tables import SELECTION_TABLE, Verdict

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
    row = {
        "start_sec": start_sec,
        "star_sec": 0.0,
        "romanised": " ".join(word for word, _, _ in timed),
        "words": [
            {"word": word.upper(), "start_sec": begin, "end_sec": end}
            for word, begin, end in timed
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
    """Write a shard as the pipeline does: members of a key together, in order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for key, members in sorted(samples.items()):
            for suffix, data in sorted(members.items()):
                member = tarfile.TarInfo(f"{key}.{suffix}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))


def shard_path(corpus: Path, language: str, split: str, number: int = 0) -> Path:
    folder = corpus / "shards" / "labeled" / language / split
    return folder / f"{language}-{split}-{number:06d}.tar"


def write_selection(corpus: Path, name: str, verdicts: Mapping[str, bool]) -> None:
    path = corpus / "selections" / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    table = SELECTION_TABLE.table(Verdict(key, keep) for key, keep in verdicts.items())
    languages = [["swh", len(verdicts)]]
    notes = {SUMMARY_KEY: b"{}", LANGUAGES_KEY: json.dumps(languages).encode()}
    marked = table.replace_schema_metadata({**table.schema.metadata, **notes})
    pq.write_table(marked, path)


def write_speech_corpus(
    corpus: Path, clips: Mapping[str, int], language: str = "swh"
) -> None:
    """Write splits with so many spoken clips each, and keep all of them."""
    rng = np.random.default_rng(0)
    verdicts = {}
    for split, count in clips.items():
        samples = {
            f"{language}-{split}_{number:07d}_{number + 1:07d}": spoken_sample(
                invented_words(rng, 3)
            )
            for number in range(count)
        }
        write_tar(shard_path(corpus, language, split), samples)
        verdicts.update(dict.fromkeys(samples, True))
    write_selection(corpus, "default", verdicts)
