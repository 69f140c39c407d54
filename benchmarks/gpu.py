"""Batched alignment on a GPU beside torchaudio's, and a whole chapter end to end.

Without a CUDA device there is nothing to measure, and it says so.
"""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch
from rich.console import Console

from aligner.align import align_chapter
from aligner.audio import decode_audio
from aligner.config import AlignConfig
from aligner.viterbi import forced_align
from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.overhead import random_mms_fa, warm_up
from benchmarks.problems import random_problem
from benchmarks.speech import recordings, speech_of
from pipelines.calibrate import chapter_of

_CHAPTERS, _QUICK_CHAPTERS = 132, 16
_SIZE, _QUICK_SIZE = (15_000, 4_000), (3_000, 800)
_DIFFERENT = 6  # problems made; the batch repeats them
_REPEATS = 3
_ALONE = 3
_MINUTES, _QUICK_MINUTES = 10.0, 0.5
_SEED = 440_002
_BLANK = 0
_DEVICE = "cuda"
_Result = TypeVar("_Result")
_NOTE = (
    "Best of three, from emissions on the device to paths on the host, all random; "
    "torchaudio aligns one chapter after the other. End to end: decoding, "
    "emissions of a network of MMS_FA's architecture with random weights, and what "
    "align_chapter does with them on the CPU."
)
MISSING = "GPU: torch finds no CUDA device here, so nothing was measured."


def measure(*, quick: bool) -> list[Figure]:
    """Align a batch of chapters by both; then one recording from its file on."""
    if not torch.cuda.is_available():
        return []
    hardware = torch.cuda.get_device_name()
    count = _QUICK_CHAPTERS if quick else _CHAPTERS
    size = _QUICK_SIZE if quick else _SIZE
    figures = alignment_figures(count, size, hardware)
    minutes = _QUICK_MINUTES if quick else _MINUTES
    return [*figures, *real_time_figures(minutes, hardware)]


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table, or why there is none."""
    if not figures:
        console.print(f"\n{MISSING}")
        return
    print_figures(console, "GPU", figures, _NOTE)


def alignment_figures(count: int, size: tuple[int, int], case: str) -> list[Figure]:
    """Return chapters per second of both, and how far the scores are apart."""
    problems = [random_problem(*size, seed=seed) for seed in range(_DIFFERENT)]
    on_device = [torch.from_numpy(emissions).to(_DEVICE) for emissions, _ in problems]
    emissions = [on_device[k % _DIFFERENT].clone() for k in range(count)]
    tokens = [problems[k % _DIFFERENT][1] for k in range(count)]
    own_sec, paths = fastest(lambda: forced_align(emissions, tokens, _BLANK))
    alone = range(_ALONE)
    other_sec, scores = fastest(
        lambda: [torchaudio_score(emissions[k], tokens[k]) for k in alone]
    )
    own, other = count / own_sec, _ALONE / other_sec
    apart = max(abs(paths[k].score / scores[k] - 1) for k in alone)
    frames, length = size
    named = f"{count} x T {frames:,} x L {length:,}"
    return [
        Figure(name=f"ours, chapters a second, {named}", case=case, value=own,
               unit=Unit.COUNT),
        Figure(name="torchaudio, chapters a second", case=case, value=other,
               unit=Unit.COUNT),
        Figure(name="ours / torchaudio", case=case, value=own / other, unit=Unit.RATIO,
               at_least=50.0),
        Figure(name="scores apart, share", case=case, value=apart, unit=Unit.SHARE,
               at_most=1e-3),
    ]  # fmt: skip


def fastest(function: Callable[[], _Result]) -> tuple[float, _Result]:
    """Return the seconds of the best of some runs, and the result."""
    result = function()  # compiled and loaded
    times = []
    for _ in range(_REPEATS):
        torch.cuda.synchronize()
        started_sec = time.perf_counter()
        result = function()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - started_sec)
    return min(times), result


def torchaudio_score(emissions_TC: torch.Tensor, tokens_L: np.ndarray) -> float:
    """Return the score of torchaudio's path, its labels brought to the host."""
    from torchaudio.functional import forced_align as torchaudio_align

    tokens = torch.from_numpy(tokens_L).to(emissions_TC.device)
    labels, scores = torchaudio_align(emissions_TC[None], tokens[None], blank=_BLANK)
    labels.cpu()
    return float(scores.double().sum())


def real_time_figures(minutes: float, case: str) -> list[Figure]:
    """Return how much faster than it was spoken a recording is aligned."""
    speech = speech_of(recordings(["swh"], minutes, seed=_SEED, name="gpu"))
    model = random_mms_fa(_DEVICE)
    warm_up(speech, model)
    chapter, audio = chapter_of(speech.truths[0]), speech.audio(speech.jobs[0])
    took_sec, _ = fastest(
        lambda: align_chapter(decode_audio(audio), chapter, model, AlignConfig())
    )
    audio_sec = speech.truths[0].duration_sec
    return [
        Figure(name="audio", case=case, value=audio_sec, unit=Unit.SEC),
        Figure(name="end to end", case=case, value=took_sec, unit=Unit.SEC),
        Figure(name="audio / end to end", case=case, value=audio_sec / took_sec,
               unit=Unit.RATIO),
    ]  # fmt: skip
