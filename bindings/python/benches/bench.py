"""What calls, the import and a flush cost, beside datadog_lambda in the same run: `cargo xtask python --bench`.

Every figure is of code that has given the right answer: what was recorded is counted, and what was sent is read.

    bench.py              this table; POINTMILL_INCUMBENT names the Python with datadog_lambda
    bench.py --once       everything once and short, as a test
    bench.py LAYER MODE   one layer in one mode, as JSON; started by the above
    bench.py --intake     an intake on loopback, started by the above
"""

import array
import base64
import json
import os
import statistics
import subprocess
import sys
import timeit
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import perf_counter_ns

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[1] / "tests"))
ONCE = "--once" in sys.argv or os.environ.get("BENCH_ONCE") == "1"
CALLS = 1_000 if ONCE else 100_000
ROUNDS = 1 if ONCE else 15
FLUSHES = 2 if ONCE else 60
STARTS = 1 if ONCE else 25
IMPORTS = {
    "pointmill": "from pointmill.lambda_ import datadog_lambda_wrapper, lambda_metric",
    "incumbent": "from datadog_lambda.metric import lambda_metric\nfrom datadog_lambda.wrapper import datadog_lambda_wrapper",
}


def per_call(statement, names, calls=CALLS):
    """Nanoseconds for one run of a statement, its share of the loop included: the best round, as noise only adds."""
    timer = timeit.Timer(statement, globals=names)
    return min(timer.repeat(ROUNDS, calls)) * 1e9 / calls


# -- the core --


def core():
    import pointmill

    with pointmill.Engine() as engine:
        tags = ["env:prod", "zone:a"]
        held = engine.distribution("held", tags)
        names = {"record": held.record, "engine": engine, "tags": tags, "many": held.record_many}
        yield "`metric.record(12.5)`", per_call("record(12.5)", names)
        check(engine, "held", ROUNDS * CALLS)
        yield "`engine.count(…).record(1)`, held", per_call("record(1)", {"record": engine.count("count").record})
        check(engine, "count", ROUNDS * CALLS)
        yield (
            "by name, 2 tags in a list that is kept",
            per_call("engine.record_distribution('name', 12.5, tags)", names),
        )
        check(engine, "name", ROUNDS * CALLS)
        yield (
            "by name, 2 tags in a list made for the call",
            per_call("engine.record_distribution('name', 12.5, ['env:prod', 'zone:a'])", names),
        )
        check(engine, "name", ROUNDS * CALLS)
        try:
            import numpy

            values = numpy.arange(10_000, dtype=numpy.float64) + 0.5
        except ImportError:
            values = array.array("d", [i + 0.5 for i in range(10_000)])
        runs = max(1, CALLS // 1000)
        cost = per_call("many(values)", {**names, "values": values}, runs) / len(values)
        yield f"`record_many` of 10,000 values ({type(values).__module__}), each", cost
        check(engine, "held", ROUNDS * runs * len(values))


def check(engine, name, points):
    (entry,) = [entry for entry in engine.flush(all=True) if entry.name == name]
    assert entry.points == points, (entry, points)


# -- one layer --


def layer(which, mode):
    """{what: figure} of one layer; the intake's address is in DATADOG_HOST."""
    names = {}
    exec(IMPORTS[which], names)
    lambda_metric, wrapper = names["lambda_metric"], names["datadog_lambda_wrapper"]
    found = {}
    drop_in = "lambda_metric('drop.in', 12.5, tags=['env:prod', 'zone:a'])"
    if mode == "log":
        return {"call": per_call(drop_in, names, CALLS // 10)}

    after = 0

    @wrapper
    def handler(event, context):
        nonlocal after
        for i in range(event["points"]):
            lambda_metric("flushed", 1 + i * 0.75, tags=["shard:%d" % (i % 20), "env:test"])
        if event.get("timed"):
            found["call"] = per_call(drop_in, names)
        after = perf_counter_ns()

    class Context:
        invoked_function_arn = "arn:aws:lambda:us-east-1:123497598159:function:bench"
        function_version, function_name, memory_limit_in_mb, aws_request_id = "1", "bench", "128", "r"

        def get_remaining_time_in_millis(self):
            return 60_000

    flushes = []
    for _ in range(FLUSHES):
        handler({"points": 1000}, Context())
        flushes.append((perf_counter_ns() - after) / 1e6)
    found["flush first"] = flushes[0]
    found["flush"] = statistics.median(flushes[1:])
    handler({"points": 0, "timed": True}, Context())
    return found


def run(which, mode, intake):
    python = sys.executable if which == "pointmill" else os.environ["POINTMILL_INCUMBENT"]
    env = {
        "PATH": os.environ.get("PATH", ""),
        "DD_API_KEY": "key",
        "DATADOG_HOST": intake,
        "DD_TRACE_ENABLED": "false",
        "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
        "BENCH_ONCE": str(int(ONCE)),
        "DD_FLUSH_TO_LOG": str(mode == "log").lower(),
        "DD_ENHANCED_METRICS": "false",
        # As within an invocation, where no thread writes each point: none is begun here.
        "DD_FLUSH_IN_THREAD": "false",
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
    }
    # Log lines go to a file as they do on Lambda's pipe: nobody waits for a reader. What follows them is the answer.
    log = Path(os.environ.get("TMPDIR", "/tmp")) / f"pointmill-bench-{os.getpid()}.log"
    with log.open("w") as out:
        done = subprocess.run(
            [python, HERE, which, mode], env=env, stdout=out, stderr=subprocess.PIPE, text=True, check=False
        )
    try:
        assert done.returncode == 0, done.stderr
        with log.open() as lines:
            written = sum(line.startswith('{"m"') for line in lines)
    finally:
        log.unlink()
    if mode == "log":
        assert written == ROUNDS * (CALLS // 10), written
    return json.loads(done.stderr.splitlines()[-1])


# -- the intake --


def serve():
    taken = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # an answer in one piece

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.append((self.path, self.headers.get("Content-Encoding"), base64.b64encode(body).decode()))
            self.answer(202, b"{}")

        def do_GET(self):
            answer = json.dumps(taken).encode()
            taken.clear()
            self.answer(200, answer)

        def answer(self, status, body):
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


def taken(intake):
    """{name: points} of what the intake has got since it was last asked."""
    import urllib.request

    import sandbox
    import zstandard

    counts = {}
    with urllib.request.urlopen(intake) as answer:
        for path, encoding, body in json.load(answer):
            body = base64.b64decode(body)
            if encoding == "deflate":
                body = zlib.decompress(body)
            elif encoding == "zstd":
                body = zstandard.ZstdDecompressor().decompressobj().decompress(body)
            if "sketches" in path:
                for name, _, sketch, _ in sandbox.sketches(body):
                    counts[name] = counts.get(name, 0) + sketch.count
            else:
                for series in json.loads(body)["series"]:
                    counts[series["metric"]] = counts.get(series["metric"], 0) + sum(
                        len(v) for _, v in series["points"]
                    )
    return counts


# -- starts --


def start_ms(python, code):
    begun = perf_counter_ns()
    subprocess.run(
        [python, "-c", code],
        check=True,
        env={"PATH": os.environ.get("PATH", ""), "DD_API_KEY": "k", "DD_TRACE_ENABLED": "false"},
    )
    return (perf_counter_ns() - begun) / 1e6


def added_by_import(which):
    """Milliseconds that the import adds to a bare start: medians of starts taken in turn."""
    python = sys.executable if which == "pointmill" else os.environ["POINTMILL_INCUMBENT"]
    start_ms(python, IMPORTS[which])  # compiles what is not yet compiled
    pairs = [(start_ms(python, IMPORTS[which]), start_ms(python, "pass")) for _ in range(STARTS)]
    return statistics.median(a for a, _ in pairs) - statistics.median(b for _, b in pairs)


def table():
    for what, ns in core():
        print(f"| {what} | {ns:,.1f} ns | |", flush=True)
    server = subprocess.Popen([sys.executable, HERE, "--intake"], stdout=subprocess.PIPE, text=True)
    try:
        intake = f"http://127.0.0.1:{int(server.stdout.readline())}"
        layers = [
            name for name in ("pointmill", "incumbent") if name == "pointmill" or os.environ.get("POINTMILL_INCUMBENT")
        ]
        found = {}
        for which in layers:
            found[which] = run(which, "http", intake)
            assert taken(intake) == {"flushed": FLUSHES * 1000, "drop.in": ROUNDS * CALLS}, which
            found[which]["log"] = run(which, "log", intake)["call"]
            found[which]["import"] = added_by_import(which)
    finally:
        server.terminate()
        server.wait()
    for what, key, unit in (
        ("`lambda_metric`, 2 tags, HTTP mode", "call", "ns"),
        ("`lambda_metric`, 2 tags, log mode", "log", "ns"),
        ("import of the Lambda module, added to a bare start", "import", "ms"),
        ("flush at the end of an invocation: 1,000 points, 20 contexts", "flush", "ms"),
        ("the same, the first of a process", "flush first", "ms"),
    ):
        figures = " | ".join(f"{found[which][key]:,.{1 if unit == 'ns' else 2}f} {unit}" for which in layers)
        print(f"| {what} | {figures} |", flush=True)


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--once"]
    if arguments == ["--intake"]:
        serve()
    elif arguments:
        # On stderr: stdout belongs to the log lines.
        print(json.dumps(layer(*arguments)), file=sys.stderr)
    else:
        table()
