"""What did not go by the book: steps that were skipped, clips that were left out."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from models.training.ranks import Ranks
from models.whole_csv import write_csv
from schemas.errors import TrainingDiverged

_WINDOW = 100


class Incidents:
    """Counts and names them, in ``skipped.csv`` and ``left_out.csv``."""

    def __init__(self, folder: Path, ranks: Ranks, most: int) -> None:
        self._folder = folder
        self._ranks = ranks
        self._most = most
        self.skipped: list[int] = []
        """The numbers of the steps."""
        self.left_out: dict[str, str] = {}
        """Why, by the clips' keys; of this rank since the last ``tell``."""
        self._known: set[str] = set()

    @property
    def clips_left_out(self) -> int:
        """How many clips have been told of so far, of all ranks."""
        return len(self._known)

    def state(self) -> dict[str, list[int] | list[str]]:
        """Return what a checkpoint keeps."""
        return {"skipped": self.skipped, "left_out": sorted(self._known)}

    def load_state(self, state: Mapping[str, list[int] | list[str]]) -> None:
        """Go on counting; what was written after that state was saved goes."""
        self.skipped = [int(step) for step in state["skipped"]]
        self._known = {str(key) for key in state["left_out"]}
        if self._ranks.is_first:
            _keep(self._folder / "skipped.csv", set(map(str, self.skipped)))
            _keep(self._folder / "left_out.csv", self._known)

    def skip(self, step: int, why: str, keys: Sequence[str]) -> None:
        """Count and name a step that changes nothing.

        Args:
          step: its number, from 1.
          why: in words.
          keys: the clips of this rank that may be at fault.

        Raises:
          TrainingDiverged: too many of the last steps were skipped.
        """
        self.skipped.append(step)
        named = self._ranks.gathered([" ".join(keys)])
        if self._ranks.is_first:
            rows = [(str(step), why, " ".join(filter(None, named)))]
            _append(self._folder / "skipped.csv", ("step", "why", "clips"), rows)
        recent = sum(at > step - _WINDOW for at in self.skipped)
        if recent > self._most:
            raise TrainingDiverged(
                f"{self._folder}: expected at most {self._most} of {_WINDOW} steps "
                f"without a usable loss and gradient, got {recent} by step {step} "
                f"({why}); look at the clips in skipped.csv, lower the learning rate, "
                "or start from other weights"
            )

    def tell(self) -> None:
        """Write down the clips that were left out, each once; on all ranks at once."""
        told = self._ranks.gathered(list(self.left_out.items()))
        new = {key: why for key, why in told if key not in self._known}
        self.left_out = {}
        self._known |= new.keys()
        if new and self._ranks.is_first:
            path = self._folder / "left_out.csv"
            _append(path, ("clip", "why"), sorted(new.items()))


def _append(
    path: Path, header: tuple[str, ...], rows: Sequence[tuple[str, ...]]
) -> None:
    is_new = not path.is_file()
    with path.open("a", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerows([header, *rows] if is_new else rows)


def _keep(path: Path, names: set[str]) -> None:
    """Leave the rows of a table whose first cell is one of these."""
    if not path.is_file():
        return
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    write_csv(path, [header, *(row for row in rows if row and row[0] in names)])
