"""What the ready lists promise about languages, voices and lengths."""

import pytest

from pipelines.synth.lexicon import TRAINING_LANGUAGES, UNHEARD_LANGUAGES
from pipelines.synth.options import TRAINING_VOICES, UNHEARD_VOICES
from pipelines.synth.presets import (
    DEMO_LANGUAGES,
    demo_jobs,
    training_jobs,
    unheard_jobs,
)


@pytest.mark.parametrize("minutes", [2.0, 50.0])
def test_training_gives_each_language_its_minutes_and_a_tenth_to_dev_and_test(minutes):
    jobs = training_jobs(minutes, seed=3)
    assert len({job.recording_id for job in jobs}) == len(jobs)
    for language in TRAINING_LANGUAGES:
        own = [job for job in jobs if job.options.language == language]
        by_book: dict[str, float] = {}
        for job in own:
            by_book[job.book] = by_book.get(job.book, 0) + job.options.minutes
        assert sum(by_book.values()) == pytest.approx(minutes)
        assert by_book["MRK"] == by_book["JHN"] == pytest.approx(minutes / 10)
        assert max(job.options.minutes for job in own) <= 30


def test_training_varies_voices_that_no_benchmark_uses():
    for job in training_jobs(1.0, seed=3):
        assert job.options.varied
        assert set(job.options.voices) == {"", *TRAINING_VOICES}
        assert not set(job.options.voices) & set(UNHEARD_VOICES)
        assert job.options.seed == 3
        assert job.audio.rate_hz == 16_000


def test_the_demo_has_languages_formats_and_minutes_enough():
    jobs = demo_jobs()
    assert len({job.recording_id for job in jobs}) == len(jobs)
    assert {job.options.language for job in jobs} == set(DEMO_LANGUAGES)
    assert len(DEMO_LANGUAGES) >= 4
    assert len({job.text_format for job in jobs}) == 5
    assert len({job.audio.format for job in jobs}) >= 3
    assert sum(job.options.minutes for job in jobs) >= 20
    assert all(job.options.title for job in jobs)


@pytest.mark.parametrize("title", [True, False])
def test_benchmarks_use_languages_and_voices_that_training_has_not(title):
    jobs = unheard_jobs(2.5, 7, title=title)
    assert [job.options.language for job in jobs] == UNHEARD_LANGUAGES
    for job in jobs:
        assert set(job.options.voices) <= set(UNHEARD_VOICES)
        assert len(set(job.options.voices)) == 3
        assert job.options.language not in TRAINING_LANGUAGES
        assert job.options.title == title
        assert (job.options.minutes, job.options.seed) == (2.5, 7)
