"""Which licences are commercially clean."""

import pytest

from pipelines.licences import is_commercially_clean

CLEAN = """CC0-1.0|cc0|CC-BY-4.0|cc-by-4.0|CC BY 4.0|CC-BY|CC BY-SA 3.0|CC-BY-SA-4.0
Apache-2.0|apache 2.0|MIT|bsd-3-clause|Public Domain|public-domain|PD|PDDL-1.0
CC BY 4.0 International|cc-by-3.0-de|BY-SA 4.0|MIT AND CC-BY-4.0|GPL-3.0 OR MIT
https://creativecommons.org/licenses/by/4.0/|CC_BY_SA_4.0
http://creativecommons.org/publicdomain/zero/1.0/legalcode"""
NOT = """|  |none|unknown|other|CC-BY-NC-4.0|CC BY-NC-SA 4.0|cc-by-nd-4.0|CC-BY-NC
GPL-3.0|openrail|MIT AND CC-BY-NC-4.0|proprietary|by|CC|all rights reserved
https://creativecommons.org/licenses/by-nc/4.0/|https://example.org/by/4.0/
https://creativecommons.org/licenses/by-nc-nd/4.0/|CC-BY-NC-4.0 OR CC-BY-ND-4.0"""


def texts(lines: str) -> list[str]:
    return [text for line in lines.splitlines() for text in line.split("|")]


@pytest.mark.parametrize("licence", texts(CLEAN))
def test_clean(licence):
    assert is_commercially_clean(licence)


@pytest.mark.parametrize("licence", texts(NOT))
def test_not_clean(licence):
    assert not is_commercially_clean(licence)
