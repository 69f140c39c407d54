import pytest

from benchmarks.recipe_corpora import Minutes, recipe_jobs
from benchmarks.recipes import figures_of
from pipelines.synth.options import UNHEARD_VOICES

RATES = {
    1: {"multilingual": 0.3, "A: speech with text alone": 0.10, "A: student": 0.08},
    2: {"multilingual": 0.2, "A: speech with text alone": 0.12, "A: student": 0.13},
}


def test_a_student_is_held_against_its_baseline():
    figures = {(f.name, f.case): f for f in figures_of(RATES)}
    student = figures["A: student", "mean"]
    assert student.value == pytest.approx(0.105)
    assert student.at_most == pytest.approx(0.11)
    assert not student.is_missed
    assert figures["A: student", "spread"].value == pytest.approx(0.05 / 2**0.5)
    assert figures["A: student", "seed 2"].value == 0.13
    assert [f for f in figures.values() if f.has_aim] == [student]
    worse = {1: {**RATES[1], "A: student": 0.11}}
    assert [f.name for f in figures_of(worse) if f.is_missed] == ["A: student"]


def test_readers_with_text_are_others_than_those_without():
    minutes = Minutes(with_text=5.0, without_text=60.0, dev=4.0, test=8.0)
    jobs = recipe_jobs("cat", 7, minutes)
    with_text = {voice for j in jobs if j.book == "MAT" for voice in j.options.voices}
    others = {voice for j in jobs if j.book != "MAT" for voice in j.options.voices}
    assert with_text
    assert not with_text & set(UNHEARD_VOICES)
    assert others <= set(UNHEARD_VOICES)
    assert sum(j.options.minutes for j in jobs if j.is_unlabeled) == pytest.approx(60)
    assert len({job.options.seed for job in jobs}) == len(jobs)
    seeds = {job.options.seed for job in recipe_jobs("cat", 8, minutes)}
    assert not seeds & {job.options.seed for job in jobs}
