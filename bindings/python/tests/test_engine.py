"""The engine's face: held metrics, names, buffers, time, the ledger."""

import array
import datetime
import decimal
import fractions
import threading

import pytest
from conftest import NOW

import pointmill


def only(snapshot):
    (entry,) = snapshot
    return entry


def test_a_held_metric_records_and_says_what_it_is(engine):
    latency = engine.distribution("latency", ["b:2", "a:1"])
    for value in (1, 2.5, True, decimal.Decimal("1.5"), fractions.Fraction(1, 2)):
        assert latency.record(value) is None
    entry = only(engine.flush(NOW, all=True))
    assert (entry.kind, entry.name, entry.tags, entry.interval) == ("distribution", "latency", ("a:1", "b:2"), NOW)
    assert (entry.count, entry.sum, entry.min, entry.max) == (5, 6.5, 0.5, 2.5)
    assert entry.value is None and entry.interval_s == 10
    assert (latency.name, latency.tags, latency.kind) == ("latency", ("b:2", "a:1"), "distribution")
    assert latency.engine is engine and latency.context < 2**53
    assert "latency" in repr(latency) and "latency" in repr(entry)


@pytest.mark.parametrize("kind", ["distribution", "count", "gauge", "histogram"])
def test_every_kind_has_a_held_and_a_named_way(engine, kind):
    getattr(engine, kind)("m", ["a:1"]).record(1)
    getattr(engine, "record_" + kind)("m", 2, ["a:1"])
    getattr(engine, "record_" + kind)(name="m", value=3, tags=("a:1",), rate=1, at=NOW)
    entry = only(engine.flush(NOW, all=True))
    assert (entry.kind, entry.points) == (kind, 3)
    assert (entry.summary is None) == (kind in ("count", "gauge"))


@pytest.mark.parametrize("tags", [(), [], None, ["a"], ("a",), {"a"}, frozenset("a"), iter(["a"]), ["a"] * 200])
def test_tags_come_in_any_iterable(engine, tags):
    engine.record_count("m", 1, tags)
    assert only(engine.flush(NOW, all=True)).tags in ((), ("a",))


@pytest.mark.parametrize("n", range(20, 30))
def test_tags_in_any_number(engine, n):
    """The extension has room for a few of them and asks for memory beyond."""
    tags = tuple(f"t:{i:02}" for i in range(n))
    engine.record_count("m", 1, list(tags))
    engine.count("m", tags).record(2)
    entry = only(engine.flush(NOW, all=True))
    assert (entry.tags, entry.value) == (tags, 3)


def test_a_generator_of_tags_is_held_once(engine):
    assert engine.count("m", (t for t in ("a", "b"))).tags == ("a", "b")


def test_times_and_rates(engine):
    metric = engine.count("m")
    metric.record(1, rate=0.5)
    metric.record(1, at=NOW - 20)
    metric.record(1, at=NOW - 0.5)  # the second before
    metric.record(1, rate=0.5, at=NOW - 20.0)
    metric.record(1, rate=None, at=None)
    assert [(e.interval, e.value) for e in engine.flush(NOW, all=True)] == [(NOW - 20, 3.0), (NOW - 10, 1.0), (NOW, 3.0)]


def test_a_time_before_1970_lies_in_the_second_that_has_begun():
    with pointmill.Engine(past_max_s=1 << 40, interval_s=1) as engine:
        engine.tick(NOW)
        engine.count("m").record(1, at=-0.5)
        engine.record_count("n", 1, at=-1)
        assert [entry.interval for entry in engine.flush(NOW)] == [-1, -1]


@pytest.mark.parametrize("code", "dfbBhHiIlLqQ")
def test_buffers_of_every_number(engine, code):
    values = array.array(code, [1, 2, 3])
    assert engine.distribution("m").record_many(values) == 0
    assert only(engine.flush(NOW, all=True)).sum == 6


def test_buffers_of_every_shape(engine):
    metric = engine.distribution("m")
    doubles = array.array("d", range(10))
    assert metric.record_many(memoryview(doubles)[::3]) == 0  # 0 3 6 9
    assert metric.record_many(memoryview(doubles.tobytes())[8:].cast("d")) == 0  # 1..9, perhaps not aligned
    assert metric.record_many([1, 2.5]) == 0
    assert metric.record_many(range(3)) == 0
    assert metric.record_many(array.array("d", [1, float("nan"), float("inf")])) == 2
    assert metric.record_many(array.array("d")) == 0
    entry = only(engine.flush(NOW, all=True))
    assert (entry.count, entry.sum) == (4 + 9 + 2 + 3 + 1, 18 + 45 + 3.5 + 3 + 1)


def test_numpy_without_a_copy_and_with_one(engine):
    numpy = pytest.importorskip("numpy")
    metric = engine.distribution("m")
    values = numpy.arange(10_000, dtype=numpy.float64)
    assert metric.record_many(values) == 0
    assert metric.record_many(values.astype(numpy.float32)) == 0
    assert metric.record_many(values.reshape(100, 100).T) == 0
    assert metric.record_many(values[::-1]) == 0
    metric.record(numpy.float32(1))
    assert engine.record_batch(numpy.full(3, metric.context, dtype=numpy.uint64), values[:3]) == 0
    assert only(engine.flush(NOW, all=True)).count == 40_004
    with pytest.raises(TypeError, match="format"):
        metric.record_many(numpy.array([1j]))


def test_columns(engine):
    a, b = engine.count("a"), engine.count("b")
    contexts = array.array("Q", [a.context, b.context, a.context, 1 << 52])
    assert engine.record_batch(contexts, array.array("d", [1, 2, 4, 8])) == 1
    assert engine.record_batch([a.context], [8]) == 0
    assert {e.name: e.value for e in engine.flush(NOW, all=True)} == {"a": 13.0, "b": 2.0}
    with pytest.raises(ValueError, match="2 contexts and 1 values"):
        engine.record_batch([1, 2], [3])
    with pytest.raises(TypeError, match="64-bit"):
        engine.record_batch(array.array("d", [1]), [3])


def test_a_metric_that_rested_too_long_is_asked_for_again():
    with pointmill.Engine(idle_flushes=1) as engine:
        engine.tick(NOW)
        metric = engine.count("m", ["a:1"])
        for i in range(5):
            engine.flush(NOW + 10 * i)
        assert engine.stats().contexts == 0
        metric.record(1)
        metric.record(2, at=NOW + 40)
        assert metric.record_many([4, 8]) == 0
        assert only(engine.flush(NOW + 50)).value == 15


WRONG = [
    (lambda e: e.count("m").record("5"), TypeError, r"float\(\)"),
    (lambda e: e.count("m").record(None), TypeError, "got NoneType"),
    (lambda e: e.count("m").record(datetime.datetime.now()), TypeError, "number"),
    (lambda e: e.count("m").record(float("nan")), pointmill.NotFiniteError, "NaN"),
    (lambda e: e.count("m").record(float("-inf")), ValueError, "-inf"),
    (lambda e: e.count("m").record(10**400), OverflowError, "too large"),
    (lambda e: e.count("m").record(), TypeError, "one value|missing"),
    (lambda e: e.count("m").record(1, 2), TypeError, "one value|takes 2"),
    (lambda e: e.count("m").record(1, tags=[]), TypeError, "keyword (argument )?'tags'"),
    (lambda e: e.count("m").record(1, at=datetime.datetime.now()), TypeError, r"timestamp\(\)"),
    (lambda e: e.count("m").record(1, at="now"), TypeError, "at: expected a number"),
    (lambda e: e.count("m").record(1, at=float("nan")), ValueError, "seconds"),
    (lambda e: e.count("m").record(1, at=NOW * 1000), pointmill.TooNewError, "unit"),
    (lambda e: e.count("m").record(1, at=5), pointmill.TooOldError, "past_max_s"),
    (lambda e: e.count("m", {"env": "prod"}), TypeError, r"tags.items\(\)"),
    (lambda e: e.record_count("m", 1, {"env": "prod"}), TypeError, r"tags.items\(\)"),
    (lambda e: e.count("m", "env:prod"), TypeError, "brackets"),
    (lambda e: e.record_count("m", 1, "env:prod"), TypeError, "brackets"),
    (lambda e: e.count("m", 5), TypeError, "list of texts"),
    (lambda e: e.count("m", ["a", 5]), TypeError, "tag: expected a str, got int"),
    (lambda e: e.record_count("m", 1, ["a", None]), TypeError, "got NoneType"),
    (lambda e: e.count(b"m"), TypeError, "name: expected a str, got bytes"),
    (lambda e: e.count(""), pointmill.InvalidNameError, "0 bytes"),
    (lambda e: e.record_count("n" * 10_000, 1), pointmill.InvalidNameError, "10000 bytes"),
    (lambda e: e.record_count("m", 1, ["t" * 1000]), pointmill.InvalidNameError, "the tag 'tttt"),
    (lambda e: e.record_count("m", 1, ["t" * 1000], rate=0.5), pointmill.InvalidNameError, "the tag 'tttt"),
    (lambda e: e.record_count("m", 1, rate="x"), TypeError, "rate"),
    (lambda e: e.count("a\ud800"), pointmill.Utf8Error, "surrogate"),
    (lambda e: e.record_count("m", 1, ["\udfff"]), ValueError, "surrogate"),
    (lambda e: e.record_count("m"), TypeError, "name, value"),
    (lambda e: e.record_count("m", 1, [], 5), TypeError, "name, value"),
    (lambda e: e.count("m").record_many("12"), TypeError, "numbers"),
    (lambda e: e.count("m").record_many(["1"]), TypeError, "number"),
    (lambda e: e.count("m").record_many(5), TypeError, "iterable"),
    (lambda e: pointmill.Engine(intervals=5), pointmill.UnknownOptionError, "interval_s"),
    (lambda e: pointmill.Engine(interval_s="x"), pointmill.BadValueError, "whole number"),
    (lambda e: pointmill.Engine(interval_s=[5]), TypeError, "interval_s"),
    (lambda e: pointmill.Engine(contexts_max=1 << 20, arena_bytes=1 << 20), pointmill.ArenaTooSmallError, "raise it"),
    (lambda e: pointmill.Metric(), TypeError, "cannot create"),
    (lambda e: e.tick("x"), TypeError, "number"),
]


@pytest.mark.parametrize(("call", "error", "text"), WRONG, ids=[str(i) for i in range(len(WRONG))])
def test_bad_input_names_cause_and_remedy(engine, call, error, text):
    with pytest.raises(error, match=text):
        call(engine)


def test_what_the_engine_refuses_is_counted(engine):
    for call in (
        lambda: engine.record_count("n" * 10_000, 1),
        lambda: engine.record_count("n" * 10_000, 1, rate=0.5),
        lambda: engine.record_count("n" * 10_000, 1, at=NOW),
        lambda: engine.record_count("m", float("nan")),
    ):
        with pytest.raises(pointmill.Error):
            call()
    stats = engine.stats()
    assert (stats.recorded, stats.rejected_invalid_name, stats.rejected_not_finite) == (4, 3, 1)


def test_names_may_be_any_text(engine):
    engine.record_count("métrique.日本", 1, ["emoji:😀", "a,b|c\n"])
    entry = only(engine.flush(NOW, all=True))
    assert (entry.name, entry.tags) == ("métrique.日本", ("a,b|c\n", "emoji:😀"))


def test_a_closed_engine_says_so(engine):
    metric = engine.count("m")
    engine.close()
    engine.close()
    assert engine.closed and "closed" in repr(engine)
    for call in (
        lambda: metric.record(1),
        lambda: metric.record(1, at=NOW),
        lambda: metric.record_many([1]),
        lambda: engine.record_count("m", 1),
        lambda: engine.count("m"),
        lambda: engine.record_batch([1], [1]),
        engine.flush,
        engine.tick,
        engine.stats,
    ):
        with pytest.raises(ValueError, match="closed"):
            call()


def test_closing_while_others_flush_and_record_is_safe():
    for _ in range(20):
        engine = pointmill.Engine(contexts_max=64)
        metric = engine.distribution("m")
        values = array.array("d", [1.0]) * 20_000

        def work(engine=engine, metric=metric, values=values):
            try:
                while True:
                    metric.record_many(values)
                    engine.flush(all=True)
            except ValueError:
                pass

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        engine.close()
        for thread in threads:
            thread.join(300)
            assert not thread.is_alive()


def test_threads_lose_nothing(engine):
    metric = engine.count("m")

    def work():
        for _ in range(10_000):
            metric.record(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    snapshots = [engine.flush(NOW, all=True) for _ in range(20)]
    for thread in threads:
        thread.join()
    snapshots.append(engine.flush(NOW, all=True))
    assert sum(entry.value for snapshot in snapshots for entry in snapshot) == 40_000


def test_an_engine_can_be_derived_from():
    class Mine(pointmill.Engine):
        pass

    with Mine(interval_s=20) as engine:
        engine.tag = "x"
        engine.tick(NOW)
        engine.count("m").record(1)
        assert only(engine.flush(NOW, all=True)).interval_s == 20


def test_options_describe_themselves():
    options = {option.name: option for option in pointmill.options()}
    assert options["interval_s"].default == 10 and options["interval_s"].type == "number"
    assert "sketches" in options["format"].choices and options["format"].default == "intake"
    assert all(option.doc for option in options.values())


def test_engine_without_arguments_uses_the_clock():
    import time

    before = time.time()
    with pointmill.Engine() as engine:
        engine.tick()
        engine.count("m").record(1)
        assert before - 10 <= only(engine.flush(all=True)).interval <= time.time()
        assert list(engine.flush()) == []
