"""No call, good or bad, keeps memory: the interpreter has as many blocks after a thousand of them as before."""

import array
import gc
import sys

import pytest
from conftest import NOW
from test_engine import WRONG

import pointmill
from pointmill import _raw

pytestmark = pytest.mark.skipif(_raw.KIND == "ctypes", reason="about the extension's references")
ROUNDS = 300


def blocks_kept(call):
    """Blocks that a call leaves behind, on average."""
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(ROUNDS):
        call()
    gc.collect()
    return (sys.getallocatedblocks() - before) / ROUNDS


def forgiving(call, *arguments):
    try:
        call(*arguments)
    except Exception:
        pass


def everything(engine):
    metric = engine.distribution("d", ["a:1"])
    metric.record(1, rate=0.5, at=NOW)
    metric.record_many(array.array("f", [1, 2]))
    metric.record_many([1, 2])
    engine.record_gauge("g", 1, (t for t in "ab"))
    engine.record_count("c", 1, [f"t:{i}" for i in range(40)])
    engine.record_batch([metric.context], [1])
    repr(metric), metric.kind, metric.name, metric.tags, metric.engine
    snapshot = engine.flush(NOW, all=True)
    for entry in pointmill.Snapshot.merge([snapshot, snapshot.group_by("a")]):
        repr(entry), entry.count, entry.kind
    snapshot[0].sketch()
    snapshot.encode("sketches", tags=["x:y"])
    engine.stats(), pointmill.options(), _raw.codes()


def sketches(_):
    sketch = pointmill.Sketch([1, 2, 3])
    sketch.insert(4, n=2)
    sketch.insert(4, rate=0.5)
    other = sketch + pointmill.Sketch.decode(sketch.encode())
    other.merge(sketch.copy())
    sketch.bins(), sketch.bins("u16"), sketch.quantile(0.5), sketch.summary(), pointmill.Sketch.key(1)
    for bad in (
        lambda: sketch.insert("1"),
        lambda: sketch.insert(1, n=1, rate=1),
        lambda: sketch.merge(1),
        lambda: pointmill.Sketch.decode(b"\xff" * 9),
    ):
        forgiving(bad)


def clients(_):
    with pointmill.Client(send=lambda payload, timeout: 202, background=False) as client:
        client.engine.record_count("c", 1)
        client.flush(timeout=60)
        client.stats()
    forgiving(pointmill.Client, "x")


CALLS = [("everything", everything), ("sketches", sketches), ("clients", clients)]
CALLS += [(f"wrong {i}", call) for i, (call, *_) in enumerate(WRONG)]


@pytest.mark.parametrize("call", [call for _, call in CALLS], ids=[name for name, _ in CALLS])
def test_a_call_keeps_nothing(engine, call):
    # What the interpreter keeps once, in caches and free lists, is kept in the first rounds; a leak is in all of them.
    assert min(blocks_kept(lambda: forgiving(call, engine)) for _ in range(4)) < 0.5
