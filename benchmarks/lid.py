"""Languages told apart on voices that were never heard: `pericope train lid`.

Training, choice of the best weights and test have chapters and voices of their own
(``lid_corpus``). Each seed speaks everything anew and trains anew, from the bundled
weights, which know eight of the languages not at all.
"""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.lid_corpus import (
    LANGUAGES,
    MINUTES,
    QUICK_LANGUAGES,
    QUICK_MINUTES,
    make_corpus,
)
from benchmarks.speech import BENCH
from models.confusion import Confusion

_SEEDS, _QUICK_SEEDS = (880_001, 880_002, 880_003), (880_001,)
_STEPS, _QUICK_STEPS = 80, 60
_AIM = 0.95
_NOTE = (
    "Clips of 2 to 10 s of voices that are neither in training nor used to choose the "
    "weights. What each language was taken for: build/bench/lid/*/confusion.csv."
)


def measure(*, quick: bool) -> list[Figure]:
    """Speak, train and test."""
    figures = []
    for seed in _QUICK_SEEDS if quick else _SEEDS:
        corpus = make_corpus(
            QUICK_LANGUAGES if quick else LANGUAGES,
            QUICK_MINUTES if quick else MINUTES,
            seed,
        )
        steps = _QUICK_STEPS if quick else _STEPS
        figures += measure_corpus(corpus, seed, steps)
    return figures


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    print_figures(console, "Languages told right, unheard voices", figures, _NOTE)


def measure_corpus(corpus: Path, seed: int, steps: int) -> list[Figure]:
    """Train on a corpus and return what the test clips are taken for."""
    from models.data import BatchPlan
    from models.language_identifier import load_language_identifier
    from models.training.config import LoopConfig
    from models.training.progress import progress_lines
    from models.training.schedule import Cosine
    from pipelines.train_lid import LidConfig, sources_of, train_lid

    folder = BENCH / "lid" / f"trained-{corpus.name}-{seed}-{steps}"
    config = LidConfig(
        crop_sec=4.0,
        plan=BatchPlan(batch_sec=30.0, beta_language=0.5, seed=seed),
        workers=0,
        first_clips=50,
        loop=LoopConfig(
            steps=steps,
            learning_rate=2e-4,
            schedule=Cosine(rise_steps=steps // 10),
            validate_every=40,
            checkpoint_every=40,
            report_every=20,
            best_by="wrong",
            seed=seed,
        ),
    )
    train_lid(
        sources_of([corpus], ["labeled"], "train"),
        sources_of([corpus], ["labeled"], "dev"),
        folder,
        config,
        progress_lines(print),
    )
    identifier = load_language_identifier(str(folder / "model"))
    pairs = []
    for source in sources_of([corpus], ["labeled"], "test"):
        for clip in source.in_order():
            posteriors = identifier.identify(clip.samples)
            pairs.append((clip.language, max(posteriors, key=posteriors.__getitem__)))
    found = Confusion.of(pairs)
    found.write_csv(folder / "confusion-test.csv")
    return _figures(found, f"seed {seed}")


def _figures(found: Confusion, case: str) -> list[Figure]:
    accuracies = [found.accuracy(code) for code in found.languages]
    true, heard, share = (found.worst_pairs(1) or [("", "", 0.0)])[0]
    worst = f"worst pair ({true} for {heard})" if true else "worst pair"
    return [
        Figure(name="clips told right", case=case, value=found.accuracy(),
               unit=Unit.SHARE, at_least=_AIM),
        Figure(name="worst language", case=case, value=min(accuracies),
               unit=Unit.SHARE),
        Figure(name=worst, case=case, value=share, unit=Unit.SHARE),
        Figure(name="languages", case=case, value=len(accuracies), unit=Unit.COUNT),
        Figure(name="clips", case=case, value=found.clips(), unit=Unit.COUNT),
    ]  # fmt: skip
