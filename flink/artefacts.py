"""What the cluster is made of, from package registries by their ordinary clients.

    python -m flink.artefacts

All of it lies in build/flink: Flink's jars, Beam's job server, and an environment for
workers that has the project as a wheel, as the image of a worker would.
"""

import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "build" / "flink"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
POM = Path(__file__).with_name("job-server") / "pom.xml"
_WHEEL_OF = ("schemas", "aligner", "models", "pipelines")
_WHEEL_WITH = ("setup.py", "pyproject.toml", "README.md", "LICENSE")


def missing_programs() -> list[str]:
    """Return which programs are missing to get and to run the cluster."""
    return [name for name in ("java", "mvn") if shutil.which(name) is None]


def flink_jars() -> Path:
    """Return the folder of Flink's jars, installed if they are not there."""
    requirement = REQUIREMENTS.read_text(encoding="utf-8")
    target = FOLDER / "libraries"
    done = target / "requirements.txt"
    if not done.exists() or done.read_text(encoding="utf-8") != requirement:
        shutil.rmtree(target, ignore_errors=True)
        _uv("install", "--no-deps", "--require-hashes", "--target", target)
        done.write_text(requirement, encoding="utf-8")
    return target / "pyflink" / "lib"


def job_server_jar() -> Path:
    """Return Beam's job server for this Flink, put together from its libraries."""
    project = POM.read_text(encoding="utf-8")
    (minor,) = re.findall(r"<flink.minor>(.+)</flink.minor>", project)
    (version,) = re.findall(r"<beam.version>(.+)</beam.version>", project)
    target = FOLDER / "job-server"
    jar = target / f"beam-runners-flink-{minor}-job-server-{version}.jar"
    done = target / "pom.xml"
    if not done.exists() or done.read_text(encoding="utf-8") != project:
        shutil.rmtree(target, ignore_errors=True)
        checked = ("mvn", "--batch-mode", "--quiet", "--strict-checksums")
        _run(*checked, "--file", POM, f"-Doutput={target}", "package")
        done.write_text(project, encoding="utf-8")
    return jar


def worker_python() -> Path:
    """Make the environment of the workers anew; return its Python.

    The project is in it as a wheel; what it depends on is taken from the environment
    that runs this, which the same lock file filled.
    """
    folder = FOLDER / "worker"
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    (site,) = folder.glob("lib/python*/site-packages")
    (own,) = Path(sys.prefix).glob("lib/python*/site-packages")
    # Paths in such a file are searched, but the .pth files there are not followed: the
    # project's own folder, which an editable installation names there, stays out.
    (site / "dependencies.pth").write_text(f"{own}\n", encoding="utf-8")
    install = (_UV, "pip", "install", "--quiet", "--no-deps", "--compile-bytecode")
    _run(*install, "--python", python, _wheel())
    return python


def _wheel() -> Path:
    """Build the project's wheel from a copy, where no earlier build is in the way."""
    copy, wheels = FOLDER / "source", FOLDER / "wheel"
    for folder in (copy, wheels):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    for name in _WHEEL_OF:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    for name in _WHEEL_WITH:
        shutil.copy(ROOT / name, copy)
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet")
    _run(*pip, "--no-deps", "--no-build-isolation", "--wheel-dir", wheels, copy)
    (wheel,) = wheels.glob("pericope-*.whl")
    return wheel


_UV = Path(sys.prefix, "bin", "uv")


def _uv(command: str, *options: object) -> None:
    quiet = ("--system-certs", "--quiet", "--python", sys.executable)
    _run(_UV, "pip", command, *quiet, *options, "-r", REQUIREMENTS)


def _run(*command: object) -> None:
    subprocess.run([os.fspath(str(part)) for part in command], check=True)


if __name__ == "__main__":
    print(flink_jars(), job_server_jar(), sep="\n")
