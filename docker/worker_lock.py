"""Prints requirements.lock without what only developers and `pericope synth` need.

    python docker/worker_lock.py pyproject.toml requirements.lock > worker.lock

Every entry stays as it is, with its hashes. espeak-ng is GPL: it must not be in an
image that is handed on.
"""

import re
import sys
import tomllib
from pathlib import Path

_LEFT_OUT = ("dev", "synth")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def worker_lock(pyproject: str, lock: str) -> str:
    """Return the entries of a lock file that a worker needs.

    Args:
      pyproject: text of pyproject.toml.
      lock: text of requirements.lock; an entry's first line begins with its name, the
        others are indented.
    """
    project = tomllib.loads(pyproject)["project"]
    extras = project["optional-dependencies"]
    unwanted = {_name(entry) for extra in _LEFT_OUT for entry in extras[extra]}
    unwanted -= {_name(entry) for entry in project["dependencies"]}
    kept, is_wanted = [], True
    for line in lock.splitlines(keepends=True):
        if _NAME.match(line):
            is_wanted = _name(line) not in unwanted
        if is_wanted:
            kept.append(line)
    return "".join(kept)


def _name(entry: str) -> str:
    """Return a requirement's name as package indexes compare it."""
    found = _NAME.match(entry)
    if found is None:
        raise ValueError(f"expected a requirement, got {entry!r}")
    return re.sub(r"[-_.]+", "-", found[0]).lower()


if __name__ == "__main__":
    pyproject_path, lock_path = map(Path, sys.argv[1:])
    print(worker_lock(pyproject_path.read_text(), lock_path.read_text()), end="")
