"""Word separators, which some vocabularies have, beside stars, asides and forms."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligner.config import AlignConfig
from aligner.spans import frame_spans, without_separators
from aligner.spelling import Speller
from schemas.alignment import EventKind
from schemas.source import Aside, AsideKind
from tests.aligner.spoken import (
    SEPARATED,
    chapter_of,
    encoded_with_variants,
    read_chapter,
    spoken,
)

FREE = AlignConfig(star_at_start=False, free_star_log_prob=-0.5)
SPELLER = Speller.of(SEPARATED, "eng")
GAP, STAR = SEPARATED.word_separator, SPELLER.star
UNKNOWN = "1/2"  # a number that has no known form


def line_of(words):
    """Return the tokens of words said one after the other, None for a star."""
    tokens: list[int] = []
    for word in words:
        if tokens and tokens[-1] != STAR and word is not None:
            tokens.append(GAP)
        tokens += [STAR] if word is None else SPELLER.tokens(word).tolist()
    return tokens


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["boat", "river", "12", "4th", UNKNOWN]), min_size=1))
def test_in_asides_a_separator_parts_words_and_stands_beside_no_star(words):
    said = {"12": "twelve", "4th": "fourth", UNKNOWN: None}
    text = " of ".join(words)  # numbers in a row would share a star
    spoken_words = [
        part
        for word in words
        for part in (said.get(word, word), "of")
    ][:-1]  # fmt: skip
    chapter = chapter_of("in a boat", asides=[Aside(0, AsideKind.HEADING, text)])
    _, variants = encoded_with_variants(chapter, FREE, SEPARATED)
    asides = [] if words == [UNKNOWN] else [line_of(spoken_words)]
    found = [
        [np.concatenate(way).tolist() for way in product(*aside.pieces)]
        for aside in variants.asides
    ]
    assert len(found) == len(asides)
    for ways, expected in zip(found, asides, strict=True):
        assert expected in ways
        for way in ways:
            assert GAP not in (way[0], way[-1])
            beside = {(GAP, GAP), (GAP, STAR), (STAR, GAP)}
            assert beside.isdisjoint(pairwise(way))


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("and 12 birds", "and twelve birds"),
        ("12 birds", "twelve birds"),
        ("birds 12", "birds twelve"),
        ("the 4th bird", "the fourth bird"),
        ("birds 3-4 sat", "birds three four sat"),
    ],
)
def test_a_form_in_a_verse_is_spelt_as_if_it_were_written_out(written, plain):
    encoded, variants = encoded_with_variants(chapter_of(written), FREE, SEPARATED)
    (number,) = variants.numbers
    lines = [
        [*encoded.tokens[: number.first], *form.tokens, *encoded.tokens[number.end :]]
        for form in number.forms
    ]
    assert SPELLER.tokens(plain).tolist() in lines


@pytest.mark.parametrize("said", ["twelve", "a dozen"])
def test_a_number_begins_and_ends_with_its_letters(said):
    """Not with the separators beside it, which may lie anywhere in a pause."""
    heard = spoken("in a boat", "and", said, "birds", pause_frames=12, model=SEPARATED)
    chapter = chapter_of("in a boat", "and 12 birds")
    encoded, found = read_chapter(chapter, heard, FREE, SEPARATED)
    (star,) = encoded.stars
    silent = (SEPARATED.blank, SEPARATED.word_separator)
    starts, ends = without_separators(found.path, [star.token], silent)
    spans = frame_spans(
        encoded.tokens, encoded.token_verse, encoded.token_word, (starts, ends),
        encoded.star,
    )  # fmt: skip
    (at,) = np.flatnonzero(spans.is_star)
    span = int(spans.start_frames[at]), int(spans.end_frames[at])
    if said == "twelve":
        assert span == heard.spans[2]
        assert found.path.starts[star.token] < span[0]
    else:
        assert span == (found.path.starts[star.token], found.path.ends[star.token])
        assert span[0] <= heard.spans[2][0] < heard.spans[2][1] <= span[1]


@pytest.mark.parametrize("is_read", [True, False])
@pytest.mark.parametrize(
    "heading", ["The Fisher of 3 Lakes", f"Lake {UNKNOWN} of Many"]
)
def test_an_aside_is_found_in_a_vocabulary_with_separators(heading, is_read):
    said = "the fisher of three lakes" if "3" in heading else "lake half of many"
    verses = "in a boat upon a river", "sat a quiet old man"
    heard = spoken(verses[0], *[said] * is_read, verses[1], model=SEPARATED)
    asides = [Aside(1, AsideKind.HEADING, heading)]
    chapter = chapter_of(*verses, asides=asides)
    encoded, found = read_chapter(chapter, heard, FREE, SEPARATED)
    kinds = [event.kind for event in found.reading.events]
    assert kinds == [EventKind.ASIDE] * is_read
    for verse, span in ((0, heard.spans[0]), (1, heard.spans[-1])):
        own = (encoded.token_verse == verse) & (encoded.token_word >= 0)
        edges = found.path.starts[own].min(), found.path.ends[own].max()
        assert edges == span
