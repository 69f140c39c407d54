import dataclasses
import json
import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligner.config import AlignConfig, SegmentConfig
from pipelines.config import CorpusConfig, CorpusSection, load_config
from pipelines.criteria import Criteria, Rule, score_rule
from pipelines.fetch_limits import FetchLimits
from pipelines.select_config import ScoreRange, SelectionConfig
from schemas.errors import ConfigError

SMALLEST = '[corpus]\nname = "demo"\nmanifest = "in/rows.csv"\noutput = "../out"\n'


def load(folder: Path, text: str) -> CorpusConfig:
    path = folder / "corpus.toml"
    path.write_text(text, encoding="utf-8")
    return load_config(path)


def test_a_corpus_section_is_enough(tmp_path):
    config = load(tmp_path, SMALLEST)
    assert config == CorpusConfig(
        corpus=CorpusSection(
            name="demo",
            manifest=str(tmp_path / "in" / "rows.csv"),
            output=str(tmp_path.parent / "out"),
        )
    )
    assert config.align == AlignConfig() and config.segment == SegmentConfig()
    assert config.model.name == "bundled" and config.model.device == "auto"
    assert config.select == {"default": SelectionConfig(score="auto")}
    assert config.fetch.max_bytes == 4 * 2**30
    assert isinstance(config.fetch, FetchLimits)
    assert config.shards.samples_per_shard == 1000
    assert config.run.workers == 0 and config.run.max_audio_hours_in_flight == 0


def test_every_section_is_read(tmp_path):
    config = load(
        tmp_path,
        SMALLEST
        + """
        allow_outside = true
        licence = "CC0-1.0"
        [fetch]
        max_bytes = 1000
        timeout_sec = 5
        retries = 0
        max_hours = 2.5
        [model]
        name = "hf:folder#swh"
        device = "cuda:1"
        [align]
        pause_cost = 0
        [segment]
        mode = "verse"
        [select.default]
        score = { min = -0.2 }
        [select.strict]
        score = 0
        [shards]
        samples_per_shard = 10
        [run]
        workers = 3
        max_audio_hours_in_flight = 0.5
        """,
    )
    assert config.corpus.allow_outside and config.corpus.licence == "CC0-1.0"
    assert (config.fetch.max_bytes, config.fetch.timeout_sec) == (1000, 5.0)
    assert (config.fetch.retries, config.fetch.max_hours) == (0, 2.5)
    assert (config.model.name, config.model.device) == ("hf:folder#swh", "cuda:1")
    assert config.align == AlignConfig(pause_cost=0.0)
    assert config.segment == SegmentConfig(mode="verse")
    assert config.select["default"].criteria(-9.0).rules == (score_rule(-0.2),)
    assert config.select["strict"].score == ScoreRange(min=0.0)
    assert config.shards.samples_per_shard == 10
    assert (config.run.workers, config.run.max_audio_hours_in_flight) == (3, 0.5)


def test_auto_is_the_threshold_of_the_model(tmp_path):
    config = load(tmp_path, SMALLEST + "[select.other]\nscore = -1\n")
    assert config.select["default"].criteria(-0.7).rules == (score_rule(-0.7),)
    assert config.select["other"].criteria(-0.7).rules == (score_rule(-1.0),)


def test_rules_of_selections(tmp_path):
    config = load(
        tmp_path,
        SMALLEST
        + """
        [select.one]
        where = "margin > 1"
        [select.several]
        where = ["margin > 1", "score > -1"]
        score = "auto"
        [select.named.where]
        slow = "chars_per_sec < 20"
        [select.sold]
        lane = "commercial"
        """,
    )
    rule = Rule("margin > 1")
    found = {name: chosen.criteria(-0.5) for name, chosen in config.select.items()}
    assert found == {
        "default": Criteria((score_rule(-0.5),)),
        "one": Criteria((rule,)),
        "several": Criteria((score_rule(-0.5), rule, Rule("score > -1"))),
        "named": Criteria((Rule("chars_per_sec < 20", "slow"),)),
        "sold": Criteria((score_rule(-0.5),), "commercial"),
    }
    assert json.dumps(config.as_dict())


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("3", "select.x.where: expected a condition such as"),
        ("[]", "select.x.where: expected a condition such as"),
        ('["score > 0", 1]', "select.x.where: expected a condition such as"),
        ('{ "a/b" = "score > 0" }', "select.x.where: expected a condition such as"),
        ("'scor > 0'", "select.x.where: rule: .*unknown column 'scor'; did you mean"),
        ("'score'", "select.x.where: rule 'score': expected true or false"),
        ("'score > 0'\nlane = 'private'", "select.x.lane: expected '' or 'commercial'"),
    ],
)
def test_rules_that_cannot_be_are_refused_at_once(tmp_path, where, told):
    with pytest.raises(ConfigError, match=told):
        load(tmp_path, SMALLEST + f"[select.x]\nwhere = {where}\n")


@pytest.mark.parametrize(
    "output", ["s3://bucket/corpus", "gs://bucket/a b", "s3://bucket"]
)
def test_buckets_stay_as_they_are(tmp_path, output):
    config = load(tmp_path, SMALLEST.replace("../out", output))
    assert config.corpus.output == output


def test_file_uris_are_paths(tmp_path):
    config = load(tmp_path, SMALLEST.replace("../out", "file:///a%20b"))
    assert config.corpus.output == "/a b"


def test_paths_follow_the_file_and_not_the_working_folder(tmp_path, monkeypatch):
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "corpus.toml").write_text(SMALLEST)
    monkeypatch.chdir(tmp_path)
    config = load_config(Path("a/corpus.toml"))
    assert config.corpus.manifest == str(folder / "in" / "rows.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[corpus", "corpus.toml: expected TOML in UTF-8"),
        ("", "corpus: expected a value, got none"),
        ("[corpus]\n", "corpus.name: expected a value, got none"),
        ("corpus = 3", r"corpus: expected a section \[corpus\], got 3"),
        (SMALLEST + "[modl]\na = 1", "modl: unknown key, .* did you mean model?"),
        (SMALLEST + "licenses = ''", "corpus.licenses: unknown key, .* mean licence?"),
        (SMALLEST + "[align]\nwindw_sec = 3", "align.windw_sec: .* mean window_sec?"),
        (SMALLEST + "[fetch]\nretry = 3", "fetch.retry: .* mean retries?"),
        (SMALLEST + "[fetch]\nmax_hour = 3", "fetch.max_hour: .* mean max_hours?"),
        (SMALLEST + "[select.x]\nscor = 3", "select.x.scor: .* mean score?"),
        (SMALLEST + "select = 3", "corpus.select: unknown key"),
        (SMALLEST + "[select]\na = 3", r"select.a: expected a section \[select.a\]"),
        (SMALLEST + "[align]\nwindow_sec = '3'", "expected a valid number, got '3'"),
        (SMALLEST + "[align]\nwindow_sec = true", "expected a valid number, got True"),
        (SMALLEST + "[align]\nwindow_sec = inf", "expected a finite number, got inf"),
        (SMALLEST + "[align]\nwindow_sec = -3", "align.window_sec: expected above 0"),
        (SMALLEST + "[align]\nwindow_sec = 2020-01-01", "window_sec: expected a valid"),
        (SMALLEST + "[align]\nbatch_windows = 2.0", "a valid integer, got 2.0"),
        (SMALLEST + "[align]\nstar_at_start = 1", "expected a valid boolean, got 1"),
        (SMALLEST + "[align]\nstar_toll = -1", "align.star_toll: expected 0 or above"),
        (SMALLEST + "[align]\nrepeat_cost = -1", "align.repeat_cost: expected 0 or ab"),
        (SMALLEST + "[align]\nomission_cost = -1", "omission_cost: expected 0 or ab"),
        (SMALLEST + "[align]\nfree_star_log_prob = 0.1", "log_prob: expected 0 or be"),
        (SMALLEST + "[align]\nbackend = 'x'", "align.backend: expected one of"),
        (SMALLEST + "[segment]\nmin_sec = 30", "segment: expected 0 < min_sec"),
        (SMALLEST + "[fetch]\nmax_bytes = 0", "max_bytes: expected above 0, got 0"),
        (SMALLEST + "[fetch]\nmax_hours = 0", "fetch.max_hours: expected above 0"),
        (SMALLEST + "[shards]\nsamples_per_shard = 0", "shard: expected above 0"),
        (SMALLEST + "[run]\nworkers = -1", "run.workers: expected 0 or above, got -1"),
        (SMALLEST + "[run]\nmax_audio_hours_in_flight = -1", "flight: expected 0 or"),
        (SMALLEST.replace("demo", "a/b"), "corpus.name: expected a name for files"),
        (SMALLEST.replace("demo", ".."), "corpus.name: expected a name for files"),
        (SMALLEST.replace("demo", ""), "corpus.name: expected a name for files"),
        (SMALLEST + '[select."../x"]\n', "select.../x: expected a name for files"),
        (SMALLEST.replace("in/rows.csv", ""), "corpus.manifest: expected a path"),
        (SMALLEST.replace("in/rows.csv", "ftp://b/m.csv"), "expected a path, s3://"),
        (SMALLEST.replace("in/rows.csv", "file://h/m.csv"), "expected file:///path"),
        (SMALLEST.replace("../out", "ftp://h/o"), "corpus.output: expected a folder"),
        (SMALLEST.replace("../out", "s3://b/a::c"), "without '::'"),
        (SMALLEST.replace("../out", "s3://"), "expected a bucket"),
        (SMALLEST.replace("../out", "s3://me:pw@b/c"), "s3://b/c.*got a name and pass"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_file_and_key(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message) as caught:
        load(tmp_path, text)
    for line in str(caught.value).split("\n"):
        assert line.startswith(str(tmp_path / "corpus.toml"))


@pytest.mark.parametrize(
    "score", ["'autoo'", "'-1'", "true", "-inf", f"-{10**400}", "{}", "[1]", "[]",
              "{ max = 1 }", "{ min = 'x' }", "{ min = nan }", "{ min = 1, max = 2 }",
              "{ min = true }", "{ min = { min = 1 } }"]
)  # fmt: skip
def test_impossible_scores(tmp_path, score):
    expected = r"select.x.score: expected 'auto', a number or { min = number }, got "
    with pytest.raises(ConfigError, match=expected):
        load(tmp_path, SMALLEST + f"[select.x]\nscore = {score}\n")


def test_all_problems_are_told_at_once(tmp_path):
    text = SMALLEST + "[align]\na = 1\n[segment]\nb = 2\n[run]\nworkers = 'c'\n"
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    keys = [line.split(": ")[1] for line in str(caught.value).split("\n")]
    assert keys == ["align.a", "segment.b", "run.workers"]


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigError, match=r"nothing\.toml: cannot be read: No such"):
        load_config(tmp_path / "nothing.toml")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_config(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b"a = '\xe4'")
    with pytest.raises(ConfigError, match="expected TOML in UTF-8"):
        load_config(tmp_path / "latin.toml")


def test_the_description_does_not_tell_where_it_was_made(tmp_path):
    config = load(tmp_path, SMALLEST)
    elsewhere = load(
        tmp_path,
        SMALLEST.replace("../out", "s3://b/o").replace("rows", "other")
        + "[run]\nworkers = 7\n[model]\ndevice = 'cpu'\n[fetch]\nretries = 9\n",
    )
    assert config.as_dict() == elsewhere.as_dict()
    assert json.loads(json.dumps(config.as_dict())) == config.as_dict()
    assert str(tmp_path) not in json.dumps(config.as_dict())


CHOICES = st.fixed_dictionaries(
    {
        "align": st.fixed_dictionaries({"pause_cost": st.floats(0, 100)}),
        "segment": st.fixed_dictionaries({"target_sec": st.floats(2, 20)}),
        "fetch": st.fixed_dictionaries({"max_hours": st.integers(1, 100)}),
        "select.a-1": st.fixed_dictionaries(
            {"score": st.just('"auto"') | st.floats(-9, 0)}
        ),
        "shards": st.fixed_dictionaries({"samples_per_shard": st.integers(1, 9999)}),
    }
)


@settings(deadline=None, max_examples=30)
@given(CHOICES)
def test_what_is_written_is_what_is_described(tmp_path_factory, choices):
    text = SMALLEST
    for section, values in choices.items():
        text += f"[{section}]\n"
        text += "".join(f"{key} = {value}\n" for key, value in values.items())
    described = load(tmp_path_factory.mktemp("c"), text).as_dict()
    for section in ("align", "segment", "fetch", "shards"):
        for key, value in choices[section].items():
            assert described[section][key] == value
    score = choices["select.a-1"]["score"]
    expected = {"min": score} if isinstance(score, float) else "auto"
    assert described["select"]["a-1"]["score"] == expected


def test_configurations_are_frozen_and_travel(tmp_path):
    config = load(tmp_path, SMALLEST)
    assert pickle.loads(pickle.dumps(config)) == config
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.corpus = None  # type: ignore[misc,assignment]
