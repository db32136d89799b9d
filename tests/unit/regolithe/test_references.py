"""Names that must fit together across a set, and files that must not be too clever."""

import shutil
from pathlib import Path

import pytest
from bahamut import regolithe

SPECS = Path(__file__).parents[3] / "examples" / "todo" / "specs"


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(SPECS, tmp_path / "todo" / "specs"))


def edit(folder, name, old, new):
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1))


WRONG = [
    ("list.spec", "entity_name: List", "entity_name: Task", "duplicate-name"),
    ("list.spec", "resource_name: lists", "resource_name: tasks", "duplicate-name"),
    ("task.spec", "  extends:\n", "  aliases:\n  - ls\n  extends:\n", "duplicate-alias"),
    ("task.spec", "default_value: 1", "default_value: soon", "bad-default"),
    ("task.spec", "default_value: TODO", "default_value: LATER", "bad-default"),
    (
        "list.spec",
        "max_length: 64",
        "allowed_chars: '(['\n    allowed_chars_message: m",
        "bad-patt",
    ),
    ("list.spec", "- - - confirm", "- - - confirmed", "unknown-parameter"),
    ("list.spec", "type: external", "type: ref", "unknown-reference"),
    ("list.spec", "- rest_name: task", "- rest_name: chore", "unknown-relation"),
    ("list.spec", "- '@identifiable'", "- '@nothing'", "unknown-base"),
    ("list.spec", "- $queryable", "- $unknown", "unknown-global-parameter"),
    ("list.spec", "max_length: 64", "max_length: -1", "yaml"),
    ("list.spec", "max_length: 64", "longest: 64", "yaml"),
    ("list.spec", "max_length: 64", "max_length: 64\n    max_length: 65", "yaml"),
]


@pytest.mark.parametrize(("name", "old", "new", "rule"), WRONG)
def test_an_error_says_where_it_is(folder, name, old, new, rule):
    edit(folder, name, old, new)
    with pytest.raises(regolithe.SpecificationError) as caught:
        regolithe.load(folder)
    assert any(f.rule.startswith(rule) for f in caught.value.findings), str(caught.value)
    assert all(f.place.line and f.place.column for f in caught.value.findings), str(caught.value)


IDLE = [
    ("list.spec", "default_order:\n- name", "default_order:\n- nothing", "unknown-attribute"),
    ("list.spec", "- - name", "- - nothing", "unknown-attribute"),
    ("list.spec", "- - name", "- []", "empty-index"),
    ("list.spec", "  create:\n", "  delete:\n    description: D.\n  create:\n", "idle-relation"),
    ("_api.info", "root: root", "root: task", "root-name"),
]


@pytest.mark.parametrize(("name", "old", "new", "rule"), IDLE)
def test_what_has_no_effect_is_a_warning(folder, name, old, new, rule):
    edit(folder, name, old, new)
    assert [finding.rule for finding in regolithe.load(folder).warnings] == [rule]


def test_the_example_is_clean():
    assert regolithe.load(SPECS).warnings == ()


HOSTILE = {
    "aliases of aliases": "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
    + "".join(
        f"{n}: &{n} [{','.join(['*' + p] * 10)}]\n" for p, n in zip("abcdef", "bcdefg", strict=True)
    ),
    "deep": "model: " + "[" * 5000,
    "large": "# " + "x" * (1 << 20),
    "not UTF-8": b"model: \xff",
    "a class": "model: !!python/object/apply:os.system ['true']",
    "tabs": "model:\n\tname: x",
    "a long number": "model: {rest_name: " + "9" * 100_000 + "}",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused(folder, text):
    (folder / "task.spec").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(regolithe.SpecificationError) as caught:
        regolithe.load(folder)
    assert {finding.place.file for finding in caught.value.findings} == {"task.spec"}
