import io
import random
import stat
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.archives import ArchiveLimits, Member, opened_archive
from schemas.errors import (
    ArchiveUnusable,
    ConfigError,
    InputError,
    SourceMissing,
    SourceRefused,
    SourceTooLarge,
)

NOISE = random.Random(1).randbytes(200_000)
"""Does not get smaller by packing."""


def zipped(folder: Path, *members: tuple[str | zipfile.ZipInfo, bytes], **more) -> Path:
    path = folder / "a.zip"
    with zipfile.ZipFile(
        path, "w", **{"compression": zipfile.ZIP_DEFLATED, **more}
    ) as file:
        for name, data in members:
            file.writestr(name, data)
    return path


def members_of(path: Path, limits: ArchiveLimits | None = None) -> tuple[Member, ...]:
    with opened_archive(path, limits) as archive:
        return archive.members


def copied(path: Path, name: str) -> bytes:
    target = io.BytesIO()
    with opened_archive(path) as archive:
        assert archive.copy(name, target) == len(target.getvalue())
    return target.getvalue()


NAMES = st.from_regex(r"[a-zé]{1,3}(/[a-z ]{1,2}[a-z]){0,2}\.txt", fullmatch=True)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    contents=st.dictionaries(NAMES, st.binary(max_size=99), max_size=9),
    stored=st.booleans(),
)
def test_what_was_packed_is_unpacked(tmp_path, contents, stored):
    method = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    path = zipped(tmp_path, *contents.items(), compression=method)
    expected = tuple(Member(name, len(data)) for name, data in contents.items())
    assert members_of(path) == expected
    assert {name: copied(path, name) for name in contents} == contents


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_folders_are_no_members(tmp_path):
    path = zipped(tmp_path, ("a/", b""), ("a/b.txt", b"mti"), ("a/", b""))
    assert [member.name for member in members_of(path)] == ["a/b.txt"]


@pytest.mark.parametrize(
    "name",
    ["../a", "a/../../b", "a/..", "..\\a", "a\\..\\..\\b", "/etc/a", "\\a", "C:\\a",
     "c:a", "a\x01b", "a\nb", "./", "é" * 128, "a/" * 512 + "b"],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_refused(tmp_path, name):
    path = zipped(tmp_path, ("good.txt", b"a"), (name, b"b"))
    with pytest.raises(SourceRefused, match=r"a\.zip: .*: expected "):
        members_of(path)


@pytest.mark.parametrize(
    "kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK]
)
def test_links_and_devices_are_refused(tmp_path, kind):
    info = zipfile.ZipInfo("link")
    info.external_attr = (kind | 0o777) << 16
    with pytest.raises(SourceRefused, match="'link': expected a file, got a link"):
        members_of(zipped(tmp_path, (info, b"/etc/passwd")))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("a.txt", "a.txt"), "each name once"),
        (("a/b.txt", "a//b.txt"), "each name once"),
        (("a/b.txt", "./a/b.txt"), "each name once"),
        (("a/b.txt", "a\\b.txt"), "each name once"),
        (("a/b.txt", "a"), "a file or a folder"),
        (("a", "a/b.txt"), "a file or a folder"),
    ],
)
def test_two_members_of_one_place_are_refused(tmp_path, names, told):
    with pytest.raises(ArchiveUnusable, match=told):
        members_of(zipped(tmp_path, *((name, b"") for name in names)))


def test_bombs_are_refused_by_their_ratio(tmp_path):
    path = zipped(tmp_path, ("bomb.wav", bytes(5_000_000)))
    with pytest.raises(SourceTooLarge, match=r"'bomb.wav': expected at most 200 times"):
        members_of(path)
    assert members_of(path, ArchiveLimits(max_ratio=2_000))


def test_small_members_may_be_as_empty_as_they_like(tmp_path):
    assert members_of(zipped(tmp_path, ("blank.txt", b" " * 1_000_000)))


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"max_members": 2}, "at most 2 members, got 3"),
        ({"max_directory_bytes": 100}, "a list of members of at most 100 bytes"),
        ({"max_member_bytes": 199_999}, "'b': expected at most 199999 bytes"),
        ({"max_total_bytes": 400_000}, "at most 400000 bytes unpacked, got 400010"),
    ],
)  # fmt: skip
def test_each_limit_is_kept(tmp_path, limits, told):
    path = zipped(tmp_path, ("a", b"x" * 10), ("b", NOISE), ("c", NOISE))
    assert len(members_of(path)) == 3
    with pytest.raises(SourceTooLarge, match=told):
        members_of(path, ArchiveLimits(**limits))


def test_a_directory_that_claims_gigabytes_is_not_read(tmp_path):
    path = zipped(tmp_path, ("a", b"x"))
    data = bytearray(path.read_bytes())
    struct.pack_into("<L", data, len(data) - 22 + 12, 0xF0000000)
    path.write_bytes(data)
    with pytest.raises((SourceTooLarge, ArchiveUnusable)):
        members_of(path)


def directory_of(data: bytes) -> int:
    return data.rindex(b"PK\x01\x02")


def rewritten(path: Path, at: int, form: str, value: int) -> Path:
    """Change a field of the last member's entry in the directory."""
    data = bytearray(path.read_bytes())
    struct.pack_into(form, data, directory_of(data) + at, value)
    path.write_bytes(data)
    return path


def test_encrypted_members_are_refused(tmp_path):
    path = rewritten(zipped(tmp_path, ("a.txt", b"siri")), 8, "<H", 1)
    with pytest.raises(ArchiveUnusable, match=r"'a.txt': expected no password"):
        members_of(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(tmp_path, method):
    path = zipped(tmp_path, ("a", b"a" * 9), compression=method)
    with pytest.raises(ArchiveUnusable, match=f"got method {method}"):
        members_of(path)


def test_members_that_share_their_bytes_are_refused(tmp_path):
    path = zipped(tmp_path, ("a", NOISE), ("b", NOISE))
    rewritten(path, 42, "<L", 0)
    with pytest.raises(ArchiveUnusable, match="expected bytes of its own, got 'a'"):
        members_of(path)


@pytest.mark.parametrize("size", [1, 199_999, 200_001, 300_000])
def test_a_size_that_is_not_true_is_found_while_unpacking(tmp_path, size):
    path = rewritten(zipped(tmp_path, ("a", NOISE)), 24, "<L", size)
    with pytest.raises(ArchiveUnusable):
        copied(path, "a")


def test_other_bytes_than_were_packed_are_found(tmp_path):
    path = zipped(tmp_path, ("a", NOISE), compression=zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[1_000] ^= 1
    path.write_bytes(data)
    with pytest.raises(ArchiveUnusable, match="whole zip archive: Bad CRC-32"):
        copied(path, "a")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_archive_is_refused(tmp_path, share):
    path = zipped(tmp_path, ("a", NOISE), ("b", NOISE))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ArchiveUnusable, match="expected a whole zip archive"):
        members_of(path)


def test_what_is_not_there_is_told(tmp_path):
    with pytest.raises(SourceMissing, match=r"none\.zip: expected an archive"):
        members_of(tmp_path / "none.zip")
    with pytest.raises(SourceMissing):
        members_of(tmp_path)
    with pytest.raises(SourceMissing, match="'b': expected a file in the archive"):
        copied(zipped(tmp_path, ("a", b"")), "b")


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_damaged_only_an_inputs_own_error_comes_of_it(tmp_path, data):
    path = zipped(tmp_path, ("a/b.txt", b"moja " * 30), ("c", NOISE[:50]))
    octets = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(
            st.integers(0, 255)
        )
    path.write_bytes(octets)
    try:
        with opened_archive(path) as archive:
            for member in archive.members:
                archive.copy(member.name, io.BytesIO())
    except InputError as error:
        assert str(path) in str(error)


def test_limits_that_are_none_are_refused():
    with pytest.raises(
        ConfigError, match=r"archive\.max_members: expected above 0, got 0"
    ):
        ArchiveLimits(max_members=0)
