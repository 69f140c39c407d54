import random
from collections import Counter
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligner.decoys import Stretch, decoy_rounds, one_word_wrong, other_text
from aligner.normalise import normalise_verse
from schemas.source import Aside, AsideKind, Chapter, Verse

WORDS = st.lists(st.integers(1, 9), min_size=1, max_size=6).map(tuple)
STRETCHES = st.lists(
    st.lists(WORDS, min_size=1, max_size=5).map(
        lambda words: Stretch(3, 90, tuple(words))
    ),
    min_size=1,
    max_size=3,
)


def words_of(chapter):
    return [
        [token.written for token in normalise_verse(verse.text, chapter.language)]
        for verse in chapter.verses
    ]


def test_another_text_has_the_same_words_in_other_places():
    verses = (
        Verse("1", "Mvua ndogo, haba na haba!"),
        Verse("2", "Paa 12 la nyumba."),
        Verse("3", "—"),
    )
    heading = Aside(AsideKind.HEADING, "Mvua", 0)
    chapter = Chapter(language="swh", verses=verses, asides=(heading,))
    decoy = other_text(chapter, "a/0")
    before, after = words_of(chapter), words_of(decoy)
    assert decoy.asides == ()
    assert [verse.number for verse in decoy.verses] == ["1", "2", "3"]
    assert list(map(len, after)) == list(map(len, before)) == [5, 4, 0]
    assert Counter(chain(*after)) == Counter(chain(*before))
    assert after != before
    half = len(list(chain(*before))) // 2
    assert Counter([*chain(*after)][:-half]) == Counter([*chain(*before)][half:])
    assert decoy == other_text(chapter, "a/0") != other_text(chapter, "a/1")


@given(STRETCHES, st.lists(WORDS), st.integers())
def test_one_word_is_wrong_and_no_more(stretches, more, seed):
    pool = [word for part in stretches for word in part.words] + more
    changed = one_word_wrong(stretches, pool, random.Random(seed))
    assert len(changed) == len(stretches)
    differing = [
        (old, new) for old, new in zip(stretches, changed, strict=True) if old != new
    ]
    if len({*pool}) > 1:  # a single short word may be its own reverse
        assert len(differing) == 1
    for old, new in differing:
        assert (new.start_frame, new.end_frame) == (3, 90)
        assert new.words
        grown = len(new.words) - len(old.words)
        assert grown in (-1, 0, 1)
        if grown == 0:
            pairs = zip(old.words, new.words, strict=True)
            assert sum(a != b for a, b in pairs) == 1
        else:
            longer, shorter = sorted((old.words, new.words), key=len, reverse=True)
            assert any(
                longer[:k] + longer[k + 1 :] == shorter for k in range(len(longer))
            )


@pytest.mark.parametrize(
    ("segments", "rounds"), [(0, 8), (1, 8), (6, 8), (13, 4), (60, 2), (9000, 2)]
)
def test_few_segments_get_more_decoys(segments, rounds):
    assert decoy_rounds(segments) == rounds
