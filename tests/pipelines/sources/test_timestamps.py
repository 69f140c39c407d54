import json

import pytest

from pipelines.sources.timestamps import agreement, start_differences
from pipelines.tables import read_alignments
from schemas.errors import ArtifactError, ConfigError


def write(folder, recording_id: str, starts: dict[str, float]) -> None:
    verses = [{"verse": verse, "start_sec": sec} for verse, sec in starts.items()]
    document = {"recording_id": recording_id, "verses": verses}
    (folder / f"{recording_id}.json").write_text(json.dumps(document))


def test_starts_are_compared_with_those_of_the_source(finished, tmp_path, command):
    rows = list(read_alignments(str(finished), "swh"))
    starts = {row.verse.verse: row.verse.start_sec for row in rows}
    assert len(starts) > 2
    said = {verse: sec - 0.25 for verse, sec in starts.items()}
    first, *_ = starts
    said[first] = starts[first] + 3.0
    write(tmp_path, "swh-mrk-001", {**said, "99": 1.0})
    (row,) = agreement(start_differences(rows, tmp_path))
    assert (row.language, row.recordings, row.verses) == ("swh", 1, len(starts))
    assert row.median_sec == pytest.approx(0.25)
    assert row.shift_sec == pytest.approx(0.25)
    assert row.gross_share == pytest.approx(1 / len(starts))
    done = command("inspect", finished, "--timestamps", tmp_path, "--worst", 1)
    assert done.status == 0
    assert f"swh-mrk-001 {first}: " in done.out and "0.25" in done.out


def test_a_bridge_is_compared_by_its_first_verse(finished, tmp_path):
    rows = list(read_alignments(str(finished), "rus"))
    number = rows[0].verse.verse
    write(tmp_path, "rus-jhn-001", {number.partition("-")[0]: 0.0})
    (difference,) = start_differences(rows, tmp_path)
    assert difference.verse == number
    assert difference.difference_sec == rows[0].verse.start_sec


def test_what_is_not_there_or_damaged_is_told(finished, tmp_path):
    rows = list(read_alignments(str(finished)))
    assert agreement(start_differences(rows, tmp_path)) == []
    with pytest.raises(ConfigError, match="--timestamps"):
        list(start_differences(rows, tmp_path / "nowhere"))
    (tmp_path / "swh-mrk-001.json").write_text('{"verses": [{"verse": "1"}]}')
    with pytest.raises(ArtifactError, match="delete it"):
        list(start_differences(rows, tmp_path))
