"""Runs that refuse what reads another text than its own."""

import shutil

import pytest

from pipelines.tables import read_ledger, read_rejects, read_segments
from tests.pipelines.corpora import contents, run_plainly, write_corpus, write_manifest
from tests.pipelines.test_checking import swapped_rows

CHECK = "[identity]\ncheck = true\n"


@pytest.fixture
def toml(speech, tmp_path):
    return write_corpus(tmp_path, speech, swapped_rows(speech), CHECK)


def test_swapped_files_are_rejected_with_the_likely_right_one(toml, speech):
    output = toml.parent / "corpus"
    assert run_plainly(toml) == 2
    rejects = {reject.key: reject for reject in read_rejects(str(output))}
    assert {reject.reason for reject in rejects.values()} == {"wrong_chapter"}
    assert "heard that of swh-mrk-001 (swh MRK 1;" in rejects["swh-luk-001"].message
    # Their audio is of use without the text.
    unread = {s.recording_id for s in read_segments(str(output)) if s.source}
    assert unread == {entry.recording for entry in read_ledger(str(output), "swh")}
    assert unread == set(rejects)
    write_manifest(toml.parent, speech.rows())
    assert run_plainly(toml) == 0


def test_beam_writes_what_a_plain_list_writes(toml, forks):
    output = toml.parent / "corpus"
    assert run_plainly(toml) == 2
    plain = contents(output)
    shutil.rmtree(output)
    ended = forks.run("run", toml, "--workers", "2")
    assert ended.status == 3, ended.stderr
    assert contents(output) == plain


def test_without_the_check_nothing_is_looked_for(speech, tmp_path):
    toml = write_corpus(tmp_path, speech, swapped_rows(speech))
    assert run_plainly(toml) == 0
    assert not (tmp_path / "corpus" / "store" / "identity").exists()
    assert not (tmp_path / "corpus" / "store" / "texts").exists()
