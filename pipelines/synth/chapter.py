"""A whole chapter spoken, with everything that readers and studios do to it."""

import math
import random
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import numpy.typing as npt

from pipelines.synth.espeak import Delivery
from pipelines.synth.lexicon import Lexicon, invent_sentence, load_lexicon
from pipelines.synth.options import ChapterOptions
from pipelines.synth.speech import MASTER_RATE_HZ, SpokenText, Unspeakable, speak
from pipelines.synth.studio import Take, produce
from pipelines.synth.truth import (
    ChapterTruth,
    Read,
    TruthExtra,
    TruthVerse,
    TruthWord,
)
from schemas.errors import ConfigError, PericopeError

_MAX_TRIES = 50
_LONG_PAUSE_SEC = (3.0, 8.0)
# Words of each sentence of what is spoken and not written.
_UNWRITTEN_WORDS = {"title": (4, 2), "heading": (5,)}
# What can befall a verse; none of them befalls the first.
_EVENTS = ("omitted", "repeated", "digits", "long_pauses", "headings")


@dataclass(frozen=True)
class _Reading:
    """What one chapter is made from, and the recording while it grows."""

    options: ChapterOptions
    own_text: tuple[str, ...]
    rng: random.Random
    take: Take = field(default_factory=Take)

    @property
    def lexicon(self) -> Lexicon:
        """The words of the language; own text in any other needs none."""
        return load_lexicon(self.options.language)

    def pause(self, bounds_sec: tuple[float, float]) -> None:
        self.take.pause(self.rng.uniform(*bounds_sec))


def speak_chapter(
    recording_id: str, options: ChapterOptions, own_text: tuple[str, ...] = ()
) -> tuple[npt.NDArray[np.float32], ChapterTruth]:
    """Speak a chapter of invented verses, or of ``own_text`` (one verse each).

    Invented chapters go on until they are as long as wanted and everything that the
    options ask for has happened. Call it in a fresh process when equal seeds must give
    equal samples.

    Returns:
      Samples (N,), float32, at ``MASTER_RATE_HZ``, and the truth about them.

    Raises:
      ConfigError: no such language or voice, or the own text has too few verses.
      Unspeakable: the voice cannot read the text.
    """
    rng = random.Random(f"{options.seed}/{recording_id}")
    reading = _Reading(options, own_text, rng)
    reading.pause((0.3, 0.8))
    extras = [_speak_unwritten(reading, "title")] if options.title else []
    verses, spoken_beside = _speak_verses(reading)
    extras += spoken_beside
    if options.foreign_text:
        verses, foreign = _swap_text(reading, verses)
        extras += foreign
    speech = np.concatenate(reading.take.blocks)
    truth = ChapterTruth(
        recording_id=recording_id,
        language=options.language,
        duration_sec=round(len(speech) / MASTER_RATE_HZ, 6),
        options=_as_json(options),
        verses=tuple(verses),
        extras=tuple(sorted(extras, key=lambda extra: extra.start_sec)),
    )
    return produce(speech, options, recording_id), truth


def _as_json(options: ChapterOptions) -> dict[str, object]:
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(options).items()
    }


def _delivery(reading: _Reading) -> tuple[Delivery, float]:
    """Choose who speaks the next verse, and how."""
    options, rng = reading.options, reading.rng
    base = options.voice or reading.lexicon.voice
    changes = options.drama or options.varied
    variant = rng.choice(options.voices) if changes else options.voices[0]
    voice = f"{base}+{variant}" if variant else base
    if not options.varied:
        return Delivery(voice, rate=options.rate, pitch=45), 1.0
    delivery = Delivery(
        voice,
        rate=rng.randint(105, 215),
        pitch=rng.randint(15, 85),
        pitch_range=rng.randint(20, 90),
        word_gap=rng.choice([0, 0, 0, 1, 2, 4, 8]),
    )
    return delivery, rng.choice([1.0, 1.0, rng.uniform(0.88, 1.14)])


def _speak_unwritten(reading: _Reading, kind: str) -> TruthExtra:
    """Add a title or a heading to the recording, with the pause after it."""
    text = " ".join(
        invent_sentence(reading.lexicon, count, reading.rng)
        for count in _UNWRITTEN_WORDS[kind]
    )
    even = replace(reading, options=replace(reading.options, varied=False))
    delivery, _ = _delivery(even)
    spoken = speak(text, replace(delivery, rate=135))
    extra = _as_extra(kind, text, spoken, reading.take.add(spoken.samples))
    reading.pause((0.8, 1.3))
    return extra


def _speak_verses(reading: _Reading) -> tuple[list[TruthVerse], list[TruthExtra]]:
    """Speak verse after verse; returns them, and headings and first readings."""
    options, own_text = reading.options, reading.own_text
    events = _planned_events(reading)
    last_planned = max((max(places) for places in events.values() if places), default=0)
    verses: list[TruthVerse] = []
    extras: list[TruthExtra] = []
    index = 0
    while (
        index < len(own_text)
        if own_text
        else reading.take.now_sec < options.minutes * 60 or index <= last_planned
    ):
        text, spoken, voice = _next_verse(reading, index, events["digits"])
        befalls = {name for name, places in events.items() if index in places}
        verse, spoken_beside = _read_verse(
            reading, str(index + 1), text, spoken, befalls
        )
        verses.append(replace(verse, voice=voice))
        extras += spoken_beside
        index += 1
    return verses, extras


def _read_verse(
    reading: _Reading, number: str, text: str, spoken: SpokenText, befalls: set[str]
) -> tuple[TruthVerse, list[TruthExtra]]:
    """Add a verse to the recording as often as it is read, each time with a pause."""
    if "omitted" in befalls:
        return _unread_verse(number, text), []
    extras = []
    if "headings" in befalls:
        extras.append(_speak_unwritten(reading, "heading"))
    read: Read = "twice" if "repeated" in befalls else "once"
    if read == "twice":
        start_sec = reading.take.add(spoken.samples)
        extras.append(_as_extra("repeat", text, spoken, start_sec))
        reading.pause(reading.options.pause_sec)
    verse = _as_verse(number, text, read, spoken, reading.take.add(spoken.samples))
    is_long = "long_pauses" in befalls
    reading.pause(_LONG_PAUSE_SEC if is_long else reading.options.pause_sec)
    return verse, extras


def _planned_events(reading: _Reading) -> dict[str, set[int]]:
    """Choose what befalls which verse: digits, a heading, left out, read twice, ...

    Raises:
      ConfigError: own text has no digits to be given, or too few verses.
    """
    options = reading.options
    wanted = sum(getattr(options, name) for name in _EVENTS)
    if reading.own_text:
        places = list(range(1, len(reading.own_text) - 1))
        if options.digits or wanted > len(places):
            raise ConfigError(
                f"own text of {len(reading.own_text)} verses: expected no digits and "
                f"at most {len(places)} of omitted, repeated, long_pauses and headings "
                f"together (not the first verse, nor the last), got {wanted}"
            )
    else:
        places = list(range(1, max(2, _expected_verses(options) - 1, wanted + 1)))
    reading.rng.shuffle(places)
    events: dict[str, set[int]] = {}
    for name in _EVENTS:
        count = getattr(options, name)
        events[name], places = set(places[:count]), places[count:]
    return events


def _expected_verses(options: ChapterOptions) -> int:
    words_per_minute = options.rate * 0.9
    average = sum(options.words_per_verse) / 2
    return max(1, int(options.minutes * words_per_minute / average))


def _next_verse(
    reading: _Reading, index: int, with_digits: set[int]
) -> tuple[str, SpokenText, str]:
    """Return a verse's text, its speech and the voice; invented ones are retried."""
    if reading.own_text:
        text = reading.own_text[index]
        delivery, speed = _delivery(reading)
        return text, speak(text, delivery, speed), delivery.voice
    rng, options = reading.rng, reading.options
    for _ in range(_MAX_TRIES):
        words = rng.randint(*options.words_per_verse)
        text = invent_sentence(reading.lexicon, words, rng)
        if index in with_digits:
            text = _with_number(text, rng)
        delivery, speed = _delivery(reading)
        try:
            return text, speak(text, delivery, speed), delivery.voice
        except Unspeakable:  # a variant that fails on these words: invent others
            continue
    raise PericopeError(
        f"no verse in {options.language!r} could be spoken in {_MAX_TRIES} tries"
    )


def _with_number(text: str, rng: random.Random) -> str:
    words = text.split()
    place = rng.randrange(1, max(2, len(words) - 1))
    return " ".join([*words[:place], str(rng.randint(2, 999)), *words[place:]])


def _shifted(word: TruthWord, by_sec: float) -> TruthWord:
    return replace(
        word,
        start_sec=round(word.start_sec + by_sec, 6),
        end_sec=round(word.end_sec + by_sec, 6),
    )


def _as_verse(
    number: str, text: str, read: Read, spoken: SpokenText, start_sec: float
) -> TruthVerse:
    words = tuple(_shifted(word, start_sec) for word in spoken.words)
    return TruthVerse(number, text, read, words[0].start_sec, words[-1].end_sec, words)


def _unread_verse(number: str, text: str) -> TruthVerse:
    return TruthVerse(number, text, "never", math.nan, math.nan, ())


def _as_extra(kind: str, text: str, spoken: SpokenText, start_sec: float) -> TruthExtra:
    first = _shifted(spoken.words[0], start_sec)
    last = _shifted(spoken.words[-1], start_sec)
    return TruthExtra(kind, text, first.start_sec, last.end_sec)


def _swap_text(
    reading: _Reading, verses: list[TruthVerse]
) -> tuple[list[TruthVerse], list[TruthExtra]]:
    """Give the recording the text of another chapter; what was said becomes extras."""
    extras = [
        TruthExtra("foreign", verse.text, verse.start_sec, verse.end_sec)
        for verse in verses
        if verse.read != "never"
    ]
    low, high = reading.options.words_per_verse
    rng = reading.rng
    texts = [
        invent_sentence(reading.lexicon, rng.randint(low, high), rng) for _ in verses
    ]
    return [
        _unread_verse(verse.number, text)
        for verse, text in zip(verses, texts, strict=True)
    ], extras
