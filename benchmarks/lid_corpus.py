"""Speech in many languages to tell apart: who is heard in training is never tested.

Each language has a chapter for training (MAT), one for development (MRK) and one for
the test (JHN), each in words and with voices of its own.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from aligner.config import SegmentConfig
from benchmarks.speech import BENCH, VOICES, speech_of
from pipelines.config import CorpusConfig, CorpusSection
from pipelines.job import prepare_job, run_job
from pipelines.synth.corpus import ChapterJob, write_manifest
from pipelines.synth.files import AudioFileOptions
from pipelines.synth.lexicon import TRAINING_LANGUAGES, UNHEARD_LANGUAGES
from pipelines.synth.options import TRAINING_VOICES, ChapterOptions

LANGUAGES = (*UNHEARD_LANGUAGES, *TRAINING_LANGUAGES[:6])
"""Catalan beside Spanish, French and Portuguese; Italian; English, German, Norwegian;
and seven that are like no other here."""
QUICK_LANGUAGES = LANGUAGES[:12]
MINUTES = {"MAT": 5.0, "MRK": 1.0, "JHN": 2.5}
QUICK_MINUTES = {"MAT": 2.0, "MRK": 0.5, "JHN": 1.0}
_HELD_BACK = 4
VOICES_OF = {
    "MAT": tuple(TRAINING_VOICES[:-_HELD_BACK]),
    "MRK": tuple(TRAINING_VOICES[-_HELD_BACK:]),
    "JHN": VOICES,
}
"""Three sets that share none."""
_CLIPS = SegmentConfig(target_sec=6.0, min_sec=2.0, max_sec=10.0)


def make_corpus(languages: Sequence[str], minutes: dict[str, float], seed: int) -> Path:
    """Speak the chapters and cut them at their known times; returns the output."""
    jobs = list(_jobs(languages, minutes, seed))
    speech = speech_of(jobs)
    output = BENCH / "lid" / speech.folder.name
    manifest = write_manifest(jobs, speech.folder, with_timing=True)
    corpus = CorpusSection(
        name="lid",
        manifest=str(manifest.absolute()),
        output=str(output.absolute()),
        allow_outside=True,
    )
    run_job(prepare_job(CorpusConfig(corpus=corpus, segment=_CLIPS)), "plain")
    return output


def _jobs(
    languages: Sequence[str], minutes: dict[str, float], seed: int
) -> Iterator[ChapterJob]:
    for number, language in enumerate(languages):
        for place, (book, length_min) in enumerate(minutes.items()):
            yield ChapterJob(
                recording_id=f"{language}-{book}-001",
                options=ChapterOptions(
                    language=language,
                    minutes=length_min,
                    voices=VOICES_OF[book],
                    drama=True,
                    varied=book == "MAT",
                    words_per_verse=(4, 12),
                    seed=seed + 100 * number + place,
                ),
                audio=AudioFileOptions(format="flac", rate_hz=16_000),
                book=book,
            )
