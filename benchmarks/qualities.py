"""How well measured qualities find faults of sound and text, and what they cost.

Chapters of languages and voices that the model was not trained on are read as they are
written, one clip a verse. Each fault is planted in all of a recording's sound, or in
every fifth verse's text. A quality is judged by the area under its curve: how often it
is worse for a clip with the fault than for one of the chapters without any.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from rich.console import Console
from rich.progress import track

from aligner.align import align_chapter
from aligner.audio import decode_audio
from aligner.config import AlignConfig, SegmentConfig
from aligner.edges import LevelTrack
from aligner.emissions import AcousticModel
from aligner.rates import with_rate_places
from aligner.segments import plan_segments
from aligner.sound_track import with_sound
from benchmarks import faults
from benchmarks.confidence import area_under_curve
from benchmarks.faults import Fault, Reading
from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.speech import Speech, speech_of, with_options
from benchmarks.stopwatch import watching
from models.catalog import load_acoustic_model
from pipelines.synth.presets import unheard_jobs
from schemas.alignment import ChapterAlignment
from schemas.segment import Segment
from schemas.units import samples_from_sec

# A rate has a place among 20 clips and more.
_MINUTES, _QUICK_MINUTES = 4.0, 3.2
_SEED = 650_113  # not that of any choice
_FAST_RATE = 300  # words a minute, twice the usual
_CUT_SEC = 0.2

IN_SOUND: Mapping[str, Fault] = {
    "noise, -20 dB": faults.noise(-20.0),
    "noise, -10 dB": faults.noise(-10.0),
    "noise, 0 dB": faults.noise(0.0),
    "clipped, 0.1 %": faults.clipping(0.001),
    "clipped, 1 %": faults.clipping(0.01),
    "music, -20 dB": faults.music(-20.0),
    "music, -10 dB": faults.music(-10.0),
    "pauses in verses": faults.long_pauses,
}
IN_TEXT: Mapping[str, Fault] = {
    "text twice as long": faults.text_twice_as_long,
    "repeated words": faults.repeated_words,
    "another script": faults.other_script,
}
CUT, FAST = "cut inside words", "twice as fast"
# Which way a quality is bad: 1 low, -1 high, 0 far from the middle.
OF_SOUND = {"snr_db": 1, "clipped_share": -1, "silence_share": -1, "music": -1,
            "edge_start_db": -1, "edge_end_db": -1}  # fmt: skip
OF_TEXT = {"chars_per_sec_z": 0, "repeated_share": -1, "script_share": 1,
           "score": 1, "confidence": 1}  # fmt: skip
_EMISSIONS = "emissions"
_TIMED = {
    "aligner.align.compute_emissions": _EMISSIONS,
    "benchmarks.qualities.with_sound": "qualities of sound",
    "aligner.measures.repeated_share": "repeated_share",
    "aligner.measures.share_in_script": "script_share",
    "benchmarks.qualities.with_rate_places": "chars_per_sec_z",
}
_NOTE = (
    "Area under the curve; 50 % is chance, less the wrong way round. Levels of noise "
    "and music are relative to the whole recording."
)


@dataclass(frozen=True)
class Clips:
    """The clips of a chapter, one a verse, and which of them have a fault."""

    language: str
    clips: tuple[Segment, ...]
    faulty: tuple[bool, ...]
    track: LevelTrack


def measure(*, quick: bool) -> list[Figure]:
    """Align the chapters without and with each fault."""
    model = load_acoustic_model("bundled")
    jobs = unheard_jobs(_QUICK_MINUTES if quick else _MINUTES, _SEED, title=False)
    speech = speech_of(jobs)
    with watching(_TIMED) as watch:
        clean = list(_measured(speech, model, None, "clean"))
        # As a run does, once for each language.
        sound = [with_rate_places(chapter.clips) for chapter in clean]
    figures = [
        Figure(name=f"{name}, time over that of the emissions", case="clean",
               value=sec / watch.cpu_sec[_EMISSIONS], unit=Unit.SHARE)
        for name, sec in watch.cpu_sec.items() if name != _EMISSIONS
    ]  # fmt: skip
    judge = partial(
        rank_figures, clean=dict(zip(_languages(clean), sound, strict=True))
    )
    for case, fault in {**IN_SOUND, **IN_TEXT}.items():
        figures += judge(case, list(_measured(speech, model, fault, case)))
    fast = speech_of(with_options(jobs, rate=_FAST_RATE))
    whole = _measured(fast, model, lambda reading, _: _all_faulty(reading), FAST)
    return figures + judge(FAST, list(whole)) + judge(CUT, list(map(cut_short, clean)))


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print a table of sound, one of text, and the times."""
    for title, cases, names in (
        ("Faults of sound found", [*IN_SOUND, CUT], ("clips", *OF_SOUND)),
        ("Faults of text and rate found", [*IN_TEXT, FAST], ("clips", *OF_TEXT)),
    ):
        rows = [replace(f, name=f.case, case=f.name) for f in figures
                if f.case in cases and f.name in names]  # fmt: skip
        print_figures(console, title, rows, _NOTE)
    times = [figure for figure in figures if figure.case == "clean"]
    print_figures(console, "What they cost", times)


def rank_figures(
    case: str, chapters: Sequence[Clips], clean: Mapping[str, Sequence[Segment]]
) -> list[Figure]:
    """Return how well each quality tells clips with a fault from clean ones."""
    bad = [
        with_rate_places([*clean[chapter.language], clip])[-1]
        for chapter in chapters
        for clip, is_faulty in zip(chapter.clips, chapter.faulty, strict=True)
        if is_faulty
    ]
    good = [clip for clips in clean.values() for clip in clips]
    is_bad = np.array([False] * len(good) + [True] * len(bad))
    figures = [Figure(name="clips", case=case, value=len(bad), unit=Unit.COUNT)]
    for name, way in {**OF_SOUND, **OF_TEXT}.items():
        values = np.array([getattr(clip, name) for clip in (*good, *bad)])
        goodness = way * values if way else -np.abs(values)
        area = area_under_curve(goodness, is_bad)
        figures.append(Figure(name=name, case=case, value=area, unit=Unit.SHARE))
    return figures


def cut_short(chapter: Clips) -> Clips:
    """Return the clips with edges some tenths of a second further inside."""
    by = samples_from_sec(_CUT_SEC)
    clips = []
    for clip in chapter.clips:
        start, end = samples_from_sec(clip.start_sec), samples_from_sec(clip.end_sec)
        edges_db = chapter.track.edge_levels(start + by, end - by)
        clips.append(replace(clip, edge_start_db=edges_db[0], edge_end_db=edges_db[1]))
    return replace(chapter, clips=tuple(clips), faulty=(True,) * len(clips))


def _languages(chapters: Sequence[Clips]) -> list[str]:
    return [chapter.language for chapter in chapters]


def _all_faulty(reading: Reading) -> Reading:
    return replace(reading, faulty=reading.all_verses)


def _measured(
    speech: Speech, model: AcousticModel, fault: Fault | None, case: str
) -> Iterator[Clips]:
    pairs = list(zip(speech.jobs, speech.truths, strict=True))
    for job, truth in track(pairs, case, transient=True):
        reading = Reading.of(decode_audio(speech.audio(job)), truth)
        if fault is not None:
            reading = fault(reading, random.Random(f"{case}/{job.recording_id}"))
        yield clips_of(reading, model)


def clips_of(reading: Reading, model: AcousticModel) -> Clips:
    """Align a reading and measure its clips, one a verse, as a run does."""
    found: ChapterAlignment = align_chapter(
        reading.waveform_N, reading.chapter, model, AlignConfig()
    )
    clips = plan_segments(
        found, SegmentConfig(mode="verse"), book="", reader="", drama=False, licence=""
    )
    clips = with_sound(clips, reading.waveform_N, found.level_db, found)
    return Clips(
        language=reading.chapter.language,
        clips=clips,
        faulty=tuple(clip.verses in reading.faulty for clip in clips),
        track=LevelTrack.of(found.level_db, found.hop_samples // 2),
    )
