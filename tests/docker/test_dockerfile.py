"""The worker's image, as far as it can be judged without building it."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "docker" / "Dockerfile"
LOCK = ROOT / "requirements.lock"
INSTRUCTION = re.compile(r"([A-Z]+)\s+(.*)", re.S)


def instructions() -> list[tuple[str, str]]:
    """Return (instruction, arguments), continued lines joined, without comments."""
    lines = [
        line
        for line in DOCKERFILE.read_text(encoding="utf-8").splitlines()
        if not line.lstrip().startswith("#")
    ]
    joined = "\n".join(lines).replace("\\\n", " ")
    found = [
        INSTRUCTION.fullmatch(line.strip()) for line in joined.splitlines() if line
    ]
    assert all(found)
    return [(match[1], " ".join(match[2].split())) for match in found if match]


def arguments_of(name: str) -> list[str]:
    return [arguments for found, arguments in instructions() if found == name]


def worker_lock() -> str:
    command = [
        *(sys.executable, ROOT / "docker/worker_lock.py"),
        *(ROOT / "pyproject.toml", LOCK),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def entries(lock: str) -> dict[str, str]:
    """Return the entries of a lock file by name, each with its hashes."""
    blocks = re.split(r"^(?=\S)", lock, flags=re.M)[1:]
    return {block.partition("==")[0].partition("[")[0]: block for block in blocks}


def test_every_stage_begins_with_the_locked_beam_or_with_an_earlier_stage():
    version = re.search(r"^apache-beam==(\S+)", LOCK.read_text(), re.M)
    assert version is not None
    earlier: set[str] = set()
    for stage in arguments_of("FROM"):
        image, _, name = stage.partition(" AS ")
        expected = f"apache/beam_python3.11_sdk:{version[1]}"
        assert image == expected or image in earlier, stage
        earlier.add(name)
    assert arguments_of("FROM")[-1] == expected


def test_packages_come_by_the_lock_with_hashes_or_from_the_build_alone():
    text = " ".join(arguments_of("RUN"))
    installs = re.findall(
        r"pip (?:install|wheel) .*?(?=&&|$)", "\n".join(arguments_of("RUN")), re.M
    )
    assert len(installs) == 3
    for install in installs:
        assert "--no-deps" in install, install
        is_locked = "--require-hashes" in install and "worker.lock" in install
        assert is_locked or "--no-index" in install or "--no-build-isolation" in install
    assert "worker_lock.py pyproject.toml requirements.lock > worker.lock" in text


def test_nothing_is_fetched_from_anywhere_else():
    assert arguments_of("ADD") == []
    text = DOCKERFILE.read_text(encoding="utf-8")
    assert not re.search(r"https?://|\bcurl\b|\bwget\b|index-url|apt-get", text)


def test_the_worker_is_not_root_unless_it_is_asked_for():
    assert arguments_of("USER") == ["${RUN_AS}"]
    assert arguments_of("ARG") == ["RUN_AS=pericope"]
    assert arguments_of("ENTRYPOINT") == ['["/opt/apache/beam/boot"]']
    last = max(k for k, (name, _) in enumerate(instructions()) if name == "RUN")
    assert last < [name for name, _ in instructions()].index("USER")


def test_all_packages_are_copied_and_nothing_is_left_out_of_the_context():
    """What is copied is there, and what setup.py lists is copied."""
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    allowed = {line[1:] for line in ignore if line.startswith("!")}
    copied = [
        source.rstrip("/")
        for copy in arguments_of("COPY")
        if not copy.startswith("--from")
        for source in copy.split()[:-1]
    ]
    assert set(copied) == allowed
    assert all((ROOT / source).exists() for source in copied)
    setup = (ROOT / "setup.py").read_text(encoding="utf-8")
    packages = set(re.findall(r'^ {8}"(\w+)(?:\.[\w.]+)?",$', setup, re.M))
    assert packages == {"schemas", "aligner", "models", "pipelines"} <= set(copied)


def test_the_workers_lock_is_the_lock_without_tools():
    whole, worker = entries(LOCK.read_text()), entries(worker_lock())
    assert worker.items() <= whole.items()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = re.findall(r"[\w-]+", " ".join(project["optional-dependencies"]["synth"]))
    assert "espeakng-loader" in names
    assert not set(worker) & {*names, "pytest", "hypothesis", "ruff", "mypy"}
    needed = {
        re.split(r"[^\w-]", entry)[0].replace("_", "-").lower()
        for entry in project["dependencies"]
    }
    assert needed <= set(worker)
    assert all("--hash=sha256:" in block for block in worker.values())


def test_pericope_starts_without_the_tools():
    """They are not in the image: no module of a worker or a command may need them."""
    code = (
        "import sys; sys.modules['soxr'] = sys.modules['espeakng_loader'] = None; "
        "import pipelines.cli, pipelines.stages"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_hadolint_has_nothing_to_say():
    program = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("hadolint is not installed: it comes with the extra dev")
    done = subprocess.run(
        [program, "--failure-threshold", "style", str(DOCKERFILE)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")
