"""How well measured qualities find faults of sound and text, and what they cost.

Chapters of languages and voices that the model was not trained on are read as they are
written, in quiet rooms, one clip a verse. Each fault is planted in all of a recording's
sound, or in every fifth verse's text. A quality is judged by the area under its curve:
how often it is worse for a clip with the fault than for one of the chapters without
any. Noise, clipping and music are measured at the words' times in the clean recording,
which they do not move. No verse may be left out, so that none with a wrong text is.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track

from aligner.align import align_chapter
from aligner.audio import decode_audio
from aligner.config import AlignConfig, SegmentConfig
from aligner.edges import LevelTrack
from aligner.emissions import AcousticModel, compute_emissions
from aligner.pauses import level_db
from aligner.rates import with_rate_places
from aligner.second_opinion import Transcriber, with_opinion
from aligner.segments import plan_segments
from aligner.sound_track import with_sound
from benchmarks import faults
from benchmarks.confidence import area_under_curve
from benchmarks.faults import Fault, Reading
from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.speech import speech_of, with_options
from benchmarks.stopwatch import watching
from models.catalog import load_acoustic_model
from pipelines.synth.corpus import ChapterJob
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
    "noise, -30 dB": faults.noise(-30.0),
    "noise, -20 dB": faults.noise(-20.0),
    "noise, -10 dB": faults.noise(-10.0),
    "clipped, 0.1 %": faults.clipping(0.001),
    "clipped, 1 %": faults.clipping(0.01),
    "music, -20 dB": faults.music(-20.0),
    "music, -10 dB": faults.music(-10.0),
}
IN_TEXT: Mapping[str, Fault] = {
    "text twice as long": faults.text_twice_as_long,
    "repeated words": faults.repeated_words,
    "another script": faults.other_script,
}
PAUSES, CUT, FAST = "pauses in verses", "cut inside words", "twice as fast"
# Which way a quality is bad: 1 low, -1 high, 0 far from the middle.
OF_SOUND = {"snr_db": 1, "clipped_share": -1, "silence_share": -1, "music": -1,
            "edge_start_db": -1, "edge_end_db": -1}  # fmt: skip
OF_TEXT = {"chars_per_sec_z": 0, "repeated_share": -1, "script_share": 1}
BESIDE = {"cer": -1, "edge_cer": -1, "score": 1, "confidence": 1}
_EMISSIONS = "emissions"
_TIMED = {
    "benchmarks.qualities.compute_emissions": _EMISSIONS,
    "benchmarks.qualities.with_sound": "qualities of sound",
    "aligner.measures.repeated_share": "repeated_share",
    "aligner.measures.share_in_script": "script_share",
    "benchmarks.qualities.with_rate_places": "chars_per_sec_z",
    "benchmarks.qualities.with_opinion": "cer, edge_cer",
}
_CONFIG = AlignConfig(omissions=False)
_NOTE = (
    "Area under the curve; 50 % is chance, less the wrong way round. Levels of noise "
    "and music are relative to the whole recording, which has a floor of -55 to -40 dB."
)


@dataclass(frozen=True, eq=False)
class Aligned:
    """A reading, the model's emissions (T, C) of it, and where its words were found."""

    reading: Reading
    emissions_TC: npt.NDArray[np.float32]
    found: ChapterAlignment


@dataclass(frozen=True)
class Clips:
    """The clips of a chapter, one a verse, and which of them have a fault."""

    language: str
    clips: tuple[Segment, ...]
    faulty: tuple[bool, ...]


def measure(*, quick: bool) -> list[Figure]:
    """Measure the chapters without and with each fault."""
    model = load_acoustic_model("bundled")
    jobs = unheard_jobs(_QUICK_MINUTES if quick else _MINUTES, _SEED, title=False)
    with watching(_TIMED) as watch:
        clean = [_aligned(reading, model) for reading in track(_read(jobs), "clean")]
        chapters = [clips_of(one, model) for one in clean]
        # As a run does, once for each language.
        good = {c.language: with_rate_places(c.clips) for c in chapters}
    figures = [
        Figure(name=f"{name}, time over that of the emissions", case="clean",
               value=sec / watch.cpu_sec[_EMISSIONS], unit=Unit.SHARE)
        for name, sec in watch.cpu_sec.items() if name != _EMISSIONS
    ]  # fmt: skip
    for case in (*IN_SOUND, PAUSES, *IN_TEXT):
        faulty = (_with_fault(one, case, model) for one in track(clean, case))
        figures += rank_figures(case, [clips_of(f, model) for f in faulty], good)
    fast = _read(with_options(jobs, rate=_FAST_RATE))
    faulty = (_all_faulty(_aligned(one, model)) for one in track(fast, FAST))
    figures += rank_figures(FAST, [clips_of(f, model) for f in faulty], good)
    cut = [clips_of(_all_faulty(one), model, cut_sec=_CUT_SEC) for one in clean]
    return figures + rank_figures(CUT, cut, good)


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print a table of sound, one of text, and the times."""
    for title, cases, names in (
        ("Faults of sound found", [*IN_SOUND, PAUSES, CUT], ("clips", *OF_SOUND)),
        ("Faults of text and rate found", [*IN_TEXT, FAST], ("clips", *OF_TEXT)),
        (
            "Wrong texts and cuts found by opinion, score and confidence",
            [*IN_TEXT, FAST, CUT],
            BESIDE,
        ),
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
    for name, way in {**OF_SOUND, **OF_TEXT, **BESIDE}.items():
        values = np.array([getattr(clip, name) for clip in (*good, *bad)])
        goodness = way * values if way else -np.abs(values)
        area = area_under_curve(goodness, is_bad)
        figures.append(Figure(name=name, case=case, value=area, unit=Unit.SHARE))
    return figures


def clips_of(one: Aligned, model: AcousticModel, *, cut_sec: float = 0.0) -> Clips:
    """Measure the clips of a reading, one a verse, as a run does.

    Each clip then loses ``cut_sec`` at either end, while its text stays.
    """
    reading, found = one.reading, one.found
    clips = plan_segments(
        found, SegmentConfig(mode="verse"), book="", reader="", drama=False, licence=""
    )
    clips = with_sound(clips, reading.waveform_N, found.level_db, found)
    if cut_sec:
        levels = LevelTrack.of(found.level_db, found.hop_samples // 2)
        clips = tuple(cut_short(clip, cut_sec, levels) for clip in clips)
    best_T, hop = one.emissions_TC.argmax(axis=1), model.hop_samples
    transcriber = Transcriber.of(model, found.language)
    clips = tuple(with_opinion(clip, best_T, transcriber, hop) for clip in clips)
    faulty = tuple(clip.verses in reading.faulty for clip in clips)
    return Clips(found.language, clips, faulty)


def cut_short(clip: Segment, by_sec: float, track: LevelTrack) -> Segment:
    """Return a clip with its edges further inside and the levels there."""
    start_sec, end_sec = clip.start_sec + by_sec, clip.end_sec - by_sec
    edges_db = track.edge_levels(samples_from_sec(start_sec), samples_from_sec(end_sec))
    return replace(
        clip,
        start_sec=start_sec,
        end_sec=end_sec,
        edge_start_db=edges_db[0],
        edge_end_db=edges_db[1],
    )


def _read(jobs: Sequence[ChapterJob]) -> list[Reading]:
    speech = speech_of(jobs)
    pairs = zip(speech.jobs, speech.truths, strict=True)
    return [Reading.of(decode_audio(speech.audio(job)), truth) for job, truth in pairs]


def _aligned(
    reading: Reading,
    model: AcousticModel,
    emissions_TC: npt.NDArray[np.float32] | None = None,
) -> Aligned:
    if emissions_TC is None:
        emissions_TC = compute_emissions(reading.waveform_N, model, _CONFIG)
    found = align_chapter(
        reading.waveform_N, reading.chapter, model, _CONFIG, emissions_TC=emissions_TC
    )
    return Aligned(reading, emissions_TC, found)


def _with_fault(one: Aligned, case: str, model: AcousticModel) -> Aligned:
    """Return a clean chapter with a fault."""
    rng = random.Random(f"{case}/{one.reading.truth.recording_id}")
    if case == PAUSES:
        return _aligned(faults.long_pauses(one.reading, rng), model)
    if case in IN_TEXT:
        return _aligned(IN_TEXT[case](one.reading, rng), model, one.emissions_TC)
    reading = IN_SOUND[case](one.reading, rng)
    found = replace(one.found, level_db=level_db(reading.waveform_N))
    return replace(one, reading=reading, found=found)


def _all_faulty(one: Aligned) -> Aligned:
    reading = replace(one.reading, faulty=one.reading.all_verses)
    return replace(one, reading=reading)
