"""The scores of decoys, where a calibration has left them beside the corpus."""

import itertools
import json

from pipelines.report.charts import Decoys
from pipelines.store import local_copy
from schemas.errors import ArtifactError

_KEY = "decoy_scores_histogram"


def read_decoys(root: str, language: str) -> Decoys | None:
    """Return a language's histogram of decoy scores, None where there is none.

    Raises:
      ArtifactError: the file is there and is damaged.
    """
    uri = f"{root}/calibration/language={language}.json"
    try:
        with local_copy(uri) as path:
            document = json.loads(path.read_bytes())
        if _KEY not in document:
            return None
        found = document[_KEY]
        edges, counts = tuple(found["edges"]), tuple(found["counts"])
        is_ascending = all(a < b for a, b in itertools.pairwise(edges))
        if len(edges) != len(counts) + 1 or not is_ascending:
            raise ValueError("edges must ascend, and be one more than counts")
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            f"{uri}: expected {_KEY} with edges and counts, got {error!r}; delete it "
            "and calibrate again"
        ) from error
    return Decoys(edges, counts) if sum(counts) > 0 else None
