"""The extension built with AddressSanitizer and UndefinedBehaviorSanitizer, under the tests that call most of it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1]
FLAGS = "-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g"
# Not those that fork: the sanitizer's allocator does not survive a fork while another thread allocates.
TESTS = ("engine", "sketch", "snapshot", "errors", "conformance", "threads")


def runtime(name):
    """gcc's runtime library of a sanitizer."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc here")
    path = subprocess.run(
        ["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True
    ).stdout.strip()
    return path if os.path.isabs(path) else pytest.skip(f"gcc has no {name} here")


def test_no_call_touches_what_is_not_its_own(tmp_path):
    library = os.environ.get("POINTMILL_STATIC_LIBRARY") or pytest.skip(
        "POINTMILL_STATIC_LIBRARY names no library; `cargo xtask python` does, for the extension"
    )
    preload = f"{runtime('libasan.so')} {runtime('libubsan.so')}"
    source = tmp_path / "bindings/python"
    shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    shutil.copytree(PACKAGE.parents[1] / "include", tmp_path / "include")
    build = (sys.executable, "setup.py", "-q", "build", "--build-lib", tmp_path / "lib")
    env = {**os.environ, "CC": "gcc", "CFLAGS": FLAGS, "LDFLAGS": FLAGS, "POINTMILL_STATIC_LIBRARY": library}
    done = subprocess.run(build, cwd=source, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (native,) = (tmp_path / "lib/pointmill").glob("_native*.so")
    assert b"__asan_init" in native.read_bytes() and b"__ubsan_handle" in native.read_bytes()
    env = {
        **os.environ,
        "LD_PRELOAD": preload,
        "PYTHONPATH": str(tmp_path / "lib"),
        "PYTHONMALLOC": "malloc",
        "ASAN_OPTIONS": "detect_leaks=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",  # leaks: test_memory.py
    }
    where = subprocess.run(
        [sys.executable, "-c", "import pointmill._native as n; print(n.__file__)"],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.strip() == str(native)
    tests = [PACKAGE / f"tests/test_{name}.py" for name in TESTS]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-x", *tests],
        env=env,
        cwd=PACKAGE,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
