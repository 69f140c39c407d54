"""What is on disk after a stop at a bad moment, and after damage."""

import pytest
import torch

from models.training.checkpoints import Checkpoints
from models.training.ranks import ranks_of
from schemas.errors import ArtifactError, ConfigError
from tests.models.training.toys import Toy

SETTINGS = {"steps": 4, "betas": [0.9, 0.98], "data": {"corpora": ["a"]}}
RUN = {"settings": SETTINGS, "step": 4}
RANK = {"numbers": [1, 2**90, 0.5, None], "weights": torch.arange(3.0)}


@pytest.fixture
def checkpoints(tmp_path):
    return Checkpoints(tmp_path, ranks_of("cpu"))


def test_what_is_saved_comes_back(checkpoints):
    network, other = Toy(), Toy(seed=1)
    checkpoints.save(4, network, RUN, RANK)
    run, rank = checkpoints.load(other, SETTINGS)
    assert run == RUN
    assert rank["numbers"] == RANK["numbers"]
    assert torch.equal(rank["weights"], RANK["weights"])
    assert torch.equal(network.head.weight, other.head.weight)


def test_an_empty_folder_has_nothing(checkpoints):
    assert checkpoints.load(Toy(), SETTINGS) is None


def test_only_the_last_is_kept_and_half_written_ones_do_not_count(
    checkpoints, tmp_path
):
    checkpoints.save(4, Toy(), RUN, RANK)
    checkpoints.save(8, Toy(), RUN | {"step": 8}, RANK)
    half = checkpoints.folder / ".step-00000012.tmp"
    half.mkdir()
    (half / "run.pt").write_bytes(b"half")
    again = Checkpoints(tmp_path, ranks_of("cpu"))
    assert [path.name for path in again.folder.iterdir()] == ["step-00000008"]
    assert again.load(Toy(), SETTINGS)[0]["step"] == 8


def test_a_kill_before_the_old_one_is_removed_leaves_the_new_one(checkpoints):
    checkpoints.save(8, Toy(), RUN | {"step": 8}, RANK)
    (checkpoints.folder / "step-00000004").mkdir()
    assert checkpoints.load(Toy(), SETTINGS)[0]["step"] == 8


@pytest.mark.parametrize("file", ["run.pt", "rank-0000.pt", "network.safetensors"])
@pytest.mark.parametrize("data", [b"", b"no such thing", None])
def test_damage_is_named(checkpoints, file, data):
    checkpoints.save(4, Toy(), RUN, RANK)
    path = checkpoints.folder / "step-00000004" / file
    path.write_bytes(path.read_bytes()[:-50] if data is None else data)
    with pytest.raises(ArtifactError, match=rf"{file}.*to start anew"):
        checkpoints.load(Toy(), SETTINGS)


def test_objects_are_not_unpickled(checkpoints):
    checkpoints.save(4, Toy(), RUN | {"object": Toy()}, RANK)
    with pytest.raises(ArtifactError, match=r"run\.pt: damaged"):
        checkpoints.load(Toy(), SETTINGS)


def test_weights_of_another_network_are_refused(checkpoints):
    checkpoints.save(4, torch.nn.Linear(2, 2), RUN, RANK)
    with pytest.raises(ArtifactError, match="weights of this network"):
        checkpoints.load(Toy(), SETTINGS)


def test_every_setting_that_differs_is_named(checkpoints):
    checkpoints.save(4, Toy(), RUN, RANK)
    changed = {"steps": 5, "betas": [0.9, 0.98], "data": {"corpora": []}, "new": 1}
    told = r"steps 4, now 5; data .*, now .*; new None, now 1\)"
    with pytest.raises(ConfigError, match=told):
        checkpoints.load(Toy(), changed)
