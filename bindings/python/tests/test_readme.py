"""The code in the README runs."""

import re
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[1] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S)


@pytest.mark.parametrize("code", BLOCKS, ids=[str(i) for i in range(len(BLOCKS))])
def test_block(code, capsys):
    exec(compile(code, str(README), "exec"), {"__name__": "readme"})


def test_it_begins_with_one():
    assert BLOCKS
