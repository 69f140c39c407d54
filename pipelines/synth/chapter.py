"""A whole chapter spoken, with everything that readers and studios do to it."""

import random
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import numpy.typing as npt

from pipelines.synth.espeak import Delivery
from pipelines.synth.lexicon import Lexicon, invent_sentence, load_lexicon
from pipelines.synth.speech import MASTER_RATE_HZ, SpokenText, Unspeakable, speak
from pipelines.synth.truth import ChapterTruth, TruthExtra, TruthVerse, TruthWord
from schemas.errors import ConfigError, PericopeError
from schemas.units import samples_from_sec

# Variants of espeak-ng's voice that the bundled model hears in training, and others.
TRAINING_VOICES = (
    "f1 f2 f3 f4 m1 m2 m3 m4 m6 m7 klatt klatt6 Andy linda steph adam belinda grandma "
    "norbert max zac iven"
).split()
UNHEARD_VOICES = "f5 m5 m8 Annie klatt2 Storm michel victor".split()
_MAX_TRIES = 50


@dataclass(frozen=True, kw_only=True)
class ChapterOptions:
    """What is said and how; every option is recorded in the truth."""

    language: str
    voice: str = ""
    """espeak-ng's voice; "" takes the one of the language."""
    voices: tuple[str, ...] = ("",)
    """Variants (f1, m3, ...); with ``drama`` each verse takes one of them."""
    minutes: float = 3.0
    words_per_verse: tuple[int, int] = (9, 22)
    pause_sec: tuple[float, float] = (0.25, 0.9)
    rate: int = 150
    title: bool = False
    """A title is spoken that the text does not have."""
    digits: int = 0
    """So many verses hold a number written in digits."""
    omitted: int = 0
    """So many verses are left out by the reader."""
    repeated: int = 0
    """So many verses are read twice."""
    foreign_text: bool = False
    """The text is that of another chapter."""
    drama: bool = False
    """Several voices by turns."""
    varied: bool = False
    """Rate, pitch, gaps and vocal tract change from verse to verse (training)."""
    long_pauses: int = 0
    """So many pauses last 3 to 8 s."""
    music_db: float | None = None
    """A music bed, relative to the speech."""
    noise_db: float | None = None
    """Pink noise, relative to the speech."""
    reverb_sec: float = 0.0
    """Reverberation time (RT60)."""
    seed: int = 0

    def __post_init__(self) -> None:
        low, high = self.words_per_verse
        if not 1 <= low <= high:
            raise ConfigError(
                f"words_per_verse: expected 1 <= low <= high, got {low, high}"
            )
        if not 0 < self.minutes <= 600:
            raise ConfigError(
                f"minutes: expected above 0, at most 600, got {self.minutes}"
            )
        if not 0 <= self.pause_sec[0] <= self.pause_sec[1]:
            raise ConfigError(f"pause_sec: expected low <= high, got {self.pause_sec}")


@dataclass
class _Take:
    """The recording while it grows."""

    blocks: list[npt.NDArray[np.float32]] = field(default_factory=list)
    samples: int = 0

    @property
    def now_sec(self) -> float:
        return self.samples / MASTER_RATE_HZ

    def add(self, block: npt.NDArray[np.float32]) -> float:
        """Append and return the time at which the block begins."""
        start_sec = self.now_sec
        self.blocks.append(block)
        self.samples += len(block)
        return start_sec

    def pause(self, sec: float) -> None:
        count = samples_from_sec(sec, MASTER_RATE_HZ)
        self.add(np.zeros(count, np.float32))


def speak_chapter(
    recording_id: str, options: ChapterOptions, own_text: tuple[str, ...] = ()
) -> tuple[npt.NDArray[np.float32], ChapterTruth]:
    """Speak a chapter of invented verses, or of ``own_text`` (one verse each).

    Call it in a fresh process when equal seeds must give equal samples.

    Returns:
      Samples float32 at ``MASTER_RATE_HZ`` and the truth about them.

    Raises:
      ConfigError: no such language or voice.
      Unspeakable: the voice cannot read the text.
    """
    rng = random.Random(f"{options.seed}/{recording_id}")
    lexicon = load_lexicon(options.language) if not own_text else None
    take = _Take()
    take.pause(rng.uniform(0.3, 0.8))
    extras = []
    if options.title:
        extras.append(_speak_title(take, lexicon, own_text, options, rng))
    verses, more = _speak_verses(take, lexicon, own_text, options, rng)
    extras.extend(more)
    if options.foreign_text:
        verses, foreign = _swap_text(verses, lexicon, options, rng)
        extras.extend(foreign)
    samples = _studio(np.concatenate(take.blocks), options, recording_id)
    truth = ChapterTruth(
        recording_id=recording_id,
        language=options.language,
        duration_sec=round(len(samples) / MASTER_RATE_HZ, 6),
        options=asdict(options),
        verses=tuple(verses),
        extras=tuple(extras),
    )
    return samples, truth


def _voice(options: ChapterOptions, lexicon: Lexicon | None) -> str:
    if options.voice:
        return options.voice
    if lexicon is None:
        lexicon = load_lexicon(options.language)
    return lexicon.voice


def _delivery(
    options: ChapterOptions, lexicon: Lexicon | None, rng: random.Random
) -> tuple[Delivery, float]:
    """Choose who speaks the next verse, and how."""
    base = _voice(options, lexicon)
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


def _speak_title(take, lexicon, own_text, options, rng) -> TruthExtra:
    if lexicon is None:
        lexicon = load_lexicon(options.language)
    text = invent_sentence(lexicon, 4, rng) + " " + invent_sentence(lexicon, 2, rng)
    delivery, _ = _delivery(replace(options, varied=False), lexicon, rng)
    spoken = speak(text, replace(delivery, rate=135))
    start_sec = take.add(spoken.samples)
    title = TruthExtra(
        "title",
        text,
        round(start_sec + spoken.words[0].start_sec, 6),
        round(start_sec + spoken.words[-1].end_sec, 6),
    )
    take.pause(rng.uniform(0.8, 1.3))
    return title


def _speak_verses(take, lexicon, own_text, options, rng):
    """Speak verse after verse until the wanted length; returns verses and extras."""
    verses: list[TruthVerse] = []
    extras: list[TruthExtra] = []
    wanted = len(own_text) or _expected_verses(options)
    marks = _marked_verses(options, wanted, rng)
    target_sec = options.minutes * 60
    index = 0
    while index < len(own_text) if own_text else take.now_sec < target_sec:
        text, spoken, voice = _next_verse(index, lexicon, own_text, options, marks, rng)
        number = str(index + 1)
        if index in marks["omitted"]:
            verses.append(TruthVerse(number, text, "never", 0.0, 0.0, (), voice))
        else:
            twice = index in marks["repeated"]
            if twice:
                start_sec = take.add(spoken.samples)
                extras.append(_as_extra("repeat", text, spoken, start_sec))
                take.pause(rng.uniform(*options.pause_sec))
            start_sec = take.add(spoken.samples)
            read = "twice" if twice else "once"
            verses.append(_as_verse(number, text, read, spoken, start_sec, voice))
            long = index in marks["long_pauses"]
            take.pause(rng.uniform(3, 8) if long else rng.uniform(*options.pause_sec))
        index += 1
    return verses, extras


def _expected_verses(options: ChapterOptions) -> int:
    words_per_minute = options.rate * 0.9
    average = sum(options.words_per_verse) / 2
    return max(1, int(options.minutes * words_per_minute / average))


def _marked_verses(options: ChapterOptions, verses: int, rng: random.Random):
    """Choose which verses get digits, are omitted, repeated or followed by a pause."""
    free = list(range(1, max(2, verses - 1)))
    rng.shuffle(free)
    marks: dict[str, set[int]] = {}
    for name in ("omitted", "repeated", "digits", "long_pauses"):
        count = getattr(options, name)
        marks[name] = set(free[:count])
        free = free[count:]
    return marks


def _next_verse(index, lexicon, own_text, options, marks, rng):
    """Return a verse's text, its speech and the voice; invented ones are retried."""
    if own_text:
        delivery, speed = _delivery(options, lexicon, rng)
        return own_text[index], speak(own_text[index], delivery, speed), delivery.voice
    for _ in range(_MAX_TRIES):
        text = invent_sentence(lexicon, rng.randint(*options.words_per_verse), rng)
        if index in marks["digits"]:
            text = _with_number(text, rng)
        delivery, speed = _delivery(options, lexicon, rng)
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


def _as_verse(number, text, read, spoken: SpokenText, start_sec, voice) -> TruthVerse:
    words = tuple(_shifted(word, start_sec) for word in spoken.words)
    return TruthVerse(
        number, text, read, words[0].start_sec, words[-1].end_sec, words, voice
    )


def _as_extra(kind: str, text: str, spoken: SpokenText, start_sec: float) -> TruthExtra:
    first, last = spoken.words[0], spoken.words[-1]
    return TruthExtra(
        kind,
        text,
        round(start_sec + first.start_sec, 6),
        round(start_sec + last.end_sec, 6),
    )


def _swap_text(verses, lexicon, options, rng):
    """Give the recording the text of another chapter; what was said becomes extras."""
    extras = [
        TruthExtra("foreign", verse.text, verse.start_sec, verse.end_sec)
        for verse in verses
        if verse.read != "never"
    ]
    low, high = options.words_per_verse
    lexicon = lexicon or load_lexicon(options.language)
    texts = [invent_sentence(lexicon, rng.randint(low, high), rng) for _ in verses]
    return [
        TruthVerse(verse.number, text, "never", 0.0, 0.0, ())
        for verse, text in zip(verses, texts, strict=True)
    ], extras


def _studio(
    samples: npt.NDArray[np.float32], options: ChapterOptions, recording_id: str
) -> npt.NDArray[np.float32]:
    """Add room, music and noise; none of them moves the words."""
    from models import sound  # scipy.signal takes 2 s to import: not for --help

    seed = random.Random(f"studio/{options.seed}/{recording_id}").getrandbits(64)
    rng = np.random.default_rng(seed)
    if options.reverb_sec > 0:
        samples = sound.reverberate(samples, options.reverb_sec, rng, MASTER_RATE_HZ)
    if options.music_db is not None:
        music = sound.music(len(samples), rng, MASTER_RATE_HZ)
        samples = sound.mix(samples, music, options.music_db)
    if options.noise_db is not None:
        noise = sound.pink_noise(len(samples), rng)
        samples = sound.mix(samples, noise, options.noise_db)
    peak = float(np.abs(samples).max(initial=0.0))
    if peak > 0.99:
        samples = samples * np.float32(0.99 / peak)
    return samples
