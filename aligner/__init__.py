"""Exact forced alignment: recordings and their text to verses, words and segments."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aligner.align import align_chapter
    from aligner.viterbi import forced_align

__all__ = ["align_chapter", "forced_align"]


def __getattr__(name: str) -> object:
    """Import on first use, so that `import aligner` costs nothing (PEP 562)."""
    if name == "align_chapter":
        from aligner.align import align_chapter

        return align_chapter
    if name == "forced_align":
        from aligner.viterbi import forced_align

        return forced_align
    raise AttributeError(f"module 'aligner' has no attribute {name!r}")
