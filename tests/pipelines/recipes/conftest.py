"""A corpus of a few chapters, most of them without text, and a network of a few kB."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.bundled import VOCABULARY
from models.networks.load import new_network, saved_reference
from pipelines.config import CorpusConfig, load_config
from pipelines.job import prepare_job, run_job
from pipelines.recipes.config import RecipeConfig
from pipelines.synth.corpus import (
    ChapterJob,
    make_chapter,
    write_corpus_toml,
    write_manifest,
)
from pipelines.synth.files import AudioFileOptions
from pipelines.synth.options import ChapterOptions
from tests.pipelines.corpora import SMALL_LANGUAGES

LANGUAGE = "est"


def chapter(name: str, seed: int, book: str, *, is_unlabeled: bool) -> ChapterJob:
    return ChapterJob(
        recording_id=f"{LANGUAGE}-{name}",
        options=ChapterOptions(
            language=LANGUAGE, minutes=0.3, words_per_verse=(3, 8), seed=seed
        ),
        audio=AudioFileOptions(format="flac", rate_hz=16_000),
        book=book,
        is_unlabeled=is_unlabeled,
    )


@pytest.fixture(scope="session")
def finished_corpus(tmp_path_factory: pytest.TempPathFactory) -> CorpusConfig:
    """Run it once; tests that write into it take a copy."""
    folder = tmp_path_factory.mktemp("recipes")
    jobs = [
        chapter("train", 1, "MAT", is_unlabeled=False),
        chapter("dev", 2, "MRK", is_unlabeled=False),
        chapter("test", 3, "JHN", is_unlabeled=False),
        *(chapter(f"more-{k}", 10 + k, "", is_unlabeled=True) for k in range(3)),
    ]
    for name in ("audio", "text", "truth"):
        (folder / name).mkdir()
    for job in jobs:
        make_chapter(job, str(folder))
    write_manifest(jobs, folder, with_timing=True)
    settings = f"[segment]\ntarget_sec = 4.0\nmax_sec = 8.0\n{SMALL_LANGUAGES}"
    config = load_config(write_corpus_toml(folder, "recipes", settings))
    run_job(prepare_job(config, 1), "plain")
    return config


@pytest.fixture
def model(tmp_path: Path) -> str:
    """Return the name of a network that has learned nothing."""
    torch.manual_seed(0)
    folder = tmp_path / "model"
    new_network("bundled", size="tiny", vocabulary=VOCABULARY).save_pretrained(folder)
    return saved_reference(folder)


@pytest.fixture
def config(finished_corpus: CorpusConfig, model: str, tmp_path: Path) -> RecipeConfig:
    return RecipeConfig(
        corpus=Path(finished_corpus.corpus.output),
        language=LANGUAGE,
        model=model,
        fresh="new:bundled:tiny",
        steps=4,
        student_steps=4,
        final_steps=2,
        batch_sec=30.0,
        device="cpu",
        checkpoint_every=1,
        validations=2,
    )


def scaled_down(config: RecipeConfig, **changes: object) -> RecipeConfig:
    return replace(config, **changes)
