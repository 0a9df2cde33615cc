"""A strict type checker, with the package's stubs, takes good code and finds bad."""

import subprocess
import sys
from pathlib import Path

import pytest

from pointmill import _raw

pytest.importorskip("mypy")


def mypy(*arguments, folder):
    done = subprocess.run(
        [sys.executable, "-m", *arguments], capture_output=True, text=True, check=False, cwd=folder, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_strict_checker_takes_good_code_and_finds_bad(tmp_path):
    (tmp_path / "sample.py").write_text(
        """
import array

import pointmill

with pointmill.Engine(interval_s=10, contexts_max=100) as engine:
    latency = engine.distribution("latency", ["env:prod"])
    latency.record(1.5, rate=0.5, at=1e9)
    refused: int = latency.record_many(array.array("d", [1, 2]))
    latency.record_many([1, 2.5])
    engine.record_gauge("g", 1, ("a:1",))
    for entry in engine.flush(all=True):
        high: float = entry.quantile(0.99)
    both: pointmill.Sketch = pointmill.Sketch([1, 2]) + pointmill.Sketch()
    points: int = sum(p.points for p in engine.flush().encode("sketches", compression="none"))
latency.record("5")  # type: ignore[arg-type]
engine.count("m", 5)  # type: ignore[arg-type]
pointmill.Metric("x")
"""
    )
    mypy("mypy", "--strict", "--cache-dir", tmp_path / "cache", "sample.py", folder=tmp_path)


@pytest.mark.skipif(_raw.KIND == "ctypes", reason="the stubs describe the extension; both offer the same names")
def test_stubs_say_what_is_there(tmp_path):
    config = tmp_path / "mypy.ini"
    config.write_text(
        "[mypy]\n[mypy-pointmill._fallback.*,pointmill._fallback_client,pointmill._fallback_lambda]\nignore_errors = True\n"
    )
    allowed = Path(__file__).with_name("stubtest.allow")
    mypy(
        "mypy.stubtest",
        "--concise",
        "--mypy-config-file",
        config,
        "--allowlist",
        allowed,
        "--ignore-unused-allowlist",
        "pointmill",
        folder=tmp_path,
    )
