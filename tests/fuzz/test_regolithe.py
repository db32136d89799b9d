"""Whatever a specification says, it is loaded and built, or refused with a reason."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from bahamut import regolithe
from bahamut.elemental import decode_into, encode
from bahamut.regolithe import SpecificationError
from bahamut.regolithe.spec import Action, Attribute, ModelSection, Parameter, Parameters, Relation
from hypothesis import given, strategies as st
from tests.conformance.tables.support import SETS
from tests.fuzz.support import damaged, mostly, nested, outcome, texts

pytestmark = pytest.mark.fuzz
TODO = Path(__file__).parents[2] / "examples" / "todo" / "specs"
KINDS = (ModelSection, Attribute, Relation, Action, Parameters, Parameter)
FOLDERS = [TODO, *SETS.values()]
WORDS = [
    "null", "~", "[]", "{}", "- ", ": ", "\n", "  ", "\t", "&a ", "*a", "<<: ", "!!python/name:os",
    "1e999", "0x", "-1", "yes", "010", "string", "list", "ref", "refMap", "external", "time",
    "attributes:\n", "v1:\n", "default_value: ", "max_length: ", "subtype: ", "'", '"', "|\n", "?",
    "---\n", "\0", "\ufeff", "9" * 400, "../../x", "import os", "__class__", "class",
]  # fmt: skip
pieces = st.one_of(
    st.sampled_from(WORDS), texts, nested("[", "]"), nested("{a: ", "}"), nested("- ", "")
)


@st.composite
def sets(draw: st.DrawFn) -> tuple[Path, str, bytes]:
    folder = draw(st.sampled_from(FOLDERS))
    file = draw(st.sampled_from(sorted(path.name for path in folder.iterdir() if path.is_file())))
    valid = (folder / file).read_text()
    if draw(st.integers(0, 9)) == 0:
        return folder, file, draw(damaged(st.just(valid.encode()), st.binary(max_size=4)))
    if draw(st.booleans()):
        lines = valid.splitlines(keepends=True)
        lines = draw(damaged(st.just(lines), st.sampled_from(lines).map(lambda line: [line])))
        valid = "".join(lines)
    return folder, file, draw(damaged(st.just(valid), pieces)).encode("utf-8", "replace")


def check(folder: Path, changed: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as made:
        copy = Path(made) / "specs"
        shutil.copytree(folder, copy)
        for file, content in changed.items():
            (copy / file).write_bytes(content)
        found = outcome(lambda: regolithe.load(copy), SpecificationError)
        if found is None:
            return
        registry = outcome(lambda: regolithe.build_registry(found), SpecificationError)
        for model in registry.models() if registry is not None else ():
            made = model()
            made.problems()
            assert made.copy() == made
            for each in ("application/json", "application/msgpack"):
                decode_into(each, encode(each, made), model.zero())


@given(sets())
def test_any_set_is_loaded_or_refused(given: tuple[Path, str, bytes]) -> None:
    folder, file, content = given
    check(folder, {file: content})


# --- well-formed, odd content --------------------------------------------------------------------

KEYS = sorted({field.name for kind in KINDS for field in fields(kind)})
scalars = st.one_of(
    st.sampled_from(
        ["", "v1", "v2", "root", "list", "task", "string", "integer", "float", "boolean", "time",
         "enum", "object", "external", "ref", "refList", "refMap", "$notblank", "@identifiable",
         "string_map", ":no-inherit", "-name", "(", "a b", "été", "class", "__init__", "copy", "ID"]
    ),
    st.none(), st.booleans(), st.integers(-2, 2), st.integers(), st.floats(), texts,
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(mostly(KEYS, texts), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path to each value inside *value*."""
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


@st.composite
def documents(draw: st.DrawFn) -> tuple[Path, dict[str, bytes]]:
    folder = draw(st.sampled_from(FOLDERS))
    names = sorted(p.name for p in folder.iterdir() if p.is_file() and p.suffix != ".ini")
    changed = {}
    for file in draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)):
        document = yaml.safe_load((folder / file).read_text())
        for _ in range(draw(st.integers(1, 3))):
            *path, last = draw(st.sampled_from([p for p in places(document) if p]))
            holder = document
            for key in path:
                holder = holder[key]
            what = draw(st.sampled_from(("set", "set", "add", "drop")))
            if what == "drop":
                del holder[last]
            elif what == "add" and isinstance(holder, dict):
                holder[draw(mostly(KEYS, texts))] = draw(values)
            else:
                holder[last] = draw(values)
            if not document:
                break
        changed[file] = yaml.safe_dump(document, allow_unicode=True).encode("utf-8", "replace")
    return folder, changed


@given(documents())
def test_any_well_formed_set_is_loaded_or_refused(given: tuple[Path, dict[str, bytes]]) -> None:
    check(*given)
