"""What all tests share: a hypothesis profile, and a little synthetic speech."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from pipelines.cli import main
from tests.pipelines.corpora import Speech, run_plainly, speak, write_corpus
from tests.pipelines.forks import Forks

# A busy machine is no fault of the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Speech:
    """Three short chapters in two languages, spoken once for all tests."""
    return speak(tmp_path_factory.mktemp("speech"))


@pytest.fixture(scope="session")
def finished(speech: Speech, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus made of them without Beam; tests only look at it.

    One recording comes without its text.
    """
    folder = tmp_path_factory.mktemp("a corpus")  # the space is on purpose
    toml = write_corpus(folder, speech, speech.rows(unlabeled=("swh-luk-001",)))
    assert run_plainly(toml) == 0
    return folder / "corpus"


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Start the command in processes of its own, without importing all anew."""
    with Forks() as server:
        yield server


@dataclass(frozen=True)
class Done:
    """How a command ended that ran in this process."""

    status: int
    out: str
    err: str


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Done]:
    """Run the command line in this process."""

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["pericope", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        status = ended.value.code
        return Done(status if isinstance(status, int) else 0, said.out, said.err)

    return run
