"""How fast a corpus is made, from an empty store, and where the time goes."""

import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.processes import pericope_run
from benchmarks.speech import BENCH, Speech, recordings, speech_of, write_corpus
from benchmarks.stopwatch import Stopwatch, cpu_sec, watching
from pipelines.build import recording_steps
from pipelines.config import load_config
from pipelines.job import prepare_job, run_job
from schemas.source import Recording

_LANGUAGES = ("swh", "rus", "hin", "cat")
_SEED = 550_001
_CHAPTERS, _MINUTES = 12, 5.0
_QUICK_CHAPTERS, _QUICK_MINUTES = 4, 2.0
_SHORT_MINUTES = 0.1
_WORKERS = 2
_REPEATS = 3
_RUN, _STEPS, _OVERLAP = "run", "step", "two recordings"
_NOTE = (
    "Two workers. Start-up is the same command on six seconds of speech. Processor "
    "time counts all threads and ffmpeg; 'with both cores free' is what it allows at "
    "best, when nothing else runs and nothing waits."
)
_OVERLAP_NOTE = (
    "Fetch to cut in one process, without Beam: one worker takes both, or two workers "
    "one each. The best of three by wall time, in turns; other work on the machine "
    "lengthens the wall time of two more than that of one."
)
_STEPS_NOTE = (
    "One process, one thread, the same recordings, without Beam; what one step does "
    "within another is counted once."
)
# Where the pipeline looks each function up, and what it is called in the table.
_PLACES = {
    "pipelines.build.fetch_recording": "fetch (hash and copy)",
    "pipelines.waveforms.decode_audio": "decode",
    "pipelines.align_recording.read_chapter": "read text",
    "aligner.align.encode_chapter": "normalise, romanise",
    "aligner.align.level_db": "levels and pauses",
    "aligner.align.find_pauses": "levels and pauses",
    "aligner.chapter_path.verse_start_cost": "levels and pauses",
    "pipelines.emission_store.compute_emissions": "emissions",
    "aligner.align.find_variants": "normalise, romanise",
    "aligner.chapter_path.align_with": "Viterbi",
    "aligner.chapter_path.forced_align": "Viterbi",
    "aligner.chapter_path.verse_margins": "confidences and margins",
    "aligner.align.word_confidences": "confidences and margins",
    "pipelines.align_recording.align_chapter": "scores, words, verses",
    "pipelines.align_recording.dump_alignment": "store alignments",
    "pipelines.score_recording.score_segments": "scores against decoys",
    "pipelines.cut_recording.read_alignment": "store alignments",
    "pipelines.planned_segments.plan_segments": "plan segments",
    "pipelines.clips.encode_flac": "FLAC",
    "pipelines.cut_recording.cut_clips": "cut",
    "pipelines.build.write_named_shard": "shards",
    "pipelines.build.write_language": "tables",
    "pipelines.job.finish_corpus": "selections, corpus.json",
}


def measure(*, quick: bool) -> list[Figure]:
    """Run twelve chapters in a process of its own, then step by step in this one."""
    chapters, minutes = (
        (_QUICK_CHAPTERS, _QUICK_MINUTES) if quick else (_CHAPTERS, _MINUTES)
    )
    languages = [_LANGUAGES[number % len(_LANGUAGES)] for number in range(chapters)]
    speech = speech_of(recordings(languages, minutes, seed=_SEED, name="chapter"))
    short = speech_of(recordings(["swh"], _SHORT_MINUTES, seed=_SEED, name="short"))
    return run_figures(speech, short) + overlap_figures(speech) + step_figures(speech)


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print both tables."""
    steps = [figure for figure in figures if figure.case.startswith(_STEPS)]
    overlap = [figure for figure in figures if figure.case == _OVERLAP]
    run = [figure for figure in figures if figure.case == _RUN]
    print_figures(console, "Speed of `pericope run`", run, _NOTE)
    print_figures(console, "Two recordings side by side", overlap, _OVERLAP_NOTE)
    print_figures(console, "Where the time goes", steps, _STEPS_NOTE)


def run_figures(speech: Speech, short: Speech) -> list[Figure]:
    """Return how fast the command is, with and without its start-up."""
    startup = pericope_run(_fresh_corpus(short, "speed-short"), _WORKERS)
    whole = pericope_run(_fresh_corpus(speech, "speed"), _WORKERS)
    audio_sec = speech.duration_sec
    seconds = {
        "audio": audio_sec,
        "run, wall": whole.wall_sec,
        "run, processor": whole.cpu_sec,
        "start-up, wall": startup.wall_sec,
        "start-up, processor": startup.cpu_sec,
    }
    ratios = {
        "real time, all included": audio_sec / whole.wall_sec,
        "real time, without start-up": audio_sec / (whole.wall_sec - startup.wall_sec),
        "real time, with both cores free": audio_sec / (whole.cpu_sec / _WORKERS),
    }
    return [
        *(
            Figure(name=name, case=_RUN, value=value, unit=Unit.SEC)
            for name, value in seconds.items()
        ),
        *(
            Figure(
                name=name,
                case=_RUN,
                value=value,
                unit=Unit.RATIO,
                at_least=150.0 if "included" in name else None,
            )
            for name, value in ratios.items()
        ),
    ]


def overlap_figures(speech: Speech) -> list[Figure]:
    """Return how much sooner two workers are done with two recordings than one is."""
    corpus = partial(_fresh_corpus, speech, "speed-overlap", 2)
    _cut_all(corpus(), workers=2)  # compiles and loads
    took = [(_cut_all(corpus(), 1), _cut_all(corpus(), 2)) for _ in range(_REPEATS)]
    one, two = min(first for first, _ in took), min(second for _, second in took)
    seconds = {
        "one worker, wall": one[0],
        "one worker, processor": one[1],
        "two workers, wall": two[0],
        "two workers, processor": two[1],
    }
    ratios = {
        "one worker / two, wall": one[0] / two[0],
        "two workers / one, processor": two[1] / one[1],
        "cores busy with two workers": two[1] / two[0],
    }
    return [
        *(
            Figure(name=name, case=_OVERLAP, value=value, unit=Unit.SEC)
            for name, value in seconds.items()
        ),
        *(
            Figure(name=name, case=_OVERLAP, value=value, unit=Unit.RATIO)
            for name, value in ratios.items()
        ),
    ]


def _cut_all(corpus_toml: Path, workers: int) -> tuple[float, float]:
    """Take recordings from fetch to cut; returns wall and processor seconds."""
    job = prepare_job(load_config(corpus_toml), workers)
    steps = recording_steps(job.context)

    def cut(recording: Recording) -> None:
        item: Any = recording
        for step in steps:
            item = step.run(item)

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    wall_sec, processor_sec = time.perf_counter(), cpu_sec()
    try:
        with ThreadPoolExecutor(workers) as pool:
            for _ in pool.map(cut, job.recordings):
                pass  # raises what a step raised
        return time.perf_counter() - wall_sec, cpu_sec() - processor_sec
    finally:
        torch.set_num_threads(threads)


def step_figures(speech: Speech) -> list[Figure]:
    """Return wall and processor seconds of each step for an hour of audio."""
    job = prepare_job(load_config(_fresh_corpus(speech, "speed-steps")), workers=1)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        job.context.model()
        with watching(_PLACES) as watch:
            run = watch.timed("all else", run_job)
            started_cpu_sec = cpu_sec()
            run(job, "plain")
            total_cpu_sec = cpu_sec() - started_cpu_sec
    finally:
        torch.set_num_threads(threads)
    return _table_of(watch, total_cpu_sec, speech.duration_sec)


def _table_of(watch: Stopwatch, total_cpu_sec: float, audio_sec: float) -> list[Figure]:
    hours = audio_sec / 3600
    figures = []
    by_cost = sorted(watch.cpu_sec, key=watch.cpu_sec.__getitem__, reverse=True)
    for name in by_cost:
        values = {
            "wall s an hour": (watch.wall_sec[name] / hours, Unit.SEC),
            "processor s an hour": (watch.cpu_sec[name] / hours, Unit.SEC),
            "of the processor time": (watch.cpu_sec[name] / total_cpu_sec, Unit.SHARE),
        }
        figures += [
            Figure(name=name, case=f"{_STEPS}: {case}", value=value, unit=unit)
            for case, (value, unit) in values.items()
        ]
    return figures


def _fresh_corpus(speech: Speech, name: str, recordings: int | None = None) -> Path:
    shutil.rmtree(BENCH / name, ignore_errors=True)
    return write_corpus(speech, name, recordings)
