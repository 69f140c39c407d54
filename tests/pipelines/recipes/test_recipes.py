"""Each recipe end to end, in a few updates, whole and killed again and again."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from models.networks.load import load_network, saved_reference
from models.training.slim_ipl import SlimIplConfig
from pipelines.config import CorpusConfig
from pipelines.recipes.config import RecipeConfig
from pipelines.recipes.lesson import NETWORK
from pipelines.recipes.plan import Step, carry_out, in_order
from pipelines.recipes.recipes import noisy_student, pl_mono, slimipl
from schemas.errors import ConfigError

SLIM = SlimIplConfig(cache=2, replacement=0.5, supervised=1, unsupervised=2)
Recipe = Callable[[RecipeConfig, CorpusConfig], Step]

RECIPES: dict[str, Recipe] = {
    "pl-mono A": lambda config, corpus: pl_mono(config, corpus, "A"),
    "pl-mono B": lambda config, corpus: pl_mono(config, corpus, "B"),
    "slimipl": lambda config, corpus: slimipl(config, SLIM, 0.3),
    "noisy-student": lambda config, corpus: noisy_student(
        config, corpus, 1, ("chars_per_sec < 1000",)
    ),
}


class Killed(Exception):
    pass


def killed_after(lines: int) -> Callable[[str], None]:
    """Return what a run tells its lines to; it dies at one of them."""
    left = iter(range(lines))

    def tell(line: str) -> None:
        if next(left, None) is None:
            raise Killed(line)

    return tell


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_ends_the_same_however_often_it_is_killed(
    name, config, finished_corpus, tmp_path
):
    step = RECIPES[name](config, finished_corpus)
    (whole,) = carry_out([step], tmp_path / "whole", lambda line: None)
    kills, result = 0, None
    while result is None:
        try:
            # At the first steps soon, in the middle of trainings; then later and later.
            tell = killed_after(3 + kills)
            (result,) = carry_out([step], tmp_path / "killed", tell)
        except Killed:
            kills += 1
    assert kills >= 3
    assert result == whole
    folders = [one.folder(tmp_path / "killed") for one in in_order([step])]
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == sorted(
        folder.name for folder in folders
    )
    assert not list((tmp_path / "killed").rglob("checkpoint"))
    assert carry_out([step], tmp_path / "killed", killed_after(0)) == [whole]
    for row in whole.values():
        assert set(row) == {"dev", "test"}
        assert all(measures["cer"] > 0 for measures in row.values())


def test_a_student_is_an_ordinary_checkpoint(config, finished_corpus, tmp_path):
    step = slimipl(config, SLIM, 0.3)
    carry_out([step], tmp_path, lambda line: None)
    student = next(one for one in in_order([step]) if one.name == "student")
    network = load_network(saved_reference(student.folder(tmp_path) / NETWORK))
    assert network.vocabulary == load_network(config.model).vocabulary


def test_recipes_share_what_they_have_in_common(config, finished_corpus):
    teachers = {
        one.digest
        for strategy in ("A", "B")
        for one in in_order([pl_mono(config, finished_corpus, strategy)])
        if one.name == "teacher"
    }
    assert len(teachers) == 1


def test_what_a_step_depends_on_is_in_its_name(config, finished_corpus):
    def digests(changed: RecipeConfig) -> dict[str, str]:
        steps = in_order([pl_mono(changed, finished_corpus, "A")])
        return {step.name: step.digest for step in steps}

    before = digests(config)
    later = digests(replace(config, student_steps=5))
    assert before["teacher"] == later["teacher"]
    assert before["labels"] == later["labels"]
    assert before["student"] != later["student"]
    other = digests(replace(config, seed=2))
    assert not set(before.values()) & set(other.values()) - {before["evaluation"]}
    unselected = digests(replace(config, selection=None))
    assert before["teacher"] != unselected["teacher"]


def test_labels_depend_on_what_is_in_a_language_model(
    config, finished_corpus, tmp_path
):
    lm = tmp_path / "lm.arpa"
    corpus = replace(finished_corpus, label=replace(finished_corpus.label, lm=str(lm)))
    digests = []
    for content in ("one", "other"):
        lm.write_text(content)
        steps = {step.name: step for step in in_order([pl_mono(config, corpus, "A")])}
        digests.append(steps["labels"].digest)
    assert digests[0] != digests[1]


def test_a_corpus_without_clips_to_test_on_is_refused_before_training(
    config, finished_corpus, tmp_path
):
    root = tmp_path / "corpus"
    shutil.copytree(config.corpus, root)
    shutil.rmtree(root / "shards/labeled/est/test")
    with pytest.raises(ConfigError, match="est/test"):
        pl_mono(replace(config, corpus=root), finished_corpus, "A")


def test_crops_and_a_baseline_of_as_many_updates(config, finished_corpus):
    config = replace(config, crop_steps=3, baseline=True)
    steps = {s.name: s for s in in_order([pl_mono(config, finished_corpus, "A")])}
    assert steps["teacher"].needs == (steps["warm-up"],)
    assert steps["warm-up"].settings["crop_sec"] == 10.0
    assert steps["baseline"].settings["steps"] == 3 + 4 + 4
    assert not steps["baseline"].needs
    steps = {s.name: s for s in in_order([pl_mono(config, finished_corpus, "B")])}
    assert "baseline" not in steps
    assert steps["fresh-baseline"].needs == (steps["fresh-baseline-first"],)
    learned = [
        steps[f"{name}-first"].settings for name in ("student", "fresh-baseline")
    ]
    assert [one["steps"] for one in learned] == [4, 4]
    assert [one["beta_corpus"] for one in learned] == [0.5, None]


def test_the_teacher_may_learn_by_slimipl(config, finished_corpus):
    steps = {s.name: s for s in in_order([pl_mono(config, finished_corpus, "A", SLIM)])}
    assert steps["labels"].needs == (steps["slim-teacher"],)
    assert steps["slim-teacher"].needs == (steps["teacher"],)


def test_noisy_students_and_their_baseline_hear_noise(config, finished_corpus):
    config = replace(config, baseline=True)
    steps = {s.name: s for s in in_order([noisy_student(config, finished_corpus)])}
    names = ("teacher", "student-1", "baseline")
    assert [steps[name].settings["noise"] for name in names] == [False, True, True]


def test_generations_teach_one_another(config, finished_corpus):
    steps = {s.name: s for s in in_order([noisy_student(config, finished_corpus, 2)])}
    assert steps["labels-2"].needs == (steps["student-1"],)
    with pytest.raises(ConfigError, match="generations: expected 1 up, got 0"):
        noisy_student(config, finished_corpus, 0)


def test_a_language_without_text_or_without_more_is_refused(
    config, finished_corpus, tmp_path: Path
):
    with pytest.raises(ConfigError, match="segments with text and others without"):
        pl_mono(replace(config, language="swh"), finished_corpus, "A")
    with pytest.raises(ConfigError, match="there is no such selection"):
        pl_mono(replace(config, selection="strict"), finished_corpus, "A")
