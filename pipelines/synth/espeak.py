"""espeak-ng through ctypes: text in, samples and the exact time of every word out.

The library comes from the ``espeakng-loader`` wheel (espeak-ng 1.52, GPL: a tool that
the user installs with the extra ``synth``, never imported by the runtime).

What had to be found out by measurement:
  * one engine per process: a second ``espeak_Initialize`` takes the first one's audio;
  * the events' ``sample`` is exact, ``text_position`` counts characters from 1;
  * after a full stop the event points at the blank before the word;
  * equal calls give equal samples only in a fresh process: speak a chapter in one.
"""

import bisect
import ctypes
import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.errors import ConfigError, PericopeError

# Constants of speak_lib.h (espeak-ng 1.52).
_OUTPUT_SYNCHRONOUS = 2
_INIT_PHONEME_EVENTS = 0x0001
_INIT_DONT_EXIT = 0x8000
_CHARS_UTF8 = 1
_EVENT_LIST_TERMINATED = 0
_EVENT_WORD = 1
_EVENT_PHONEME = 7
_PARAMETERS = {"rate": 1, "pitch": 3, "pitch_range": 4, "word_gap": 7}
_BUFFER_MSEC = 1000
_MAX_UTTERANCE_SEC = 600  # a runaway voice must not fill the memory


class SpeechError(PericopeError):
    """espeak-ng did not speak."""


class _EventId(ctypes.Union):
    _fields_ = [
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("phoneme", ctypes.c_char * 8),
    ]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    ]


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


@dataclass(frozen=True)
class Delivery:
    """How a text is spoken: espeak-ng's voice and its parameters."""

    voice: str  # "sw", or "sw+f3" with a variant
    rate: int = 150  # words per minute
    pitch: int = 50
    pitch_range: int = 50
    word_gap: int = 0  # in 10 ms


@dataclass(frozen=True)
class SpokenWord:
    """One event of the engine: half-open in samples at the engine's rate."""

    char: int  # position of the first character in the text, from 0
    start_sample: int
    end_sample: int


class Engine:
    """The library, loaded and initialised; get it from :func:`engine`."""

    rate_hz: int
    """Samples a second of everything that it speaks."""

    def __init__(self, library_path: str, data_path: str) -> None:
        self._lib = ctypes.CDLL(library_path)
        variants = Path(data_path, "voices", "!v")
        self._variants = {path.name for path in variants.iterdir()}
        options = _INIT_PHONEME_EVENTS | _INIT_DONT_EXIT
        self.rate_hz = self._lib.espeak_Initialize(
            _OUTPUT_SYNCHRONOUS, _BUFFER_MSEC, data_path.encode(), options
        )
        if self.rate_hz <= 0:
            raise SpeechError(f"espeak-ng did not start (code {self.rate_hz})")
        # The clock seeds the noise of breathy variants otherwise.
        self._lib.espeak_ng_SetRandSeed(ctypes.c_long(1))
        # Kept in an attribute: a collected callback is a crash.
        self._callback = _Callback(self._receive)
        self._lib.espeak_SetSynthCallback(self._callback)
        self._blocks: list[bytes] = []
        self._words: list[tuple[int, int]] = []
        self._pauses: list[int] = []
        self._samples = 0

    def _receive(self, wave: Any, count: int, events: Any) -> int:
        if wave and count > 0:
            self._blocks.append(ctypes.string_at(wave, count * 2))
            self._samples += count
        for event in _until_terminated(events):
            if event.type == _EVENT_WORD:
                self._words.append((event.text_position - 1, event.sample))
            elif event.type == _EVENT_PHONEME and event.id.phoneme[:1] in (b"_", b""):
                self._pauses.append(event.sample)
        return int(self._samples > _MAX_UTTERANCE_SEC * self.rate_hz)

    def speak(
        self, text: str, delivery: Delivery
    ) -> tuple[npt.NDArray[np.int16], list[SpokenWord]]:
        """Return the samples (N,) at ``rate_hz`` and the words in order.

        Raises:
          ConfigError: there is no such voice, or no such variant of it.
          SpeechError: the engine failed, or the text takes more than 10 minutes.
        """
        self._set_voice(delivery.voice)
        for name, code in _PARAMETERS.items():
            self._lib.espeak_SetParameter(code, getattr(delivery, name), 0)
        self._blocks, self._words, self._pauses = [], [], []
        self._samples = 0
        data = text.encode() + b"\0"
        code = self._lib.espeak_Synth(data, len(data), 0, 1, 0, _CHARS_UTF8, None, None)
        if code != 0:
            raise SpeechError(f"espeak-ng failed (code {code}) on {text!r}")
        self._lib.espeak_Synchronize()
        if self._samples > _MAX_UTTERANCE_SEC * self.rate_hz:
            raise SpeechError(
                f"expected at most {_MAX_UTTERANCE_SEC} s of speech at once, got more "
                f"for {text[:40]!r}... ({len(text)} characters); give shorter verses"
            )
        pcm = np.frombuffer(b"".join(self._blocks), dtype=np.int16)
        return pcm, self._spoken_words(text, len(pcm))

    def _set_voice(self, voice: str) -> None:
        variant = voice.partition("+")[2]
        # The engine would speak without an unknown variant and say nothing of it.
        if variant and variant not in self._variants:
            raise ConfigError(
                f"espeak-ng has no variant {variant!r} (of voice {voice!r}); it has: "
                f"{' '.join(sorted(self._variants))}"
            )
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ConfigError(
                f"espeak-ng has no voice {voice!r}; `espeak-ng --voices` lists them"
            )

    def _spoken_words(self, text: str, samples: int) -> list[SpokenWord]:
        starts: dict[int, int] = {}
        for position, sample in self._words:
            blanks = len(text[position:]) - len(text[position:].lstrip())
            starts.setdefault(position + blanks, sample)
        ordered = sorted(starts.items(), key=lambda item: item[1])
        bounds = [sample for _, sample in ordered] + [samples]
        pauses = sorted(self._pauses)
        words = []
        for (char, start), limit in zip(ordered, bounds[1:], strict=True):
            index = bisect.bisect_right(pauses, start)
            pause = pauses[index] if index < len(pauses) else limit
            words.append(SpokenWord(char, start, min(pause, limit)))
        return words


def _until_terminated(events: Any) -> Iterator[_Event]:
    for index in itertools.count():
        if events[index].type == _EVENT_LIST_TERMINATED:
            return
        yield events[index]


@functools.cache
def engine() -> Engine:
    """Return the engine of this process.

    Raises:
      ConfigError: the extra ``synth`` is not installed.
    """
    try:
        import espeakng_loader
    except ModuleNotFoundError as error:
        raise ConfigError(
            "speech synthesis needs espeak-ng: pip install 'pericope[synth]'"
        ) from error
    return Engine(espeakng_loader.get_library_path(), espeakng_loader.get_data_path())
