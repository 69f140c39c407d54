import random

import numpy as np
import pytest

from aligner.normalise import normalise_verse
from benchmarks.planted import SPOILS, Sources, add_noise, spoil_verses
from schemas.source import Chapter, Verse

TEXT = "Mvua ndogo, haba na kubwa; ilinyesha juu ya paa."
VERSES = tuple(Verse(str(n), TEXT) for n in range(1, 41))
CHAPTER = Chapter(language="swh", verses=VERSES)
SOURCES = Sources(
    words=("mti", "mvua", "nyumba", "paa"),
    other_verses=("Upepo ulivuma usiku kucha mpaka asubuhi.", TEXT),
    foreign_verses=("The wind blew all through the night.",),
)


def words(text: str) -> list[str]:
    return [token.written for token in normalise_verse(text, "swh")]


def test_only_the_verses_that_are_named_differ():
    for spoil in SPOILS.values():
        rng = random.Random(3)
        chapter, wrong = spoil_verses(CHAPTER, spoil, SOURCES, rng, 0.5)
        assert 5 < len(wrong) < 35
        for old, new in zip(VERSES, chapter.verses, strict=True):
            assert (old.number == new.number) and (old != new) == (old.number in wrong)


@pytest.mark.parametrize(
    ("kind", "grown", "kept"),
    [
        ("half a word missing", 0, 8),
        ("one word replaced", 0, 8),
        ("one word left out", -1, 8),
        ("one word too many", 1, 9),
        ("two words swapped", 0, 9),
        ("a third left out", -3, 6),
    ],
)
def test_faults_have_their_size(kind, grown, kept):
    own = words(TEXT)
    for seed in range(20):
        rng = random.Random(seed)
        text = SPOILS[kind](TEXT, normalise_verse(TEXT, "swh"), SOURCES, rng)
        if text is None:
            continue
        found = words(text)
        assert len(found) == len(own) + grown
        left = sum((np.array(own)[:, None] == np.array(found)).any(axis=1))
        assert left >= kept and found != own
    assert SPOILS["another verse"](TEXT, [], SOURCES, rng) == SOURCES.other_verses[0]
    assert SPOILS["another language"](TEXT, [], SOURCES, rng).startswith("The wind")


def test_noise_lies_where_it_should_and_is_as_loud_as_it_should():
    rng = np.random.default_rng(0)
    waveform = (0.05 * rng.standard_normal(64_000)).astype(np.float32)
    noisy = add_noise(waveform, [(1.0, 2.0)], 6.0, 1)
    added = noisy - waveform
    assert not added[:16_000].any() and not added[32_000:].any()
    power = np.square(waveform[16_000:32_000]).mean()
    ratio_db = 10 * np.log10(power / np.square(added[16_000:32_000]).mean())
    assert ratio_db == pytest.approx(6.0, abs=0.1)
