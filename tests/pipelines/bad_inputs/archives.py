"""Zip archives that are refused."""

import functools
import io
import stat
import struct
import warnings
import zipfile

_TEXT = b"maji mengi\n" * 50
_DIRECTORY = b"PK\x01\x02"


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = 8) -> bytes:
    buffer = io.BytesIO()
    with (
        warnings.catch_warnings(action="ignore", category=UserWarning),
        zipfile.ZipFile(buffer, "w", compression=method) as archive,
    ):
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


def patched(archive: bytes, at: int, form: str, value: int) -> bytes:
    """Change a field of the last entry in the directory."""
    data = bytearray(archive)
    struct.pack_into(form, data, archive.rindex(_DIRECTORY) + at, value)
    return bytes(data)


def special(kind: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("special")
    info.external_attr = (kind | 0o777) << 16
    return info


@functools.cache
def bad_archives() -> dict[str, bytes]:
    """Return archives by kind; each holds a good text besides what is wrong."""
    good = ("good.txt", _TEXT)
    whole = zipped(good, ("second.txt", _TEXT))
    names = {
        "zip-leads-out": "../evil.txt",
        "zip-leads-out-later": "a/b/../../../evil.txt",
        "zip-leads-out-by-backslash": "..\\..\\evil.txt",
        "zip-absolute": "/etc/evil.txt",
        "zip-of-a-drive": "C:\\evil.txt",
        "zip-name-with-control": "evil\x1b[31m.txt",
        "zip-name-twice": "good.txt",
        "zip-name-twice-otherwise": "./good.txt",
        "zip-below-a-file": "good.txt/evil.txt",
    }
    damaged = bytearray(whole)
    damaged[60:70] = b"\xff" * 10
    return {
        **{name: zipped(good, (inside, _TEXT)) for name, inside in names.items()},
        "zip-link": zipped(good, (special(stat.S_IFLNK), b"/etc/passwd")),
        "zip-device": zipped(good, (special(stat.S_IFCHR), b"")),
        "zip-pipe": zipped(good, (special(stat.S_IFIFO), b"")),
        "zip-bomb": zipped(good, ("zeros.wav", bytes(2**24))),
        "zip-claims-terabytes": patched(whole, 24, "<L", 0xFFFFFFF0),
        "zip-many-members": zipped(*((f"{n}.txt", b"") for n in range(2_001))),
        "zip-many-bytes": zipped(*((f"{n}.txt", b"%d" % n * 60_000) for n in range(9)),
                                 method=zipfile.ZIP_STORED),
        "zip-encrypted": patched(whole, 8, "<H", 1),
        "zip-bzip2": zipped(good, method=zipfile.ZIP_BZIP2),
        "zip-lzma": zipped(good, method=zipfile.ZIP_LZMA),
        "zip-method-unknown": patched(whole, 10, "<H", 99),
        "zip-shared-bytes": patched(whole, 42, "<L", 0),
        "zip-wrong-sum": patched(whole, 16, "<L", 1),
        "zip-size-too-small": patched(whole, 24, "<L", 5),
        "zip-size-too-large": patched(whole, 24, "<L", 5_000),
        "zip-broken-off": whole[:-40],
        "zip-begins-late": whole[30:],
        "zip-empty-file": b"",
        "zip-is-a-page": b"<html>" * 50,
        "zip-damaged-inside": bytes(damaged),
    }  # fmt: skip
