import socket
from typing import Any

import pytest

from pipelines.fetch_limits import FetchLimits
from pipelines.sources.bible_brain_answers import DownloadAnswer, OneBible
from pipelines.sources.bible_brain_client import (
    BibleBrainClient,
    NotAllowed,
    checked_address,
    read_key,
)
from schemas.errors import ConfigError, FetchFailed, SourceMissing, SourceRefused
from tests.pipelines.sources.bible_brain_server import (
    KEY,
    Bible,
    answer_with,
    broken_json,
    dripping,
    stalled,
    truncated,
)

QUICK = FetchLimits(backoff_sec=0.001, backoff_max_sec=0.01, retries=2, timeout_sec=5)
IMPATIENT = FetchLimits(backoff_sec=0.001, retries=0, timeout_sec=0.2)


@pytest.fixture
def client(bible_brain) -> BibleBrainClient:
    audio = {"id": "SWHABCN1DA", "type": "audio", "size": "NT"}
    other = [{**audio, "id": f"SWHAB{i}N1DA"} for i in range(1, 5)]
    bible_brain.bibles = [Bible("SWHABC", "swh", [audio, *other], [])]
    return BibleBrainClient(KEY, bible_brain.url, QUICK)


def test_an_answer_is_checked_and_the_key_goes_into_the_question(client, bible_brain):
    bible = client.get("bibles/SWHABC", OneBible).data
    assert (bible.abbr, bible.iso) == ("SWHABC", "swh")
    ((path, query),) = bible_brain.asked
    assert path == "/api/bibles/SWHABC"
    assert query == {"v": "4", "limit": "50", "key": KEY}


def test_all_pages_are_read(client, bible_brain):
    listed = client.get_pages("download/list", DownloadAnswer, type="audio")
    assert [answer.fileset_id for answer in listed] == [
        "SWHABCN1DA", *(f"SWHAB{i}N1DA" for i in range(1, 5))
    ]  # fmt: skip
    assert [query["page"] for _, query in bible_brain.asked] == ["1", "2", "3"]


@pytest.mark.parametrize(
    "fault",
    [
        answer_with(429, Retry_After="1"),
        answer_with(503),
        answer_with(500),
        broken_json,
        truncated,
    ],
)
def test_what_passes_is_asked_again(client, bible_brain, fault):
    bible_brain.faults["/api/bibles/SWHABC"] = [fault, fault]
    assert client.get("bibles/SWHABC", OneBible).data.abbr == "SWHABC"
    assert len(bible_brain.asked) == 3


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (answer_with(429), r"HTTP 429 \(No\), after 3 attempts"),
        (broken_json, "expected JSON, got 25 bytes"),
        (truncated, "got 10 of 5000 bytes"),
    ],
)
def test_what_does_not_pass_fails(client, bible_brain, fault, said):
    bible_brain.faults["/api/bibles/SWHABC"] = [fault] * 3
    with pytest.raises(FetchFailed, match=said):
        client.get("bibles/SWHABC", OneBible)


@pytest.mark.parametrize(
    ("fault", "said"), [(stalled, "broke off"), (dripping, "slower than 1024 bytes")]
)
def test_slow_answers_do_not_hold_for_ever(bible_brain, fault, said):
    client = BibleBrainClient(KEY, bible_brain.url, IMPATIENT)
    bible_brain.faults["/api/bibles/SWHABC"] = [fault]
    with pytest.raises(FetchFailed, match=said):
        client.get("bibles/SWHABC", OneBible)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, ConfigError),
        (403, NotAllowed),
        (404, SourceMissing),
        (400, FetchFailed),
    ],
)
def test_other_answers_are_told_at_once_without_the_key(
    client, bible_brain, status, error
):
    fault = answer_with(status, f"no,\n not with {KEY}")
    bible_brain.faults["/api/bibles/SWHABC"] = [fault]
    with pytest.raises(error) as caught:
        client.get("bibles/SWHABC", OneBible)
    assert f"HTTP {status} (no, not with ***)" in str(caught.value).replace(
        "got HTTP", "HTTP"
    )
    assert len(bible_brain.asked) == 1


def test_the_key_does_not_go_where_a_server_leads(client, bible_brain):
    elsewhere = f"{bible_brain.url}/bibles/ELSEWHERE"
    fault = answer_with(302, Location=elsewhere)
    bible_brain.faults["/api/bibles/SWHABC"] = [fault]
    with pytest.raises(FetchFailed, match="at most 0 redirects") as caught:
        client.get("bibles/SWHABC", OneBible)
    assert KEY not in str(caught.value)
    assert bible_brain.paths() == ["/api/bibles/SWHABC"]


def test_the_key_is_in_no_message_and_no_trace(client, bible_brain):
    assert KEY not in repr(client)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        server = f"http://127.0.0.1:{unused.getsockname()[1]}"
        away = BibleBrainClient(KEY, server, IMPATIENT)
        with pytest.raises(FetchFailed, match="no answer") as caught:
            away.get("bibles", OneBible)
    # A cause would carry the whole address into tracebacks.
    assert caught.value.__cause__ is None and caught.value.__suppress_context__
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("answer", [[], {"data": {}}, {"data": {"abbr": ["x"]}}])
def test_an_answer_of_another_kind_is_told(client, bible_brain, answer: Any):
    bible_brain.faults["/api/bibles/SWHABC"] = [lambda h: h.json(answer)]
    with pytest.raises(FetchFailed, match="expected an answer as documented"):
        client.get("bibles/SWHABC", OneBible)


def test_the_key_does_not_go_over_an_open_line():
    with pytest.raises(ConfigError, match="expected https://"):
        BibleBrainClient(KEY, "http://example.org/api")
    BibleBrainClient(KEY, "https://example.org/api")


@pytest.mark.parametrize(
    "server",
    [
        "https://me:hush-hush@example.org/api",
        "https://example.org/api?token=hush-hush",
        "https://[::1",
        "example.org/api",
        "https:///api",
    ],
)
def test_a_server_is_host_and_path(server):
    """Every message names it."""
    with pytest.raises(ConfigError, match="--server: expected") as caught:
        BibleBrainClient(KEY, server)
    assert "hush" not in str(caught.value)


def test_a_key_is_not_told_in_the_form_that_addresses_have(bible_brain):
    client = BibleBrainClient("a+key/with=signs&more", bible_brain.url, IMPATIENT)
    said = "got key=a%2Bkey%2Fwith%3Dsigns%26more or a%2Bkey/with%3Dsigns%26more"
    bible_brain.faults["/api/bibles"] = [answer_with(400, said)]
    with pytest.raises(FetchFailed, match=r"\(got key=\*\*\* or \*\*\*\)"):
        client.get("bibles", OneBible)


@pytest.mark.parametrize("address", ["/etc/passwd", "file:///etc/passwd", "s3://b/k"])
def test_the_server_cannot_name_local_files(address):
    with pytest.raises(SourceRefused, match="expected an address with https://"):
        checked_address(address, "x")


def test_the_key_is_read_from_a_file_or_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("PERICOPE_DBP_KEY", f" {KEY}\n")
    assert read_key(None) == KEY
    file = tmp_path / "key"
    file.write_text("another-key-1\n")
    assert read_key(file) == "another-key-1"
    file.write_text("two words-of-a-key")
    with pytest.raises(ConfigError, match="got 18 characters") as caught:
        read_key(file)
    assert "words" not in str(caught.value)
    monkeypatch.delenv("PERICOPE_DBP_KEY")
    with pytest.raises(ConfigError, match="got nothing"):
        read_key(None)
