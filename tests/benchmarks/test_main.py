import json

import pytest

from benchmarks import __main__ as program
from benchmarks.figures import Figure, Unit
from benchmarks.machine import describe_machine, machine_lines


def test_an_unknown_part_is_refused(capsys):
    with pytest.raises(SystemExit, match="2"):
        program.main(["accuracy", "beauty"])
    assert "no such part: beauty" in capsys.readouterr().err


def test_every_part_can_measure_and_show():
    for name in program.PARTS:
        part = program.part_of(name)
        assert callable(part.measure)
        assert callable(part.show)


def test_results_of_a_part_replace_its_earlier_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(program, "RESULTS", tmp_path / "bench" / "results.json")
    machine = describe_machine()
    for value in (3.0, 2.0):
        figure = Figure(name="peak", value=value, unit=Unit.GIB, at_most=2.5)
        program.keep("memory", [figure], machine, quick=True)
    program.keep("speed", [], machine, quick=False)
    results = json.loads(program.RESULTS.read_text())
    assert set(results) == {"memory", "speed"}
    (kept,) = results["memory"]["figures"]
    assert (kept["value"], kept["missed"]) == (2.0, False)
    assert results["speed"]["machine"]["model"] == machine.model


def test_figures_are_headed_by_hardware_versions_and_model():
    head = "\n".join(machine_lines(describe_machine()))
    for word in ("cores", "GiB", "torch 2.", "numpy", "bundled model "):
        assert word in head
