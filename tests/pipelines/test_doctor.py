"""Can this machine run it: one check a line."""

import importlib.metadata
import json
import os
import subprocess
import sys

import pytest

from pipelines.doctor import (
    OUR_PACKAGES,
    examine,
    foreign_packages,
    what_runs_where,
)

NEEDED = {
    *("Python", "package names", "ffmpeg", "alignment kernel", "bundled model"),
    "disk",
}


def test_this_machine_can_run_it():
    findings = {finding.name: finding for finding in examine()}
    assert {name for name, finding in findings.items() if finding.needed} == NEEDED
    assert [f.detail for f in findings.values() if f.needed and not f.holds] == []
    assert findings["speech synthesis"].holds
    assert all(finding.detail for finding in findings.values())


def test_the_devices_and_what_runs_where():
    assert what_runs_where([], 2) == (
        "no CUDA device; model and all else on the CPU, 2 recordings"
    )
    one = "model on cuda:0 (A), one recording at a time; all else on the CPU, "
    assert what_runs_where(["A"], 17) == one + "17 recordings"
    several = what_runs_where(["A", "B", "C"], 17)
    assert several.startswith(one)
    assert several.endswith("; the same in a process each on cuda:1 (B), cuda:2 (C)")


def test_nobody_else_provides_our_packages():
    """Guards this environment: pip would overwrite one package with the other."""
    assert foreign_packages(importlib.metadata.packages_distributions()) == {}


@pytest.mark.parametrize("name", OUR_PACKAGES)
def test_a_distribution_with_one_of_our_names_is_found(name):
    distributions = {name: ["pericope", "someone-elses"], "numpy": ["numpy"]}
    assert foreign_packages(distributions) == {name: ["someone-elses"]}


def test_the_command_tells_and_says_it_by_its_status(command):
    done = command("doctor")
    assert done.status == 0
    assert "pip install" not in done.out
    assert "ffmpeg" in done.out
    rows = json.loads(command("doctor", "--json").out)
    assert {row["name"] for row in rows} >= NEEDED
    assert all(row["holds"] for row in rows if row["needed"])


def test_a_foreign_package_is_a_failure_with_advice(tmp_path):
    """A real second distribution, found on the path of a fresh interpreter."""
    package = tmp_path / "models"
    package.mkdir()
    info = tmp_path / "someone_elses-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: someone-elses\n")
    (info / "RECORD").write_text("models/__init__.py,,\n")
    script = (
        "import sys; from pipelines import doctor; "
        "print(doctor._packages()); sys.exit(not doctor._packages().holds)"
    )
    path = os.pathsep.join([os.getcwd(), str(tmp_path)])
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "someone-elses" in done.stdout
    assert "uninstall" in done.stdout
