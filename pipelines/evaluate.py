"""What a model hears in clips whose text is known: error rates of each language."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aligner.config import AlignConfig
from aligner.emissions import AcousticModel, compute_emissions
from models.data import Clip, SpeechShards
from models.decoding.beam import BeamDecoder
from models.decoding.error_rates import (
    EditCounts,
    ErrorRates,
    Transcript,
    rates_by_language,
)
from models.decoding.greedy import greedy_text
from models.decoding.tuning import Heard, Tuned, tune
from models.vocabulary import Vocabulary
from pipelines.asr_clips import clip_speller
from schemas.errors import ConfigError

_WINDOWS = AlignConfig()
Decode = Callable[[npt.NDArray[np.float32]], str]
Report = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig:
    """Which clips, and how they are decoded: greedily without a language model.

    Raises:
      ConfigError: weights are to be tuned on the clips that are told, or without a
        language model.
    """

    split: str = "test"
    selection: str | None = "default"
    languages: tuple[str, ...] = ()
    """Empty: all that the corpus has."""
    lm: Path | None = None
    alpha: float = 0.5
    beta: float = 0.0
    beam: int = 50
    tune_split: str | None = None
    """Alpha and beta are chosen here."""

    def __post_init__(self) -> None:
        if self.tune_split is None:
            return
        if self.tune_split == self.split or "*" in (self.tune_split, self.split):
            raise ConfigError(
                f"--tune: expected another split than {self.split}, which is evaluated"
            )
        if self.lm is None:
            raise ConfigError("--tune: expected a language model (--lm), got none")


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Error rates, and how they came about."""

    rates: dict[str, ErrorRates]
    """Of each language; without counts of words where the model writes none apart."""
    left_out: dict[str, int]
    """Clips of each language in which nobody knows what was read: numbers in a form
    that was not told, speech that is not written."""
    decoder: str
    tuned: Tuned | None

    @property
    def pooled(self) -> ErrorRates:
        """All languages together."""
        return sum(self.rates.values(), ErrorRates())


def evaluate(
    model: AcousticModel, corpus: Path, config: EvaluateConfig, report: Report
) -> Evaluation:
    """Transcribe a split of a corpus and hold it against its text.

    Args:
      model: hears and spells; texts are romanised if its letters are.
      corpus: output folder of `pericope run`.
      config: which clips, and how.
      report: called with a line now and then.

    Raises:
      ConfigError: there are no such clips, or the language model does not fit.
      ArtifactError: a shard or the language model is damaged.
    """
    vocabulary = Vocabulary(tuple(model.labels), model.blank, model.word_separator)
    left_out: Counter[str] = Counter()
    tuned = None
    decoder = BeamDecoder(
        vocabulary, config.lm, config.alpha, config.beta, beam=config.beam
    )
    if config.lm is not None:
        decoder.prepare()
    if config.tune_split is not None:
        on = replace(config, split=config.tune_split, tune_split=None)
        clips = [
            Heard(emissions_of(clip, model), said)
            for clip, said in known_clips(model, corpus, on, Counter())
        ]
        report(f"tuning on {len(clips)} clips of {config.tune_split}")
        tuned = tune(decoder, clips, report)
        decoder = decoder.weighted(tuned.alpha, tuned.beta)

    def decode(log_probs_TC: npt.NDArray[np.float32]) -> str:
        if config.lm is None:
            return greedy_text(log_probs_TC, vocabulary)
        return decoder.decode(log_probs_TC)[0]

    transcripts = []
    for clip, said in known_clips(model, corpus, config, left_out):
        transcripts.append(replace(said, heard=decode(emissions_of(clip, model))))
        if len(transcripts) % 100 == 0:
            report(f"{len(transcripts)} clips, {said.language}")
    rates = rates_by_language(transcripts)
    if vocabulary.word_separator is None:
        rates = {code: replace(of, words=EditCounts()) for code, of in rates.items()}
    return Evaluation(
        rates=rates,
        left_out=dict(left_out),
        decoder="greedy" if config.lm is None else decoder.settings,
        tuned=tuned,
    )


def known_clips(
    model: AcousticModel,
    corpus: Path,
    config: EvaluateConfig,
    left_out: Counter[str],
) -> Iterator[tuple[Clip, Transcript]]:
    """Yield clips with what was said in them; count the others by language."""
    shards = SpeechShards(
        corpus=corpus,
        split=config.split,
        selection=config.selection,
        language=config.languages or "*",
    )
    spell = clip_speller([shards], romanised=model.romanised)
    for clip in shards.in_order():
        said = spell(clip)
        if said is None:
            left_out[clip.language] += 1
            continue
        known = Transcript(
            language=clip.language,
            reference=said,
            heard="",
            duration_sec=clip.duration_sec,
        )
        yield clip, known


def emissions_of(clip: Clip, model: AcousticModel) -> npt.NDArray[np.float32]:
    """Return the log-probabilities (T, C) of a clip."""
    return compute_emissions(clip.samples, model, _WINDOWS)
