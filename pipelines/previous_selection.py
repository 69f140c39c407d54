"""What the version before of a selection kept, asked for as the segments come by."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.keys import SegmentKey
from schemas.selection import StoredSelection


class PreviousSelection:
    """Finds again what was kept; at the end it knows what is no longer there.

    Both versions have their rows by language and key. As long as the same segments come
    in the same order they are compared by their places; from the first other one to the
    end of its language by a set of the keys that are left.
    """

    def __init__(self, stored: StoredSelection | None) -> None:
        self.vanished_msec: dict[str, int] = {}
        """By language: what was kept and is no segment any more (see ``close``)."""
        self._rows: dict[str, pa.Table] = {}
        self._language = ""
        self._left: set[str] | None = None
        start = 0
        for language, rows in stored.languages if stored else ():
            assert stored is not None
            self._rows[language] = stored.table.slice(start, rows)
            start += rows

    def keeps(self, language: str, keys: pa.Array) -> npt.NDArray[np.bool_]:
        """Return for the next keys of a language whether they were kept."""
        if language != self._language:
            self._close_language()
            self._language = language
        rows = self._rows.get(language)
        if rows is None:
            return np.zeros(len(keys), bool)
        part = rows.slice(0, len(keys))
        if self._left is None and part["key"].combine_chunks().equals(keys):
            self._rows[language] = rows.slice(len(keys))
            return part["keep"].to_numpy()
        if self._left is None:
            self._left = set(_kept_keys(rows))
        found = np.array([key in self._left for key in keys.to_pylist()], bool)
        self._left.difference_update(keys.filter(pa.array(found)).to_pylist())
        return found

    def close(self) -> None:
        """Count what has not come by."""
        self._close_language()
        for language in list(self._rows):
            self._count(language, _kept_keys(self._rows.pop(language)))

    def _close_language(self) -> None:
        rows = self._rows.pop(self._language, None)
        if rows is not None:
            left = self._left if self._left is not None else _kept_keys(rows)
            self._count(self._language, left)
        self._left = None

    def _count(self, language: str, keys: Iterable[str]) -> None:
        parsed = [SegmentKey.parse(key) for key in keys]
        msec = sum(key.end_msec - key.start_msec for key in parsed)
        if msec:
            self.vanished_msec[language] = msec


def _kept_keys(rows: pa.Table) -> list[str]:
    return rows.filter(rows["keep"])["key"].to_pylist()
