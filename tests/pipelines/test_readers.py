"""Which recordings a reader is learnt from: the first few that are aligned."""

import random

from pipelines.readers import plan_readers, sources_of_reader
from schemas.source import Recording


def recording(name: str, reader: str = "ann", **changes) -> Recording:
    fields = {"language": "swh", "audio": f"{name}.mp3", "text": f"{name}.txt"}
    return Recording(recording_id=name, reader=reader, **{**fields, **changes})


def test_the_first_by_id_whatever_the_order():
    rows = [recording(name) for name in "abcdef"]
    rows += [recording("0", text=None), recording("1", timing="1.json")]
    rows += [recording("2", language="rus"), recording("3", reader="bob")]
    for seed in range(5):
        mixed = random.Random(seed).sample(rows, len(rows))
        plan = plan_readers(mixed)
        chosen = {reader: [r.recording_id for r in own] for reader, own in plan.items()}
        assert chosen == {
            ("swh", "ann"): ["a", "b", "c"],
            ("rus", "ann"): ["2"],
            ("swh", "bob"): ["3"],
        }


def test_a_recording_without_a_reader_stands_for_itself():
    rows = [recording("a", reader=""), recording("b", reader="")]
    plan = plan_readers(rows)
    assert plan == {}
    assert [sources_of_reader(row, plan) for row in rows] == [(row,) for row in rows]
