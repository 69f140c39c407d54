"""How fast the weights move, step by step, as a share of the highest rate."""

import math
from dataclasses import dataclass
from typing import Protocol

from schemas.errors import ConfigError


class Schedule(Protocol):
    """A frozen dataclass: its ``repr`` tells one schedule from another."""

    def share(self, step: int, steps: int) -> float:
        """Return the share of the highest rate at a step of 0 to ``steps`` - 1."""


@dataclass(frozen=True)
class TriStage:
    """Rise linearly, hold, fall exponentially; what remains of the steps falls.

    The defaults are those of Pratap et al. 2023, appendix B, with fairseq's ends.

    Raises:
      ConfigError: a share that cannot be.
    """

    rise: float = 0.1
    hold: float = 0.4
    first: float = 0.01
    last: float = 0.05

    def __post_init__(self) -> None:
        shares = (self.rise, self.hold, 1 - self.rise - self.hold)
        if min(shares) < -1e-9 or not 0 < self.last <= 1 or not 0 <= self.first <= 1:
            raise ConfigError(
                "training: schedule: expected shares of the steps that make up to 1 "
                f"and ends within (0, 1], got {self}"
            )

    def share(self, step: int, steps: int) -> float:
        """Return the share of the highest rate."""
        rise, hold = self.rise * steps, self.hold * steps
        if step < rise:
            return self.first + (1 - self.first) * step / rise
        if step < rise + hold:
            return 1.0
        fallen = (step - rise - hold) / max(steps - rise - hold, 1)
        return self.last**fallen


@dataclass(frozen=True)
class Cosine:
    """Rise linearly, meanwhile and then fall along a cosine."""

    rise_steps: int = 150
    last: float = 0.02

    def __post_init__(self) -> None:
        if self.rise_steps < 1 or not 0 <= self.last <= 1:
            raise ConfigError(
                "training: schedule: expected 1 or more steps of rise and an end "
                f"within [0, 1], got {self}"
            )

    def share(self, step: int, steps: int) -> float:
        """Return the share of the highest rate."""
        risen = min(1.0, (step + 1) / self.rise_steps)
        fallen = 0.5 * (1 + math.cos(math.pi * step / steps))
        return risen * (self.last + (1 - self.last) * fallen)


@dataclass(frozen=True)
class Constant:
    """The same rate all the time, after a linear rise."""

    rise_steps: int = 1

    def share(self, step: int, steps: int) -> float:
        """Return the share of the highest rate."""
        return min(1.0, (step + 1) / self.rise_steps)


@dataclass(frozen=True)
class InTurn:
    """One schedule after another: (steps, share of the rate, schedule)."""

    parts: tuple[tuple[int, float, Schedule], ...]

    def share(self, step: int, steps: int) -> float:
        """Return the share of the highest rate; the parts say how many steps."""
        for own_steps, scale, schedule in self.parts:
            if step < own_steps:
                return scale * schedule.share(step, own_steps)
            step -= own_steps
        raise ValueError(f"expected a step of {steps}, got {step} beyond them")


def schedule_named(name: str) -> Schedule:
    """Return the schedule that the command line calls so.

    Raises:
      ConfigError: there is none of this name.
    """
    schedules: dict[str, Schedule] = {
        "tri-stage": TriStage(),
        "cosine": Cosine(),
        "constant": Constant(),
    }
    if name not in schedules:
        raise ConfigError(
            f"schedule: expected one of {', '.join(schedules)}, got {name!r}"
        )
    return schedules[name]
