"""Whatever a specification says, it is loaded and built, or refused with a reason."""

import shutil
import tempfile
from pathlib import Path

import pytest
from bahamut import regolithe
from bahamut.regolithe import SpecificationError
from hypothesis import given, strategies as st
from tests.conformance.tables.support import SETS
from tests.fuzz.support import damaged, nested, outcome, texts

pytestmark = pytest.mark.fuzz
TODO = Path(__file__).parents[2] / "examples" / "todo" / "specs"
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


@given(sets())
def test_any_set_is_loaded_or_refused(given: tuple[Path, str, bytes]) -> None:
    folder, file, content = given
    with tempfile.TemporaryDirectory() as made:
        copy = Path(made) / "specs"
        shutil.copytree(folder, copy)
        (copy / file).write_bytes(content)
        found = outcome(lambda: regolithe.load(copy), SpecificationError)
        if found is not None:
            outcome(lambda: regolithe.build_registry(found), SpecificationError)
