"""Tables of clips that lie nowhere, for what is planned without audio."""

from collections.abc import Sequence

import numpy as np

from models.data.clip_table import ClipTable, Shard, Stratum


def table_of(strata: Sequence[tuple[int, str, Sequence[int]]]) -> ClipTable:
    """Return clips of so many milliseconds: source, language, durations of each."""
    ends = np.cumsum([len(lasts) for _, _, lasts in strata]).tolist()
    count = ends[-1]
    return ClipTable(
        strata=tuple(
            Stratum(source, language, end - len(lasts), end)
            for (source, language, lasts), end in zip(strata, ends, strict=True)
        ),
        shards=(Shard("swh-train-000000.tar", "swh", False),),
        shard=np.zeros(count, dtype=np.uint32),
        offset=np.arange(count, dtype=np.int64),
        length=np.ones(count, dtype=np.uint32),
        duration_msec=np.concatenate([lasts for _, _, lasts in strata]).astype(
            np.uint32
        ),
        texts=None,
        left_out=0,
    )
