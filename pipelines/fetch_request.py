"""One HTTP request, led on by redirects to the server that has the file."""

import contextlib
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from pipelines.addresses import HTTP_SCHEMES, redact_uri, scheme_of
from pipelines.fetch_limits import FetchLimits
from pipelines.fetch_turns import TURNS
from schemas.errors import FetchFailed, SourceRefused


class Interrupted(Exception):
    """The attempt failed in a way that another one may not."""

    def __init__(self, why: str, retry_after: str | None = None):
        super().__init__(why)
        self.retry_after = retry_after


def host_of(address: str) -> str:
    """Return the host and port of an HTTP address, in lower case, "" if it has none."""
    try:
        return urlsplit(address).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""


def get(
    session: requests.Session,
    uri: str,
    headers: dict[str, str],
    limits: FetchLimits,
    turn: contextlib.ExitStack,
) -> requests.Response:
    """Send the request and follow redirects without reading their bodies.

    Args:
      session: with the headers of all requests.
      uri: what is asked for.
      headers: of this request.
      limits: how long, how far and how many at a time.
      turn: holds the connection to the host that answered, until it is closed.

    Raises:
      Interrupted: no answer.
      FetchFailed, SourceRefused: it leads nowhere, or where nobody should follow.
    """
    shown, address = redact_uri(uri), uri
    for _ in range(limits.max_redirects + 1):
        turn.close()
        turn.enter_context(TURNS.turn(host_of(address), limits))
        try:
            response = _send(session, address, headers, limits)
        except (requests.exceptions.InvalidURL, urllib3.exceptions.LocationParseError):
            raise SourceRefused(
                f"{shown}: expected a valid address, got {redact_uri(address)}"
            ) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise Interrupted(f"no answer ({type(error).__name__})") from None
        if not response.is_redirect:
            turn.callback(response.close)
            return response
        response.close()
        target = redirected(address, response.headers["Location"])
        check_redirect(shown, address, target)
        address = target
    raise FetchFailed(
        f"{shown}: expected at most {limits.max_redirects} redirects, got more"
    )


def _send(
    session: requests.Session,
    address: str,
    headers: dict[str, str],
    limits: FetchLimits,
) -> requests.Response:
    """Send one request and return the answer with its body unread.

    Not by ``session.get``: even when told not to follow a redirect, it reads the whole
    body of one, however long that is, to know where it would lead.
    """
    request = session.prepare_request(requests.Request("GET", address, headers))
    settings = session.merge_environment_settings(
        address, proxies={}, stream=True, verify=None, cert=None
    )
    timeout = (limits.connect_timeout_sec, limits.timeout_sec)
    adapter = session.get_adapter(address)
    response = adapter.send(request, timeout=timeout, **settings)
    requests.cookies.extract_cookies_to_jar(session.cookies, request, response.raw)
    return response


def redirected(address: str, location: str) -> str:
    """Return where a redirect leads, "" if that is no address."""
    # Headers arrive as Latin-1 whatever their bytes are.
    target = location.encode("latin-1").decode(errors="replace")
    try:
        return urljoin(address, target)
    except ValueError:
        return ""


def check_redirect(shown: str, address: str, target: str) -> None:
    """Refuse other schemes, and one that anybody on the way could read and change."""
    scheme = scheme_of(target)
    if scheme not in HTTP_SCHEMES:
        raise SourceRefused(f"{shown}: redirected to {redact_uri(target)!r:.80}")
    if scheme == "http" and scheme_of(address) == "https":
        raise SourceRefused(
            f"{shown}: redirected from https to {redact_uri(target)!r:.80}; name that "
            "address in the manifest if it is right"
        )
