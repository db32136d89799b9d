"""The public face: a list, complete, and light."""

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path

import bahamut
import pytest

PACKAGE = Path(bahamut.__file__).parent
NAMES = Path(__file__).parent / "names.jsonl"
LATER = ("OptMTLS", "OptProfiling", "OptTLS")
"""Names of parts that are not built yet, by how they begin."""


def seed_names() -> list[dict[str, str]]:
    rows = [json.loads(line) for line in NAMES.read_text().splitlines()]
    return [row for row in rows if not row["go"].startswith(LATER)]


@pytest.mark.parametrize("row", seed_names(), ids=lambda row: row["go"])
def test_every_name_of_the_original_has_its_python_home(row):
    module, *path = row["python"].split(".")
    found = importlib.import_module(module)
    for part in path:
        if part in getattr(found, "__annotations__", {}) or part in getattr(found, "__slots__", ()):
            return
        found = getattr(found, part)


def test_every_name_of_the_facade_is_there():
    for name in bahamut.__all__:
        assert getattr(bahamut, name) is not None
    assert set(bahamut.__all__) <= set(dir(bahamut))


def test_the_table_and_the_imports_for_checkers_are_the_same():
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imported = {
        (node.module, alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    table = {(m, name) for m, names in bahamut._MODULES.items() for name in names}
    assert imported == table


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        bahamut.nope  # noqa: B018


def test_nobody_inside_imports_the_facade():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "bahamut":
                assert all(
                    (PACKAGE / f"{a.name}.py").exists() or (PACKAGE / a.name).is_dir()
                    for a in node.names
                ), path
            if isinstance(node, ast.Import):
                assert all(alias.name != "bahamut" for alias in node.names), path


@pytest.mark.parametrize(
    "module", ["bahamut", "bahamut.elemental", "bahamut.pubsub", "bahamut.regolithe"]
)
def test_light_modules_load_no_web_server(module):
    code = f"import sys, {module}; print('aiohttp' in sys.modules or 'nats' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"
