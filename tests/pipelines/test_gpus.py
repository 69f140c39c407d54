"""Which GPUs get a worker process, and that such a process sees its own alone."""

import os
import subprocess
import sys

import pytest

from pipelines.gpus import VISIBLE, gpus_with_worker, only_gpu, visible_gpus
from schemas.errors import ConfigError

EIGHT = tuple("01234567")
ORDER = "CUDA_DEVICE_ORDER"


@pytest.mark.parametrize(
    ("device", "asked", "visible", "expected"),
    [
        ("auto", 0, (), ()),
        ("auto", 1, (), ()),
        ("auto", 0, ("0",), ()),
        ("auto", 0, EIGHT, EIGHT),
        ("cuda", 0, ("2", "5"), ("2", "5")),
        ("auto", 1, EIGHT, ()),
        ("auto", 3, EIGHT, ("0", "1", "2")),
        ("cuda:1", 0, EIGHT, ()),
        ("cuda:1", 1, EIGHT, ()),
        ("cpu", 0, EIGHT, ()),
    ],
)
def test_several_gpus_get_a_worker_each(device, asked, visible, expected):
    assert gpus_with_worker(device, asked, visible) == expected


@pytest.mark.parametrize(
    ("device", "asked", "visible", "told"),
    [
        ("auto", 9, EIGHT, "at most the 8 GPUs"),
        ("auto", 2, (), "at most the 0 GPUs"),
        ("cuda:1", 2, EIGHT, "which is one device"),
        ("cpu", 8, EIGHT, "which is one device"),
    ],
)
def test_what_is_not_there_cannot_be_used(device, asked, visible, told):
    with pytest.raises(ConfigError, match=told):
        gpus_with_worker(device, asked, visible)


@pytest.mark.parametrize("given", [None, "", "2,5", "GPU-1b, GPU-2c"])
def test_no_more_gpus_are_visible_than_torch_finds(given):
    import torch

    environment = {} if given is None else {VISIBLE: given}
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    names = list(map(str, range(found))) if given is None else given.split(",")
    expected = tuple(name.strip() for name in names if name.strip())[:found]
    assert visible_gpus(environment) == expected


@pytest.mark.parametrize(
    ("chosen", "order"),
    [(None, "PCI_BUS_ID"), ("4,6", "None")],  # what was chosen means what it did
)
def test_a_process_started_in_the_block_sees_one_gpu(monkeypatch, chosen, order):
    for name, value in ((VISIBLE, chosen), (ORDER, None)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    told = f"import os; print(*map(os.environ.get, ['{VISIBLE}', '{ORDER}']))"
    with only_gpu("6"):
        seen = subprocess.check_output([sys.executable, "-I", "-c", told], text=True)
    assert seen.split() == ["6", order]
    assert os.environ.get(VISIBLE) == chosen
    assert ORDER not in os.environ
