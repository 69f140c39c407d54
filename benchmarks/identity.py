"""How surely a recording that reads another text is found, and no other is accused.

Books of six chapters in languages and voices that the model was not trained on. Two of
the six share two thirds of their verses, one has five verses only. Each recording is
held against its own text, against the text of the next chapter (swapped files), against
a text of another language while its own is known elsewhere in the manifest, and against
one while it is not. All of it clean, in a reverberating room with music and noise, and
under noise of twice the loudness of the voice, where nothing should be said.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.progress import track

from aligner.audio import decode_audio
from aligner.config import AlignConfig
from aligner.emissions import AcousticModel, compute_emissions
from aligner.identity import (
    Judgement,
    Probes,
    TextLetters,
    Verdict,
    judge,
    letters_of,
    probe_slices,
)
from aligner.tokens import encode_chapter
from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.speech import VOICES, Speech, speech_of
from models import sound
from models.catalog import load_acoustic_model
from pipelines.calibrate import chapter_of
from pipelines.synth.corpus import ChapterJob
from pipelines.synth.files import AudioFileOptions
from pipelines.synth.lexicon import UNHEARD_LANGUAGES, invent_sentence, load_lexicon
from pipelines.synth.options import ChapterOptions
from schemas.units import SAMPLE_RATE_HZ

SEED = 6_200_001
_CHAPTERS, _QUICK_LANGUAGES = 6, 2
_VERSES, _FEW_VERSES = 15, 5
_SHARED = 0.67
_CONDITIONS = ("clean", "degraded", "drowned")
_NOTE = (
    "A row for what a recording's row in the manifest says, a column for its sound. "
    "Silent: neither accused nor confirmed."
)

Samples = np.ndarray


@dataclass(frozen=True)
class Case:
    """What is said about one recording, and what should be found."""

    name: str
    own: str
    """The text that it is said to read."""
    book: tuple[str, ...]
    """All texts of that one's book."""
    rest: tuple[str, ...]
    """All other texts of the manifest."""
    right: Verdict
    likely: str = ""
    """The text that should be named."""


def measure(*, quick: bool) -> list[Figure]:
    """Probe every recording in each condition, and judge every case of it."""
    model = load_acoustic_model("bundled")
    languages = UNHEARD_LANGUAGES[: _QUICK_LANGUAGES if quick else None]
    speech = speech_of(book_jobs(languages, SEED))
    texts = {
        job.recording_id: _letters(truth, model)
        for job, truth in zip(speech.jobs, speech.truths, strict=True)
    }
    figures = []
    for condition in _CONDITIONS:
        figures += _figures(speech, texts, model, condition)
    return figures


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    print_figures(console, "Swapped files found", figures, _NOTE)


def book_jobs(languages: Sequence[str], seed: int) -> list[ChapterJob]:
    """Return the chapters of one book in each language, read by changing voices."""
    return [
        ChapterJob(
            recording_id=f"{language}-{chapter}",
            options=ChapterOptions(
                language=language,
                voices=(VOICES[(number + chapter) % len(VOICES)],),
                seed=seed,
            ),
            audio=AudioFileOptions(format="mp3", rate_hz=24_000, bitrate="24k"),
            own_text=verses,
            chapter=chapter,
        )
        for number, language in enumerate(languages)
        for chapter, verses in enumerate(_book(language, seed), 1)
    ]


def _book(language: str, seed: int) -> list[tuple[str, ...]]:
    rng, lexicon = random.Random(f"{seed}/{language}"), load_lexicon(language)

    def invented(verses: int) -> list[str]:
        return [
            invent_sentence(lexicon, rng.randint(9, 15), rng) for _ in range(verses)
        ]

    chapters = [invented(_VERSES) for _ in range(_CHAPTERS - 2)]
    fresh = invented(_VERSES)
    like_last = [
        verse if rng.random() < _SHARED else other
        for verse, other in zip(chapters[-1], fresh, strict=True)
    ]
    return [tuple(c) for c in (*chapters, like_last, invented(_FEW_VERSES))]


def cases_of(recording_id: str, ids: Sequence[str]) -> list[Case]:
    """Return what may be said of a recording, in a manifest of these texts."""
    language, chapter = recording_id.split("-")
    languages = list(dict.fromkeys(name.split("-")[0] for name in ids))
    other = languages[(languages.index(language) + 1) % len(languages)]
    swapped = f"{language}-{int(chapter) % _CHAPTERS + 1}"
    foreign = f"{other}-{chapter}"

    def case(name: str, own: str, right: Verdict, known: Sequence[str]) -> Case:
        book = tuple(i for i in known if i[:3] == own[:3])
        rest = tuple(i for i in known if i[:3] != own[:3])
        likely = recording_id if right is Verdict.OTHER_CHAPTER else ""
        return Case(name, own, book, rest, right, likely)

    unknown = [i for i in ids if i[:3] != language]
    return [
        case("as it is", recording_id, Verdict.OWN, ids),
        case("swapped", swapped, Verdict.OTHER_CHAPTER, ids),
        case("other language, known", foreign, Verdict.OTHER_CHAPTER, ids),
        case("other language, unknown", foreign, Verdict.OTHER_TEXT, unknown),
    ]


def found_in(
    case: Case, probes: Probes, texts: dict[str, TextLetters]
) -> tuple[Judgement, str]:
    """Return the judgement as the pipeline comes to it, and the text that it names."""
    first = None
    for ids in (case.book, case.rest):
        names = [name for name in ids if name != case.own]
        found = judge(probes, texts[case.own], [texts[name] for name in names])
        if found.verdict in (Verdict.OWN, Verdict.OTHER_CHAPTER):
            is_named = found.verdict is Verdict.OTHER_CHAPTER
            return found, names[found.best or 0] if is_named else ""
        if first is None or found.verdict is Verdict.UNSURE:
            first = found
    assert first is not None
    return first, ""


def _figures(
    speech: Speech, texts: dict[str, TextLetters], model: AcousticModel, condition: str
) -> list[Figure]:
    outcomes: dict[str, list[tuple[Case, Judgement, str]]] = {}
    probing_sec = matching_sec = probed_samples = all_samples = 0.0
    recordings = track(speech.jobs, f"probing, {condition}", transient=True)
    for number, job in enumerate(recordings):
        waveform = _sounding(condition)(decode_audio(speech.audio(job)), number)
        parts = [waveform[part] for part in probe_slices(len(waveform))]
        started_sec = time.process_time()
        emissions = tuple(compute_emissions(p, model, AlignConfig()) for p in parts)
        probing_sec += time.process_time() - started_sec
        probes = Probes(emissions, model.blank, model.hop_samples)
        probed_samples += sum(map(len, parts))
        all_samples += len(waveform)
        for case in cases_of(job.recording_id, list(texts)):
            started_sec = time.process_time()
            found, likely = found_in(case, probes, texts)
            if case.right is Verdict.OWN:
                matching_sec += time.process_time() - started_sec
            outcomes.setdefault(case.name, []).append((case, found, likely))
    figures = [
        f for name, rows in outcomes.items() for f in _told(name, condition, rows)
    ]
    return [
        *figures,
        Figure(name="probes, share of the recordings", case=condition,
               value=probed_samples / all_samples, unit=Unit.SHARE),
        Figure(name="matching over emissions of the probes", case=condition,
               value=matching_sec / probing_sec, unit=Unit.SHARE),
    ]  # fmt: skip


def _told(
    name: str, condition: str, rows: Sequence[tuple[Case, Judgement, str]]
) -> list[Figure]:
    verdicts = [found.verdict for _, found, _ in rows]
    right = sum(
        found.verdict is case.right and likely == case.likely
        for case, found, likely in rows
    )
    unsure = verdicts.count(Verdict.UNSURE)
    missed = sum(
        found.verdict is Verdict.OWN is not case.right for case, found, _ in rows
    )
    heard = condition != "drowned"

    def count(what: str, value: int, **aim: float) -> Figure:
        return Figure(name=f"{name}: {what}", case=condition, value=value,
                      unit=Unit.COUNT, **aim)  # fmt: skip

    return [
        count("recordings", len(rows)),
        count("right", right, **({"at_least": 0.95 * len(rows)} if heard else {})),
        count("silent", unsure),
        count("taken for its own", missed),
        count("wrongly named", len(rows) - right - unsure - missed, at_most=0),
    ]


def _letters(truth, model: AcousticModel) -> TextLetters:
    encoded = encode_chapter(
        chapter_of(truth), model.labels, model.blank, romanised=model.romanised,
        word_separator=model.word_separator,
    )  # fmt: skip
    return letters_of(encoded)


def _sounding(condition: str) -> Callable[[Samples, int], Samples]:
    def degraded(samples_N: Samples, seed: int) -> Samples:
        rng = np.random.default_rng(seed)
        if condition == "degraded":
            samples_N = sound.reverberate(samples_N, 0.4, rng, SAMPLE_RATE_HZ)
            music = sound.music(len(samples_N), rng, SAMPLE_RATE_HZ)
            samples_N = sound.mix(samples_N, music, -12.0)
        if condition != "clean":
            noise = sound.room_noise(len(samples_N), rng)
            level_db = -27.0 if condition == "degraded" else 6.0
            samples_N = sound.mix(samples_N, noise, level_db)
        return samples_N.astype(np.float32)

    return degraded
