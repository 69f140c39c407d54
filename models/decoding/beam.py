"""CTC beam search with an n-gram language model, by flashlight-text (extra ``lm``).

A text is worth the log-probability of all its paths together + ``alpha`` times that of
the language model + ``beta`` for each unit of it: letters with a model of letters or
with none (then anything can be written), words with a model of words (then only these).

Shapes: log-probabilities (T, C), of which D columns are decoded (T, D).
"""

import functools
import hashlib
import importlib
import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.decoding.arpa import SEPARATOR, are_letters, read_words
from models.decoding.greedy import collapsed, decoded_columns, text_of
from models.decoding.ngram import UNKNOWN
from models.vocabulary import Vocabulary
from schemas.errors import ArtifactError, ConfigError

_NATS = math.log(10)  # KenLM counts to base 10
_PRUNED_NATS = 25.0
"""Texts that are so much worse than the best of a frame are given up."""
_LETTERS_A_FRAME = 16
"""No more columns are tried at each frame."""
_CLOSED = -1e4
"""Log-probability of what cannot be; infinities would become NaN."""
_BLANK = "<blank>"


@dataclass(frozen=True)
class _Search:
    """flashlight's decoder, and what it is fed."""

    decoder: Any
    lm: Any
    """Kept alive: the decoder only points to it."""
    last_D: npt.NDArray[np.float32] | None = None
    """Frame after the last one, in which a last word ends."""


@dataclass(frozen=True)
class BeamDecoder:
    """Finds the best text of one vocabulary.

    When it is first used, or asked to ``prepare``, it raises
      ConfigError: flashlight-text is not installed; or a language model with word
        separators and a vocabulary without, or the other way round; or one of words
        none of which the vocabulary can write.
      ArtifactError: the language model is missing or damaged.
    """

    vocabulary: Vocabulary
    lm: Path | None
    """An ARPA file; None searches without."""
    alpha: float = 0.5
    beta: float = 0.0
    """Not 0 with letters, it takes some times as long."""
    beam: int = 50
    """Texts that are kept at every frame."""
    allowed_columns: tuple[int, ...] | None = None
    """Letters that may be written, as for ``greedy_text``."""

    def prepare(self) -> None:
        """Load what decoding needs, to hear of what is wrong with it before the work.

        ``weighted`` ones load the language model no second time.
        """
        _ = self._search

    def decode(self, log_probs_TC: npt.NDArray[np.floating]) -> tuple[str, float]:
        """Return the best text, one space between words, and what it is worth (nats).

        "" and minus infinity where no word of the language model fits into the frames.
        """
        search, columns = self._search, self._columns
        frames_TD = np.maximum(log_probs_TC[:, columns], _CLOSED).astype(np.float32)
        if search.last_D is not None:
            frames_TD = np.vstack([frames_TD, search.last_D])
        frames_TD = np.ascontiguousarray(frames_TD)
        best = search.decoder.decode(frames_TD.ctypes.data, *frames_TD.shape)[0]
        # The first and the last token are flashlight's own.
        best_T = np.array(best.tokens[1:-1], dtype=np.int64)
        if search.last_D is not None and search.last_D[best_T[-1]] == _CLOSED:
            return "", -math.inf
        written = collapsed(columns[best_T], self.vocabulary.blank)
        return text_of(written, self.vocabulary), float(best.score)

    @cached_property
    def settings(self) -> str:
        """All that a text depends on besides the emissions, in one line."""
        lm = "none" if self.lm is None else _digest(self.lm)[:16]
        return f"beam {self.beam}, alpha {self.alpha:g}, beta {self.beta:g}, lm {lm}"

    def weighted(self, alpha: float, beta: float) -> "BeamDecoder":
        """Return the same with other weights."""
        return replace(self, alpha=alpha, beta=beta)

    @cached_property
    def _columns(self) -> npt.NDArray[np.int64]:
        return decoded_columns(self.vocabulary, self.allowed_columns)

    @cached_property
    def _search(self) -> _Search:
        words = [] if self.lm is None else read_words(self.lm)
        if self.lm is None or are_letters(words):
            return self._search_letters(words)
        return self._search_words(words, self.lm)

    def _search_letters(self, letters: list[str]) -> _Search:
        text = _flashlight("decoder")
        separator = self.vocabulary.word_separator
        if self.lm is not None and (SEPARATOR in letters) != (separator is not None):
            has, lacks = ("the language model", "the acoustic model")
            if separator is not None:
                has, lacks = lacks, has
            raise ConfigError(
                f"{self.lm}: {has} has a word separator ({SEPARATOR}), {lacks} has "
                "none; `pericope train lm` makes one without with --joined"
            )
        blank = int(np.flatnonzero(self._columns == self.vocabulary.blank)[0])
        lm, weight = text.ZeroLM(), 1.0
        if self.lm is not None and self.alpha:
            labels = [self._name(int(column)) for column in self._columns]
            lm = _kenlm(self.lm, _digest(self.lm), tuple(labels))
            weight = self.alpha * _NATS
        if self.beta:
            lm = _with_bonus(lm, self.beta / weight)
        options = text.LexiconFreeDecoderOptions(lm_weight=weight, **self._limits())
        # A separator is a letter like others; nothing is flashlight's "silence".
        return _Search(text.LexiconFreeDecoder(options, lm, blank, blank, []), lm)

    def _search_words(self, words: list[str], path: Path) -> _Search:
        text = _flashlight("decoder")
        place_of = {self._name(int(c)): at for at, c in enumerate(self._columns)}
        if SEPARATOR not in place_of:
            raise ConfigError(
                f"{path}: a language model of words, and an acoustic model without "
                "a word separator; make one of letters: `pericope train lm --joined`"
            )
        writable = [word for word in words if place_of.keys() >= set(word)]
        if not writable:
            raise ConfigError(
                f"{path}: expected words in the acoustic model's letters, got "
                f"{', '.join(words[:5])} ...; spell its texts as the model does"
            )
        lm = _kenlm(path, _digest(path), (*writable, UNKNOWN))
        separator, blank = place_of[SEPARATOR], place_of[_BLANK]
        trie = text.Trie(len(place_of), separator)
        start = lm.start(False)
        for number, word in enumerate(writable):
            spelling = [*(place_of[letter] for letter in word), separator]
            trie.insert(spelling, number, lm.score(start, number)[1])
        trie.smear(text.SmearingMode.MAX)
        options = text.LexiconDecoderOptions(
            lm_weight=self.alpha * _NATS,
            word_score=self.beta,
            unk_score=-math.inf,
            **self._limits(),
        )
        decoder = text.LexiconDecoder(
            options, trie, lm, separator, blank, len(writable), [], False
        )
        last_D = np.full(len(place_of), _CLOSED, dtype=np.float32)
        last_D[separator] = 0.0
        return _Search(decoder, lm, last_D)

    def _name(self, column: int) -> str:
        """Return what a column is called in a language model."""
        if column == self.vocabulary.blank:
            return _BLANK
        if column == self.vocabulary.word_separator:
            return SEPARATOR
        return self.vocabulary.labels[column]

    def _limits(self) -> dict[str, Any]:
        return {
            "beam_size": self.beam,
            "beam_size_token": min(len(self._columns), _LETTERS_A_FRAME),
            "beam_threshold": _PRUNED_NATS,
            "sil_score": 0.0,
            "log_add": True,
            "criterion_type": _flashlight("decoder").CriterionType.CTC,
        }


def _flashlight(name: str) -> Any:
    """Import a part of flashlight-text.

    Raises:
      ConfigError: it is not installed.
    """
    try:
        return importlib.import_module(f"flashlight.lib.text.{name}")
    except ModuleNotFoundError as error:
        raise ConfigError(
            "beam search: expected flashlight-text, which is not installed; install "
            "pericope[lm] (Python 3.11), or decode greedily"
        ) from error


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@functools.lru_cache(maxsize=4)
def _kenlm(path: Path, digest: str, names: tuple[str, ...]) -> Any:
    """Load a language model that is asked by numbers of these names; kept by digest.

    Raises:
      ArtifactError: KenLM cannot read it.
    """
    dictionary = _flashlight("dictionary").Dictionary(list(names))
    try:
        return _flashlight("decoder.kenlm").KenLM(str(path), dictionary)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1]
        raise ArtifactError(
            f"{path}: a language model that KenLM does not read: {reason}"
        ) from error


def _with_bonus(lm: Any, bonus: float) -> Any:
    """Return a language model that gives every unit some more."""
    base: Any = _flashlight("decoder").LM

    class Bonus(base):
        def start(self, start_with_nothing: bool) -> Any:
            return lm.start(start_with_nothing)

        def score(self, state: Any, unit: int) -> tuple[Any, float]:
            after, log10_prob = lm.score(state, unit)
            return after, log10_prob + bonus

        def finish(self, state: Any) -> tuple[Any, float]:
            return lm.finish(state)

    return Bonus()
