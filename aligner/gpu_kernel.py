"""The inner loops of the alignment on a GPU, in Triton: one program walks one chapter.

The recurrence, its float64 sums and its comparisons are those of ``aligner.kernel`` in
the same order, so that the path is the same, ties included.

A program goes through the frames one after the other, and at each through its positions
in chunks. Threads see each other's scores only through memory: the rows before and
after a frame are two halves of ``Batch.rows``, small enough to stay in the cache, and a
barrier stands between frames. No size is a constant of the compiled code.
"""

import triton
import triton.language as tl

from aligner import steps
from aligner.gpu_batch import Batch, Place

# With 16 warps four positions a thread: two chunks for a chapter of 4,000 letters.
_POSITIONS_AT_ONCE = 2048
_WARPS = 16
_TARGETS_AT_ONCE = 128

_FIELDS = tl.constexpr(len(Place._fields))
_FRAMES = tl.constexpr(Place._fields.index("frames"))
_COLUMNS = tl.constexpr(Place._fields.index("columns"))
_POSITIONS = tl.constexpr(Place._fields.index("positions"))
_TARGETS = tl.constexpr(Place._fields.index("targets"))
_EMISSION_AT = tl.constexpr(Place._fields.index("emission_at"))
_FRAME_AT = tl.constexpr(Place._fields.index("frame_at"))
_POSITION_AT = tl.constexpr(Place._fields.index("position_at"))
_TARGET_AT = tl.constexpr(Place._fields.index("target_at"))
_CHOICE_AT = tl.constexpr(Place._fields.index("choice_at"))
_WIDTH = tl.constexpr(Place._fields.index("width"))
_TAKEN_AT = tl.constexpr(Place._fields.index("taken_at"))

_FROM_BLANK = tl.constexpr(steps.FROM_BLANK)
_FROM_TOKEN = tl.constexpr(steps.FROM_TOKEN)
_BLANK_FROM_TOKEN = tl.constexpr(steps.BLANK_FROM_TOKEN)
_TOKEN_BY_JUMP = tl.constexpr(steps.TOKEN_BY_JUMP)
_BLANK_BY_JUMP = tl.constexpr(steps.BLANK_BY_JUMP)
_NEVER = tl.constexpr(float("-inf"))


def advance(
    batch: Batch,
    begin: int,
    end: int,
    *,
    keep: bool,
    positions_at_once: int = _POSITIONS_AT_ONCE,
    targets_at_once: int = _TARGETS_AT_ONCE,
) -> None:
    """Move the rows of all chapters from frame ``begin`` to ``end`` or their own end.

    ``keep``: write choices, for the positions from which the path's can be reached.
    """
    _advance[(len(batch.places),)](
        batch.layout, batch.emissions, batch.entry_cost, batch.words, batch.tolls,
        batch.targets, batch.first, batch.after, batch.sources, batch.costs,
        batch.rows, batch.tops, batch.choices, batch.taken,
        batch.blank, begin, end, batch.rows.shape[2],
        KEEP=keep, CHUNK=positions_at_once, ARCS=targets_at_once,
        num_warps=_WARPS, num_stages=1,
    )  # fmt: skip


def trace(batch: Batch, begin: int, end: int) -> None:
    """Follow the choices of a block back: fill ``states``, ``jumped``, ``tops``.

    In the block of a chapter's last frame ``ends`` is filled too.
    """
    _trace[(len(batch.places),)](
        batch.layout, batch.choices, batch.taken, batch.row_of, batch.sources,
        batch.numbers, batch.rows, batch.tops, batch.states, batch.jumped, batch.ends,
        begin, end, batch.rows.shape[2],
        num_warps=1, num_stages=1,
    )  # fmt: skip


@triton.jit
def _window_start(arcs, top, count):
    """Return the first position from which ``top`` is reached in so many frames."""
    return tl.where(arcs > 0, 0, tl.maximum(top - count, 0))


@triton.jit
def _step(
    row, words, tolls, old, new, total, blank_score, cost, at, inside, known,
    choices, KEEP: tl.constexpr,
):  # fmt: skip
    """Move positions ``at`` through one frame; those from ``known`` on have no score.

    ``choices`` points to the choice of position 0 in this frame.
    """
    was = inside & (at < known)
    word = tl.load(words + at, mask=inside, other=0)
    toll = tl.load(tolls + at, mask=inside, other=0).to(tl.float64)
    rest = tl.load(old + at, mask=was, other=_NEVER)
    own = tl.load(old + total + at, mask=was, other=_NEVER)
    left = tl.load(old + total + at - 1, mask=inside & (at > 0), other=_NEVER)
    close = tl.load(row + (word >> 2), mask=inside, other=0).to(tl.float64)
    over = tl.where((word & 1) != 0, _NEVER, left)
    paid = tl.where((word & 2) != 0, cost, 0.0)
    enter = tl.where(over > rest, over, rest) - paid - toll
    tl.store(new + at, tl.where(left > rest, left, rest) + blank_score, mask=inside)
    tl.store(new + total + at, tl.where(enter > own, enter, own) + close, mask=inside)
    if KEEP:
        way = tl.where(over > rest, _FROM_TOKEN, _FROM_BLANK)
        way = tl.where(enter > own, way, 0)
        way += tl.where(left > rest, _BLANK_FROM_TOKEN, 0)
        tl.store(choices + at, way.to(tl.uint8), mask=inside)


@triton.jit
def _jump(
    row, words, tolls, sources, costs, old, new, total, blank_score, cost,
    at, first, after, inside, choices, taken, KEEP: tl.constexpr,
):  # fmt: skip
    """Try the jumps into positions ``at``, those of each in their order.

    ``taken`` points to the two entries of each position.
    """
    word = tl.load(words + at, mask=inside, other=0)
    near = tl.load(row + (word >> 2), mask=inside, other=0)
    gain = (near - tl.load(tolls + at, mask=inside, other=0)).to(tl.float64)
    paid = tl.where((word & 2) != 0, cost, 0.0)
    blank_best = tl.load(new + at, mask=inside, other=_NEVER)
    token_best = tl.load(new + total + at, mask=inside, other=_NEVER)
    blank_code = tl.full(at.shape, -1, tl.int32)
    token_code = tl.full(at.shape, -1, tl.int32)
    for k in range(tl.max(after - first, axis=0)):
        jump = first + k
        is_one = inside & (jump < after)
        source = tl.load(sources + jump, mask=is_one, other=0).to(tl.int64)
        dear = tl.load(costs + jump, mask=is_one, other=0).to(tl.float64)
        has_token = is_one & (source > 0)
        before = tl.load(words + source - 1, mask=has_token, other=-1) >> 2
        rest = tl.load(old + source, mask=is_one, other=_NEVER) - dear
        over = tl.load(old + total + source - 1, mask=has_token, other=_NEVER) - dear
        by_token = over > rest
        found = tl.where(by_token, over, rest) + blank_score
        code = 2 * jump + by_token.to(tl.int32)
        blank_code = tl.where(found > blank_best, code, blank_code)
        blank_best = tl.where(found > blank_best, found, blank_best)
        by_token = by_token & (before != (word >> 2))
        found = tl.where(by_token, over, rest) - paid + gain
        code = 2 * jump + by_token.to(tl.int32)
        token_code = tl.where(found > token_best, code, token_code)
        token_best = tl.where(found > token_best, found, token_best)
    tl.store(new + at, blank_best, mask=inside & (blank_code >= 0))
    tl.store(new + total + at, token_best, mask=inside & (token_code >= 0))
    if KEEP:
        way = tl.load(choices + at, mask=inside, other=0).to(tl.int32)
        way += tl.where(blank_code >= 0, _BLANK_BY_JUMP, 0)
        way += tl.where(token_code >= 0, _TOKEN_BY_JUMP, 0)
        tl.store(choices + at, way.to(tl.uint8), mask=inside)
        tl.store(taken, blank_code, mask=inside)
        tl.store(taken + 1, token_code, mask=inside)


@triton.jit(do_not_specialize=["blank", "begin", "end", "total"])
def _advance(
    layout, emissions, entry_cost, words, tolls, targets, first, after, sources, costs,
    rows, tops, choices, taken, blank, begin, end, total,
    KEEP: tl.constexpr, CHUNK: tl.constexpr, ARCS: tl.constexpr,
):  # fmt: skip
    chapter = layout + tl.program_id(0).to(tl.int64) * _FIELDS
    frames, size = tl.load(chapter + _FRAMES), tl.load(chapter + _POSITIONS)
    columns, width = tl.load(chapter + _COLUMNS), tl.load(chapter + _WIDTH)
    arcs = tl.load(chapter + _TARGETS)
    emissions += tl.load(chapter + _EMISSION_AT)
    entry_cost += tl.load(chapter + _FRAME_AT)
    words += tl.load(chapter + _POSITION_AT)
    tolls += tl.load(chapter + _POSITION_AT)
    rows += tl.load(chapter + _POSITION_AT)
    targets += tl.load(chapter + _TARGET_AT)
    first += tl.load(chapter + _TARGET_AT)
    after += tl.load(chapter + _TARGET_AT)
    taken += tl.load(chapter + _TAKEN_AT)
    choices += tl.load(chapter + _CHOICE_AT)
    total = total.to(tl.int64)
    stop = tl.minimum(frames, end.to(tl.int64))
    count = stop - begin.to(tl.int64)
    # The position that has to be reached at the end of the block: the path's, or the
    # lowest one that leaves frames enough for the rest of the text.
    top, highest = size - 1 - (frames - stop), size
    if KEEP:
        path = tl.load(tops + 2 * tl.program_id(0)).to(tl.int64)
        top = tl.where(stop < frames, path, top)
        highest = tl.where(arcs > 0, size, top + 1)
    choices -= _window_start(arcs, top, count)
    for i in range(count):
        t = begin.to(tl.int64) + i
        row = emissions + t * columns
        old = rows + (t % 2) * 2 * total
        new = rows + (1 - t % 2) * 2 * total
        blank_score = tl.load(row + blank).to(tl.float64)
        cost = tl.load(entry_cost + t).to(tl.float64)
        # Along a line at most one position is gained a frame.
        reached = tl.where(arcs > 0, highest, tl.minimum(highest, t + 1))
        known = tl.where(arcs > 0, size, tl.maximum(t, 1))
        for low in range(_window_start(arcs, top, count - i), reached, CHUNK):
            at = low + tl.arange(0, CHUNK)
            _step(
                row, words, tolls, old, new, total, blank_score, cost, at, at < reached,
                known, choices, KEEP,
            )  # fmt: skip
        tl.debug_barrier()
        if arcs > 0:
            for low in range(0, arcs, ARCS):
                v = low + tl.arange(0, ARCS)
                inside = v < arcs
                _jump(
                    row, words, tolls, sources, costs, old, new, total, blank_score,
                    cost, tl.load(targets + v, mask=inside, other=0).to(tl.int64),
                    tl.load(first + v, mask=inside, other=0),
                    tl.load(after + v, mask=inside, other=0), inside,
                    choices, taken + (i * arcs + v) * 2, KEEP,
                )  # fmt: skip
            tl.debug_barrier()
        choices += width


@triton.jit(do_not_specialize=["begin", "end", "total"])
def _trace(
    layout, choices, taken, row_of, sources, numbers, rows, tops, states, jumped, ends,
    begin, end, total,
):  # fmt: skip
    index = tl.program_id(0)
    chapter = layout + index.to(tl.int64) * _FIELDS
    frames, size = tl.load(chapter + _FRAMES), tl.load(chapter + _POSITIONS)
    width, arcs = tl.load(chapter + _WIDTH), tl.load(chapter + _TARGETS)
    choices += tl.load(chapter + _CHOICE_AT)
    taken += tl.load(chapter + _TAKEN_AT)
    row_of += tl.load(chapter + _POSITION_AT)
    states += tl.load(chapter + _FRAME_AT)
    jumped += tl.load(chapter + _FRAME_AT)
    total, begin = total.to(tl.int64), begin.to(tl.int64)
    stop = tl.minimum(frames, end.to(tl.int64))
    count = stop - begin
    position = tl.load(tops + 2 * index).to(tl.int64)
    in_token = tl.load(tops + 2 * index + 1).to(tl.int64)
    score = tl.load(ends + index)
    if (stop == frames) & (count > 0):
        last = rows + (frames % 2) * 2 * total + tl.load(chapter + _POSITION_AT)
        rest = tl.load(last + size - 1)
        own = tl.load(last + total + size - 2, mask=size > 1, other=_NEVER)
        in_token = (own > rest).to(tl.int64)
        position = size - 1 - in_token
        score = tl.where(own > rest, own, rest)
        tl.store(ends + index, score)
        choices -= _window_start(arcs, size - 1, count)
    else:
        choices -= _window_start(arcs, position, count)
    # Without a path there is nothing to follow: the choices lead anywhere.
    steps = tl.where(score > _NEVER, count, 0)
    for i in range(steps):
        t = stop - 1 - i
        tl.store(states + t, (2 * position + in_token).to(tl.int32))
        choice = tl.load(choices + (t - begin) * width + position).to(tl.int32)
        flag = tl.where(in_token != 0, _TOKEN_BY_JUMP, _BLANK_BY_JUMP)
        by_jump = (choice & flag) != 0
        v = tl.load(row_of + position, mask=by_jump, other=0).to(tl.int64)
        at = ((t - begin) * arcs + v) * 2 + in_token
        code = tl.load(taken + at, mask=by_jump, other=0)
        number = tl.load(numbers + (code >> 1), mask=by_jump, other=-1)
        tl.store(jumped + t, number)
        source = tl.load(sources + (code >> 1), mask=by_jump, other=0).to(tl.int64)
        jump_token = (code & 1).to(tl.int64)
        # Where from, if by no jump.
        back = tl.where(in_token != 0, choice & _FROM_TOKEN, choice & _BLANK_FROM_TOKEN)
        stays = (in_token != 0) & ((choice & _FROM_BLANK) == 0)
        line_token = ((back != 0) | stays).to(tl.int64)
        line_position = position - (back != 0).to(tl.int64)
        position = tl.where(by_jump, source - jump_token, line_position)
        in_token = tl.where(by_jump, jump_token, line_token)
    if count > 0:
        tl.store(tops + 2 * index, position.to(tl.int32))
        tl.store(tops + 2 * index + 1, in_token.to(tl.int32))
