"""The documents: every option is in them, and their code runs."""

import re
import subprocess
import sys
from pathlib import Path

import bahamut
import pytest
from bahamut import options

ROOT = Path(__file__).parents[2]
OPTIONS = sorted(name for name in vars(options) if name.startswith("opt_"))


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_is_documented(name):
    assert f"### `{name}(" in (ROOT / "docs" / "options.md").read_text()


@pytest.mark.parametrize("path", ["README.md", "docs/pubsub.md"])
def test_the_code_of_a_document_runs(path):
    for block in blocks_of(path):
        run(block)


@pytest.mark.parametrize("path", ["docs/hooks.md", "docs/push.md"])
def test_the_blocks_that_are_one_program_run(path):
    run("".join(blocks_of(path)))


def blocks_of(path: str) -> list[str]:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / path).read_text(), re.DOTALL)
    assert blocks
    return blocks


def run(code: str) -> None:
    code = code.replace('__name__ == "__main__"', "False")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_links_between_documents_lead_somewhere():
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path}: {target}"


def test_every_option_of_nats_is_documented():
    text = (ROOT / "docs" / "pubsub.md").read_text()
    for name in bahamut.__all__:
        if name.startswith("nats_opt_"):
            assert f"`{name}(" in text or f"bahamut.{name}(" in text, name
