"""The shared cases of testdata/conformance; their README says what the fields mean."""

import math
import struct
import tomllib
from pathlib import Path

import pytest
from conftest import assert_balances

import pointmill

FOLDER = Path(__file__).resolve().parents[3] / "testdata/conformance"
FEATURES = {"sketch_bytes"}
QUANTITIES = ("count", "min", "max", "sum", "avg")


def cases():
    for path in sorted(FOLDER.glob("*.toml")):
        for case in tomllib.loads(path.read_text(encoding="utf-8"))["case"]:
            if FEATURES.issuperset(case.get("needs", ())):
                yield pytest.param(case, id=case["name"])


def same(wanted, got):
    """Equal to the last bit; every NaN equals every other."""
    wanted, got = float(wanted), float(got)
    return struct.pack("d", wanted) == struct.pack("d", got) or (math.isnan(wanted) and math.isnan(got))


class Runner:
    def __init__(self, case):
        self.case = case
        self.engine = None
        self.snapshots = []
        self.sketches = {}

    def run(self):
        for i, step in enumerate(self.case["step"]):
            try:
                self.step(step)
            except Exception as error:
                error.add_note(f"step {i}: {step}")
                raise
            if self.engine is not None:
                assert_balances(self.engine)

    def step(self, step):
        getattr(self, "do_" + step["op"])(step)

    def call(self, step, function, *args, **kwargs):
        """The function's result; None if it failed as the step says it must."""
        if "error" not in step:
            return function(*args, **kwargs)
        with pytest.raises(pointmill.Error) as caught:
            function(*args, **kwargs)
        assert caught.value.name == "POINTMILL_E_" + step["error"]

    def the_engine(self):
        if self.engine is None:
            self.engine = pointmill.Engine(self.case.get("config"))
        return self.engine

    def sketch(self, name="main"):
        return self.sketches.setdefault(name, pointmill.Sketch())

    # -- the engine --

    def do_engine(self, step):
        self.engine = self.call(step, pointmill.Engine, self.case.get("config"))

    def do_tick(self, step):
        self.the_engine().tick(step["now"])

    def do_record(self, step):
        engine = self.the_engine()
        name = step["name"] * step.get("name_times", 1)
        tags = [tag * step.get("tag_times", 1) for tag in step.get("tags", ())]
        hold = getattr(engine, step["kind"])
        by = step.get("by", "held")
        if by == "many":
            rejected = self.call(step, lambda: hold(name, tags).record_many(values_of(step)))
            assert "error" in step or rejected == step.get("rejected", 0)
            return
        timed = {key: step[key] for key in ("rate", "at") if key in step}
        for value in values_of(step):
            if by == "name":
                self.call(step, getattr(engine, "record_" + step["kind"]), name, value, tags)
            else:
                self.call(step, lambda value=value: hold(name, tags).record(value, **timed))

    def do_flush(self, step):
        self.take(step, self.the_engine().flush(step["now"], all=step.get("all", False)))

    def do_stats(self, step):
        stats = self.the_engine().stats()
        assert {name: getattr(stats, name) for name in step["stats"]} == step["stats"]

    # -- snapshots --

    def take(self, step, snapshot):
        self.snapshots.append(snapshot)
        if "entries" not in step:
            return

        def place(entry):
            tags = entry.get("tags", ()) if isinstance(entry, dict) else entry.tags
            get = entry.get if isinstance(entry, dict) else lambda name: getattr(entry, name)
            return get("kind"), get("name"), tuple(sorted(tags)), get("interval")

        got = sorted(snapshot, key=place)
        wanted = sorted(step["entries"], key=place)
        assert [place(entry) for entry in got] == [place(entry) for entry in wanted]
        for is_, entry in zip(wanted, got, strict=True):
            assert is_.get("points", entry.points) == entry.points
            if "value" in is_:
                assert same(is_["value"], entry.value)
            if entry.summary is not None:
                compare_sketch(is_, entry.sketch())
                for q, value in is_.get("quantiles", ()):
                    assert same(value, entry.quantile(q))

    def do_merge(self, step):
        self.take(step, pointmill.Snapshot.merge(self.snapshots))

    def do_group_by(self, step):
        merge_intervals = step.get("merge_intervals", False)
        self.take(step, self.snapshots[-1].group_by(*step["keys"], merge_intervals=merge_intervals))

    def do_encode(self, step):
        payloads = self.call(step, self.snapshots[-1].encode, **step["options"])
        if payloads is None:
            return
        if "bodies" in step:
            assert [payload.body.decode() for payload in payloads] == step["bodies"]
        if "bodies_hex" in step:
            assert [payload.body.hex() for payload in payloads] == step["bodies_hex"]
        if "skipped" in step:
            got = sorted((s.cause, s.entries, s.points, s.values) for s in payloads.skipped)
            wanted = [(s["cause"], *(s.get(key, 0) for key in ("entries", "points", "values"))) for s in step["skipped"]]
            assert got == sorted(wanted)

    # -- sketches --

    def do_insert(self, step):
        sketch = self.sketch(step.get("into", "main"))
        weight = {key: step[key] for key in ("n", "rate") if key in step}
        for value in values_of(step):
            self.call(step, sketch.insert, value, **weight)

    def do_interpolate(self, step):
        sketch = self.sketch(step.get("into", "main"))
        self.call(step, sketch.insert_interpolated, step["lower"], step["upper"], step["n"])

    def do_merge_sketch(self, step):
        self.sketch(step["into"]).merge(self.sketch(step["from"]))

    def do_decode(self, step):
        sketch = self.call(step, pointmill.Sketch.decode, bytes.fromhex(step["hex"]), step["format"])
        if sketch is not None:
            self.sketches[step.get("into", "main")] = sketch

    def do_sketch(self, step):
        compare_sketch(step["is"], self.sketch(step.get("sketch", "main")))

    def do_encode_sketch(self, step):
        data = self.call(step, self.sketch(step.get("sketch", "main")).encode, step["format"])
        assert data is None or data.hex() == step["hex"]

    def do_quantile(self, step):
        value = self.call(step, self.sketch(step.get("sketch", "main")).quantile, step["q"])
        assert value is None or same(step["result"], value)

    def do_key(self, step):
        assert self.call(step, pointmill.Sketch.key, step["value"]) == step.get("result")


def values_of(step):
    first, last = step.get("range", (0, -1))
    one = [step["value"]] if "value" in step else []
    return [*one, *step.get("values", ()), *range(first, last + 1)]


def compare_sketch(is_, sketch):
    summary = sketch.summary()
    for name in QUANTITIES:
        if name in is_:
            assert same(is_[name], getattr(summary, name)), name
    if "bins" in is_:
        assert sketch.bins() == [tuple(bin) for bin in is_["bins"]]
    for q, value in is_.get("quantiles", ()):
        assert same(value, sketch.quantile(q)), q
    for q, value in is_.get("quantiles_agent", ()):
        assert same(value, sketch.quantile_agent(q)), q


@pytest.mark.parametrize("case", cases())
def test_case(case):
    Runner(case).run()


def test_there_are_cases():
    assert len(list(cases())) >= 35
