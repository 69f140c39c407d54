"""Faults of sound and text, planted in chapters that were read as they are written."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from aligner.scripts import main_script
from models import sound
from pipelines.calibrate import chapter_of
from pipelines.synth.lexicon import invent_words, load_lexicon
from pipelines.synth.truth import ChapterTruth
from schemas.source import Chapter, Verse
from schemas.units import SAMPLE_RATE_HZ, samples_from_sec

Waveform = npt.NDArray[np.float32]

_VERSES_APART = 5  # every fifth text is spoiled, so that the others can be aligned
_REPEATED_WORDS = 3
_SHARE_OF_OTHER_WORDS = 1 / 3
_PAUSE_SEC = 2.5
# Of the best studio and of a quiet room, relative to the speech.
_FLOOR_DB = (-55.0, -40.0)
# Read by voices of the synthesiser in a script of their own.
_OTHER_SCRIPTS = ("rus", "ell")


@dataclass(frozen=True, eq=False)
class Reading:
    """A recording and the text that it is aligned with."""

    waveform_N: Waveform
    truth: ChapterTruth
    chapter: Chapter
    faulty: frozenset[str]
    """Numbers of the verses that have the fault."""

    @classmethod
    def of(cls, waveform_N: Waveform, truth: ChapterTruth) -> "Reading":
        """Return a reading in which nothing is wrong, in some quiet room.

        Synthetic speech comes without one, and pauses of digital silence would make all
        too easy.
        """
        rng = random.Random(truth.recording_id)
        floor_N = sound.room_noise(len(waveform_N), _generator(rng))
        quiet_N = sound.mix(waveform_N, floor_N, rng.uniform(*_FLOOR_DB))
        return cls(quiet_N, truth, chapter_of(truth), frozenset())

    @property
    def all_verses(self) -> frozenset[str]:
        """The numbers of all verses."""
        return frozenset(verse.number for verse in self.chapter.verses)

    def sounding(self, waveform_N: Waveform) -> "Reading":
        """Return the reading with another sound, a fault of all its verses."""
        sound_N = waveform_N.astype(np.float32)
        return replace(self, waveform_N=sound_N, faulty=self.all_verses)


Fault = Callable[[Reading, random.Random], Reading]


def noise(level_db: float) -> Fault:
    """Return the fault of a room's noise, relative to the speech."""

    def plant(reading: Reading, rng: random.Random) -> Reading:
        speech_N = reading.waveform_N
        noise_N = sound.room_noise(len(speech_N), _generator(rng))
        return reading.sounding(sound.mix(speech_N, noise_N, level_db))

    return plant


def music(level_db: float) -> Fault:
    """Return the fault of a music bed, relative to the speech."""

    def plant(reading: Reading, rng: random.Random) -> Reading:
        speech_N = reading.waveform_N
        music_N = sound.music(len(speech_N), _generator(rng))
        return reading.sounding(sound.mix(speech_N, music_N, level_db))

    return plant


def clipping(share: float) -> Fault:
    """Return the fault that the loudest samples were cut off, and then made softer."""

    def plant(reading: Reading, rng: random.Random) -> Reading:
        speech_N = reading.waveform_N
        level = float(np.quantile(np.abs(speech_N), 1 - share))
        gain = np.float32(rng.uniform(0.5, 0.9) / level)
        return reading.sounding(np.clip(speech_N, -level, level) * gain)

    return plant


def long_pauses(reading: Reading, rng: random.Random) -> Reading:
    """Stop in the middle of every verse, between two words, for some seconds."""
    pause_N = sound.room_noise(round(_PAUSE_SEC * SAMPLE_RATE_HZ), _generator(rng))
    speech_rms = sound.rms(reading.waveform_N)
    pause_N *= np.float32(speech_rms / sound.rms(pause_N) * 10 ** (_FLOOR_DB[0] / 20))
    pieces, done = [], 0
    for verse in reading.truth.verses:
        word = verse.words[len(verse.words) // 2]
        at = samples_from_sec(word.start_sec)
        pieces += [reading.waveform_N[done:at], pause_N]
        done = at
    return reading.sounding(np.concatenate([*pieces, reading.waveform_N[done:]]))


def text_twice_as_long(reading: Reading, rng: random.Random) -> Reading:
    """Give verses the text of another one besides."""
    verses = reading.chapter.verses
    return _spoiled(reading, rng, lambda text: f"{text} {rng.choice(verses).text}")


def repeated_words(reading: Reading, rng: random.Random) -> Reading:
    """Write some neighbouring words of a verse twice."""

    def spoil(text: str) -> str:
        words = text.split()
        end = rng.randint(_REPEATED_WORDS, len(words))
        return " ".join([*words[:end], *words[end - _REPEATED_WORDS :]])

    return _spoiled(reading, rng, spoil)


def other_script(reading: Reading, rng: random.Random) -> Reading:
    """Write a third of a verse's words in a language of another script."""
    own = main_script(reading.chapter.verses[0].text)
    lexicons = map(load_lexicon, _OTHER_SCRIPTS)
    lexicon = next(one for one in lexicons if main_script(one.words[0]) != own)

    def spoil(text: str) -> str:
        words = text.split()
        count = round(len(words) * _SHARE_OF_OTHER_WORDS)
        places = rng.sample(range(len(words)), count)
        others = invent_words(lexicon, count, rng)
        for place, other in zip(places, others, strict=True):
            words[place] = other
        return " ".join(words)

    return _spoiled(reading, rng, spoil)


def _spoiled(
    reading: Reading, rng: random.Random, spoil: Callable[[str], str]
) -> Reading:
    """Change the text of every fifth verse."""
    first = rng.randrange(_VERSES_APART)
    verses = list(reading.chapter.verses)
    spoiled = range(first, len(verses), _VERSES_APART)
    for k in spoiled:
        verses[k] = Verse(verses[k].number, spoil(verses[k].text))
    faulty = frozenset(verses[k].number for k in spoiled)
    chapter = replace(reading.chapter, verses=tuple(verses))
    return replace(reading, chapter=chapter, faulty=faulty)


def _generator(rng: random.Random) -> np.random.Generator:
    return np.random.default_rng(rng.getrandbits(64))
