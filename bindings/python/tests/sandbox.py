"""Functions under AWS's own runtime client, over the small Lambda in bindings/runtime-api, and what they send, read."""

import base64
import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
import zstandard

import pointmill

HERE = Path(__file__).resolve().parent
RUNTIME_API = HERE.parents[1] / "runtime-api/runtime_api.py"
VERSIONS = ("datadog_lambda:", "dd_lambda_layer:")


def invoke(tmp_path, layer, invocations, handler="app.handler", env=None, **scenario):
    """The report of a run; runtime_api.py says what is in it."""
    python_path = f"{HERE / 'functions'}"
    scenario = {
        "function": {"handler": handler},
        "env": {
            "LAYER": layer,
            "PYTHONPATH": python_path,
            "DATADOG_HOST": "http://127.0.0.1:${PORT}",
            "DD_API_KEY": "key",
            "DD_TRACE_ENABLED": "false",
            "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
            **(env or {}),
        },
        # Generous: what takes long here is a busy machine, not the function.
        "invocations": [{"timeout_ms": 60_000, **invocation} for invocation in invocations],
        "init_timeout_ms": 120_000,
        **scenario,
    }
    path = tmp_path / "scenario.json"
    path.write_text(json.dumps(scenario))
    # The runtime client turns handler names into modules, the first of them is _HANDLER.
    python = sys.executable if layer == "pointmill" else incumbent()
    command = [sys.executable, RUNTIME_API, path, "--", python, "-m", "awslambdaric", handler]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def incumbent():
    """The interpreter of the environment with datadog_lambda."""
    python = os.environ.get("POINTMILL_INCUMBENT")
    if python is None:
        pytest.skip(
            "POINTMILL_INCUMBENT names no Python with requirements-incumbent.txt; `cargo xtask python` makes one, for the extension"
        )
    return python


def points(report):
    """What has arrived: {(name, tags): Sketch}, of log lines and requests alike; versions are cut off the tags."""
    found = {}
    for name, tags, sketch, _ in [*logged(report), *sent(report)]:
        tags = tuple(sorted(tag.partition(":")[0] + ":" if tag.startswith(VERSIONS) else tag for tag in tags))
        found.setdefault((name, tags), pointmill.Sketch()).merge(sketch)
    return found


def lines(report):
    """The log lines that are metrics."""
    for line in report["stdout"].splitlines():
        if line.startswith('{"m":') or line.startswith('{"m": '):
            yield json.loads(line)


def logged(report):
    for line in lines(report):
        assert isinstance(line["e"], int) and isinstance(line["t"], list)
        yield line["m"], line["t"], pointmill.Sketch([line["v"]]), line["e"]


def sent(report, loads=json.loads):
    """(name, tags, Sketch, time) of every series that the intake has taken."""
    taken = set()
    for request in report["requests"]:
        if request["status"] >= 300:
            continue
        # A request whose answer came too late is sent again, under the same identity: a receiver takes it once.
        batch = request["headers"].get("dd-pointmill-batch", "")
        if any(batch == one or batch.startswith(one + ".") for one in taken):
            continue
        taken |= {batch} - {""}
        body = base64.b64decode(request["body"])
        if request["headers"].get("content-encoding") == "deflate":
            body = zlib.decompress(body)
        elif request["headers"].get("content-encoding") == "zstd":
            body = zstandard.ZstdDecompressor().decompressobj().decompress(body)
        if request["path"] == "/api/v1/distribution_points":
            for series in loads(body)["series"]:
                for at, values in series["points"]:
                    yield series["metric"], series["tags"], pointmill.Sketch(values), at
        elif request["path"] == "/api/beta/sketches":
            yield from sketches(body)


def sketches(body):
    """The series of a SketchPayload: metric (1), tags (4), dogsketches (7) of each sketch (1); ts (1) is in the latter."""
    for number, sketch in fields(body):
        if number != 1:
            continue
        parts = list(fields(sketch))
        name = next(value for n, value in parts if n == 1).decode()
        tags = [value.decode() for n, value in parts if n == 4]
        for n, value in parts:
            if n == 7:
                at = next(value for n, value in fields(value) if n == 1)
                yield name, tags, pointmill.Sketch.decode(value), at


def fields(message):
    """(number, value) of each field of a protobuf message; the value of a fixed field is its bytes."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        tag = varint()
        wire = tag & 7
        if wire == 0:
            yield tag >> 3, varint()
            continue
        size = {1: 8, 5: 4}.get(wire) or varint()
        yield tag >> 3, message[at : at + size]
        at += size
