"""Shards for the loader's benchmark: excerpts of spoken chapters, and bare indexes."""

import io
import json
import shutil
import tarfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aligner.audio import decode_audio
from benchmarks.speech import BENCH, recordings, speech_of
from pipelines.clips import encode_flac
from pipelines.shard_writer import write_index
from schemas.keys import SegmentKey
from schemas.tables import IndexEntry
from schemas.units import SAMPLE_RATE_HZ

CLIPS_PER_SHARD = 100
_SEED = 550_001
_MINUTES = 10.0
_SHORTEST_SEC, _LONGEST_SEC = 2.0, 16.0
_WORDS = 20
_LANGUAGE, _SPLIT = "swh", "train"


def spoken_corpus(clips: int) -> Path:
    """Return a corpus of so many clips of 2 to 16 s, made now or at an earlier time."""
    root = BENCH / f"loader-{clips}"
    if (root / "done").exists():
        return root
    shutil.rmtree(root, ignore_errors=True)
    rng = np.random.default_rng(_SEED)
    waveform_N = _waveform()
    for number in range(-(-clips // CLIPS_PER_SHARD)):
        count = min(CLIPS_PER_SHARD, clips - number * CLIPS_PER_SHARD)
        _write_shard(root, number, count, waveform_N, rng)
    (root / "done").touch()
    return root


def indexed_corpus(clips: int, clips_per_shard: int = 1000) -> Path:
    """Return a corpus that has indexes, and tars of nothing but the right length."""
    root = BENCH / f"loader-index-{clips}"
    if (root / "done").exists():
        return root
    shutil.rmtree(root, ignore_errors=True)
    rng = np.random.default_rng(_SEED)
    for number in range(-(-clips // clips_per_shard)):
        starts = rng.integers(0, 3_600_000, clips_per_shard)
        ends = starts + rng.integers(2000, 20_000, clips_per_shard)
        lengths = (ends - starts) * 16
        offsets = np.cumsum(lengths) - lengths
        tar, name = _place(root, number)
        keys = [
            str(SegmentKey(f"{_LANGUAGE}-{number:06d}", *times))
            for times in zip(starts.tolist(), ends.tolist(), strict=True)
        ]
        rows = zip(keys, offsets.tolist(), lengths.tolist(), strict=True)
        entries = [
            IndexEntry(key, name, offset, length) for key, offset, length in rows
        ]
        with tar.open("wb") as file:
            file.truncate(int(lengths.sum()))
        _write_index(root, number, entries)
    (root / "done").touch()
    return root


def tars_of(root: Path) -> list[str]:
    """Return the shards of a corpus."""
    return [str(path) for path in sorted(root.glob("shards/labeled/*/*/*.tar"))]


def _waveform() -> npt.NDArray[np.float32]:
    speech = speech_of(recordings([_LANGUAGE], _MINUTES, seed=_SEED, name="loader"))
    return decode_audio(speech.audio(speech.jobs[0]))


def _write_shard(
    root: Path,
    number: int,
    count: int,
    waveform_N: npt.NDArray[np.float32],
    rng: np.random.Generator,
) -> None:
    tar_path, name = _place(root, number)
    entries = []
    with tarfile.open(tar_path, "w", format=tarfile.PAX_FORMAT) as tar:
        for k in range(count):
            samples = int(rng.uniform(_SHORTEST_SEC, _LONGEST_SEC) * SAMPLE_RATE_HZ)
            first = int(rng.integers(0, len(waveform_N) - samples))
            start_sec = 100.0 * k
            end_sec = start_sec + samples / SAMPLE_RATE_HZ
            key = str(SegmentKey.of(f"{_LANGUAGE}-{number:06d}", start_sec, end_sec))
            offset = tar.offset
            flac = encode_flac(waveform_N[first : first + samples])
            row = _row(key, start_sec, end_sec)
            text = " ".join(word["word"] for word in row["words"])
            members = {
                "flac": flac, "json": json.dumps(row).encode(), "txt": text.encode()
            }  # fmt: skip
            for suffix, data in members.items():
                member = tarfile.TarInfo(f"{key}.{suffix}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
            entries.append(IndexEntry(key, name, offset, tar.offset - offset))
    _write_index(root, number, entries)


def _row(key: str, start_sec: float, end_sec: float) -> dict:
    """Return a row of about the size that the pipeline's have."""
    edges = np.linspace(start_sec, end_sec, _WORDS + 1).round(3).tolist()
    words = [
        {"word": f"neno{k}", "start_sec": edges[k], "end_sec": edges[k + 1],
         "score": -0.1, "char_start": 7 * k, "char_end": 7 * k + 6, "confidence": 3.0}
        for k in range(_WORDS)
    ]  # fmt: skip
    return {"key": key, "language": _LANGUAGE, "split": _SPLIT, "source": "",
            "start_sec": start_sec, "end_sec": end_sec, "words": words}  # fmt: skip


def _place(root: Path, number: int) -> tuple[Path, str]:
    name = f"shards/labeled/{_LANGUAGE}/{_SPLIT}/{_LANGUAGE}-{_SPLIT}-{number:06d}.tar"
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path, name


def _write_index(root: Path, number: int, entries: list[IndexEntry]) -> None:
    tar, _ = _place(root, number)
    index = tar.with_name(f"index-{number:06d}.parquet")
    write_index(entries, "benchmark", tar.stat().st_size, "", str(index))
