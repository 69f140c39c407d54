"""A teacher: an acoustic model, its decoder, and the letters of one language."""

import math
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from aligner.certainty import Certainty, certainty_of, is_feasible
from aligner.config import AlignConfig
from aligner.emissions import AcousticModel, compute_emissions
from aligner.normalise import normalise_verse
from aligner.scripts import expected_script
from aligner.second_opinion import Transcriber
from models import load_acoustic_model
from models.decoding.greedy import decoded_columns, greedy_text
from models.devices import choose_device
from models.vocabulary import Vocabulary
from pipelines.label_config import LANGUAGE, LabelConfig
from pipelines.labeled_texts import LabeledText, labeled_texts
from pipelines.sharing import gate_of

if TYPE_CHECKING:
    from models.decoding.arpa import NgramModel
    from models.decoding.beam import BeamDecoder

GREEDY = "greedy"


@dataclass(frozen=True)
class Heard:
    """What a teacher made of one clip."""

    text: str
    certainty: Certainty
    is_feasible: bool
    lm_score: float


@dataclass(frozen=True)
class Teacher:
    """A model that writes down one language."""

    model: AcousticModel
    language: str
    letters: frozenset[int]
    """Columns of the letters that the language's texts have; none: all are allowed."""
    config: LabelConfig
    device: str

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The model's columns."""
        model = self.model
        return Vocabulary(model.labels, model.blank, model.word_separator)

    @cached_property
    def transcriber(self) -> Transcriber:
        """How the model would spell the language's texts."""
        return Transcriber.of(self.model, self.language)

    @cached_property
    def decoder(self) -> "BeamDecoder | None":
        """The beam search; None where decoding is greedy."""
        config = self.config
        if not config.lm:
            return None
        from models.decoding.beam import BeamDecoder

        return BeamDecoder(
            self.vocabulary,
            Path(config.lm),
            alpha=config.lm_weight,
            beta=config.unit_score,
            beam=config.beam,
            allowed_columns=tuple(sorted(self.letters)) or None,
        )

    @cached_property
    def lm(self) -> "NgramModel | None":
        """The language model that texts are scored with."""
        if not self.config.lm:
            return None
        from models.decoding.arpa import read_arpa

        return read_arpa(Path(self.config.lm))

    @property
    def decoder_name(self) -> str:
        """Greedy, or the beam's settings."""
        return GREEDY if self.decoder is None else self.decoder.settings

    @property
    def writes_words(self) -> bool:
        """Tell whether there are spaces in what it writes."""
        return self.model.word_separator is not None

    @cached_property
    def script(self) -> str:
        """The script that its texts should be in, "" if nobody knows."""
        if self.model.romanised:
            return "Latn"
        letters = "".join(self.model.labels[column] for column in sorted(self.letters))
        return expected_script(self.language, letters)

    def settings(self) -> list[Any]:
        """Return all that what it hears depends on."""
        return [
            self.model.fingerprint,
            sorted(self.letters),
            self.decoder_name,
            _WINDOWS.window_sec,
            _WINDOWS.context_sec,
        ]

    def hear(self, waveform_N: npt.NDArray[np.float32], seed: int) -> Heard:
        """Write down a clip.

        Args:
          waveform_N: mono at 16 kHz, full scale 1.
          seed: of what is drawn to see how sure it is.
        """
        gate = gate_of(choose_device(self.device))
        emissions_TC = compute_emissions(waveform_N, self.model, _WINDOWS, gate=gate)
        allowed = sorted(self.letters) or None
        if self.decoder is None:
            text = greedy_text(emissions_TC, self.vocabulary, allowed)
        else:
            with _decoding:  # a decoder of flashlight is for one thread at a time
                text, _ = self.decoder.decode(emissions_TC)
        return Heard(
            text,
            self._certainty(emissions_TC, allowed, seed),
            is_feasible(self._columns(text), len(emissions_TC)),
            self._lm_score(text),
        )

    def _certainty(
        self, emissions_TC: npt.NDArray[np.float32], allowed: Any, seed: int
    ) -> Certainty:
        open_D = decoded_columns(self.vocabulary, allowed)
        at = {int(column): place for place, column in enumerate(open_D)}
        separator = self.vocabulary.word_separator
        silent = () if separator is None else (at[separator],)
        blank = at[self.vocabulary.blank]
        return certainty_of(emissions_TC[:, open_D], blank, silent, seed)

    def _columns(self, text: str) -> npt.NDArray[np.int64]:
        """Return the columns of a text that it has written."""
        column_of = {label: at for at, label in enumerate(self.model.labels)}
        if self.model.word_separator is not None:
            column_of[" "] = self.model.word_separator
        return np.array([column_of[letter] for letter in text], np.int64)

    def _lm_score(self, text: str) -> float:
        letters = len(text.replace(" ", ""))
        if self.lm is None or not letters:
            return math.nan
        return self.lm.text_log_prob(text) / letters

    def spelled(self, text: str) -> str:
        """Return the letters of a text as the model would write them, without spaces.

        "" where that is not known: nobody knows in which form a number was read.
        """
        words = normalise_verse(text, self.language)
        if any(word.is_number for word in words):
            return ""
        columns = self.transcriber.speller.tokens(text)
        return "".join(self.transcriber.letters[column] for column in columns)


_WINDOWS = AlignConfig()


def teacher_name(name: str, language: str) -> str:
    """Return the model of a language: its code without script for ``{language}``."""
    return name.replace(LANGUAGE, language.partition("-")[0])


_last: dict[int, tuple[tuple, Teacher]] = {}
"""By thread: several hear several languages at a time."""
_loading = threading.Lock()
_decoding = threading.Lock()


def teacher_of(
    root: str, language: str, name: str, device: str, config: LabelConfig
) -> Teacher:
    """Return the teacher of a language; the last one of each thread is kept.

    Raises:
      ConfigError: there is no such model.
      ArtifactError: its files are damaged.
    """
    wanted = (root, language, name, device, config)
    own, thread = teacher_name(name, language), threading.get_ident()
    with _loading:
        last = _last.get(thread)
        if last is not None and last[0] == wanted:
            return last[1]
        alive = {other.ident for other in threading.enumerate()}
        for ended in _last.keys() - alive:
            del _last[ended]
        same = (teacher for known, teacher in _last.values() if known == wanted)
        teacher = next(same, None)
        if teacher is None:
            model = _model_in_use(own, device)
            # One that no thread needs any more goes before another comes.
            last = None
            _last.pop(thread, None)
            model = model or load_acoustic_model(own, device)
            letters = known_letters(model, language, labeled_texts(root, language))
            teacher = Teacher(model, language, letters, config, device)
        _last[thread] = (wanted, teacher)
        return teacher


def _model_in_use(own: str, device: str) -> AcousticModel | None:
    for (_, language, name, where, _), teacher in _last.values():
        if (teacher_name(name, language), where) == (own, device):
            return teacher.model
    return None


def forget_teacher() -> None:
    """Drop the teachers of this process: the corpus may have changed."""
    with _loading:
        _last.clear()


def known_letters(
    model: AcousticModel, language: str, texts: Iterable[LabeledText]
) -> frozenset[int]:
    """Return the columns of the letters that texts of a language have."""
    speller = Transcriber.of(model, language).speller
    found: Counter[int] = Counter()
    for text in texts:
        if model.romanised:
            letters = text.romanised.replace(" ", "")
            found.update(speller.columns[x] for x in letters if x in speller.columns)
        else:
            found.update(speller.tokens(text.text).tolist())
    return frozenset(found) - {model.word_separator}
