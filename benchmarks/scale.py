"""Ten times the chapters: ten times the time and no more memory?

Twelve chapters in four languages, and ten copies of each, every copy with other faint
noise so that no result of one serves another. Each corpus is made from an empty store
in a process of its own, in turns. Start-up is the same command on six seconds of
speech; it is taken off both.
"""

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
import soundfile
from rich.console import Console

from aligner.audio import decode_audio
from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.processes import Usage, pericope_run
from benchmarks.speech import BENCH, Speech, recordings, speech_of
from pipelines.synth.corpus import write_manifest
from schemas.units import SAMPLE_RATE_HZ

_LANGUAGES = ("swh", "rus", "hin", "cat")
_SEED = 990_001
_FEW, _TIMES = 12, 10
_MINUTES, _QUICK_MINUTES = 1.0, 0.25
_SHORT_MINUTES = 0.1
_PAIRS, _QUICK_PAIRS = 3, 1
_WORKERS = 2
_NOISE = 1e-4  # -80 dB beside full scale: it changes bytes, no alignment
_NOTE = (
    "Default settings, 2 workers; start-up taken off. Ratios are medians over pairs "
    "that ran one after the other. Peak: resident size of the process (VmHWM)."
)


def measure(*, quick: bool) -> list[Figure]:
    """Run twelve and 120 chapters in turns."""
    speech = _chapters(quick=quick)
    short = speech_of(recordings(["swh"], _SHORT_MINUTES, seed=_SEED, name="short"))
    corpora = (
        _corpus(short, "scale-short", 1),
        _corpus(speech, "scale-few", 1),
        _corpus(speech, "scale-many", _TIMES),
    )
    runs = [tuple(map(_run, corpora)) for _ in range(_QUICK_PAIRS if quick else _PAIRS)]
    sizes = {f"{_FEW * times} chapters": times for times in (1, _TIMES)}
    audio = [
        Figure(name="audio", case=case, value=times * speech.duration_sec,
               unit=Unit.SEC)
        for case, times in sizes.items()
    ]  # fmt: skip
    return [*audio, *_seconds(runs), *_ratios(runs)]


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    print_figures(console, "Ten times the chapters", figures, _NOTE)


def copies_of_chapters(*, quick: bool) -> Path:
    """Write the 120 chapters as a corpus for another part; returns corpus.toml."""
    return _corpus(_chapters(quick=quick), "scale-copies", _TIMES)


def _chapters(*, quick: bool) -> Speech:
    minutes = _QUICK_MINUTES if quick else _MINUTES
    names = [_LANGUAGES[number % len(_LANGUAGES)] for number in range(_FEW)]
    return speech_of(recordings(names, minutes, seed=_SEED, name="scale"))


def _corpus(speech: Speech, name: str, copies: int) -> Path:
    """Write copies of chapters as a corpus; returns corpus.toml."""
    folder = BENCH / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with write_manifest(speech.jobs, speech.folder).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with (folder / "recordings.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        for number, row in enumerate(rows):
            waveform = decode_audio(speech.folder / row["audio"])
            text = speech.folder.absolute() / row["text"]
            shutil.copy(text, folder)
            for copy in range(copies):
                recording_id = f"{row['recording_id']}-{copy}"
                noise = np.random.default_rng([_SEED, number, copy])
                samples = waveform + _NOISE * noise.standard_normal(len(waveform))
                soundfile.write(
                    folder / f"{recording_id}.flac",
                    np.clip(samples, -1, 1),
                    SAMPLE_RATE_HZ,
                )
                own = {"recording_id": recording_id, "audio": f"{recording_id}.flac"}
                writer.writerow({**row, **own, "text": text.name})
    path = folder / "corpus.toml"
    path.write_text(
        f'[corpus]\nname = "{name}"\nmanifest = "recordings.csv"\noutput = "corpus"\n',
        encoding="utf-8",
    )
    return path


def _run(corpus_toml: Path) -> Usage:
    shutil.rmtree(corpus_toml.parent / "corpus", ignore_errors=True)
    return pericope_run(corpus_toml, _WORKERS)


def _seconds(runs: Sequence[tuple[Usage, ...]]) -> list[Figure]:
    """Return medians of what each size took, start-up as the smallest of them."""
    figures = []
    cases = ("start-up", f"{_FEW} chapters", f"{_FEW * _TIMES} chapters")
    for place, case in enumerate(cases):
        usages = [run[place] for run in runs]
        values = {
            "wall": (median(usage.wall_sec for usage in usages), Unit.SEC),
            "processor": (median(usage.cpu_sec for usage in usages), Unit.SEC),
            "peak": (median(usage.peak_bytes / 2**30 for usage in usages), Unit.GIB),
        }
        figures += [
            Figure(name=name, case=case, value=value, unit=unit)
            for name, (value, unit) in values.items()
        ]
    return figures


def _ratios(runs: Sequence[tuple[Usage, ...]]) -> list[Figure]:
    ratios = {
        "wall of 120 / of 12": [
            (many.wall_sec - startup.wall_sec) / (few.wall_sec - startup.wall_sec)
            for startup, few, many in runs
        ],
        "processor of 120 / of 12": [
            (many.cpu_sec - startup.cpu_sec) / (few.cpu_sec - startup.cpu_sec)
            for startup, few, many in runs
        ],
    }
    peaks = [many.peak_bytes / few.peak_bytes for _, few, many in runs]
    return [
        *(
            Figure(name=name, case="ratio", value=median(values),
                   unit=Unit.RATIO, at_most=10.5)
            for name, values in ratios.items()
        ),
        Figure(name="peak of 120 / of 12", case="ratio", value=median(peaks),
               unit=Unit.RATIO, at_most=1.1),
    ]  # fmt: skip
