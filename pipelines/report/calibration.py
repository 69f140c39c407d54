"""The scores of decoys, where a calibration has left them beside the corpus."""

import json
from collections.abc import Sequence
from itertools import pairwise

from pipelines.calibration import FOLDER
from pipelines.report.charts import Decoys
from pipelines.store import local_copy
from schemas.errors import ArtifactError

_KEY = "decoy_scores_histogram"


def read_decoys(root: str, language: str) -> Decoys | None:
    """Return a language's histogram of decoy scores, None where there is none.

    Raises:
      ArtifactError: the file is there and is damaged.
    """
    uri = f"{root}/{FOLDER}/{language}.json"
    try:
        with local_copy(uri) as path:
            found = json.loads(path.read_bytes())[_KEY]
        return _decoys(found["edges"], found["counts"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            f"{uri}: expected {_KEY} with edges and counts, got {error!r}; delete it "
            "and run again"
        ) from error


def _decoys(edges: Sequence[float], counts: Sequence[int]) -> Decoys | None:
    """Return the histogram, None if it is empty.

    Where rounding has left a bin without a width, its decoys go to the one before.
    """
    if len(edges) != len(counts) + 1 or any(a > b for a, b in pairwise(edges)):
        raise ValueError("edges must ascend, and be one more than counts")
    borders, heights = [edges[0]], [0]
    for (start, end), count in zip(pairwise(edges), counts, strict=True):
        if start < end:
            borders.append(end)
            heights.append(count)
        else:
            heights[-1] += count
    if len(heights) > 1:
        heights[1] += heights[0]
    return Decoys(tuple(borders), tuple(heights[1:])) if sum(heights[1:]) else None
