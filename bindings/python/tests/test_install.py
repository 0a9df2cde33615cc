"""The packages as a user gets them: the wheel in an empty environment, the sdist where nothing can be compiled."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1]
CODE = """
import pointmill, pointmill.lambda_
from pointmill import _raw
with pointmill.Engine() as engine:
    engine.distribution("d", ["a:1"]).record_many(range(1000))
    print(_raw.KIND, engine.flush(all=True)[0].count)
"""


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def installed(folder, wheel, base=sys.executable):
    """The interpreter of an environment that has the wheel and nothing else."""
    run(base, "-m", "venv", "--without-pip", folder)
    python = folder / "bin/python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--disable-pip-version-check", wheel)
    return python


@pytest.mark.parametrize(
    "base", [sys.executable, "python3.12", "python3.13", "python3.14"], ids=lambda base: Path(base).name
)
def test_the_wheel_in_an_empty_environment(tmp_path, base):
    """One wheel for every CPython from 3.11 on: those that this machine has are tried."""
    if subprocess.run(["sh", "-c", f"{base} -c 'import venv'"], capture_output=True, check=False).returncode != 0:
        pytest.skip(f"no {base} here")
    wheel = os.environ.get("POINTMILL_WHEEL") or pytest.skip(
        "POINTMILL_WHEEL names no wheel; `cargo xtask python` does"
    )
    python = installed(tmp_path / "venv", wheel, base)
    assert run(python, "-I", "-c", CODE, env={}) == "extension 1000\n"
    with zipfile.ZipFile(wheel) as names:
        assert not [name for name in names.namelist() if name.endswith((".c", ".h", ".inc")) or "tests/" in name]


def test_the_sdist_builds_and_works_without_a_compiler(tmp_path):
    library = os.environ.get("POINTMILL_LIBRARY") or pytest.skip(
        "POINTMILL_LIBRARY names no library; in the run over ctypes it does"
    )
    source = tmp_path / "bindings/python"
    shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    shutil.copytree(PACKAGE.parents[1] / "include", tmp_path / "include")
    bare = {name: value for name, value in os.environ.items() if not name.startswith("POINTMILL_")}
    env = {**bare, "CC": "/nowhere/cc", "CARGO_TARGET_DIR": "/nowhere"}
    run(sys.executable, "setup.py", "-q", "sdist", "-d", tmp_path / "sdist", cwd=source, env=env)
    (sdist,) = (tmp_path / "sdist").iterdir()
    with tarfile.open(sdist) as names:
        files = {name.partition("/")[2] for name in names.getnames()}
    assert {str(path.relative_to(PACKAGE)) for path in (PACKAGE / "csrc").iterdir()} < files
    pip = (
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-index",
        "--no-deps",
        "--no-build-isolation",
        "--disable-pip-version-check",
    )
    # Away from the repository: the sdist has all it needs.
    run(*pip, "-w", tmp_path / "wheel", sdist, cwd=tmp_path / "sdist", env=env)
    (wheel,) = (tmp_path / "wheel").iterdir()
    assert wheel.name.endswith("-py3-none-any.whl")
    python = installed(tmp_path / "venv", wheel)
    assert run(python, "-I", "-c", CODE, env={"POINTMILL_LIBRARY": library}) == "ctypes 1000\n"


def test_a_compiler_that_fails_is_an_error_where_the_library_is_named(tmp_path):
    """Whoever names libpointmill.a wants the extension, and no wheel that quietly has none."""
    source = tmp_path / "bindings/python"
    shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    shutil.copytree(PACKAGE.parents[1] / "include", tmp_path / "include")
    library = tmp_path / "libpointmill.a"
    library.touch()
    env = {**os.environ, "CC": "/nowhere/cc", "POINTMILL_STATIC_LIBRARY": str(library)}
    done = subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext"],
        cwd=source,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0 and "/nowhere/cc" in done.stdout + done.stderr
