"""Corpora for the recipes: a few minutes with text, much more without, one language.

The bundled model has never heard the language. Two readers that it knows have text;
audio without text, dev and test are other chapters of readers that it has never heard,
so what is tested is what the audio without text is wanted for. All are in rooms with
noise.
"""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.speech import BENCH, VOICES, speech_of
from pipelines.config import CorpusConfig, load_config
from pipelines.job import prepare_job, run_job
from pipelines.synth.corpus import ChapterJob, write_manifest
from pipelines.synth.files import AudioFileOptions
from pipelines.synth.options import ChapterOptions

_READERS = ("", "f2")
_RECORDINGS = 8
_NOISE_DB = -12.0
_SETTINGS = """
[segment]
max_sec = 15.0
[unlabeled]
max_sec = 15.0
min_language_minutes = 1.0
"""


@dataclass(frozen=True, kw_only=True)
class Minutes:
    """How much is spoken."""

    with_text: float
    without_text: float
    dev: float
    test: float


def recipe_corpus(language: str, seed: int, minutes: Minutes) -> CorpusConfig:
    """Speak and run a corpus, or find it as it was left; returns its configuration."""
    jobs = recipe_jobs(language, seed, minutes)
    speech = speech_of(jobs)
    folder = BENCH / "recipes" / f"{language}-{seed}-{speech.folder.name}"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("audio", "text", "truth"):
        if not (folder / name).is_symlink():
            (folder / name).symlink_to((speech.folder / name).absolute())
    manifest = write_manifest(speech.jobs, folder, with_timing=True)
    config = load_config(_written(folder, manifest))
    run_job(prepare_job(config), "plain")
    return config


def recipe_jobs(language: str, seed: int, minutes: Minutes) -> list[ChapterJob]:
    """Return the chapters; other seeds have other words and other readers' ways."""
    plan = [
        *(
            (f"read-{k}", "MAT", minutes.with_text / len(_READERS), (reader,))
            for k, reader in enumerate(_READERS)
        ),
        ("dev", "MRK", minutes.dev, VOICES),
        ("test", "JHN", minutes.test, VOICES),
        *(
            (f"more-{k}", "", minutes.without_text / _RECORDINGS, VOICES)
            for k in range(_RECORDINGS)
        ),
    ]
    return [
        ChapterJob(
            recording_id=f"{language}-{name}",
            options=ChapterOptions(
                language=language,
                minutes=length,
                voices=voices,
                drama=len(voices) > 1,
                words_per_verse=(3, 10),
                seed=seed * 1000 + number,
                noise_db=_NOISE_DB,
            ),
            audio=AudioFileOptions(format="flac", rate_hz=16_000),
            book=book,
            is_unlabeled=not book,
        )
        for number, (name, book, length, voices) in enumerate(plan)
    ]


def _written(folder: Path, manifest: Path) -> Path:
    path = folder / "corpus.toml"
    path.write_text(
        f'[corpus]\nname = "recipes"\nmanifest = "{manifest.name}"\n'
        f'output = "corpus"\nallow_outside = true\n{_SETTINGS}',
        encoding="utf-8",
    )
    return path
