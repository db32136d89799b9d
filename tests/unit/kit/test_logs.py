"""What is logged stays on its line."""

from __future__ import annotations

import ast
import logging
from pathlib import Path

import bahamut
import pytest
from bahamut._kit.logs import MAX_TEXT, get_logger, printable

FORGED = "a\r\nWARNING forged \x1b[31m\x00\x7f\x85\u2028\u202e\udc80\xe9"
PLAIN = ("regolithe", "logs.py")
"""Who logs what no client sends, and who makes the loggers."""


@pytest.mark.parametrize("control", [*map(chr, range(32)), "\x7f", *map(chr, range(128, 160))])
def test_e20_control_characters_are_escaped(control):
    shown = printable(f"a{control}b")
    assert shown.isprintable()
    assert shown.isascii()


def test_e20_an_escaped_text_cannot_be_taken_for_one_that_was_sent_so():
    assert printable("a\\n") != printable("a\n")


def test_e20_long_texts_are_cut():
    assert len(printable("x" * 10 * MAX_TEXT)) < MAX_TEXT + 10


@pytest.mark.parametrize("argument", [FORGED, ValueError(FORGED), [FORGED], b"\n\x1b"])
def test_e20_every_argument_of_a_record_is_escaped(caplog, argument):
    with caplog.at_level(logging.INFO):
        get_logger("bahamut.test").info("%s is %d", argument, 3)
    assert caplog.records[-1].getMessage().isprintable()
    assert caplog.records[-1].getMessage().isascii()
    assert caplog.records[-1].getMessage().endswith(" is 3")


def raise_forged() -> None:
    raise ValueError(FORGED)


def test_e20_no_line_of_a_trace_can_be_taken_for_a_record(caplog):
    try:
        raise_forged()
    except ValueError:
        get_logger("bahamut.test").exception("failed")
    record, *lines = caplog.text.splitlines()
    assert record.endswith("failed")
    assert len(lines) > 3
    assert all(line.startswith("  | ") for line in lines)
    assert "\x1b" not in caplog.text


def test_e20_every_part_that_logs_uses_that_logger():
    root = Path(bahamut.__file__).parent
    for path in root.rglob("*.py"):
        if any(name in path.relative_to(root).parts for name in PLAIN):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            assert not (isinstance(node, ast.Attribute) and node.attr == "getLogger"), path
