"""What is wrong with a file of a corpus, and what to do about it."""

from dataclasses import dataclass

MISSING = "is missing"
_RUN = "say `pericope run` again, which writes it anew"
_REMEDIES = {
    "alignments": _RUN,
    "segments": _RUN,
    "ledger": _RUN,
    "rejects": _RUN,
    "calibration": _RUN,
    "corpus.json": _RUN,
    "shards": "delete it and say `pericope run` again",
    "selections": "say `pericope select` or `pericope run` again, as it was made",
    "labels": "say `pericope label` again",
    "crossval": "say `pericope crossval` again",
    "selected": "delete it and say `pericope shards` again",
    "digests": "delete it and say the command again that wrote what it lists",
}


@dataclass(frozen=True, order=True)
class Finding:
    """One file that is not as it should be."""

    path: str
    """Below the corpus, or a source's own."""
    problem: str
    remedy: str

    @classmethod
    def at(cls, path: str, problem: str) -> "Finding":
        """Return a finding with what helps at that place."""
        remedy = remedy_for(path)
        if problem.startswith(MISSING):
            remedy = remedy.removeprefix("delete it and ")
        return cls(path, problem, remedy)


def remedy_for(path: str) -> str:
    """Return what to do about a damaged file of a corpus."""
    head, _, rest = path.partition("/")
    if head != "store":
        return _REMEDIES.get(head, "delete it if it is none of yours")
    if rest.startswith("cut/"):
        both = f"{path.rpartition('.')[0]}.json and .pack"
        return f"delete {both} and say `pericope run` again"
    return "delete it and say `pericope run` again"
