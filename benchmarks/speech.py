"""Synthetic chapters for the benchmarks, made once and kept in ``build/bench``.

A folder is named by the digest of what is to be spoken and of the code that speaks, so
that a change in either makes it anew.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from models import sound
from pipelines import synth
from pipelines.synth.corpus import ChapterJob, make_chapters, write_manifest
from pipelines.synth.files import AudioFileOptions
from pipelines.synth.options import UNHEARD_VOICES, ChapterOptions
from pipelines.synth.truth import ChapterTruth, read_truth
from schemas.keys import digest_of

BENCH = Path("build/bench")
_WORKERS = 2
# klatt2 whispers: nobody reads a chapter like that.
VOICES = tuple(voice for voice in UNHEARD_VOICES if voice != "klatt2")


@dataclass(frozen=True)
class Speech:
    """Chapters on disk with the truth about them."""

    folder: Path
    jobs: tuple[ChapterJob, ...]
    truths: tuple[ChapterTruth, ...]

    @property
    def duration_sec(self) -> float:
        """Length of all chapters together."""
        return sum(truth.duration_sec for truth in self.truths)

    def audio(self, job: ChapterJob) -> Path:
        """Return where a chapter's recording lies."""
        return self.folder / "audio" / f"{job.recording_id}{job.audio.suffix}"


def speech_of(jobs: Sequence[ChapterJob]) -> Speech:
    """Return chapters, spoken now or kept from an earlier time."""
    digest = digest_of("bench", _code_digest(), [asdict(job) for job in jobs])
    folder = BENCH / "speech" / digest[:16]
    done = folder / "done"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for _ in make_chapters(jobs, folder, _WORKERS):
            pass  # the truths are written beside the recordings
        done.touch()
    truths = (read_truth(folder / "truth" / f"{j.recording_id}.json") for j in jobs)
    return Speech(folder, tuple(jobs), tuple(truths))


def recordings(
    languages: Sequence[str], minutes: float, *, seed: int, name: str
) -> list[ChapterJob]:
    """Return MP3s as radio stations and churches keep them: 24 kHz, mono, 24 kbit/s.

    Args:
      languages: one for each recording.
      minutes: length of each.
      seed: of the first one; each has its own.
      name: beginning of their names.
    """
    return [
        ChapterJob(
            recording_id=f"{name}-{number:02d}-{language}",
            options=ChapterOptions(
                language=language,
                minutes=minutes,
                voices=VOICES,
                drama=True,
                seed=seed + number,
            ),
            audio=AudioFileOptions(format="mp3", rate_hz=24_000, bitrate="24k"),
        )
        for number, language in enumerate(languages)
    ]


def with_options(jobs: Sequence[ChapterJob], **changes) -> list[ChapterJob]:
    """Return the same chapters spoken under other conditions."""
    return [replace(job, options=replace(job.options, **changes)) for job in jobs]


def write_corpus(speech: Speech, name: str, recordings: int | None = None) -> Path:
    """Write manifest and configuration of the first recordings; returns corpus.toml.

    The output is ``build/bench/<name>``.
    """
    folder, output = speech.folder, BENCH / name
    manifest = write_manifest(speech.jobs[:recordings], folder)
    manifest = manifest.rename(folder / f"{name}.csv")
    path = folder / f"{name}.toml"
    path.write_text(
        f'[corpus]\nname = "{name}"\nmanifest = "{manifest.name}"\n'
        f'output = "{output.absolute()}"\n',
        encoding="utf-8",
    )
    return path


def _code_digest() -> str:
    digest = hashlib.sha256()
    for root in synth.__path__:
        for path in [Path(sound.__file__), *sorted(Path(root).glob("*.*"))]:
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
