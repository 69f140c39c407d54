"""Pages out of templates; whatever comes from the corpus is escaped."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipelines.report import charts, numbers, sound
from pipelines.report.columns import Column
from pipelines.report.contents import LanguagePage, LanguageSums
from schemas.segment import Fate

_ASSETS = Path(__file__).parent / "assets"
_COPIED = ("report.css", "report.js")


class Pages:
    """Writes the pages of one corpus."""

    def __init__(
        self, corpus: Mapping[str, Any], languages: Sequence[LanguageSums]
    ) -> None:
        self._languages = list(languages)
        self._pages = {own.page: number for number, own in enumerate(languages)}
        self._environment = Environment(
            loader=FileSystemLoader(_ASSETS),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        for filter_ in (numbers.hours, numbers.decimal, numbers.measured):
            self._environment.filters[filter_.__name__] = filter_
        for function in (numbers.share, numbers.clock):
            self._environment.globals[function.__name__] = function
        self._environment.globals.update(
            corpus=corpus,
            fates=[fate.value for fate in Fate],
            chart_width=charts.WIDTH,
            chart_height=charts.HEIGHT,
            wave_columns=sound.COLUMNS,
        )

    def write_assets(self, folder: Path) -> None:
        """Copy style and script."""
        for name in _COPIED:
            shutil.copyfile(_ASSETS / name, folder / name)

    def write_thresholds(self, folder: Path, data: Mapping[str, Any]) -> None:
        """Write what a column's slider needs: a script, as pages cannot fetch files."""
        text = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
        path = folder / "data" / f"{data['name']}.js"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"pericope.receive({text});\n", encoding="utf-8")

    def write_index(
        self, folder: Path, columns: Sequence[Column], silent: int, left_out: int
    ) -> None:
        """Write the table of all languages, the page to open."""
        text = self._environment.get_template("index.html").render(
            top="",
            languages=self._languages,
            totals={f: sum(own.hours_of(f) for own in self._languages) for f in Fate},
            columns=columns,
            silent=silent,
            left_out=left_out,
        )
        (folder / "index.html").write_text(text, encoding="utf-8")

    def write_language(self, folder: Path, page: LanguagePage) -> None:
        """Write the page of one language."""
        number = self._pages[page.sums.page]
        languages = self._languages
        text = self._environment.get_template("language.html").render(
            top="../",
            page=page,
            before=languages[number - 1] if number else None,
            after=languages[number + 1] if number + 1 < len(languages) else None,
        )
        path = folder / page.sums.page
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
