"""A text that was read, and one that was not, of the same letters."""

import numpy as np
import pytest

from aligner.config import AlignConfig
from aligner.foreign import is_foreign
from aligner.reading import plain_graph
from aligner.viterbi import forced_align
from schemas.alignment import EventKind
from tests.aligner.spoken import (
    Spoken,
    chapter_of,
    encoded_with_variants,
    read_chapter,
    spoken,
)

CONFIG = AlignConfig(star_at_start=False)


def invented(seed: int, verses: int = 14) -> list[str]:
    rng = np.random.default_rng(seed)
    letters = list("aeioumnrstkl")
    return [
        " ".join("".join(rng.choice(letters, 5)) for _ in range(7))
        for _ in range(verses)
    ]


def hard_to_hear(heard: Spoken, seed: int = 0) -> Spoken:
    """Make every letter and blank nearly as likely as any other, by chance."""
    rng = np.random.default_rng(seed)
    logits = 0.3 * np.maximum(heard.emissions, -9) + rng.normal(
        0, 1, heard.emissions.shape
    )
    emissions = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return Spoken(emissions.astype(np.float32), heard.pauses, heard.spans)


def verdict(written: list[str], heard: Spoken) -> bool:
    encoded, _ = encoded_with_variants(chapter_of(*written), CONFIG)
    path = forced_align(heard.emissions, plain_graph(encoded).tokens)
    return is_foreign(heard.emissions, path, encoded, 0, 320)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("is_hard", [False, True])
def test_a_text_of_the_same_letters_that_was_not_read_is_foreign(seed, is_hard):
    read, other = invented(seed), invented(seed + 100)
    heard = spoken(*read)
    if is_hard:
        heard = hard_to_hear(heard)
    assert len(heard.emissions) > 1500
    assert verdict(other, heard)
    assert not verdict(read, heard)


def test_of_less_than_half_a_minute_nothing_is_told():
    assert not verdict(invented(1, 8), spoken(*invented(2, 8)))


def test_it_is_told_as_an_event_of_the_whole_recording():
    heard = hard_to_hear(spoken(*invented(3)))
    encoded, found = read_chapter(chapter_of(*invented(4)), heard, CONFIG)
    (event,) = found.reading.events
    assert (event.kind, event.verse) == (EventKind.FOREIGN, 0)
    assert (event.start_frame, event.end_frame) == (0, len(heard.emissions))
    assert (found.path.starts >= 0).all() and len(encoded.tokens) > 400
    _, right = read_chapter(chapter_of(*invented(3)), heard, CONFIG)
    assert EventKind.FOREIGN not in {event.kind for event in right.reading.events}
