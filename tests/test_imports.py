"""Who may import whom: schemas <- aligner, schemas <- models, all <- pipelines."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("schemas", "aligner", "models", "pipelines")
ALLOWED = {
    "schemas": {"schemas"},
    "aligner": {"schemas", "aligner"},
    "models": {"schemas", "models"},
    "pipelines": set(PACKAGES),
}
# Stdlib and pyarrow alone, so that everybody can afford the nouns.
NOUNS = {"pyarrow", "numpy"}
OURS = {*PACKAGES, "tests", "benchmarks"}


def imports_of(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the whole name of every import of a file, wherever it stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            yield node.module or "", node.lineno


def files_of(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_one_way(package):
    assert files_of(package)
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in files_of(package)
        for name, line in imports_of(path)
        if name.split(".")[0] in OURS - ALLOWED[package]
    ]
    assert wrong == []


def test_beam_is_imported_in_pipelines_only():
    users = {
        path.relative_to(ROOT).parts[0]
        for package in (*PACKAGES, "tests", "benchmarks")
        for path in files_of(package)
        for name, _ in imports_of(path)
        if name.split(".")[0] == "apache_beam"
    }
    assert users == {"pipelines"}


def test_schemas_need_little():
    """Beside the standard library."""
    import sys

    outside = {
        name.split(".")[0]
        for path in files_of("schemas")
        for name, _ in imports_of(path)
    } - {"schemas"}
    assert outside - set(sys.stdlib_module_names) <= NOUNS


def test_the_rule_sees_imports_inside_functions(tmp_path):
    path = tmp_path / "module.py"
    path.write_text("def f():\n    from models.catalog import x\n    import torch\n")
    assert list(imports_of(path)) == [("models.catalog", 2), ("torch", 3)]
