"""[unlabeled] of corpus.toml: MMS-unlab where nothing else is said."""

import json

import pytest

from pipelines.config import load_config
from pipelines.unlabeled_config import HARVESTS, UnlabeledConfig
from schemas.errors import ConfigError

SMALLEST = '[corpus]\nname = "demo"\nmanifest = "rows.csv"\noutput = "out"\n'


def load(folder, text: str) -> UnlabeledConfig:
    path = folder / "corpus.toml"
    path.write_text(SMALLEST + text)
    return load_config(path).unlabeled


def test_the_rules_of_mms_unlab_are_the_default(tmp_path):
    config = load(tmp_path, "")
    assert config == load(tmp_path, '[unlabeled]\nrules = "mms-unlab"\n')
    assert (config.bridge_share, config.min_language_minutes) == (0.2, 5.0)
    assert (config.min_sec, config.max_sec) == (5.5, 30.0)
    assert (config.harvest, config.identifier) == (HARVESTS, "")


def test_numbers_may_be_others_and_are_part_of_corpus_json(tmp_path):
    text = "[unlabeled]\nbridge_share = 0.1\nmax_sec = 20.0\ntarget_sec = 8.0\n"
    config = load(tmp_path, f'{text}harvest = ["star"]\nmin_language_minutes = 0\n')
    assert (config.bridge_share, config.max_sec, config.target_sec) == (0.1, 20.0, 8.0)
    assert config.speech_rules == {
        "bridge_share": 0.1, "min_sec": 5.5, "target_sec": 8.0, "max_sec": 20.0,
        "pad_sec": 0.1,
    }  # fmt: skip
    described = load_config(tmp_path / "corpus.toml").as_dict()["unlabeled"]
    assert json.loads(json.dumps(described)) == described
    assert described["harvest"] == ["star"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('rules = "usm"', r"unlabeled.rules: expected one of \('mms-unlab',\), got"),
        ('harvest = ["stars"]', r"unlabeled.harvest: expected some of .*, got 'stars'"),
        ("min_language_minutes = -1", r"min_language_minutes: expected 0 or above"),
        ("min_sec = 20", r"unlabeled: expected 1 <= min_sec <= target_sec"),
        ("harvests = []", r"unlabeled.harvests: unknown key.*did you mean harvest"),
        ("min_sec = '5'", r"unlabeled.min_sec: expected a valid number, got '5'"),
    ],
)
def test_anything_wrong_is_told_with_the_key(tmp_path, line, told):
    with pytest.raises(ConfigError, match=told):
        load(tmp_path, f"[unlabeled]\n{line}\n")
