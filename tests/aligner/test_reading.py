"""The graph of a chapter: its layout, and what every path through it has in common."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligner.config import AlignConfig
from aligner.passages import OMIT, OPENING, PASS_OVER, REPEAT, SKIP, STAR, TURN, VERSE
from aligner.path import AlignmentPath
from aligner.reading import ReadingGraph, line_path, plain_graph, reading_graph
from aligner.reading_events import last_readings, reading_of
from aligner.viterbi import forced_align
from schemas.alignment import EventKind
from schemas.source import Aside, AsideKind
from tests.aligner.spoken import chapter_of, encoded_with_variants

VERSES = ("on day 7 he rested", "as is written (Isa 40:3) of the 4th", "12 men 3 4")
ASIDES = (Aside(0, AsideKind.CHAPTER, "Mark 3"), Aside(2, AsideKind.HEADING, "Men"))
CHAPTER = chapter_of(*VERSES, asides=ASIDES)


def test_the_plain_graph_is_the_chapters_own_line():
    encoded, _ = encoded_with_variants(CHAPTER, AlignConfig())
    graph = plain_graph(encoded)
    np.testing.assert_array_equal(graph.tokens, encoded.tokens)
    np.testing.assert_array_equal(graph.origin, np.arange(len(encoded.tokens)))
    np.testing.assert_array_equal(graph.verse_first_token, encoded.verse_first_token)
    assert np.flatnonzero(graph.begins).tolist() == encoded.verse_first_token.tolist()
    assert graph.jumps is None and not graph.tolls.any()


def test_what_is_inserted_leaves_the_line_in_order():
    encoded, variants = encoded_with_variants(CHAPTER, AlignConfig())
    graph = reading_graph(encoded, AlignConfig(), variants)
    own = graph.origin[graph.origin >= 0]
    np.testing.assert_array_equal(own, np.arange(len(encoded.tokens)))
    # The opening star has a column of its own.
    labels = np.minimum(graph.tokens, encoded.star)
    np.testing.assert_array_equal(labels[graph.origin >= 0], encoded.tokens)
    assert graph.tokens[0] == encoded.star
    assert not (graph.tokens[1:] == encoded.star).any()
    assert (graph.tokens[1:] == encoded.star + 1).sum() > 3
    kinds = [passage.kind for passage in graph.passages]
    assert kinds == [
        OPENING, AsideKind.CHAPTER, VERSE, STAR, VERSE, STAR, AsideKind.HEADING, VERSE,
        STAR,
    ]  # fmt: skip
    edges = [(passage.start, passage.end) for passage in graph.passages]
    assert [start for start, _ in edges[1:]] == [end for _, end in edges[:-1]]
    assert {deed for deed, _ in graph.jump_of} == {SKIP, OMIT, REPEAT, TURN, PASS_OVER}
    forms = [variants.numbers[f.number].forms[f.form].tokens for f in graph.forms]
    for place, tokens in zip(graph.forms, forms, strict=True):
        assert labels[place.start : place.end].tolist() == tokens.tolist()


@pytest.mark.parametrize(
    ("config", "deeds"),
    [
        ({"omissions": False, "repeats": False}, {SKIP, TURN, PASS_OVER}),
        ({"number_forms": False, "asides": False}, {SKIP, OMIT, REPEAT, PASS_OVER}),
        ({"unread_references": False}, {SKIP, OMIT, REPEAT, TURN}),
    ],
)
def test_freedoms_can_be_turned_off(config, deeds):
    chosen = AlignConfig(**config)
    encoded, variants = encoded_with_variants(CHAPTER, chosen)
    graph = reading_graph(encoded, chosen, variants)
    assert {deed for deed, _ in graph.jump_of} == deeds


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(90, 160), st.booleans())
def test_every_path_reads_or_jumps_and_its_spans_are_in_order(seed, frames, at_start):
    """On noise all jumps are taken in all combinations."""
    rng = np.random.default_rng(seed)
    config = AlignConfig(
        star_at_start=at_start, omission_cost=1, repeat_cost=1, star_toll=1
    )
    encoded, variants = encoded_with_variants(CHAPTER, config)
    graph = reading_graph(encoded, config, variants)
    emissions = rng.normal(-3, 1.5, (frames, encoded.star + 2)).astype(np.float32)
    path = forced_align(
        emissions, graph.tokens, entry_cost_T=rng.uniform(0, 2, frames),
        entry_tokens=graph.begins, tolls_L=graph.tolls, jumps=graph.jumps,
    )  # fmt: skip
    assert path.score > -1e8  # no wall was read
    _assert_steps(graph, path)
    last = last_readings(graph, path)
    reading = reading_of(graph, last, encoded, variants)
    line = line_path(graph, last, variants)
    read = line.starts >= 0
    assert (line.starts[read] < line.ends[read]).all()
    assert (line.ends[read][:-1] <= line.starts[read][1:]).all()
    _assert_one_way(graph, last)
    for event in reading.events:
        assert 0 <= event.start_frame <= event.end_frame <= frames
        untimed = event.kind in (EventKind.OMITTED, EventKind.UNREAD)
        assert (event.start_frame == event.end_frame) == untimed


def _assert_steps(graph: ReadingGraph, path: AlignmentPath) -> None:
    """From one token to the next there is a step of one or a jump that leads there."""
    jumps = dict(path.jumps)
    position = 0  # before the token that comes next
    spoken = None
    for frame, token in enumerate(path.tokens.tolist()):
        if frame in jumps:
            assert graph.jumps is not None
            assert graph.jumps.sources[jumps[frame]] == position
            position, spoken = int(graph.jumps.targets[jumps[frame]]), None
        if token < 0:
            spoken = None
        elif token != spoken:
            assert token == position
            position, spoken = token + 1, token
    assert position == len(graph.tokens) or not graph.jump_of


def _assert_one_way(graph: ReadingGraph, path: AlignmentPath) -> None:
    numbers = [f.number for f in graph.forms if path.starts[f.start] >= 0]
    assert len(numbers) == len(set(numbers))
    for form in graph.forms:
        read = path.starts[form.start : form.end] >= 0
        assert read.all() or not read.any()
