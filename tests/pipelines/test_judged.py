"""Selections over labels: verdicts against plain Python, and what does not fit."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.config import load_config
from pipelines.criteria import Criteria, Rule
from pipelines.label_store import write_document, write_parts
from pipelines.select import select_segments
from pipelines.selections import read_selection
from pipelines.tables import write_rows
from schemas.errors import ArtifactError, ConfigError
from schemas.labels import PseudoLabel
from schemas.tables import SEGMENT_TABLE
from tests.builders import make_segment

NAN = math.nan
RATES = st.sampled_from([0.02, 0.09, 0.1, 0.3, NAN])


def label(segment, **changes) -> PseudoLabel:
    own = {
        name: getattr(segment, name)
        for name in PseudoLabel.__annotations__
        if hasattr(segment, name)
    }
    fields = {
        "is_empty": False,
        "posterior": 0.9,
        "words_per_sec": NAN,
        "words_per_sec_z": NAN,
        "is_feasible": True,
        "lm_score": NAN,
        "expected_cer": 0.05,
        "teacher": "t",
        "decoder": "greedy",
    }
    return PseudoLabel(**{**own, **fields, **changes})


def write(root, rates, name="heard", teacher="t"):
    """Segments with and without text, and labels of the latter."""
    found = []
    for language in ("aaa", "bbb"):
        with_text = [make_segment(k, k + 1, language=language) for k in range(3)]
        bare = [
            make_segment(
                100 + k, 101 + k, recording_id=f"{language}-x", language=language,
                source="recording", text="", words=(), snr_db=float(k),
            )
            for k in range(len(rates))
        ]  # fmt: skip
        write_rows(str(root), SEGMENT_TABLE, [*with_text, *bare], language)
        own = [
            label(segment, expected_cer=rate, text="abc", source="recording")
            for segment, rate in zip(bare, rates, strict=True)
        ]
        write_parts(str(root), name, language, own)
        found += zip(bare, own, strict=True)
    document = {"languages": {"aaa": {}, "bbb": {}}, "teacher": teacher}
    write_document(str(root), name, document)
    return found


def select(root, *rules, labels="heard", **options):
    criteria = Criteria(tuple(Rule(rule) for rule in rules), labels=labels)
    return select_segments(str(root), "s", criteria, **options)


@settings(max_examples=4)
@given(st.lists(RATES, min_size=1, max_size=12))
def test_verdicts_are_those_of_plain_python(tmp_path_factory, rates):
    root = tmp_path_factory.mktemp("corpus")
    found = write(root, rates)
    rule = "expected_cer < 0.1 and snr_db >= 3 and text = 'abc'"
    made = select(root, rule, allow_empty=True)
    verdicts = read_selection(str(root), "s")
    assert list(verdicts) == [own.key for _, own in found]
    for segment, own in found:
        reasons = []
        if math.isnan(own.expected_cer):
            reasons.append("no_expected_cer")
        elif own.expected_cer >= 0.1:
            reasons.append("expected_cer < 0.1")
        if segment.snr_db < 3:
            reasons.append("snr_db >= 3")
        assert list(verdicts[own.key].reasons) == reasons
    assert made.summary["rules"]["labels"]["name"] == "heard"
    assert not select(root, rule, allow_empty=True).is_new


def test_other_labels_are_another_version(tmp_path):
    write(tmp_path, [0.05, 0.2])
    assert select(tmp_path, "expected_cer < 0.1").summary["version"]["number"] == 1
    write(tmp_path, [0.05, 0.2], teacher="another")
    assert select(tmp_path, "expected_cer < 0.1").summary["version"]["number"] == 2


def test_segments_with_text_know_nothing_of_labels(tmp_path):
    write(tmp_path, [0.05])
    with pytest.raises(ConfigError, match="unknown column 'expected_cer'"):
        select(tmp_path, "expected_cer < 0.1", labels="")
    select(tmp_path, "score > -1", labels="")
    assert len(read_selection(str(tmp_path), "s")) == 3


def test_labels_that_do_not_fit_are_refused(tmp_path):
    write(tmp_path, [0.05, 0.2])
    with pytest.raises(ConfigError, match="no finished labels 'other'"):
        select(tmp_path, "expected_cer < 0.1", labels="other")
    gone = [make_segment(k, k + 1, language="bbb") for k in range(3)]
    write_rows(str(tmp_path), SEGMENT_TABLE, gone, "bbb")
    with pytest.raises(ArtifactError, match="2 of 4 are of segments that"):
        select(tmp_path, "expected_cer < 0.1")
    part = tmp_path / "labels/heard/language=aaa/part-000000.parquet"
    part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(ArtifactError, match="part-000000"):
        select(tmp_path, "expected_cer < 0.1")


@pytest.mark.parametrize(
    "changes", [{"split": "test"}, {"source": "star"}, {"source": "", "text": "abc"}]
)
def test_labels_of_segments_that_went_elsewhere_are_refused(tmp_path, changes):
    found = write(tmp_path, [0.05, 0.2])
    bare = [segment for segment, _ in found if segment.language == "bbb"]
    moved = [replace(bare[0], **changes), bare[1]]
    write_rows(str(tmp_path), SEGMENT_TABLE, moved, "bbb")
    with pytest.raises(ArtifactError, match="1 of 4 are of segments that"):
        select(tmp_path, "expected_cer < 0.1")


def test_half_written_labels_are_not_finished(tmp_path):
    """As a kill leaves them: one language anew, the other as it was."""
    found = write(tmp_path, [0.05, 0.2])
    select(tmp_path, "expected_cer < 0.1")
    own = [replace(x, text="xyz") for _, x in found if x.language == "aaa"]
    write_parts(str(tmp_path), "heard", "aaa", own)
    with pytest.raises(ConfigError, match="no finished labels 'heard'"):
        select(tmp_path, "expected_cer < 0.1")


def test_languages_that_are_gone_are_removed(tmp_path):
    write(tmp_path, [0.05])
    write_document(str(tmp_path), "heard", {"languages": {"aaa": {}}})
    assert not list(tmp_path.glob("labels/heard/language=bbb/*"))
    assert list(tmp_path.glob("labels/heard/language=aaa/*"))


CONFIG = '[corpus]\nname = "c"\nmanifest = "m.csv"\noutput = "out"\n'


def test_a_configured_selection_may_be_of_labels(tmp_path, command):
    toml = tmp_path / "corpus.toml"
    (tmp_path / "m.csv").write_text("recording_id,language,audio,text\n")
    toml.write_text(
        f'{CONFIG}[select.sure]\nlabels = "heard"\nwhere = "expected_cer < 0.1"\n'
    )
    write(tmp_path / "out", [0.05, 0.2])
    done = command("select", toml, "sure", "--json")
    assert done.status == 0, done.err
    assert json.loads(done.out)["languages"]["aaa"]["kept_segments"] == 1
    again = command(
        "select", toml, "mine", "--labels", "heard", "--where", "posterior > 0"
    )
    assert again.status == 0, again.err
    assert len(read_selection(str(tmp_path / "out"), "mine")) == 4


def test_the_ledgers_selection_is_of_texts(tmp_path):
    toml = tmp_path / "corpus.toml"
    toml.write_text(f'{CONFIG}[select.default]\nlabels = "heard"\n')
    with pytest.raises(ConfigError, match=r"select\.default\.labels"):
        load_config(toml)
