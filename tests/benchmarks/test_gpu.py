import pytest
import torch

from benchmarks import __main__ as program
from benchmarks import gpu


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_without_a_device_it_says_so_and_keeps_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(program, "RESULTS", tmp_path / "results.json")
    program.main(["gpu", "--quick"])
    assert gpu.MISSING in capsys.readouterr().out
    assert not program.RESULTS.exists()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_both_are_measured_on_the_same_chapters():
    figures = gpu.alignment_figures(8, (600, 60), "here")
    assert not figures[-1].is_missed
    assert all(figure.value > 0 for figure in figures[:3])
