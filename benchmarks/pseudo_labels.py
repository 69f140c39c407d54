"""Expected letter error rates of labels against the true ones, where nobody told them.

Corpora in languages and voices that the bundled model never heard: some chapters have
text, others none. Two teachers write down what has no text: the bundled model, and one
that was tuned for a while on the clips with text of the training split (then it is
trusted by dev and test alone).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from rapidfuzz.distance import Levenshtein
from rich.console import Console

from aligner.second_opinion import Transcriber
from benchmarks.figures import Figure, Unit, print_figures
from benchmarks.unread_chapters import KINDS, SAME, UnreadCorpus, unread_corpus
from models.bundled import Calibration, load_bundled, save_bundled
from models.data import SpeechShards
from models.training.aligner import AlignerConfig, train_network
from pipelines.config import CorpusConfig
from pipelines.job import prepare_job, run_job
from pipelines.label import prepare_labels, run_labels
from pipelines.label_store import labels_dataset
from pipelines.progress import TimeLeft
from pipelines.tables import read_segments
from schemas.labels import LABEL_TABLE, PseudoLabel
from schemas.segment import Segment

CORPORA = (
    (("cat", "kat", "est"), 611_000),
    (("nob", "tel", "azj"), 622_000),
    (("hrv", "mri", "cat"), 633_000),
)
_QUICK = ((("est",), 644_000),)
_WITH_TEXT, _WITHOUT, _MINUTES = 6, 3, 1.5
_TEACHERS = ("bundled", "tuned")
_STEPS, _QUICK_STEPS = 200, 40
_WANTED, _BAD = 0.1, 0.2
_TRAINING = AlignerConfig(
    sharp_steps=0,
    free_steps=_STEPS,
    free_learning_rate=5e-4,
    warmup_steps=20,
    selection=None,
    checkpoint_every=100,
    validation_clips=20,
)
_NOTE = (
    "Absolute error: of the expected error rate of one segment. Bias: of all letters "
    "together. Of segments with expected_cer < 0.1 those whose true rate is over 0.2. "
    "Noise is 12 dB below the speech; nothing aligned has any."
)


@dataclass(frozen=True)
class Told:
    """One label, and the truth about it."""

    label: PseudoLabel
    kind: str
    errors: int
    letters: int

    @property
    def true_cer(self) -> float:
        """Its true error rate."""
        return self.errors / self.letters


def measure(*, quick: bool) -> list[Figure]:
    """Speak, run, tune, label and compare, for each seed."""
    figures: list[Figure] = []
    found: dict[str, list[Told]] = {name: [] for name in _TEACHERS}
    for languages, seed in _QUICK if quick else CORPORA:
        corpus = corpus_of(languages, seed)
        run_job(prepare_job(corpus.config), "plain")
        tuned = tune(corpus.config, _QUICK_STEPS if quick else _STEPS)
        for name, teacher in zip(
            _TEACHERS, ("bundled", f"bundled:{tuned}"), strict=True
        ):
            told = labeled(corpus, name, teacher)
            found[name] += told
            figures += _of_kind(f"{name}, seed {seed}", SAME, told, is_aim=False)
    for name, told in found.items():
        for kind in KINDS:
            figures += _of_kind(name, kind, told, is_aim=kind == SAME)
    return figures


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the tables, one for each teacher."""
    for name in _TEACHERS:
        own = [figure for figure in figures if figure.case.startswith(name)]
        print_figures(console, "Expected letter error rates", own)
    console.print(_NOTE, style="dim")


def corpus_of(languages: Sequence[str], seed: int) -> UnreadCorpus:
    """Return a corpus, spoken now or kept."""
    return unread_corpus(languages, (_WITH_TEXT, _WITHOUT), seed, _MINUTES)


def tune(config: CorpusConfig, steps: int) -> Path:
    """Train the bundled model for a while on what has text; return its file."""
    folder = Path(config.corpus.output).parent / f"tuned-{steps}"
    path = folder / "tuned.safetensors"
    if not path.exists():
        shards = SpeechShards(corpus=Path(config.corpus.output), selection=None)
        told = TimeLeft(steps)
        network = train_network(
            load_bundled("cpu").network,
            shards,
            replace(shards, split="dev"),
            folder,
            replace(_TRAINING, free_steps=steps),
            lambda progress: told.training("teacher", 0, progress),
        )
        save_bundled(network, Calibration(), path)
    return path


def labeled(corpus: UnreadCorpus, name: str, teacher: str) -> list[Told]:
    """Label a corpus; return the labels with the truth about them."""
    config = replace(corpus.config, label=replace(corpus.config.label, teacher=teacher))
    run_labels(prepare_labels(config, name), "plain")
    root = config.corpus.output
    segments = {segment.key: segment for segment in read_segments(root)}
    labels = LABEL_TABLE.records(labels_dataset(root, name).to_table())
    return list(_told(corpus, labels, segments))


def _told(
    corpus: UnreadCorpus,
    labels: Iterator[PseudoLabel],
    segments: dict[str, Segment],
) -> Iterator[Told]:
    for label in labels:
        kind = corpus.kinds.get(label.recording_id)
        letters = _true_letters(corpus, segments[label.key])
        if kind is not None and letters:
            heard = label.text.replace(" ", "")
            errors = Levenshtein.distance(letters, heard)
            yield Told(label, kind, errors, len(letters))


def _true_letters(corpus: UnreadCorpus, segment: Segment) -> str:
    """Return the letters that are said in a segment: words with their middle in it."""
    transcriber = _transcriber(segment.language)
    said = []
    for verse in corpus.truths[segment.recording_id].verses:
        for word in verse.words:
            middle_sec = (word.start_sec + word.end_sec) / 2
            if segment.start_sec <= middle_sec < segment.end_sec:
                said.append(verse.text[word.char_start : word.char_end])
    columns = transcriber.speller.tokens(" ".join(said))
    return "".join(transcriber.letters[column] for column in columns)


@lru_cache
def _transcriber(language: str) -> Transcriber:
    return Transcriber.of(load_bundled("cpu"), language)


def _of_kind(case: str, kind: str, told: list[Told], *, is_aim: bool) -> list[Figure]:
    rows = [row for row in told if row.kind == kind and not row.label.is_empty]
    true = np.array([row.true_cer for row in rows])
    letters = np.array([row.letters for row in rows])
    expected = np.array([row.label.expected_cer for row in rows])
    high = np.array([row.label.expected_cer_high for row in rows])
    kept = true[expected < _WANTED]
    where = f"{case}, {kind}"

    def figure(
        name: str, value: float, unit: Unit = Unit.SHARE, most: float | None = None
    ) -> Figure:
        return Figure(name=name, case=where, value=value, unit=unit, at_most=most)

    bad = float((kept > _BAD).mean()) if len(kept) else 0.0
    return [
        figure("segments", len(rows), Unit.COUNT),
        figure("true error rate", float(np.average(true, weights=letters))),
        figure(
            "absolute error",
            float(np.abs(expected - true).mean()),
            most=0.03 if is_aim else None,
        ),
        figure("bias", float(np.average(expected - true, weights=letters))),
        figure("below expected_cer_high", float((true < high).mean())),
        figure("expected_cer < 0.1", len(kept), Unit.COUNT),
        figure("of them over 0.2", bad, most=0.05 if is_aim else None),
    ]
