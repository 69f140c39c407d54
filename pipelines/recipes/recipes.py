"""The recipes by name: from settings to steps.

Sources: Lugosch et al. 2021, "Pseudo-Labeling for Massively Multilingual Speech
Recognition" (pl-mono); Likhomanenko et al. 2021, "slimIPL"; Zhang et al. 2023, "Google
USM" (noisy-student).
"""

from dataclasses import replace
from typing import Literal

from models.training.slim_ipl import SlimIplConfig
from pipelines.config import CorpusConfig
from pipelines.recipes.config import RecipeConfig
from pipelines.recipes.evaluation import Networks, evaluation_step
from pipelines.recipes.labelling import label_step
from pipelines.recipes.lesson import Lesson, lesson_step
from pipelines.recipes.plan import Step, in_order
from schemas.errors import ConfigError

Strategy = Literal["A", "B"]

BASELINE = "speech with text alone"
SCRATCH_BASELINE = "speech with text alone, from scratch"
"""Networks of the table that every student is to be better than."""

NOISY_RULES = (
    "not is_empty",
    "words_per_sec_z is null or words_per_sec_z between -2 and 2",
    "chars_per_sec_z is null or chars_per_sec_z between -3 and 3",
)
"""Of noisy-student: as many words a second as in speech with text, and as many letters,
because not every network writes words."""


def pl_mono(
    config: RecipeConfig,
    corpus: CorpusConfig,
    strategy: Strategy,
    slim: SlimIplConfig | None = None,
) -> Step:
    """Multilingual network → monolingual teacher → labels → student.

    Args:
      config: of the recipe.
      corpus: as it was run.
      strategy: A lets the multilingual network go on, on speech with text and labels; B
        begins from scratch on both and ends on speech with text alone, and so does its
        baseline.
      slim: the teacher itself learns from speech without text; None: it does not.

    Returns:
      The last step, which compares the networks.
    """
    taught = teacher(config)
    if slim is not None:
        taught = _slim_student(config, taught, slim, "slim-teacher")
    labels = label_step("labels", config, corpus, taught)
    if strategy == "A":
        student = _lesson(config, "student", config.model, config.student_steps, labels)
        return _compared(config, taught, {"student A": student})
    networks: dict[str, str | Step]
    networks = {"multilingual": config.model, "teacher": taught}
    if config.baseline:
        # One that goes on from the multilingual network is there: the teacher.
        networks[SCRATCH_BASELINE] = _from_scratch(config, "fresh-baseline", None)
    networks["student B"] = _from_scratch(config, "student", labels)
    return evaluation_step(config, networks)


def slimipl(config: RecipeConfig, slim: SlimIplConfig, first_dropout: float) -> Step:
    """Fine-tune with much dropout, then learn from own labels with less.

    Args:
      config: of the recipe; its dropout is that of the second part.
      slim: cache, replacement and turns.
      first_dropout: of the first part, on speech with text alone.

    Returns:
      The last step, which compares the networks.
    """
    taught = teacher(replace(config, dropout=first_dropout))
    student = _slim_student(config, taught, slim, "student")
    return _compared(config, taught, {"student": student})


def noisy_student(
    config: RecipeConfig,
    corpus: CorpusConfig,
    generations: int = 1,
    where: tuple[str, ...] = NOISY_RULES,
) -> Step:
    """Teacher → labels that pass rules → student with noise, which may teach the next.

    Args:
      config: of the recipe; the students have noise whatever it says.
      corpus: as it was run; its [unlabeled] decides how long clips are.
      generations: of students.
      where: rules that labels have to meet.

    Returns:
      The last step, which compares the networks.

    Raises:
      ConfigError: there is to be no student.
    """
    if generations < 1:
        raise ConfigError(f"generations: expected 1 up, got {generations}")
    first = last = teacher(config)
    students = {}
    config = replace(config, noise=True)
    for number in range(1, generations + 1):
        name = f"student-{number}"
        labels = label_step(f"labels-{number}", config, corpus, last, where)
        last = _lesson(config, name, config.model, config.student_steps, labels)
        students[f"student {number}"] = last
    return _compared(config, first, students)


def teacher(config: RecipeConfig) -> Step:
    """Return the multilingual network's fine-tuning on one language."""
    start: str | Step = config.model
    if config.crop_steps:
        warm_up = Lesson(
            start=start,
            crop_sec=config.crop_sec,
            noise=config.noise,
            steps=config.crop_steps,
            learning_rate=config.learning_rate,
            dropout=config.dropout,
        )
        start = lesson_step("warm-up", config, warm_up)
    lesson = Lesson(
        start=start,
        short_context_steps=config.short_context_steps,
        noise=config.noise,
        steps=config.steps,
        learning_rate=config.learning_rate,
        dropout=config.dropout,
    )
    return lesson_step("teacher", config, lesson)


def _lesson(
    config: RecipeConfig,
    name: str,
    start: str | Step,
    steps: int,
    labels: Step | None = None,
) -> Step:
    lesson = Lesson(
        start=start,
        labels=labels,
        noise=config.noise,
        steps=steps,
        learning_rate=config.learning_rate,
        dropout=config.dropout,
    )
    return lesson_step(name, config, lesson)


def _from_scratch(config: RecipeConfig, name: str, labels: Step | None) -> Step:
    """Return a training from scratch that ends on speech with text alone."""
    lesson = Lesson(
        start=config.fresh,
        labels=labels,
        short_context_steps=config.short_context_steps,
        noise=config.noise,
        steps=config.student_steps,
        learning_rate=config.fresh_learning_rate,
        dropout=config.dropout,
    )
    first = lesson_step(f"{name}-first", config, lesson)
    return _lesson(config, name, first, config.final_steps)


def _slim_student(
    config: RecipeConfig, taught: Step, slim: SlimIplConfig, name: str
) -> Step:
    lesson = Lesson(
        start=taught,
        slim=slim,
        noise=config.noise,
        steps=config.student_steps,
        learning_rate=config.learning_rate,
        dropout=config.dropout,
    )
    return lesson_step(name, config, lesson)


def _compared(config: RecipeConfig, taught: Step, students: dict[str, Step]) -> Step:
    """Return the comparison; a baseline has all updates that lead to the last one."""
    networks: Networks = {"multilingual": config.model, "teacher": taught}
    if config.baseline:
        last = list(students.values())[-1]
        updates = sum(step.updates for step in in_order([last]))
        baseline = _lesson(config, "baseline", config.model, updates)
        networks = {**networks, BASELINE: baseline}
    return evaluation_step(config, {**networks, **students})
