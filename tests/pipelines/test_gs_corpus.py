"""The same corpus in a bucket of Google's kind, by the code that S3 takes."""

import json

from tests.pipelines.corpora import Speech, contents, run_plainly, write_corpus
from tests.pipelines.gs_server import gs_server


def test_a_corpus_in_a_bucket_of_google_s_is_the_same(
    speech: Speech, tmp_path, monkeypatch, command
):
    with gs_server(tmp_path / "server", "corpora") as (url, bucket):
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
        here = write_corpus(tmp_path, speech, speech.rows(), "")
        there = tmp_path / "there.toml"
        output = "gs://corpora/one"
        text = here.read_text().replace('output = "corpus"', f'output = "{output}"')
        there.write_text(text)
        assert run_plainly(here) == 0
        for _ in range(2):  # the second one finds all done
            assert command("run", there, "--runner", "plain", "--quiet").status == 0
            assert contents(bucket / "one") == contents(tmp_path / "corpus")
        assert command("verify", output).status == 0
        told = json.loads(command("status", output, "--json").out)
        assert (told["state"], told["done"]) == ("finished", len(speech.rows()))
        assert command("prune", there, "--delete").status == 0
        assert contents(bucket / "one") == contents(tmp_path / "corpus")
