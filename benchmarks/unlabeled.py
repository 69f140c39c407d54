"""How much speech of audio without text is kept, and how much else is dropped.

Chapters of languages and voices kept from training have music, noise and silence put
between their verses, 8 to 20 s every third verse, and in some cases a bed under all of
it. What was said when, and what was put where, is known exactly. The detector comes as
it is; the rules are the defaults (MMS-unlab).
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track

from aligner.audio import decode_audio
from aligner.pauses import level_db
from aligner.speech import Sound, listen, loud_level_db
from aligner.unlabeled import SpeechPlan, SpeechRules, plan_unlabeled
from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.speech import Speech, speech_of
from models import sound
from models.speech_detector import load_speech_detector
from pipelines.synth.corpus import ChapterJob
from pipelines.synth.presets import unheard_jobs
from pipelines.synth.truth import ChapterTruth
from schemas.units import SAMPLE_RATE_HZ, samples_from_sec

_MINUTES, _QUICK_MINUTES = 4.0, 1.0
_SEED = 771_204  # not that of any choice
_BETWEEN_SEC = (8.0, 20.0)
_VERSES_BETWEEN = 3
_KINDS = (Sound.MUSIC, Sound.NOISE, Sound.SILENCE)
_LEVEL_DB = {Sound.MUSIC: (-12.0, 0.0), Sound.NOISE: (-12.0, 0.0),
             Sound.SILENCE: (-55.0, -45.0)}  # fmt: skip
_KEPT, _DROPPED, _NAMED = "speech kept", "non-speech dropped", "and named rightly"
_SPEED = "times real time"
CLEAN = "clean"
_BEDS = {
    CLEAN: None,
    "noise at -15 dB": (Sound.NOISE, -15.0),
    "music at -20 dB": (Sound.MUSIC, -20.0),
}
_NOTE = (
    "Speech kept: of the time of words, the share in clips. Non-speech: what was put "
    "between verses, 8 to 20 s at a time, at -12 to 0 dB beside the speech (silence: "
    "-45 to -55 dB; with a bed it is the bed that sounds there). Times real time: of "
    "one thread's processor time for hearing and planning, without decoding."
)

Waveform = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Mixture:
    """A chapter with other sounds between its verses; intervals in samples."""

    waveform_N: Waveform
    words: tuple[tuple[int, int], ...]
    planted: tuple[tuple[int, int, Sound], ...]


@dataclass
class _Sums:
    """Samples that were counted in one case, and the seconds it took."""

    words: int = 0
    words_kept: int = 0
    planted: int = 0
    planted_dropped: int = 0
    named: int = 0
    heard: int = 0
    cost_sec: float = 0.0


def measure(*, quick: bool) -> list[Figure]:
    """Return the shares in each case."""
    jobs = unheard_jobs(_QUICK_MINUTES if quick else _MINUTES, _SEED, title=False)
    speech = speech_of(jobs)
    figures = []
    for case, bed in _BEDS.items():
        sums = _Sums()
        for job, truth in track(list(zip(jobs, speech.truths, strict=True)), case):
            mixture = _mixture(speech, job, truth, bed)
            _count(mixture, sums)
        figures += _figures(sums, case)
    return figures


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the shares."""
    print_figures(console, "Audio without text", figures, _NOTE)


def _mixture(
    speech: Speech,
    job: ChapterJob,
    truth: ChapterTruth,
    bed: tuple[Sound, float] | None,
) -> Mixture:
    rng = np.random.default_rng(job.options.seed + len(job.recording_id))
    reading_N = decode_audio(speech.audio(job), max_hours=1)
    parts: list[Waveform] = []
    words: list[tuple[int, int]] = []
    planted: list[tuple[int, int, Sound]] = []
    reached = shift = 0
    for number, verse in enumerate(truth.verses):
        words += [
            (samples_from_sec(w.start_sec) + shift, samples_from_sec(w.end_sec) + shift)
            for w in verse.words
        ]
        if (number + 1) % _VERSES_BETWEEN or number + 1 == len(truth.verses):
            continue
        after = truth.verses[number + 1]
        middle_sec = (verse.words[-1].end_sec + after.words[0].start_sec) / 2
        cut = samples_from_sec(middle_sec)
        kind = _KINDS[len(planted) % len(_KINDS)]
        part_N = _sound(kind, reading_N, rng)
        parts += [reading_N[reached:cut], part_N]
        planted.append((cut + shift, cut + shift + len(part_N), kind))
        reached, shift = cut, shift + len(part_N)
    whole_N = np.concatenate([*parts, reading_N[reached:]])
    if bed is not None:
        kind, beside_db = bed
        level = sound.rms(reading_N) * 10 ** (beside_db / 20)
        whole_N = whole_N + _made(kind, len(whole_N), level, rng)
        planted = [
            (start, end, kind if own is Sound.SILENCE else own)
            for start, end, own in planted
        ]
    return Mixture(whole_N, tuple(words), tuple(planted))


def _sound(kind: Sound, reading_N: Waveform, rng: np.random.Generator) -> Waveform:
    """Return some seconds of a sound, at a level beside that of the reading."""
    samples = round(rng.uniform(*_BETWEEN_SEC) * SAMPLE_RATE_HZ)
    level = sound.rms(reading_N) * 10 ** (rng.uniform(*_LEVEL_DB[kind]) / 20)
    return _made(kind, samples, level, rng)


def _made(
    kind: Sound, samples: int, level: float, rng: np.random.Generator
) -> Waveform:
    make = sound.music if kind is Sound.MUSIC else sound.room_noise
    made_N = make(samples, rng)
    return made_N * np.float32(level / sound.rms(made_N))


def _count(mixture: Mixture, sums: _Sums) -> None:
    before = time.thread_time()
    levels = level_db(mixture.waveform_N)
    detector = load_speech_detector()
    heard = listen(mixture.waveform_N, detector, loud_level_db(levels))
    plan = plan_unlabeled(heard, levels, SpeechRules())
    sums.cost_sec += time.thread_time() - before
    total = len(mixture.waveform_N)
    sums.heard += total
    is_kept, is_named = _marks(plan, total)
    for start, end in mixture.words:
        sums.words += end - start
        sums.words_kept += int(is_kept[start:end].sum())
    for start, end, kind in mixture.planted:
        sums.planted += end - start
        sums.planted_dropped += int((~is_kept[start:end]).sum())
        sums.named += int(is_named[kind][start:end].sum())


def _marks(
    plan: SpeechPlan, total: int
) -> tuple[npt.NDArray[np.bool_], dict[Sound, npt.NDArray[np.bool_]]]:
    """Return which samples are in clips, and which are dropped as each sound."""
    is_kept = np.zeros(total, bool)
    for start, end in plan.clips:
        is_kept[start:end] = True
    is_named = {kind: np.zeros(total, bool) for kind in _KINDS}
    for start, end, reason in plan.dropped:
        if reason in is_named:
            is_named[Sound(reason)][start:end] = True
    return is_kept, is_named


def _figures(sums: _Sums, case: str) -> list[Figure]:
    kept, dropped = sums.words_kept / sums.words, sums.planted_dropped / sums.planted
    aim = 0.98 if case == CLEAN else None
    speed = sums.heard / SAMPLE_RATE_HZ / sums.cost_sec
    return [
        Figure(name=_KEPT, value=kept, unit=Unit.SHARE, case=case, at_least=aim),
        Figure(name=_DROPPED, value=dropped, unit=Unit.SHARE, case=case, at_least=aim),
        Figure(
            name=_NAMED, value=sums.named / sums.planted, unit=Unit.SHARE, case=case
        ),
        Figure(name=_SPEED, value=speed, unit=Unit.RATIO, case=case),
    ]
