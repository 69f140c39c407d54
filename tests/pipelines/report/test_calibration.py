import json

import pytest

from pipelines.report.calibration import read_decoys
from pipelines.report.charts import Decoys
from schemas.errors import ArtifactError


@pytest.fixture
def write(tmp_path):
    def write(document):
        path = tmp_path / "calibration/swh.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return str(tmp_path)

    return write


def test_decoys_that_are_there(write):
    found = {"decoy_scores_histogram": {"edges": [-2, -1, 0], "counts": [3, 1]}}
    assert read_decoys(write(found), "swh") == Decoys((-2, -1, 0), (3, 1))


def test_none_where_there_are_none(write, tmp_path):
    assert read_decoys(str(tmp_path), "swh") is None
    empty = {"decoy_scores_histogram": {"edges": [0, 1], "counts": [0]}}
    assert read_decoys(write(empty), "swh") is None


def test_bins_without_a_width_go_to_the_one_before(write):
    edges, counts = [-2, -2, -1, -1, 0, 0], [5, 3, 1, 2, 7]
    found = {"decoy_scores_histogram": {"edges": edges, "counts": counts}}
    assert read_decoys(write(found), "swh") == Decoys((-2, -1, 0), (9, 9))


@pytest.mark.parametrize(
    "histogram",
    [
        {"edges": [0, 1]},
        {"edges": [0, 1], "counts": [1, 2]},
        {"edges": [1, 0], "counts": [1]},
        [],
    ],
)
def test_damaged_decoys_are_told(write, histogram):
    with pytest.raises(ArtifactError, match=r"swh\.json: expected decoy_"):
        read_decoys(write({"decoy_scores_histogram": histogram}), "swh")
    with pytest.raises(ArtifactError, match="run again"):
        read_decoys(write("{"), "swh")
