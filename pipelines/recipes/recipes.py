"""The recipes by name: from settings to steps.

Sources: Lugosch et al. 2021, "Pseudo-Labeling for Massively Multilingual Speech
Recognition" (pl-mono); Likhomanenko et al. 2021, "slimIPL"; Zhang et al. 2023, "Google
USM" (noisy-student).
"""

from typing import Literal

from models.training.slim_ipl import SlimIplConfig
from pipelines.config import CorpusConfig
from pipelines.recipes.config import RecipeConfig
from pipelines.recipes.evaluation import Networks, evaluation_step
from pipelines.recipes.labelling import label_step
from pipelines.recipes.lesson import Lesson, lesson_step
from pipelines.recipes.plan import Step
from schemas.errors import ConfigError

Strategy = Literal["A", "B"]

NOISY_RULES = ("words_per_sec_z between -2 and 2",)
"""Of noisy-student: as many words a second as in speech with text."""


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
        begins from scratch on both and ends on speech with text alone.
      slim: the teacher itself learns from speech without text; None: it does not.

    Returns:
      The last step, which compares the networks.
    """
    taught = teacher(config)
    updates = config.steps + config.student_steps
    if slim is not None:
        taught = _slim_student(config, taught, slim, "slim-teacher")
        updates += config.student_steps
    labels = label_step("labels", config, corpus, taught)
    if strategy == "A":
        student = _student(config, labels, "student")
    else:
        fresh = Lesson(
            start=config.fresh,
            labels=labels,
            steps=config.student_steps,
            learning_rate=config.fresh_learning_rate,
            dropout=config.dropout,
        )
        final = Lesson(
            start=lesson_step("fresh-student", config, fresh),
            steps=config.final_steps,
            learning_rate=config.learning_rate,
            dropout=config.dropout,
        )
        student = lesson_step("student", config, final)
        updates += config.final_steps
    return _compared(config, taught, {f"student {strategy}": student}, updates)


def slimipl(config: RecipeConfig, slim: SlimIplConfig, first_dropout: float) -> Step:
    """Fine-tune with much dropout, then learn from own labels with less.

    Args:
      config: of the recipe; its dropout is that of the second part.
      slim: cache, replacement and turns.
      first_dropout: of the first part, on speech with text alone.

    Returns:
      The last step, which compares the networks.
    """
    taught = teacher(config, dropout=first_dropout)
    student = _slim_student(config, taught, slim, "student")
    updates = config.steps + config.student_steps
    return _compared(config, taught, {"student": student}, updates)


def noisy_student(
    config: RecipeConfig,
    corpus: CorpusConfig,
    generations: int = 1,
    where: tuple[str, ...] = NOISY_RULES,
) -> Step:
    """Teacher → labels that pass rules → student with noise, which may teach the next.

    Args:
      config: of the recipe; dropout and hidden parts of the inputs are the noise.
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
    first = teacher(config)
    last, students = first, {}
    for number in range(1, generations + 1):
        labels = label_step(f"labels-{number}", config, corpus, last, where)
        last = _student(config, labels, f"student-{number}")
        students[f"student {number}"] = last
    updates = config.steps + generations * config.student_steps
    return _compared(config, first, students, updates)


def teacher(config: RecipeConfig, dropout: float | None = None) -> Step:
    """Return the multilingual network's fine-tuning on one language."""
    start: str | Step = config.model
    own = config.dropout if dropout is None else dropout
    if config.crop_steps:
        warm_up = Lesson(
            start=start,
            crop_sec=config.crop_sec,
            steps=config.crop_steps,
            learning_rate=config.learning_rate,
            dropout=own,
        )
        start = lesson_step("warm-up", config, warm_up)
    lesson = Lesson(
        start=start,
        steps=config.steps,
        learning_rate=config.learning_rate,
        dropout=own,
    )
    return lesson_step("teacher", config, lesson)


def _student(config: RecipeConfig, labels: Step, name: str) -> Step:
    lesson = Lesson(
        start=config.model,
        labels=labels,
        steps=config.student_steps,
        learning_rate=config.learning_rate,
        dropout=config.dropout,
    )
    return lesson_step(name, config, lesson)


def _slim_student(
    config: RecipeConfig, taught: Step, slim: SlimIplConfig, name: str
) -> Step:
    lesson = Lesson(
        start=taught,
        slim=slim,
        steps=config.student_steps,
        learning_rate=config.learning_rate,
        dropout=config.dropout,
    )
    return lesson_step(name, config, lesson)


def _compared(
    config: RecipeConfig, taught: Step, students: dict[str, Step], updates: int
) -> Step:
    networks: Networks = {"multilingual": config.model, "teacher": taught}
    if config.baseline:
        lesson = Lesson(
            start=config.model,
            steps=updates + config.crop_steps,
            learning_rate=config.learning_rate,
            dropout=config.dropout,
        )
        baseline = lesson_step("baseline", config, lesson)
        networks = {**networks, "speech with text alone": baseline}
    return evaluation_step(config, {**networks, **students})
