"""Names to models, and the price of importing the package."""

import subprocess
import sys
from pathlib import Path

import pytest

import models
from models.bundled import Calibration, save_bundled
from models.devices import choose_device
from schemas.errors import ArtifactError, ConfigError
from tests.models.tiny_wav2vec2 import save_plain

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["", "whisper", "bundled:", "hf:", "HF:a/b", "mms_fa"])
def test_unknown_names_are_refused_with_the_list(name):
    with pytest.raises(ConfigError, match=r"bundled, mms-fa, hf:.*got"):
        models.load_acoustic_model(name)


def test_a_folder_by_name(tmp_path):
    save_plain(tmp_path / "m")
    assert models.load_acoustic_model(f"hf:{tmp_path}/m", "cpu").romanised


def test_a_file_of_the_bundled_architecture_by_name(tmp_path):
    bundled = models.load_acoustic_model("bundled", "cpu")
    path = tmp_path / "mine.safetensors"
    save_bundled(bundled.network, Calibration(score_threshold=-0.5), path)
    mine = models.load_acoustic_model(f"bundled:{path}", "cpu")
    assert mine.score_threshold == -0.5
    assert mine.fingerprint != bundled.fingerprint
    with pytest.raises(ArtifactError, match=r"none\.safetensors"):
        models.load_acoustic_model("bundled:none.safetensors", "cpu")


@pytest.mark.parametrize("device", ["gpu", "", "cuda:x", "cuda:", "CPU", "cuda:99"])
def test_devices_that_are_not_there(device):
    with pytest.raises(ConfigError, match=r"model\.device"):
        choose_device(device)


def test_devices():
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type in ("cpu", "cuda")


def test_importing_the_package_is_cheap():
    script = (
        "import sys, models\n"
        "heavy = {'torch', 'torchaudio', 'transformers', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert callable(models.load_acoustic_model)\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)
    with pytest.raises(AttributeError, match="nothing"):
        _ = models.nothing
