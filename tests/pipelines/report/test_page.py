"""The pages in a real browser, opened as files."""

import re

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from benchmarks.browser import (
    MISSING,
    browser,
    complaints,
    use_colours,
    use_width,
)
from pipelines.report.make import ReportOptions, make_report
from tests.pipelines.report.built import CLIP_SEC, HOSTILE, NUMBER, build_corpus

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)
SWH = "language/swh.html"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = build_corpus(tmp_path_factory.mktemp("a page") / "c")
    make_report(str(root), ReportOptions(examples=4))
    return root / "report"


@pytest.fixture(scope="module")
def chrome(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture
def visit(chrome, folder):
    """Open a page; afterwards nothing may have complained."""
    chrome.get("about:blank")
    complaints(chrome)

    def go(name):
        chrome.get((folder / name).as_uri())
        return chrome

    yield go
    assert complaints(chrome) == []


def wait(chrome, condition):
    return WebDriverWait(chrome, 60, 0.02).until(condition)


def text_of(chrome, css):
    return chrome.find_element(By.CSS_SELECTOR, css).text


def active(chrome):
    return chrome.switch_to.active_element


def kept_of(chrome, code):
    cells = chrome.find_elements(By.CSS_SELECTOR, f"tr[data-code={code}] [data-kept]")
    return [cell.text for cell in cells]


def test_the_slider_tells_what_is_kept_of_each_language(visit):
    chrome = visit("index.html")
    wait(chrome, lambda c: text_of(c, "#value") == "−0.200")
    # Scores go from -0.3 in steps of 0.01; each clip has two seconds.
    assert kept_of(chrome, "swh") == kept_of(chrome, "arb") == ["0.01", "66.7 %", "20"]
    assert kept_of(chrome, "\\?") == ["–", "–", "–"]
    assert text_of(chrome, "#kept") == "0.02 h of 0.03 h (66.7 %), 40 segments"
    assert text_of(chrome, "#rule").endswith('--where "score >= -0.200"')
    slider = chrome.find_element(By.ID, "threshold")
    before = slider.get_attribute("aria-valuetext")
    slider.send_keys(Keys.ARROW_RIGHT)
    assert slider.get_attribute("aria-valuetext") != before
    slider.send_keys(Keys.END)
    assert int(kept_of(chrome, "swh")[2]) <= 1
    slider.send_keys(Keys.HOME)
    assert kept_of(chrome, "swh")[1:] == ["100.0 %", str(NUMBER)]


def test_another_column_is_loaded_when_it_is_chosen(visit):
    chrome = visit("index.html")
    wait(chrome, lambda c: text_of(c, "#value") != "–")
    Select(chrome.find_element(By.ID, "column")).select_by_value("cer")
    wait(chrome, lambda c: "cer" in text_of(c, "#rule"))
    assert text_of(chrome, "#comparison") == "is at most"
    assert kept_of(chrome, "swh")[2] == str(NUMBER)
    Select(chrome.find_element(By.ID, "column")).select_by_value("null_quantile")
    wait(chrome, lambda c: "null_quantile" in text_of(c, "#rule"))
    assert kept_of(chrome, "swh")[2] == str(NUMBER - NUMBER // 5)  # a fifth has none


def test_the_table_is_sorted_by_its_heads(visit):
    chrome = visit("index.html")

    def codes():
        rows = chrome.find_elements(By.CSS_SELECTOR, "#table tbody tr")
        return [row.get_attribute("data-code") for row in rows]

    assert codes() == ["?", "arb", "swh"]
    rejects = chrome.find_elements(By.CSS_SELECTOR, "#table thead button")[-1]
    assert rejects.text == "rejects"
    rejects.send_keys(Keys.ENTER)
    assert codes() == ["swh", "?", "arb"]
    head = rejects.find_element(By.XPATH, "..")
    assert head.get_attribute("aria-sort") == "descending"
    rejects.send_keys(Keys.ENTER)
    assert codes() == ["arb", "?", "swh"]
    median = chrome.find_elements(By.CSS_SELECTOR, "#table thead button")[6]
    assert median.text == "median score"
    for _ in range(2):
        median.click()
        assert codes()[-1] == "?"  # what has no value stays at the end


def test_every_sound_loads_and_lasts_as_long_as_its_segment(visit):
    chrome = visit(SWH)
    durations = chrome.execute_async_script(
        """
        const done = arguments[0];
        const audios = [...document.querySelectorAll("audio")];
        Promise.all(audios.map((audio) => new Promise((tell) => {
          audio.addEventListener("loadedmetadata", () => tell(audio.duration));
          audio.addEventListener("error", () => tell(-1));
          audio.load();
          audio.preload = "metadata";
        }))).then(done);
        """
    )
    assert len(durations) == 16
    assert durations == pytest.approx([CLIP_SEC] * 16, abs=0.08)  # a frame of MP3


def test_space_plays_and_the_word_lights_up(visit):
    chrome = visit(SWH)
    first, second = chrome.find_elements(By.CSS_SELECTOR, ".card")[:2]
    # On a busy machine two seconds are over before anybody has looked.
    chrome.execute_script(
        "document.querySelectorAll('audio').forEach((audio) => { audio.loop = true; })"
    )
    chrome.execute_script("arguments[0].focus()", first)
    chrome.switch_to.active_element.send_keys(Keys.SPACE)
    lit = "[...arguments[0].querySelectorAll('.now')].map((own) => own.localName)"
    wait(chrome, lambda c: c.execute_script(f"return {lit}", first) == ["rect", "span"])
    # Another one that is played stops it.
    active(chrome).send_keys(Keys.ARROW_DOWN)
    assert active(chrome) == second
    active(chrome).send_keys(Keys.SPACE)
    wait(chrome, lambda c: playing(c) == [False, True])
    active(chrome).send_keys(Keys.SPACE)
    wait(chrome, lambda c: playing(c) == [False, False])


def playing(chrome):
    audios = "[...document.querySelectorAll('audio')].slice(0, 2)"
    return chrome.execute_script(f"return {audios}.map((a) => !a.paused)")


def test_arrows_go_from_word_to_word(visit):
    chrome = visit(SWH)
    card = chrome.find_elements(By.CSS_SELECTOR, ".card")[0]
    words = card.find_elements(By.CSS_SELECTOR, ".word")
    # The metadata must be there before a place can be sought.
    chrome.execute_script("arguments[0].querySelector('audio').preload = 'auto'", card)
    ready = "return arguments[0].querySelector('audio').readyState >= 2"
    wait(chrome, lambda c: c.execute_script(ready, card))
    now = "return arguments[0].querySelector('audio').currentTime"
    chrome.execute_script("arguments[0].focus()", card)
    for word in words[1:]:
        active(chrome).send_keys(Keys.ARROW_RIGHT)
        start = float(word.get_attribute("data-start"))
        assert chrome.execute_script(now, card) == pytest.approx(start, abs=0.002)
        wait(chrome, lambda _, word=word: "now" in word.get_attribute("class"))
    active(chrome).send_keys(Keys.ARROW_LEFT)
    start = float(words[-2].get_attribute("data-start"))
    assert chrome.execute_script(now, card) == pytest.approx(start, abs=0.002)


def test_what_is_focused_can_be_seen(visit):
    chrome = visit(SWH)
    body = chrome.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.TAB)
    assert active(chrome).get_attribute("class") == "skip"
    seen = []
    for _ in range(20):
        active(chrome).send_keys(Keys.TAB)
        style = "return getComputedStyle(document.activeElement).outlineStyle"
        assert chrome.execute_script(style) == "solid"
        seen.append(active(chrome).get_attribute("class") or active(chrome).tag_name)
    assert seen.index("card ready") < seen.index("play")
    assert "summary" in seen


def test_text_of_the_corpus_stays_text(visit):
    chrome = visit(SWH)
    assert chrome.title == "Swahili · built <b>"
    assert chrome.execute_script("return document.images.length") == 0
    # Segment 3 is among the worst.
    shown = [own.text for own in chrome.find_elements(By.CSS_SELECTOR, ".words")]
    assert HOSTILE in shown


def test_right_to_left(visit):
    chrome = visit("language/arb.html")
    direction = "return getComputedStyle(document.querySelector('.words')).direction"
    assert chrome.execute_script(direction) == "rtl"


def test_dark_and_light(visit):
    chrome = visit("index.html")

    def paper():
        colour = "return getComputedStyle(document.body).backgroundColor"
        red = re.search(r"\d+", chrome.execute_script(colour))
        assert red is not None
        return "light" if int(red[0]) > 128 else "dark"

    for scheme in ("dark", "light"):
        use_colours(chrome, scheme)
        assert paper() == scheme
    button = chrome.find_element(By.ID, "theme")
    button.click()
    assert (paper(), button.text) == ("dark", "Light")
    visit(SWH)  # it is kept from page to page
    assert paper() == "dark"
    chrome.execute_script("localStorage.clear()")


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit(visit, tmp_path_factory, width, scheme):
    """Pictures of them are left in the temporary folder, to be looked at."""
    pictures = tmp_path_factory.mktemp(f"{scheme}-{width}")
    for name in ("index", "arb"):
        chrome = visit("index.html" if name == "index" else f"language/{name}.html")
        use_colours(chrome, scheme)
        use_width(chrome, width)
        script = "return document.documentElement.scrollWidth"
        assert chrome.execute_script(script) <= width
        height = chrome.execute_script("return document.documentElement.scrollHeight")
        use_width(chrome, width, min(height, 2400))
        assert chrome.save_screenshot(str(pictures / f"{name}.png"))
