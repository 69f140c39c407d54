import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from schemas.errors import ConfigError
from tests.pipelines.recipes.conftest import config, finished_corpus, model

__all__ = ["config", "finished_corpus", "model"]


def called(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["recipe", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_the_plan_is_shown_and_scaled(config):
    output = called(
        "pl-mono", config.corpus, "--language", "est", "--strategy", "B",
        "--scale", "0.01", "--baseline", "--plan",
    )  # fmt: skip
    lines = [line.split() for line in output.splitlines()]
    assert [line[1] for line in lines] == [
        "teacher", "fresh-baseline-first", "fresh-baseline", "labels",
        "student-first", "student", "evaluation",
    ]  # fmt: skip
    assert lines[0][2:5] == ["100", "updates", "from"]
    assert lines[4][2:5] == ["400", "updates", "from"]
    assert not (Path(config.corpus) / "recipes" / "est").exists()


def test_one_command_goes_from_corpus_to_table(config, model):
    arguments = (
        "slimipl", config.corpus, "--language", "est", "--model", model, "--scale",
        "0.0001", "--student-steps", "40000", "--cache", "2", "--ratio", "1:2",
        "--batch-sec", "30", "--threads", "1",
    )  # fmt: skip
    shown = called(*arguments)
    assert "step 3 of 3: evaluation" in shown
    assert "test, letters wrong" in shown
    again = json.loads(called(*arguments, "--json").splitlines()[-1])
    assert list(again["networks"]) == ["multilingual", "teacher", "student"]
    assert (Path(again["folder"]) / "..").resolve().name == "recipes"


def test_what_cannot_be_is_told(config, tmp_path):
    corpus = config.corpus
    with pytest.raises(ConfigError, match="--strategy: expected A or B, got 'C'"):
        called("pl-mono", corpus, "--language", "est", "--strategy", "C")
    with pytest.raises(ConfigError, match="--ratio: expected two numbers such as 1:4"):
        called("slimipl", corpus, "--language", "est", "--ratio", "4")
    with pytest.raises(ConfigError, match="scale: expected above 0, got 0"):
        called("slimipl", corpus, "--language", "est", "--scale", "0")
    with pytest.raises(ConfigError, match=r"found no corpus\.json in it"):
        called("slimipl", tmp_path, "--language", "est")
