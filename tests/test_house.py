"""House rules that no linter knows."""

import ast
import importlib.metadata
import re
import runpy
from pathlib import Path

import pytest
import setuptools

from pipelines.doctor import OUR_PACKAGES, foreign_packages

ROOT = Path(__file__).parents[1]
CODE = ("schemas", "aligner", "models", "pipelines", "benchmarks", "flink")
SOURCES = sorted(
    path
    for package in (*CODE, "tests")
    for path in (ROOT / package).rglob("*.py")
    if "__pycache__" not in path.parts
)
TEXTS = [
    *SOURCES,
    *ROOT.glob("*.md"),
    *ROOT.glob("*.toml"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "benchmarks").rglob("*.md"),
    *(ROOT / "pipelines").rglob("*.toml"),
    *(ROOT / "docker").glob("[A-Za-z]*"),
    ROOT / "Makefile",
    ROOT / "setup.py",
    ROOT / "requirements.lock",
    ROOT / ".ci/run",
]
MAX_LINES = 300
MAX_FUNCTION_LINES = 60  # of a numeric kernel; 40 elsewhere

# Written in two parts, because this file is searched as well.
FORBIDDEN = re.compile(
    "|".join(
        [
            r"(?<![\w.])/(wo" + r"rk|ro" + r"ot|ho" + r"me|Us" + r"ers)/",
            r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b",
            r"(?i:proto" + r"typ)",
            r"(?i:py" + r"pi\.org|pythonho" + r"sted|--index-" + r"url)",
        ]
    )
)


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def trees() -> list[tuple[Path, ast.Module]]:
    return [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in SOURCES]


def test_files_of_the_packages_are_short():
    lengths = {
        relative(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in SOURCES
        if path.relative_to(ROOT).parts[0] in CODE
    }
    assert len(lengths) > 80
    assert {name: n for name, n in lengths.items() if n > MAX_LINES} == {}


def test_functions_are_short():
    long = [
        f"{relative(path)}: {node.name}"
        for path, tree in trees()
        if path.relative_to(ROOT).parts[0] in CODE
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and _code_lines(node) > MAX_FUNCTION_LINES
    ]
    assert long == []


def _code_lines(function: ast.FunctionDef) -> int:
    """Return how many lines the body has behind its docstring."""
    body = function.body
    if ast.get_docstring(function) is not None and len(body) > 1:
        body = body[1:]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


def test_no_machine_and_no_loose_end_is_named():
    found = [
        f"{relative(path)}:{number}: {line.strip()[:80]}"
        for path in TEXTS
        for number, line in enumerate(
            path.read_text(encoding="utf-8").splitlines(), start=1
        )
        if FORBIDDEN.search(line)
    ]
    assert found == []


def test_no_exception_is_caught_by_its_most_general_name():
    found = [
        f"{relative(path)}:{node.lineno}"
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (
            node.type is None
            or (isinstance(node.type, ast.Name) and node.type.id == "Exception")
        )
    ]
    assert found == []


def test_no_module_is_named_for_nothing():
    names = {path.stem for path in SOURCES}
    assert names.isdisjoint({"utils", "common", "helpers", "misc"})


def test_nothing_is_unpickled():
    """No call that does, or would without being told not to."""
    found = [
        f"{relative(path)}:{node.lineno}: {ast.unparse(node)}"
        for path, tree in trees()
        if path.relative_to(ROOT).parts[0] in CODE
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and could_unpickle(node)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("call", "could"),
    [
        ("pickle.load(file)", True),
        ("pickle.Unpickler(file)", True),
        ("loads(data)", True),
        ("json.loads(data)", False),
        ("torch.load(path)", True),
        ("torch.load(path, weights_only=True)", False),
        ("np.load(path)", True),
        ("np.load(path, allow_pickle=False)", False),
        ("joblib.load(path)", True),
    ],
)
def test_calls_that_could_unpickle_are_found(call, could):
    node = ast.parse(call, mode="eval").body
    assert isinstance(node, ast.Call)
    assert could_unpickle(node) == could


def could_unpickle(call: ast.Call) -> bool:
    options = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    name = ast.unparse(call.func)
    if re.fullmatch(r"(.*pickle|dill|joblib|shelve)\.\w+|loads?|Unpickler", name):
        return True
    if name == "torch.load":
        return options.get("weights_only") != "True"
    if name == "np.load":
        return options.get("allow_pickle") != "False"
    return options.get("allow_pickle") == "True"


def test_setup_needs_nothing_but_setuptools(monkeypatch):
    """Workers of a cluster run it before anything of ours is there."""
    tree = ast.parse((ROOT / "setup.py").read_text())
    imported = {
        node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert imported == {"setuptools"}
    given: dict = {}
    monkeypatch.setattr(setuptools, "setup", lambda **options: given.update(options))
    runpy.run_path(str(ROOT / "setup.py"))
    folders = {
        relative(path.parent).replace("/", ".")
        for package in OUR_PACKAGES
        for path in (ROOT / package).rglob("__init__.py")
    }
    assert set(given["packages"]) == folders
    # Data files that the code reads are shipped.
    for package, patterns in given["package_data"].items():
        folder = ROOT / package.replace(".", "/")
        assert all(list(folder.glob(pattern)) for pattern in patterns), package
    shipped = {
        path
        for package, patterns in given["package_data"].items()
        for pattern in patterns
        for path in (ROOT / package.replace(".", "/")).glob(pattern)
    }
    data = {
        path
        for package in OUR_PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.suffix in (".toml", ".safetensors", ".json", ".csv")
    }
    assert data <= shipped


def test_no_other_distribution_has_a_package_of_our_name():
    distributions = importlib.metadata.packages_distributions()
    assert foreign_packages(distributions) == {}, (
        "pip overwrites one package with the other: give Pericope an environment of "
        "its own, or uninstall these"
    )


@pytest.mark.parametrize(
    "line",
    [
        "see /wo" + "rk/main/setup.py",
        "# TO" + "DO later",
        "a Proto" + "type",
        "https://py" + "pi.org/simple",
    ],
)
def test_the_forbidden_is_found(line):
    assert FORBIDDEN.search(line)
