import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.addresses import (
    identity_of_uri,
    local_path_of,
    redact_uri,
    resolve_address,
    scheme_of,
)
from schemas.errors import SourceRefused


@pytest.mark.parametrize(
    ("address", "scheme", "path"),
    [
        ("a/b.mp3", "", "a/b.mp3"),
        ("file:///a/b%20c.mp3", "file", "/a/b c.mp3"),
        ("file://localhost/a", "file", "/a"),
        ("HTTPS://h.example/a", "https", None),
        ("s3://bucket/a", "s3", None),
        ("c:/a", "", "c:/a"),
    ],
)
def test_schemes_and_local_paths(address, scheme, path):
    assert scheme_of(address) == scheme
    assert local_path_of(address) == path


def test_a_file_uri_of_another_host_is_refused():
    with pytest.raises(SourceRefused, match=r"file://other/a: expected file:///path"):
        local_path_of("file://me:secret@other/a")


@pytest.mark.parametrize(
    "cell",
    ["../a.mp3", "/etc/passwd", "x/../../a", "out/a.mp3", "file:///etc/passwd",
     "link.mp3", "loop/../../a"],
)  # fmt: skip
def test_paths_that_lead_out_are_refused_unless_allowed(tmp_path, cell):
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "out").symlink_to("..")
    (folder / "link.mp3").symlink_to("../secret.mp3")
    (folder / "loop").symlink_to("loop")
    with pytest.raises(SourceRefused, match="allow_outside"):
        resolve_address(cell, folder, allow_outside=False)
    assert os.path.isabs(resolve_address(cell, folder, allow_outside=True))


def test_paths_inside_come_back_absolute_without_links(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "a").symlink_to("b")
    real = Path(os.path.realpath(tmp_path))
    for cell in (
        "a/x.mp3",
        "b/x.mp3",
        f"{tmp_path}/b/x.mp3",
        f"file://{tmp_path}/a/x.mp3",
    ):
        resolved = resolve_address(cell, tmp_path, allow_outside=False)
        assert resolved == str(real / "b" / "x.mp3")


def test_a_folder_with_the_same_beginning_is_outside(tmp_path):
    folder = tmp_path / "corpus"
    with pytest.raises(SourceRefused):
        resolve_address("../corpus-two/a.mp3", folder, allow_outside=False)


@pytest.mark.parametrize(
    "uri",
    ["http://h.example/a?b=c", "https://u:p@h.example:81/", "s3://b/k", "gs://b/k/l"],
)
def test_remote_uris_stay_as_they_are(uri):
    assert resolve_address(uri, Path("/nowhere"), allow_outside=False) == uri


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("ftp://u:secret@h.example/a", "ftp://h.example/a: expected .* scheme 'ftp'"),
        ("memory://a", "scheme 'memory'"),
        ("http://", "expected a host"),
        ("http://[::1/a", r"http://\(unreadable\): expected a host"),
        ("http://h.example:port/a", "expected a host"),
        ("s3://bucket", "expected a bucket and a key"),
        ("gs:///key", "expected a bucket and a key"),
    ],
)
def test_other_schemes_and_half_uris_are_refused(uri, message):
    with pytest.raises(SourceRefused, match=message):
        resolve_address(uri, Path("/nowhere"), allow_outside=True)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("/a/b?token=1", "/a/b?token=1"),
        ("https://u:pw@h.example/a", "https://h.example/a"),
        ("https://h.example/a?id=3&token=pw#pw", "https://h.example/a?id=3&token=***"),
        (
            "https://h.example/a?X-Amz-Signature=pw&X-Amz-Credential=pw&part=1",
            "https://h.example/a?X-Amz-Signature=***&X-Amz-Credential=***&part=1",
        ),
        ("https://h.example/a?%73ig=pw&api_key=pw", "https://h.example/a?%73ig=***&api_key=***"),
        ("https://u:pw@[h/a", "https://(unreadable)"),
        ("s3://id:pw@bucket/a#1?b", "s3://bucket/a#1?b"),
        ("ftp://u:pw@h.example/a?key=pw", "ftp://h.example/a?key=***"),
    ],
)  # fmt: skip
def test_secrets_are_not_shown(uri, shown):
    assert redact_uri(uri) == shown


@settings(deadline=None)
@given(st.from_regex(r"[A-Za-z0-9._~%-]{1,20}", fullmatch=True))
def test_no_password_survives(password):
    shown = redact_uri(
        f"https://reader:{password}ZQ@h.example/a?access_token={password}ZQ"
    )
    assert "ZQ" not in shown


def test_the_identity_forgets_signatures_but_nothing_else():
    plain = "https://h.example/a?file=1"
    signed = [
        f"{plain}&X-Amz-Signature=1&X-Amz-Date=2",
        f"{plain}&X-Goog-Signature=1&X-Goog-Expires=2",
        f"{plain}&AWSAccessKeyId=1&Signature=2&Expires=3",
        f"{plain}&sv=1&se=2&sig=3",
        "https://me:pw@h.example/a?file=1#part",
    ]
    assert {identity_of_uri(uri) for uri in signed} == {plain}
    different = [
        plain,
        "https://h.example/a?file=2",
        *(f"{plain}&{more}" for more in ("key=1", "key=2", "Expires=3", "sv=1")),
        *("s3://b/a", "s3://b/a#1", "s3://b/a#2", "s3://b/a?x-amz-signature=1"),
    ]
    assert len({identity_of_uri(uri) for uri in different}) == len(different)
