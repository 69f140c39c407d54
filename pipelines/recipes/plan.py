"""A recipe as named steps, each done once.

A step's folder is named by the digest of its settings and of the steps that it needs.
What it leaves there before ``done.json`` (checkpoints) lets a broken-off step go on; a
step that is done loses its ``checkpoint/``.
"""

import contextlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from models.training.checkpoints import FOLDER as CHECKPOINTS
from models.training.ranks import Ranks
from pipelines.alone import alone_in
from schemas.errors import ArtifactError
from schemas.keys import digest_of

_DONE = "done.json"
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

Result = Mapping[str, Any]
"""What a step has to tell, as JSON has it."""


@dataclass(frozen=True)
class Step:
    """One step of a recipe."""

    name: str
    """In small letters, digits and "-"; unlike that of any other step."""
    says: str
    """What it does and how much of it, for the plan."""
    settings: Any
    """All that decides its result besides the steps that it needs; as JSON has it."""
    run: Callable[["Workplace"], Result]
    """Does it; called again after a kill, with what is in the folder by then."""
    needs: tuple["Step", ...] = ()
    updates: int = 0
    """Of a training."""
    is_for_all_ranks: bool = False
    """Whether all processes of a training take part, or the first one alone."""

    def __post_init__(self) -> None:
        assert _NAME.fullmatch(self.name), self.name

    @cached_property
    def digest(self) -> str:
        """Name the result by all that it depends on."""
        needs = [step.digest for step in self.needs]
        return digest_of("recipe", self.name, self.settings, needs)

    def folder(self, root: Path) -> Path:
        """Return where the step works and leaves its results."""
        return root / f"{self.name}-{self.digest[:12]}"

    def result(self, root: Path) -> Result | None:
        """Return what the step told when it was done, None before that.

        Raises:
          ArtifactError: the file is damaged.
        """
        path = self.folder(root) / _DONE
        try:
            return dict(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise ArtifactError(
                f"{path}: damaged ({error}); delete its folder to do the step again"
            ) from error


@dataclass(frozen=True)
class Workplace:
    """What a step is given: its folder, and what was done before it."""

    root: Path
    folder: Path
    tell: Callable[[str], None]

    def folder_of(self, step: Step) -> Path:
        """Return the folder of a step that is done."""
        assert step.result(self.root) is not None, step.name
        return step.folder(self.root)

    def result_of(self, step: Step) -> Result:
        """Return what a step told that is done."""
        result = step.result(self.root)
        assert result is not None, step.name
        return result


def in_order(last: Sequence[Step]) -> list[Step]:
    """Return steps and all that they need, each once and after what it needs."""
    ordered: dict[str, Step] = {}

    def add(step: Step) -> None:
        for need in step.needs:
            add(need)
        ordered.setdefault(step.digest, step)

    for step in last:
        add(step)
    names = [step.name for step in ordered.values()]
    assert len(set(names)) == len(names), f"two steps of one name: {names}"
    return list(ordered.values())


def plan_lines(last: Sequence[Step], root: Path) -> Iterator[str]:
    """Yield a line for each step: number, name, whether it is done, what it does."""
    steps = in_order(last)
    width = max(len(step.name) for step in steps)
    for number, step in enumerate(steps, 1):
        state = "     "
        if step.result(root) is not None:
            state = "done "
        elif step.folder(root).is_dir():
            state = "begun"
        yield f"{number:2d}  {step.name:{width}}  {state}  {step.says}"


def carry_out(
    last: Sequence[Step],
    root: Path,
    tell: Callable[[str], None],
    ranks: Ranks | None = None,
) -> list[Result]:
    """Do what is not done yet and return what the last steps told.

    Args:
      last: the steps whose results are wanted.
      root: the recipe's folder, made if it is not there; one run at a time.
      tell: given a line when a step begins, and by the steps themselves.
      ranks: the processes that came here together; None for this one alone.

    Raises:
      ConfigError: another process is at work there.
      ArtifactError: the note of a step that is done is damaged.
    """
    root.mkdir(parents=True, exist_ok=True)
    steps = in_order(last)
    is_first = ranks is None or ranks.is_first
    with alone_in(str(root)) if is_first else contextlib.nullcontext():
        for number, step in enumerate(steps, 1):
            if _is_open(step, root, ranks):
                if is_first:
                    tell(f"step {number} of {len(steps)}: {step.name}: {step.says}")
                _carry_out(step, root, tell, is_first=is_first)
                if ranks is not None:  # others may still read what goes now
                    ranks.wait()
            if is_first:
                _remove_checkpoints(step.folder(root))
    if ranks is not None:
        ranks.wait()
    results = [step.result(root) for step in last]
    return [result for result in results if result is not None]


def _is_open(step: Step, root: Path, ranks: Ranks | None) -> bool:
    """Tell, on all ranks alike, whether a step is still to be done."""
    is_open = step.result(root) is None
    return is_open if ranks is None else any(ranks.gathered([is_open]))


def _carry_out(
    step: Step, root: Path, tell: Callable[[str], None], *, is_first: bool
) -> None:
    folder = step.folder(root)
    folder.mkdir(exist_ok=True)
    if not is_first:
        if step.is_for_all_ranks:
            step.run(Workplace(root, folder, tell))
        return
    result = step.run(Workplace(root, folder, tell))
    temporary = folder / f".{_DONE}.tmp"
    temporary.write_text(json.dumps(result, indent=1), encoding="utf-8")
    os.replace(temporary, folder / _DONE)


def _remove_checkpoints(folder: Path) -> None:
    """Delete what let a step go on that is done: several times its result."""
    if (folder / CHECKPOINTS).is_dir():
        shutil.rmtree(folder / CHECKPOINTS)
