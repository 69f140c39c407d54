"""Which part of a language's speech is for training, development and testing.

Whole units are assigned: books where they are known, else whole texts, so that what is
read in one split is never read in another. MRK is for development and JHN for testing,
as in Pratap et al. 2023, section 3.4 (MMS).
"""

import math
import unicodedata
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal

from schemas.keys import digest_of

Split = Literal["train", "dev", "test"]

_NAMED_UNITS: Mapping[str, Split] = MappingProxyType({"MRK": "dev", "JHN": "test"})
# Development and test each hold at least this share, or this much if that is less.
_SHARE, _ENOUGH_SEC = 0.10, 2 * 3600.0


def split_unit(book: str, verses: Iterable[str]) -> str:
    """Return the unit of a recording: its book, else a digest of what is read.

    Two texts that differ in white space, case or punctuation alone are one unit.
    """
    if book:
        return book.upper()
    text = unicodedata.normalize("NFKC", "\n".join(verses)).casefold()
    letters = "".join(char for char in text if char.isalnum())
    return "text-" + digest_of(letters)[:16]


def plan_splits(
    rows: Iterable[tuple[str, str, float]],
    *,
    named: Mapping[str, Split] = _NAMED_UNITS,
    enough_sec: float = _ENOUGH_SEC,
) -> dict[tuple[str, str], Split]:
    """Assign every unit of every language to a split.

    MRK and JHN go where they belong. Where one is missing, or holds less than a tenth
    of the language and less than 2 hours, whole units are added to the needier of the
    two until both hold as much: small units in an order that depends on their names
    alone, then larger ones by size. At least one unit stays for training: a language of
    one unit is all train; one of two has no test set, or if JHN is one of them (and MRK
    is not the other), no development set. The order of the rows does not matter.

    Args:
      rows: language, unit (see ``split_unit``) and duration in seconds; a unit may come
        many times, once for each recording of it.
      named: where units of these names go.
      enough_sec: development and test need no more than this.
    """
    durations: dict[str, dict[str, list[float]]] = {}
    for language, unit, duration_sec in rows:
        durations.setdefault(language, {}).setdefault(unit, []).append(duration_sec)
    return {
        (language, unit): split
        for language, units in sorted(durations.items())
        for unit, split in _plan_language(
            # fsum is exact, so the sum does not depend on the order.
            {unit: math.fsum(parts) for unit, parts in sorted(units.items())},
            named,
            enough_sec,
        ).items()
    }


def _plan_language(
    durations: Mapping[str, float], named_units: Mapping[str, Split], enough_sec: float
) -> dict[str, Split]:
    wanted_sec = min(_SHARE * math.fsum(durations.values()), enough_sec)
    splits: dict[str, Split] = dict.fromkeys(durations, "train")
    held_sec: dict[Split, float] = {"dev": 0.0, "test": 0.0}
    for_training = len(durations)
    for named, split in named_units.items():
        if named in durations and for_training > 1:
            splits[named], held_sec[split] = split, durations[named]
            for_training -= 1
    free = [unit for unit in durations if unit not in named_units]
    for unit in _in_stable_order(free, durations, 2 * wanted_sec):
        needier = min(held_sec, key=held_sec.__getitem__)  # dev if they are equal
        if held_sec[needier] >= wanted_sec or for_training == 1:
            break
        splits[unit] = needier
        held_sec[needier] += durations[unit]
        for_training -= 1
    return splits


def _in_stable_order(
    units: Iterable[str], durations: Mapping[str, float], large_sec: float
) -> list[str]:
    """Return small units by the digest of their names, then large ones by size."""

    def place(unit: str) -> tuple[float, str]:
        size = durations[unit] if durations[unit] > large_sec else 0.0
        return size, digest_of(unit)

    return sorted(units, key=place)
