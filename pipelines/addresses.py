"""Where a source lies: local paths and URIs, what they may be and how they are told."""

import os
import posixpath
import re
from pathlib import Path
from urllib.parse import SplitResult, unquote, unquote_plus, urlsplit

from schemas.errors import SourceRefused

HTTP_SCHEMES = ("http", "https")
OBJECT_SCHEMES = ("s3", "gs")
# In these "?" and "#" are characters of a name.
_WHOLE_PATHS = ("", "file", "memory", *OBJECT_SCHEMES)

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SECRET = re.compile(
    r"x-amz-.*|x-goog-.*|sig|.*(signature|token|secret|passw|pwd|auth|credential).*"
    r"|.*(api|access|private)[-_]?key.*|key|awsaccesskeyid|googleaccessid|policy|code"
)
# How a signed address looks: a parameter that only signatures have, and all of theirs.
# Signatures run out, so the same file has another one in every run.
_SIGNATURES = (
    ("x-amz-signature", re.compile(r"x-amz-.*")),
    ("x-goog-signature", re.compile(r"x-goog-.*")),
    ("awsaccesskeyid", re.compile(r"awsaccesskeyid|signature|expires|x-amz-.*")),
    ("googleaccessid", re.compile(r"googleaccessid|signature|expires")),
    ("key-pair-id", re.compile(r"key-pair-id|signature|expires|policy")),
    ("sig", re.compile(r"sig|s[vetprs]|spr|sip|srt|sk(e|s|t|v|oid|tid)")),
)


def scheme_of(address: str) -> str:
    """Return the scheme of a URI in lower case, "" for a plain path."""
    match = _SCHEME.match(address)
    return match[1].lower() if match else ""


def local_path_of(address: str) -> str | None:
    """Return the path of a plain path or ``file://`` URI, None for any other scheme.

    Raises:
      SourceRefused: the ``file://`` URI names another host.
    """
    scheme = scheme_of(address)
    if scheme == "":
        return address
    if scheme != "file":
        return None
    host, slash, path = address.partition("://")[2].partition("/")
    if host not in ("", "localhost"):
        raise SourceRefused(f"{redact_uri(address)}: expected file:///path and no host")
    return unquote(slash + path)


def resolve_address(cell: str, folder: Path | str, *, allow_outside: bool) -> str:
    """Return a remote URI unchanged, a local path absolute and free of symbolic links.

    Beside a manifest in a bucket a relative path is that of an object.

    Args:
      cell: a path relative to ``folder``, an absolute path, or a URI.
      folder: where the manifest lies, a path or a URI.
      allow_outside: whether a local path may lead out of ``folder``.

    Raises:
      SourceRefused: the scheme is unknown, the URI incomplete, or the path leads out.
    """
    written = local_path_of(cell)
    if written is None:
        check_remote_uri(cell)
        return cell
    if local_path_of(str(folder)) is None:
        return _beside_object(written, str(folder), allow_outside=allow_outside)
    base = os.path.realpath(folder)
    path = os.path.realpath(os.path.join(base, written))
    if not allow_outside and not Path(path).is_relative_to(base):
        raise SourceRefused(
            f"{cell}: leads to {os.path.relpath(path, base)}, outside of the "
            "manifest's folder; move it there or set allow_outside = true in [corpus]"
        )
    return path


def folder_of(address: str) -> str:
    """Return the folder of a file: the URI of one in a bucket, else its real path."""
    path = local_path_of(address)
    if path is None:
        return address.rpartition("/")[0]
    return os.path.realpath(os.path.dirname(path))


def _beside_object(path: str, folder: str, *, allow_outside: bool) -> str:
    scheme, _, base = folder.partition("://")
    if os.path.isabs(path):
        leads_out, address = True, os.path.realpath(path)
    else:
        inner = posixpath.normpath(f"{base}/{path}")
        leads_out = not inner.startswith(f"{base}/")
        address = f"{scheme}://{inner}"
        check_remote_uri(address)
    if leads_out and not allow_outside:
        raise SourceRefused(
            f"{path}: leads to {address}, outside of the manifest's folder {folder}; "
            "move it there or set allow_outside = true in [corpus]"
        )
    return address


def check_remote_uri(uri: str) -> None:
    """Refuse what cannot be fetched.

    Raises:
      SourceRefused: the scheme is none of http, https, s3, gs, or a part is missing.
    """
    scheme = scheme_of(uri)
    if scheme in HTTP_SCHEMES:
        parts = _split(uri)
        if parts is None or not parts.hostname:
            raise SourceRefused(f"{redact_uri(uri)}: expected a host after ://")
        return
    if scheme not in OBJECT_SCHEMES:
        raise SourceRefused(
            f"{redact_uri(uri)}: expected a path or one of file, "
            f"{', '.join((*HTTP_SCHEMES, *OBJECT_SCHEMES))}, got the scheme {scheme!r}"
        )
    bucket, _, key = uri.partition("://")[2].partition("/")
    if not bucket or not key:
        raise SourceRefused(f"{redact_uri(uri)}: expected a bucket and a key after ://")
    if "@" in bucket:
        raise SourceRefused(
            f"{redact_uri(uri)}: expected a bucket after ://, got a name and password; "
            "credentials belong into the environment"
        )
    if "::" in uri:  # fsspec would read it as a chain of file systems
        raise SourceRefused(f"{redact_uri(uri)}: expected a key without '::'")


def redact_uri(uri: str) -> str:
    """Return the URI as it may be shown: without password, signature and tokens."""
    scheme = scheme_of(uri)
    if scheme in _WHOLE_PATHS:
        head, separator, rest = uri.partition("://")
        host, slash, path = rest.partition("/")
        return f"{head}{separator}{host.rpartition('@')[2]}{slash}{path}"
    parts = _split(uri)
    if parts is None:
        return f"{scheme}://(unreadable)"
    query = "&".join(
        f"{pair.partition('=')[0]}=***" if _SECRET.fullmatch(_name_of(pair)) else pair
        for pair in parts.query.split("&")
    )
    return _without_user(parts)._replace(query=query, fragment="").geturl()


def identity_of_uri(uri: str) -> str:
    """Return what names the file: the URI without user, signature and fragment.

    Only parameters that belong to a known kind of signed address are left out, since
    any other may choose between two files. In a bucket every character is the key's.
    """
    parts = _split(uri)
    if parts is None or parts.scheme not in HTTP_SCHEMES:
        return uri
    pairs = parts.query.split("&")
    for marker, signature in _SIGNATURES:
        if marker in map(_name_of, pairs):
            pairs = [pair for pair in pairs if not signature.fullmatch(_name_of(pair))]
    return _without_user(parts)._replace(query="&".join(pairs), fragment="").geturl()


def _split(uri: str) -> SplitResult | None:
    try:
        parts = urlsplit(uri)
        _ = parts.port  # checked only when asked for
    except ValueError:
        return None
    return parts


def _without_user(parts: SplitResult) -> SplitResult:
    return parts._replace(netloc=parts.netloc.rpartition("@")[2])


def _name_of(pair: str) -> str:
    return unquote_plus(pair.partition("=")[0]).lower()
