"""Snapshots are sequences; payloads account for what they leave out."""

import json

import pytest
from conftest import NOW

import pointmill


@pytest.fixture
def snapshot(engine):
    for i in range(1, 101):
        engine.record_distribution("d", i, ["route:/a", f"host:{i % 2}"])
    engine.record_count("c", 5)
    return engine.flush(NOW + 10)


def test_a_snapshot_is_a_sequence(snapshot):
    assert len(snapshot) == 3
    assert [e.name for e in snapshot] == [snapshot[i].name for i in range(3)]
    assert snapshot[-1].name == snapshot[2].name == snapshot[2:][0].name
    for index in (3, -4):
        with pytest.raises(IndexError):
            snapshot[index]


def test_it_needs_no_engine(snapshot, engine):
    engine.close()
    assert sorted(e.quantile(1) for e in snapshot if e.kind == "distribution") == [99, 100]


def test_group_by_and_merge(snapshot):
    (d,) = [e for e in snapshot.group_by("route") if e.kind == "distribution"]
    assert (d.tags, d.count, d.sum) == (("route:/a",), 100, 5050)
    assert d.sketch().count == 100
    merged = pointmill.Snapshot.merge([snapshot, snapshot])
    assert {e.name: e.points for e in merged.group_by()} == {"c": 2, "d": 200}
    with pytest.raises(TypeError):
        pointmill.Snapshot.merge([snapshot, 1])
    with pytest.raises(ValueError):
        pointmill.Snapshot.merge([])


def test_quantiles_of_what_has_none(snapshot):
    (count,) = [e for e in snapshot if e.kind == "count"]
    assert (count.value, count.count, count.summary) == (5.0, None, None)
    with pytest.raises(pointmill.NoSketchError):
        count.quantile(0.5)
    with pytest.raises(pointmill.NoSketchError):
        count.sketch()
    with pytest.raises(pointmill.InvalidError):
        next(e for e in snapshot if e.kind == "distribution").quantile(float("nan"))


def test_payloads(snapshot):
    payloads = snapshot.encode("distribution_points_v1", compression="none", tags=["env:prod", "service:s"])
    (payload,) = payloads
    assert payload.path == "/api/v1/distribution_points" and payload.content_type == "application/json"
    body = json.loads(payload.body)
    assert {s["metric"] for s in body["series"]} == {"d"} and body["series"][0]["tags"][-2:] == ["env:prod", "service:s"]
    assert payload.points == 100 and payload.entries == 2
    assert [(s.cause, s.points) for s in payloads.skipped] == [("scalar_in_sketch_format", 1)]
    assert {p.encoding for p in snapshot.encode()} == {"zstd"}
    with pytest.raises(pointmill.BadValueError, match="one of"):
        snapshot.encode("smoke")
    with pytest.raises(pointmill.EncodeError):
        snapshot.encode("log_lines", compression="zstd")
