"""lambda_metric with whatever it is called with: it never raises, and nothing valid is lost."""

import datetime
import json
import os
import subprocess
import sys
import textwrap

import pytest

from pointmill import _raw


HEAD = "from pointmill.lambda_ import lambda_metric, datadog_lambda_wrapper, stats, flush, mode\nimport pointmill.lambda_ as layer\n"


def run(code, head=HEAD, **env):
    """Runs it in an interpreter of its own, in log mode; what was logged, and what else was printed."""
    environment = {"PATH": os.environ.get("PATH", ""), "DD_FLUSH_TO_LOG": "true", **env}
    for name in ("POINTMILL_FALLBACK", "POINTMILL_LIBRARY"):
        if name in os.environ:
            environment[name] = os.environ[name]
    done = subprocess.run(
        [sys.executable, "-c", head + textwrap.dedent(code)], capture_output=True, text=True, timeout=300, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    metrics = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"m"')]
    rest = [line for line in done.stdout.splitlines() if not line.startswith('{"m"')]
    return metrics, rest, done.stderr


LAYER_TAG = "dd_lambda_layer:pointmill-python%d%d_" % sys.version_info[:2]

TAKEN = [
    ('lambda_metric("m", 1)', 1, []),
    ('lambda_metric("m", 1.5, None, ["a:1", "b"])', 1.5, ["a:1", "b"]),
    ('lambda_metric("m", 1, tags=("b", "a"))', 1, ["b", "a"]),
    ('lambda_metric(metric_name="m", value=1, timestamp=None, tags=None, force_async=False)', 1, []),
    ('lambda_metric("m", 1, tags={"k": 1})', 1, ["k:1"]),
    ('lambda_metric("m", 1, tags="a:b")', 1, ["a:b"]),
    ('lambda_metric("m", 1, tags=["a", 5, None, b"x"])', 1, ["a", "5", "x"]),
    ('lambda_metric("m", 1, tags=(t for t in ["a"]))', 1, ["a"]),
    ('lambda_metric("m", 1, tags=(t for t in ["a", 5]))', 1, ["a", "5"]),
    ('lambda_metric("m", 1, tags=["a\\ud800"])', 1, ["a?"]),
    ('lambda_metric("m", "5")', 5, []),
    ('lambda_metric("m", True)', 1, []),
    ('import decimal; lambda_metric("m", decimal.Decimal("1.10"))', 1.1, []),
    ('import fractions; lambda_metric("m", fractions.Fraction(1, 4))', 0.25, []),
    ('lambda_metric("m", -0.0, force_async=True)', 0, []),
    ('lambda_metric("m", 1, tags=["emoji:😀"])', 1, ["emoji:😀"]),
]


@pytest.mark.parametrize(("call", "value", "tags"), TAKEN, ids=[call for call, *_ in TAKEN])
def test_what_is_valid_is_written(call, value, tags):
    (line,), rest, error = run(call + "\nflush()")
    assert (line["m"], line["v"]) == ("m", value)
    assert line["t"][:-1] == tags and line["t"][-1].startswith(LAYER_TAG)
    assert not rest and not error


TIMES = [
    ("1700000000", 1_700_000_000),
    ("1700000000.75", 1_700_000_000),
    ("'1700000000'", 1_700_000_000),
    ("datetime.datetime(2023, 11, 14, 22, 13, 20, tzinfo=datetime.timezone.utc)", 1_700_000_000),
    ("0", None),
]


@pytest.mark.parametrize(("timestamp", "second"), TIMES, ids=[t for t, _ in TIMES])
def test_times(timestamp, second):
    (line,), _, _ = run(f"import datetime; lambda_metric('m', 1, {timestamp}); flush()")
    now = datetime.datetime.now().timestamp()
    assert line["e"] == second if second else abs(line["e"] - now) < 60


REFUSED = [
    ("lambda_metric(None, 1)", "rejected_bad_name"),
    ("lambda_metric('', 1)", "rejected_bad_name + stats().rejected_invalid_name"),
    ("lambda_metric(123, 1)", "rejected_bad_name"),
    ("lambda_metric()", "rejected_bad_name"),
    ("lambda_metric('m', 'oops')", "rejected_bad_value"),
    ("lambda_metric('m', None)", "rejected_bad_value"),
    ("lambda_metric('m', [1])", "rejected_bad_value"),
    ("lambda_metric('m', float('nan'))", "rejected_not_finite"),
    ("lambda_metric('m', float('inf'), tags=['a'])", "rejected_not_finite"),
    ("lambda_metric('n' * 10000, 1)", "rejected_invalid_name"),
    ("lambda_metric('m', 1, 'yesterday')", "rejected_bad_time"),
    ("lambda_metric('m', 1, float('nan'))", "rejected_bad_time"),
]


@pytest.mark.parametrize(("call", "counter"), REFUSED, ids=[call for call, _ in REFUSED])
def test_what_is_not_valid_is_refused_counted_and_told(call, counter):
    metrics, rest, error = run(f"{call}\n{call}\nlambda_metric('good', 1)\nflush()\nprint(stats().{counter}, stats().recorded)")
    assert [line["m"] for line in metrics] == ["good"]
    assert rest == ["2 3"]
    assert error.count("\n") == 1, error  # each text once


def test_objects_that_raise_do_not_reach_the_function():
    code = """
        class Bad:
            def __float__(self): raise RuntimeError("boom")
            def __str__(self): raise RuntimeError("boom")
            __repr__ = __str__
            def __iter__(self): raise RuntimeError("boom")
        for call in (lambda: lambda_metric("m", Bad()), lambda: lambda_metric("m", 1, tags=[Bad()]), lambda: lambda_metric("m", 1, tags=Bad()),
                     lambda: lambda_metric("m", 1, Bad()), lambda: lambda_metric(Bad(), 1), lambda: lambda_metric(Bad(), Bad())):
            call()
        s = stats()
        print(s.recorded, s.rejected_bad_name + s.rejected_bad_value + s.rejected_bad_time + s.rejected_bad_tags)
    """
    _, rest, _ = run(code)
    assert rest == ["6 6"]


def test_wrapping():
    code = """
        @datadog_lambda_wrapper
        def handler(event, context, extra=None):
            "What it does."
            lambda_metric("inside", 1)
            return {"event": event, "extra": extra}
        assert datadog_lambda_wrapper(handler) is handler
        assert (handler.__name__, handler.__doc__) == ("handler", "What it does.")
        class Context:
            invoked_function_arn = "arn:aws:lambda:us-west-1:123457598159:function:python-layer-test:My_alias-1"
            function_version = "1"
            function_name = "python-layer-test"
            memory_limit_in_mb = "256"
            aws_request_id = "r"
            def get_remaining_time_in_millis(self): return 3000
        assert handler({"a": 1}, Context(), extra=5) == {"event": {"a": 1}, "extra": 5}
        assert handler({}, None) == {"event": {}, "extra": None}
        class Odd:
            invoked_function_arn = "bad:arn"
            memory_limit_in_mb = "lots"
            def get_remaining_time_in_millis(self): raise RuntimeError
        handler({}, Odd())
    """
    metrics, _, error = run(code)
    invocations = [line["t"] for line in metrics if line["m"] == "aws.lambda.enhanced.invocations"]
    assert len(invocations) == 3 and [line["m"] for line in metrics].count("inside") == 3
    assert invocations[0][:8] == [
        "region:us-west-1",
        "account_id:123457598159",
        "functionname:python-layer-test",
        "executedversion:1",
        "resource:python-layer-test:My_alias-1",
        "memorysize:256",
        "cold_start:true",
        "runtime:python%d.%d" % sys.version_info[:2],
    ]
    assert invocations[0][8].startswith("datadog_lambda:v") and invocations[0][9].startswith(LAYER_TAG)
    assert invocations[1][0] == "cold_start:false"
    assert "arn" in error


def test_an_exception_is_raised_as_it_is_and_counted_once():
    code = """
        @datadog_lambda_wrapper
        def handler(event, context):
            raise KeyError("mine")
        try:
            handler({"requestContext": {"stage": "prod"}, "httpMethod": "GET"}, None)
        except KeyError as error:
            print(error)
    """
    metrics, rest, _ = run(code)
    assert rest == ["'mine'"]
    assert [line["m"] for line in metrics] == ["aws.lambda.enhanced.invocations", "aws.lambda.enhanced.errors"]


def test_an_answer_that_is_missing_is_a_502_behind_http_only():
    code = """
        @datadog_lambda_wrapper
        def handler(event, context):
            return event.get("answer")
        front = {"requestContext": {"stage": "prod"}, "httpMethod": "GET"}
        handler(front, None)
        handler({}, None)
        handler({**front, "answer": {"statusCode": "503"}}, None)
        handler({**front, "answer": {"statusCode": 404}}, None)
        handler({**front, "answer": "text"}, None)
    """
    metrics, _, _ = run(code)
    names = [line["m"].rpartition(".")[2] for line in metrics]
    assert names == ["invocations", "errors", "invocations", "invocations", "errors", "invocations", "invocations"]


def test_a_flush_gives_the_gil_away():
    """The intake is a thread of the same interpreter: it could not answer otherwise."""
    head = f"""
import os, sys
sys.path.insert(0, {os.path.dirname(__file__)!r})
from intake import Intake
intake = Intake()
os.environ["DATADOG_HOST"] = intake.url
"""
    code = """
        lambda_metric("m", 1)
        print(flush(timeout=60), len(intake.requests))
    """
    assert run(code, head + HEAD, DD_FLUSH_TO_LOG="false", DD_API_KEY="k")[1] == ["True 1"]


def test_beside_the_extension_points_are_datagrams():
    """The address is fixed in Lambda; an option of the layer below has another one."""
    code = """
        import datetime, socket, time
        from pointmill import _raw
        from pointmill.lambda_._refused import Slowly
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(120)
        raw = _raw.Lambda((("mode", "extension"), ("dogstatsd_url", "udp://127.0.0.1:%d" % receiver.getsockname()[1]), ("layer_tag", "x")))
        _raw.lambda_setup(raw, Slowly(raw))
        now = int(time.time())
        _raw.lambda_metric("first", 1.5, now, ["é:ü", "a b|c,d#e@f", "日本:x", "emoji:😀", "path:/a/b"])
        _raw.lambda_metric("second", 2, datetime.datetime.fromtimestamp(now))
        _raw.lambda_metric("third", 3, tags=["a:1"])
        _raw.lambda_metric("too.old", 4, now - 5 * 3600)
        raw.flush(60_000)
        lines = []
        while len(lines) < 3:
            lines += receiver.recv(65536).decode().splitlines()
        for line in lines:
            print(line.replace("T%d" % now, "Tnow"))
        print(raw.stats().rejected_too_old)
    """
    _, rest, _ = run(code)
    assert rest[:2] == ["first:1.5|d|#é:ü,a_b_c_d_e_f,日本:x,emoji:_,path:/a/b,dd_lambda_layer:x|Tnow", "second:2|d|#dd_lambda_layer:x|Tnow"]
    assert rest[2].startswith("third:3|d|#a:1,dd_lambda_layer:x|T")
    assert rest[3:] == ["1"]


def test_a_restored_snapshot_begins_anew():
    """SnapStart: the process was loaded long ago, and yet the first invocation is a cold start."""
    code = """
        import snapshot_restore_py
        @datadog_lambda_wrapper
        def handler(event, context):
            pass
        handler({}, None)
        for function, args, kwargs in snapshot_restore_py.get_after_restore():
            function(*args, **kwargs)
        handler({}, None)
        handler({}, None)
    """
    metrics, _, error = run(code, AWS_LAMBDA_INITIALIZATION_TYPE="snap-start")
    assert [line["t"][0] for line in metrics] == ["cold_start:true", "cold_start:true", "cold_start:false"], error


def test_held_metrics_and_modes():
    code = """
        metric = layer.distribution("held", ["a:1"])
        metric.record(2)
        metric.record(3, at=1_700_000_000.5)
        metric.record("4", at=datetime.datetime.fromtimestamp(1_700_000_001))
        for value, at in (("x", None), (float("nan"), None), (1, "x"), (1, float("inf"))):
            metric.record(value, at=at)
        print(mode(), flush(), flush(timeout=1), layer.last_failure(), layer.restored())
        s = stats()
        print(s.rejected_bad_value, s.rejected_not_finite, s.rejected_bad_time, s.recorded, s.balances())
    """
    lines, rest, error = run(code, HEAD + "import datetime\n")
    assert [(line["m"], line["v"], line["t"][0]) for line in lines] == [("held", v, "a:1") for v in (2, 3, 4)]
    assert [line["e"] for line in lines[1:]] == [1_700_000_000, 1_700_000_001]
    assert rest == ["log True True None None", "1 1 2 7 True"]
    assert len(error.splitlines()) == 4
    assert run("print(mode())", DD_FLUSH_TO_LOG="false", DD_API_KEY="k")[1] == ["http"]


def test_invocations_at_the_same_time_do_not_mix():
    code = """
        import threading
        gate = threading.Barrier(4)
        @datadog_lambda_wrapper
        def handler(event, context):
            gate.wait(120)
            lambda_metric("m", event["n"])
            gate.wait(120)
            if event["n"] == 3:
                raise ValueError
        def work(n):
            try:
                handler({"n": n}, None)
            except ValueError:
                pass
        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        [t.start() for t in threads]; [t.join() for t in threads]
        print(stats().invocations, stats().invocations_open)
    """
    metrics, rest, _ = run(code)
    names = [line["m"] for line in metrics]
    assert sorted(line["v"] for line in metrics if line["m"] == "m") == [0, 1, 2, 3]
    assert names.count("aws.lambda.enhanced.errors") == 1 and names.count("aws.lambda.enhanced.invocations") == 4
    assert rest == ["4 0"]


def test_a_forked_child_has_its_own_points():
    code = """
        import os, sys
        lambda_metric("parent", 1)
        pid = os.fork()
        if pid == 0:
            lambda_metric("child", 1)
            flush()
            os._exit(0)
        os.waitpid(pid, 0)
        flush()
    """
    metrics, _, _ = run(code)
    assert sorted(line["m"] for line in metrics) == ["child", "parent"]


def test_what_was_not_flushed_is_written_at_exit():
    metrics, _, _ = run("lambda_metric('last', 1)")
    assert [line["m"] for line in metrics] == ["last"]


@pytest.mark.skipif(_raw.KIND == "ctypes", reason="ctypes is heavy itself")
def test_the_import_is_light():
    out = subprocess.run(
        [sys.executable, "-c", "import sys, threading; a = set(sys.modules); import pointmill.lambda_; print(sorted(set(sys.modules) - a), threading.active_count())"],
        capture_output=True, text=True, check=True,
    ).stdout
    for heavy in ("logging", "typing", "json", "re'", "socket", "urllib", "datetime", "collections"):
        assert heavy not in out, out
    assert out.endswith("1\n")
