"""The code in the README runs, and the tests it names exist."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1]
README = (PACKAGE / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.S)
PRINTS = ["checkout.latency ('env:prod', 'zone:a') 1000 99", "16 ", "/api/", '"m":"coffee.orders"']
NAMED = re.findall(r"`(tests/\w+\.py)(?:::(\w+))?`", README)


@pytest.mark.parametrize("i", range(len(BLOCKS)))
def test_a_block_runs_and_prints(i):
    call = "\nhandler({}, None)" if "def handler" in BLOCKS[i] else ""
    done = subprocess.run(
        [sys.executable, "-c", BLOCKS[i] + call],
        env={**os.environ, "DD_FLUSH_TO_LOG": "true"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert PRINTS[i] in done.stdout


def test_every_block_has_its_answer():
    assert len(BLOCKS) == len(PRINTS)


@pytest.mark.parametrize(("file", "name"), NAMED, ids=[f"{file}::{name}" for file, name in NAMED])
def test_a_test_that_it_names_exists(file, name):
    assert f"def {name}(" in (PACKAGE / file).read_text(encoding="utf-8") if name else (PACKAGE / file).exists()
