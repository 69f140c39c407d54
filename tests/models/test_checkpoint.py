"""Training state: back as it was, never half written, never unpickled."""

import pytest
import torch

from models.checkpoint import load_state, save_state
from schemas.errors import ArtifactError, ConfigError

CONFIG = {"seed": 1, "selection": None, "network": {"inner_blocks": 7}}
STATE = {"config": CONFIG, "weights": {"w": torch.arange(3.0)}, "done": {"sharp": 4}}


class Opened:
    """An object whose unpickling would be noticed."""

    def __reduce__(self):
        return print, ("unpickled",)


def test_round_trip(tmp_path):
    folder = tmp_path / "a" / "new folder"
    assert load_state(folder, CONFIG) is None
    save_state(folder, STATE)
    state = load_state(folder, CONFIG)
    assert state is not None
    assert torch.equal(state["weights"]["w"], torch.arange(3.0))
    assert state["done"] == {"sharp": 4}
    assert [path.name for path in folder.iterdir()] == ["state.pt"]


def test_the_last_one_counts(tmp_path):
    save_state(tmp_path, STATE)
    save_state(tmp_path, {**STATE, "done": {"sharp": 5}})
    state = load_state(tmp_path, CONFIG)
    assert state is not None
    assert state["done"] == {"sharp": 5}


def test_a_write_that_breaks_off_leaves_the_old_one(tmp_path):
    save_state(tmp_path, STATE)
    with pytest.raises(AttributeError):
        save_state(tmp_path, {**STATE, "done": lambda: 1})  # cannot be pickled
    state = load_state(tmp_path, CONFIG)
    assert state is not None
    assert state["done"] == {"sharp": 4}


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({**CONFIG, "seed": 2}, "seed"),
        ({**CONFIG, "network": {"inner_blocks": 8}}, "network"),
        ({**CONFIG, "new": 1}, "new"),
        ({"seed": 1, "selection": None}, "network"),
    ],
)
def test_other_settings_are_refused_by_name(config, told, tmp_path):
    save_state(tmp_path, STATE)
    with pytest.raises(ConfigError, match=rf"other settings \({told}\)"):
        load_state(tmp_path, config)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_file_that_breaks_off_is_named(share, tmp_path):
    save_state(tmp_path, STATE)
    path = tmp_path / "state.pt"
    octets = path.read_bytes()
    path.write_bytes(octets[: int(len(octets) * share)])
    with pytest.raises(ArtifactError, match=r"state\.pt: damaged checkpoint"):
        load_state(tmp_path, CONFIG)


def test_objects_are_never_unpickled(tmp_path, capsys):
    torch.save({**STATE, "surprise": Opened()}, tmp_path / "state.pt")
    with pytest.raises(ArtifactError, match="damaged checkpoint"):
        load_state(tmp_path, CONFIG)
    assert "unpickled" not in capsys.readouterr().out
