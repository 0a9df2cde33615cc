"""Forks, pre-fork servers, multiprocessing, subinterpreters, and what an import does not do."""

import multiprocessing
import os
import subprocess
import sys
import textwrap

import pytest
from conftest import NOW

import pointmill
from pointmill import _raw


def in_child(function):
    """Runs it in a forked child; its exit status, 0 if it returned true."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = 0 if function() else 2
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_forked_child_begins_empty_and_the_parent_keeps_its_points(engine):
    metric = engine.count("m", ["a:1"])
    metric.record(1)

    def child():
        metric.record(10)  # made before the fork, valid after it
        engine.record_count("m", 100, ["a:1"])
        values = [entry.value for entry in engine.flush(NOW, all=True)]
        return values == [110.0] and engine.stats().recorded == 2

    assert in_child(child) == 0
    metric.record(2)
    assert [entry.value for entry in engine.flush(NOW, all=True)] == [3.0]


def test_a_pre_fork_server_counts_every_request_once(engine):
    """As gunicorn does it: the application, with its metrics, is loaded before the workers are forked."""
    requests = engine.count("requests")
    requests.record(1)
    read, write = os.pipe()

    def worker():
        for _ in range(1000):
            requests.record(1)
        os.write(write, b"%d\n" % sum(entry.value for entry in engine.flush(NOW, all=True)))
        return True

    assert [in_child(worker) for _ in range(4)] == [0] * 4
    os.close(write)
    with os.fdopen(read) as answers:
        assert [int(line) for line in answers] == [1000] * 4
    assert [entry.value for entry in engine.flush(NOW, all=True)] == [1.0]


def work(n):
    """In a worker of multiprocessing: an engine of its own; the sketch goes back by pickle."""
    with pointmill.Engine() as engine:
        metric = engine.distribution("m")
        metric.record_many(range(n))
        return engine.flush(all=True)[0].sketch()


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(method):
    with multiprocessing.get_context(method).Pool(2) as pool:
        sketches = pool.map(work, [100, 200, 300])
    total = pointmill.Sketch()
    for sketch in sketches:
        total += sketch
    assert total.count == 600


def run(code):
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_an_import_has_no_side_effects():
    out = run("""
        import os, sys, threading
        before = set(sys.modules), os.listdir("/proc/self/fd"), dict(os.environ), threading.active_count()
        import pointmill
        import signal
        assert os.listdir("/proc/self/fd") == before[1]
        assert dict(os.environ) == before[2]
        assert threading.active_count() == before[3] == len(os.listdir("/proc/self/task"))
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        heavy = {"typing", "logging", "json", "ctypes", "dataclasses", "asyncio", "numpy", "collections", "re"}
        print(sorted(heavy & (set(sys.modules) - before[0])))
    """)
    assert out == "[]\n" or _raw.KIND == "ctypes"


@pytest.mark.parametrize("missing", ["pointmill._native", "_ctypes"])
def test_an_import_that_finds_nothing_says_what_to_do(missing):
    out = run(f"""
        import os, sys
        os.environ["POINTMILL_LIBRARY"] = "/nowhere/libpointmill.so"
        os.environ.pop("POINTMILL_FALLBACK", None)
        sys.modules["pointmill._native"] = sys.modules["{missing}"] = None
        try:
            import pointmill
        except ImportError as error:
            print(error)
    """)
    assert out.startswith("pointmill: no extension for this Python") and "POINTMILL_LIBRARY" in out


@pytest.mark.skipif(_raw.KIND == "ctypes", reason="about the extension")
def test_subinterpreters_have_types_of_their_own():
    pytest.importorskip("_testcapi", reason="needs a way to run one")
    out = run("""
        import _testcapi, pointmill
        code = '''
        import pointmill
        with pointmill.Engine() as e:
            e.count("m").record(1)
            try:
                e.count("")
            except pointmill.InvalidNameError:
                print(len(e.flush(all=True)))
        '''
        import textwrap
        for _ in range(3):
            assert _testcapi.run_in_subinterp(textwrap.dedent(code)) == 0
    """)
    assert out == "1\n" * 3


@pytest.mark.skipif(_raw.KIND == "ctypes", reason="about the extension")
def test_the_object_shows_only_its_entry_point_and_needs_an_old_libc():
    from pointmill import _native

    symbols = subprocess.run(["nm", "-D", "--defined-only", _native.__file__], capture_output=True, text=True, check=True)
    assert [line.split()[-1] for line in symbols.stdout.splitlines()] == ["PyInit__native"]
