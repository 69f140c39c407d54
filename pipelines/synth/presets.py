"""Ready lists of chapters: training, demo, benchmarks."""

from pipelines.synth.corpus import ChapterJob
from pipelines.synth.files import AudioFileOptions
from pipelines.synth.lexicon import TRAINING_LANGUAGES, UNHEARD_LANGUAGES
from pipelines.synth.options import TRAINING_VOICES, UNHEARD_VOICES, ChapterOptions
from schemas.source import TextFormat

_CHAPTER_MIN = 20.0
# The plain voice of each language is heard more often than any variant.
_TRAINING_MIX = ("", "", "", "", *TRAINING_VOICES)
# The demo: languages of four scripts, one that the model has never heard.
DEMO_LANGUAGES = ("swh", "rus", "ell", "hin", "kat")


def training_jobs(minutes_per_language: float, seed: int) -> list[ChapterJob]:
    """Chapters whose every verse has another voice; a tenth each for dev and test."""
    held_out_min = minutes_per_language * 0.1
    plan = [("MRK", 1, held_out_min), ("JHN", 1, held_out_min)]
    left_min = minutes_per_language - 2 * held_out_min
    chapters = max(1, round(left_min / _CHAPTER_MIN))
    plan += [("MAT", n + 1, left_min / chapters) for n in range(chapters)]
    return [
        ChapterJob(
            recording_id=f"{language}-{book}-{chapter:03d}",
            options=ChapterOptions(
                language=language,
                minutes=minutes,
                varied=True,
                voices=_TRAINING_MIX,
                words_per_verse=(3, 10),
                seed=seed,
            ),
            audio=AudioFileOptions(format="flac", rate_hz=16_000),
            book=book,
            chapter=chapter,
        )
        for book, chapter, minutes in plan
        for language in TRAINING_LANGUAGES
    ]


def demo_jobs() -> list[ChapterJob]:
    """Chapters as they come in life: several containers, formats, titles, numbers."""
    looks = (
        ("mp3", 24_000, 1, TextFormat.PLAIN),
        ("ogg", 22_050, 1, TextFormat.USFM),
        ("mp3", 22_050, 1, TextFormat.USX),
        ("opus", 48_000, 1, TextFormat.TSV),
        ("mp3", 24_000, 1, TextFormat.VPL),
    )
    books = (("MAT", 1), ("MRK", 1), ("JHN", 1))
    return [
        ChapterJob(
            recording_id=f"{language}-{book}-{chapter:03d}",
            options=ChapterOptions(
                language=language,
                minutes=1.8,
                voices=(("", "f2", "m3")[number],),
                title=True,
                digits=2,
                seed=number,
            ),
            audio=AudioFileOptions(
                format=look[0], rate_hz=look[1], channels=look[2], bitrate="24k"
            ),
            text_format=look[3],
            book=book,
            chapter=chapter,
            is_unlabeled=(language, book) == (DEMO_LANGUAGES[-1], "JHN"),
        )
        for language, look in zip(DEMO_LANGUAGES, looks, strict=True)
        for number, (book, chapter) in enumerate(books)
    ]


def unheard_jobs(minutes: float, seed: int, *, title: bool) -> list[ChapterJob]:
    """One chapter in each language, and with voices, kept from training."""
    kept = [voice for voice in UNHEARD_VOICES if voice != "klatt2"]
    return [
        ChapterJob(
            recording_id=f"{language}-{'title' if title else 'plain'}",
            options=ChapterOptions(
                language=language,
                minutes=minutes,
                voices=tuple(kept[(number + k) % len(kept)] for k in range(3)),
                drama=True,
                title=title,
                seed=seed,
            ),
            audio=AudioFileOptions(format="wav", rate_hz=16_000),
        )
        for number, language in enumerate(UNHEARD_LANGUAGES)
    ]
