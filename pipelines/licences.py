"""Which licences let a corpus be used commercially.

Known are the usual open licences by their SPDX identifiers and common short forms. What
is not known is not clean: it is for a person to read, and to write down by its name.
"""

import re

NO_MODEL = "none"
"""In ``model_licence``: no weights took part."""

_CLEAN = frozenset(
    """
    0bsd afl-3.0 apache-2 apache-2.0 apache-license-2.0 blueoak-1.0.0 bsd-2-clause
    bsd-3-clause bsl-1.0 cdla-permissive-1.0 cdla-permissive-2.0 cdla-sharing-1.0 isc
    mit mit-0 mit-license ncsa odbl-1.0 odc-by-1.0 odc-odbl ogl-uk-3.0 pddl pddl-1.0
    unlicense zlib cc0 cc0-1.0 cc-0 cc-zero cc-pddc cc-pdm-1.0 pd public-domain
    publicdomain
    """.split()
)
# Without derivatives (ND) a recording may not be cut, without commerce (NC) not sold.
_CREATIVE_COMMONS = re.compile(
    r"(cc-)?by(-sa)?-\d\.\d(-(international|unported|[a-z]{2,3}))?|cc-by(-sa)?"
)
_ADDRESS = re.compile(
    r"https?://(?:www\.)?creativecommons\.org/"
    r"(?:licenses/(?P<kind>[a-z-]+)|publicdomain/(?P<public>zero|mark))"
    r"/\d\.\d(?:/.*)?"
)


def is_commercially_clean(licence: str) -> bool:
    """Tell whether a licence allows commercial use of what was made from the work.

    Share-alike licences are clean: they bind how a result is passed on, not to whom it
    is sold. Of alternatives (OR) one suffices, of several together (AND) all must be.

    >>> is_commercially_clean("CC BY-SA 4.0"), is_commercially_clean("cc-by-nc-4.0")
    (True, False)
    """
    return any(
        all(_is_clean(part) for part in re.split(r"\s+AND\s+", alternative))
        for alternative in re.split(r"\s+OR\s+", licence.strip())
    )


def _is_clean(licence: str) -> bool:
    text = licence.strip().lower()
    address = _ADDRESS.fullmatch(text)
    if address is not None:
        text = "cc0" if address["public"] else f"cc-{address['kind']}-4.0"
    text = re.sub(r"[\s_-]+", "-", text)
    return text in _CLEAN or _CREATIVE_COMMONS.fullmatch(text) is not None
