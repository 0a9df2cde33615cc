"""Sketches: insert, merge, copy, pickle, bytes."""

import array
import copy
import pickle

import pytest

import pointmill
from pointmill import Sketch


def test_what_it_holds():
    sketch = Sketch(range(1, 1001))
    assert sketch.summary() == (1000, 1.0, 1000.0, 500500.0, 500.5)
    assert (sketch.count, len(sketch), bool(Sketch())) == (1000, 1000, True)
    for q in (0.1, 0.5, 0.9, 0.99):
        exact = 1 + round(q * 999)
        assert abs(sketch.quantile(q) - exact) <= exact / 129
    assert sum(n for _, n in sketch.bins()) == sum(n for _, n in sketch.bins("u16")) == 1000
    assert "count=1000" in repr(sketch)


def test_weights_and_rates():
    sketch = Sketch()
    sketch.insert(1)
    sketch.insert(2, n=3)
    sketch.insert(3, rate=0.25)
    sketch.insert_interpolated(1, 2, 10)
    assert sketch.count == 1 + 3 + 4 + 10
    for call in (
        lambda: sketch.insert(1, n=1, rate=1),
        lambda: sketch.insert(1, x=1),
        lambda: sketch.insert("1"),
        lambda: sketch.insert(),
        lambda: sketch.insert(1, n=1.5),
        lambda: sketch.merge(1),
        lambda: sketch.bins(5),
        lambda: Sketch.decode("text"),
    ):
        with pytest.raises(TypeError):
            call()
    with pytest.raises(pointmill.NotFiniteError):
        sketch.insert(float("nan"))
    with pytest.raises(pointmill.NotFiniteError):
        sketch.insert_many(array.array("d", [1, float("inf")]))
    with pytest.raises(pointmill.TooManyError):
        sketch.insert(1, n=1 << 50)
    with pytest.raises(pointmill.InvalidError):
        sketch.bins("u8")
    assert sketch.count == 18


def test_merging():
    a, b = Sketch(range(500)), Sketch(range(500, 1000))
    both = a + b
    assert (a.count, b.count, both.count) == (500, 500, 1000)
    a += b
    assert a == both != b
    same_summary = Sketch([0, 1, 3, 4]), Sketch([0, 1.5, 2.5, 4])
    assert same_summary[0].summary() == same_summary[1].summary() and same_summary[0] != same_summary[1]
    a.merge(a)
    assert a.count == 2000
    with pytest.raises(TypeError):
        a + 1
    with pytest.raises(TypeError):
        hash(a)
    assert a != 1


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, Sketch.copy, lambda s: pickle.loads(pickle.dumps(s))])
def test_copies_have_every_bit_and_a_life_of_their_own(copied):
    sketch = Sketch([-1.5, 0, 1e-12, 0.1, 0.2, 0.3, 7e200])
    other = copied(sketch)
    assert other == sketch and other.summary() == sketch.summary()
    other.insert(1)
    assert other != sketch


@pytest.mark.parametrize("format", ["agent", "ddsketch_compact", "ddsketch_proto"])
def test_bytes(format):
    sketch = Sketch(range(1, 100))
    data = sketch.encode(format)
    for source in (data, bytearray(data), memoryview(data)):
        assert Sketch.decode(source, format).bins() == sketch.bins()
    with pytest.raises(pointmill.DecodeError, match="byte"):
        Sketch.decode(b"\xff" * 9, format)
    with pytest.raises(pointmill.FormatError, match="expected ddsketch_proto, ddsketch_compact, agent, got 'nothing'"):
        sketch.encode("nothing")
    with pytest.raises(pointmill.InvalidError, match="expected u16, u32, got 'u8'"):
        sketch.bins("u8")
    for n, error in ((-1, ValueError), ("1", TypeError)):
        with pytest.raises(error, match="n: expected a whole number from 0"):
            sketch.insert(1, n=n)


def test_a_derived_class_stays_itself():
    class Mine(Sketch):
        pass

    mine = Mine([1])
    assert type(mine.copy()) is type(Mine.decode(mine.encode())) is Mine
