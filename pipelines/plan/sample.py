"""Which recordings of a corpus stand for all of them."""

import hashlib
from collections.abc import Sequence

from schemas.source import Recording


def choose_sample(
    recordings: Sequence[Recording],
    lengths_sec: Sequence[float | None],
    minutes: float,
) -> list[Recording]:
    """Return recordings that stand for all of them, the shortest first.

    They are drawn by a hash of their ids, so that the same ones are drawn every time,
    until there are two of them and so many minutes. Those whose length is unknown are
    drawn only where no other is there: four of them, which have to be fetched.
    """
    drawn = sorted(
        zip(recordings, lengths_sec, strict=True),
        key=lambda pair: hashlib.sha256(pair[0].recording_id.encode()).digest(),
    )
    known = [(recording, sec) for recording, sec in drawn if sec is not None]
    if not known:
        return [recording for recording, _ in drawn[:4]]
    chosen: list[tuple[Recording, float]] = []
    for recording, sec in known:
        if len(chosen) >= 2 and sum(sec for _, sec in chosen) >= minutes * 60:
            break
        chosen.append((recording, sec))
    return [recording for recording, _ in sorted(chosen, key=lambda pair: pair[1])]
