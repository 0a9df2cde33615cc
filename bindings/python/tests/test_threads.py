"""The GIL is given away by what takes long."""

import array
import sys
import threading
import time

import pytest
from conftest import NOW
from intake import Intake

import pointmill


@pytest.fixture
def other_thread():
    """A thread that counts, and the interpreter told not to take the GIL from the one that has it: it counts while
    somebody gives the GIL away, and only then."""
    count, done = [0], threading.Event()

    def work():
        while not done.is_set():
            count[0] += 1
            time.sleep(0)

    interval = sys.getswitchinterval()
    thread = threading.Thread(target=work)
    thread.start()
    sys.setswitchinterval(1e6)
    yield count
    sys.setswitchinterval(interval)
    done.set()
    thread.join()


def busy_engine():
    engine = pointmill.Engine()
    engine.tick(NOW)
    for i in range(200):
        engine.record_distribution("d", i, [f"i:{i}"])
    return engine


def flush():
    engine = busy_engine()
    return lambda: engine.flush(NOW, all=True)


def record_many():
    metric, values = busy_engine().distribution("m"), array.array("d", [1.0]) * 100_000
    return lambda: metric.record_many(values)


def record_batch():
    engine, values = busy_engine(), array.array("d", [1.0]) * 100_000
    contexts = array.array("Q", [engine.distribution("m").context]) * 100_000
    return lambda: engine.record_batch(contexts, values)


def encode():
    snapshot = busy_engine().flush(NOW, all=True)
    return lambda: snapshot.encode("sketches")


def group_by():
    snapshot = busy_engine().flush(NOW, all=True)
    return lambda: snapshot.group_by("i")


def merge():
    snapshot = busy_engine().flush(NOW, all=True)
    return lambda: pointmill.Snapshot.merge([snapshot, snapshot])


def deliver():
    client = pointmill.Client(url=Intake().url, api_key="k", background=False)

    def call():
        client.engine.record_count("c", 1)
        assert client.flush(timeout=60)

    return call


@pytest.mark.parametrize("make", [flush, record_many, record_batch, encode, group_by, merge, deliver])
def test_other_threads_run_meanwhile(other_thread, make):
    call = make()
    end = time.monotonic() + 60
    before = other_thread[0]
    while other_thread[0] == before:
        assert time.monotonic() < end, "no other thread ran"
        call()


def test_a_point_keeps_the_gil(other_thread):
    with pointmill.Engine() as engine:
        metric = engine.count("m")
        before = other_thread[0]
        for _ in range(10_000):
            metric.record(1)
            engine.record_count("m", 1, ["a:1"])
        if pointmill._raw.KIND == "extension":  # ctypes gives it away around every call
            assert other_thread[0] == before
