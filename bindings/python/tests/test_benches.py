"""The benchmarks run once, short, with their answers checked."""

import subprocess
import sys
from pathlib import Path

import pytest

from pointmill import _raw

BENCH = Path(__file__).resolve().parents[1] / "benches/bench.py"


@pytest.mark.skipif(_raw.KIND == "ctypes", reason="figures are of the extension")
def test_benchmarks_give_the_right_answers():
    done = subprocess.run([sys.executable, BENCH, "--once"], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 10
