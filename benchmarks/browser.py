"""A real Chromium without a window, driven by the chromedriver of the same package."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
MISSING = (
    "Chromium is not installed (Debian: apt-get install chromium chromium-driver)"
    if CHROMIUM is None or DRIVER is None
    else ""
)
# It asks nobody for anything, and plays without a hand that has clicked.
_ARGUMENTS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--disable-dev-shm-usage --autoplay-policy=no-user-gesture-required "
    "--hide-scrollbars --lang=en"
).split()


@contextmanager
def browser(profile: Path) -> Iterator[Chrome]:
    """Start Chromium with an empty profile; it ends with the block."""
    assert CHROMIUM is not None and DRIVER is not None
    options = ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (*_ARGUMENTS, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = Chrome(options=options, service=Service(executable_path=DRIVER))
    chrome.set_script_timeout(60)
    try:
        yield chrome
    finally:
        chrome.quit()


def use_colours(chrome: Chrome, scheme: str) -> None:
    """Let the system prefer "light" or "dark"."""
    chrome.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )


def use_width(chrome: Chrome, width: int, height: int = 900) -> None:
    """Give the page so many CSS pixels."""
    chrome.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
    )


def complaints(chrome: Chrome) -> list[str]:
    """Return all that the console has heard since it was last asked."""
    return [entry["message"] for entry in chrome.get_log("browser")]
