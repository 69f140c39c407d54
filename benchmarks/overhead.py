"""What everything around a large acoustic model costs, beside its forward passes.

The network has the architecture of torchaudio's MMS_FA (24 layers of 1,024, 315 million
parameters) with random weights: time does not depend on them.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

import torch
from rich.console import Console

from aligner.align import align_chapter
from aligner.audio import decode_audio
from aligner.config import AlignConfig, SegmentConfig
from aligner.segments import plan_segments
from aligner.viterbi import forced_align
from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.problems import random_problem
from benchmarks.speech import BENCH, Speech, recordings, speech_of
from benchmarks.stopwatch import Stopwatch
from models.waveform_model import WaveformModel
from pipelines.calibrate import chapter_of
from pipelines.clips import cut_clips

_MINUTES, _QUICK_MINUTES = 1.5, 0.2
_SEED = 440_001
_NOTE = (
    "Decoding, emissions, Viterbi, scores, planning, cutting and FLAC of one recording "
    "on the CPU, over the forward passes within them."
)


def measure(*, quick: bool) -> list[Figure]:
    """Align and cut one recording with a network of MMS_FA's size."""
    minutes = _QUICK_MINUTES if quick else _MINUTES
    speech = speech_of(recordings(["swh"], minutes, seed=_SEED, name="large-model"))
    model = random_mms_fa()
    warm_up(speech, model)
    watch = Stopwatch()
    timed = replace(model, network=watch.timed("forward", model.network))
    started_sec = time.perf_counter()
    align_and_cut(speech, timed)
    total_sec = time.perf_counter() - started_sec
    forward_sec = watch.wall_sec["forward"]
    seconds = {
        "audio": speech.duration_sec,
        "end to end": total_sec,
        "forward passes": forward_sec,
    }
    return [
        *(
            Figure(name=name, value=value, unit=Unit.SEC)
            for name, value in seconds.items()
        ),
        Figure(
            name="end to end / forward passes",
            value=total_sec / forward_sec,
            unit=Unit.RATIO,
            at_most=1.05,
        ),
    ]


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    print_figures(console, "Overhead around a large model", figures, _NOTE)


def random_mms_fa(device: str = "cpu") -> WaveformModel:
    """Return MMS_FA as ``models.mms_fa`` wraps it, with random weights."""
    from torchaudio.models import wav2vec2_model
    from torchaudio.pipelines import MMS_FA

    torch.manual_seed(0)
    labels = tuple(MMS_FA.get_labels(star=None, blank=""))
    network = wav2vec2_model(**MMS_FA._params).eval().to(device)
    return WaveformModel(
        name="mms-fa",
        fingerprint="random",
        labels=labels,
        blank=0,
        romanised=True,
        word_separator=None,
        network=lambda waveforms: network(waveforms)[0],
        device=torch.device(device),
        variance_floor=1e-5,
    )


def warm_up(speech: Speech, model: WaveformModel) -> None:
    """Load uroman and the compiled kernels; they are there once for many recordings."""
    for prune in (False, True):
        forced_align(*random_problem(200, 50), prune=prune)
    chapter = chapter_of(speech.truths[0])
    first = replace(chapter, verses=chapter.verses[:1])
    quiet = replace(model, network=lambda waveforms: torch.zeros(
        len(waveforms), waveforms.shape[1] // model.hop_samples, len(model.labels)
    ))  # fmt: skip
    waveform = decode_audio(speech.audio(speech.jobs[0]))
    align_chapter(waveform, first, quiet, AlignConfig())


def align_and_cut(speech: Speech, model: WaveformModel) -> None:
    """Do all that a corpus needs of one recording."""
    job = speech.jobs[0]
    waveform = decode_audio(speech.audio(job))
    found = align_chapter(
        waveform,
        chapter_of(speech.truths[0]),
        model,
        AlignConfig(),
        recording_id=job.recording_id,
    )
    segments = plan_segments(
        found, SegmentConfig(), book="", reader="", drama=False, licence=""
    )
    with (BENCH / "overhead.pack").open("wb") as pack:
        cut_clips(waveform, segments, pack)
