"""Every difference to datadog_lambda, one row of the README's table each: both layers are run, and both behave as it says."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from intake import Intake
from sandbox import incumbent, invoke, lines, points, sent

README = Path(__file__).resolve().parents[1] / "README.md"
HTTP, LOG = {}, {"DD_FLUSH_TO_LOG": "true"}
POINTS = [["m", 1, ["a:1"]]]
ROWS = []


def row(title):
    """Marks a test as the one that holds this row."""
    ROWS.append(title)
    return lambda function: function


# -- what lambda_metric is called with ---------------------------------------------------------------------------------

REFUSED = "refused"  # nothing arrives; ours says so in the log
NOT_JSON = "not JSON"  # what is sent or written cannot be read
NOT_A_POINT = "not a point"  # a log line whose value the forwarder does not take
NOW = "now"

# (row, call, theirs in log mode, theirs in HTTP mode, ours in log mode, ours in HTTP mode).
# A point is (value, tags, time); one text stands for what happens instead, "…Error" for an exception in the function.
CALLS = [
    ("NaN, infinity", "lambda_metric(NAME, float('nan'))", NOT_JSON, NOT_JSON, REFUSED, REFUSED),
    ("a text as value: `'5'`", "lambda_metric(NAME, '5')", NOT_A_POINT, (5, [], NOW), (5, [], NOW), (5, [], NOW)),
    ("`True` as value", "lambda_metric(NAME, True)", (True, [], NOW), (1, [], NOW), (1, [], NOW), (1, [], NOW)),
    (
        "a `Fraction` as value",
        "import fractions; lambda_metric(NAME, fractions.Fraction(1, 4))",
        "TypeError", (0.25, [], NOW), (0.25, [], NOW), (0.25, [], NOW),
    ),
    ("a number beyond floats: `10**400`", "lambda_metric(NAME, 10**400)", "OverflowError", "OverflowError", REFUSED, REFUSED),
    (
        "an object whose `__float__` raises",
        "class Bad:\n  def __float__(self): raise RuntimeError\nlambda_metric(NAME, Bad())",
        "RuntimeError", "RuntimeError", REFUSED, REFUSED,
    ),
    (
        "a text as tags: `'a:b'`", "lambda_metric(NAME, 1, tags='a:b')",
        (1, ["a", ":", "b"], NOW), (1, ["a", ":", "b"], NOW), (1, ["a:b"], NOW), (1, ["a:b"], NOW),
    ),
    (
        "a dict as tags", "lambda_metric(NAME, 1, tags={'k': 'v'})",
        (1, ["k"], NOW), (1, ["k"], NOW), (1, ["k:v"], NOW), (1, ["k:v"], NOW),
    ),
    (
        "tags that are no texts: `['a', 5, None]`", "lambda_metric(NAME, 1, tags=['a', 5, None])",
        (1, ["a", 5, None], NOW), "TypeError", (1, ["a", "5"], NOW), (1, ["5", "a"], NOW),
    ),
    ("a number as tags", "lambda_metric(NAME, 1, tags=5)", "TypeError", "TypeError", (1, ["5"], NOW), (1, ["5"], NOW)),
    (
        "order and duplicates of tags", "lambda_metric(NAME, 1, tags=['b', 'a', 'b'])",
        (1, ["b", "a", "b"], NOW), (1, ["b", "a", "b"], NOW), (1, ["b", "a", "b"], NOW), (1, ["a", "b"], NOW),
    ),
    (
        "a lone surrogate in a tag", "lambda_metric(NAME, 1, tags=['a\\ud800'])",
        NOT_JSON, NOT_JSON, (1, ["a?"], NOW), (1, ["a?"], NOW),
    ),
    (
        "a `datetime` as timestamp",
        "import datetime; lambda_metric(NAME, 1, datetime.datetime(2023, 11, 14, 22, 13, 20, tzinfo=datetime.timezone.utc))",
        "TypeError", "TypeError", (1, [], 1_700_000_000), (1, [], 1_700_000_000),
    ),
    (
        "a timestamp with a fraction", "lambda_metric(NAME, 1, 1700000000.75)",
        (1, [], 1_700_000_000.75), (1, [], 1_700_000_000), (1, [], 1_700_000_000), (1, [], 1_700_000_000),
    ),
    (
        "a timestamp that is a text of digits", "lambda_metric(NAME, 1, '1700000000')",
        (1, [], "1700000000"), "TypeError", (1, [], 1_700_000_000), (1, [], 1_700_000_000),
    ),
    ("a timestamp that is no time", "lambda_metric(NAME, 1, 'soon')", (1, [], "soon"), "TypeError", REFUSED, REFUSED),
    (
        "a name of more than 512 bytes", "lambda_metric(NAME + 'n' * 10_000, 1)",
        (1, [], NOW), (1, [], NOW), REFUSED, REFUSED,
    ),
]
ROWS += [title for title, *_ in CALLS]


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """One sandbox for each layer and mode, one invocation for each call."""
    found = {}
    for layer in ("incumbent", "pointmill"):
        for mode, env in (("log", LOG), ("http", HTTP)):
            calls = [call.replace("NAME", f"'case.{i}.'") for i, (_, call, *_) in enumerate(CALLS)]
            # Something valid beside it, which must arrive whatever the rest is.
            invocations = [{"event": {"calls": ["lambda_metric('good', 1)", call]}} for call in calls]
            found[layer, mode] = invoke(tmp_path_factory.mktemp(layer), layer, invocations, env=env)
    return found


def no_constant(text):
    raise ValueError(text)


def strict(text):
    """JSON as RFC 8259 has it: no NaN, nothing that is not Unicode."""
    value = json.loads(text, parse_constant=no_constant)
    json.dumps(value, ensure_ascii=False).encode()
    return value


def what_became_of(report, mode, i):
    raised = json.loads(report["invocations"][i]["body"])["raised"]
    if raised[1] is not None:
        return raised[1]
    arrived = list(logged_points(report, i) if mode == "log" else sent_points(report, i))
    assert len(arrived) <= 1
    return arrived[0] if arrived else REFUSED


def logged_points(report, i):
    for line in report["stdout"].splitlines():
        if line.startswith(f'{{"m":"case.{i}.'):
            try:
                line = strict(line)
            except ValueError:
                yield NOT_JSON
                continue
            yield point(line["v"], line["t"], line["e"]) if isinstance(line["v"], (int, float)) else NOT_A_POINT


def sent_points(report, i):
    for request in report["requests"]:
        if request["after"] != i:
            continue
        try:
            found = list(sent({"requests": [request]}, loads=strict))
        except ValueError:
            yield NOT_JSON
            continue
        for name, tags, sketch, at in found:
            if name.startswith(f"case.{i}."):
                yield point(sketch.summary().sum, tags, at)


def point(value, tags, at):
    now = isinstance(at, (int, float)) and abs(at - time.time()) < 86_400
    return value, [tag for tag in tags if not str(tag).startswith("dd_lambda_layer:")], NOW if now else at


@pytest.mark.parametrize("i", range(len(CALLS)), ids=[title for title, *_ in CALLS])
def test_a_call(reports, i):
    _, _, *wanted = CALLS[i]
    got = [what_became_of(reports[layer, mode], mode, i) for layer in ("incumbent", "pointmill") for mode in ("log", "http")]
    assert got == wanted
    for mode, ours in zip(("log", "http"), wanted[2:], strict=True):
        assert (f"case.{i}." in warnings(reports["pointmill", mode])) == (ours == REFUSED)


def warnings(report):
    return "\n".join(line for line in report["stdout"].splitlines() if line.startswith("[WARNING]"))


def test_what_is_valid_arrives_beside_it(reports):
    for mode in ("log", "http"):
        arrived = points(reports["pointmill", mode])
        assert sum(sketch.count for (name, _), sketch in arrived.items() if name == "good") == len(CALLS)


# -- what happens around it --------------------------------------------------------------------------------------------


def both(tmp_path, invocations, env=HTTP, **scenario):
    """The reports of the incumbent and of ours."""
    found = []
    for layer in ("incumbent", "pointmill"):
        folder = tmp_path / layer
        folder.mkdir(exist_ok=True)
        found.append(invoke(folder, layer, invocations, env=env, **scenario))
    return found


def count(report, name):
    return sum(sketch.count for (n, _), sketch in points(report).items() if n == name)


def outcomes(report):
    return [i["outcome"] for i in report["invocations"]]


def tags_of(report, name):
    (tags,) = [tags for (n, tags) in points(report) if n == name]
    return [tag for tag in tags if not tag.startswith("dd_lambda_layer:")]


@row("a request that fails")
def test_a_request_that_fails(tmp_path):
    invocations = [{"event": {"points": POINTS}}, {"event": {"sleep": 0.2}, "until_accepted": 300}]
    env, intake = {"POINTMILL_LAMBDA_FLUSH_TIMEOUT_MS": "1000"}, {"down_for": 1}
    theirs = invoke(tmp_path, "incumbent", [invocations[0], {}, {}], env=env, intake=intake)
    ours = invoke(tmp_path, "pointmill", invocations, env=env, intake=intake)
    assert (count(theirs, "m"), count(ours, "m")) == (0, 1)
    assert len(theirs["requests"]) == 1


@row("an intake that hangs")
def test_an_intake_that_hangs(tmp_path):
    invocations = [{"event": {"points": POINTS}, "timeout_ms": 10_000}]
    env = {"POINTMILL_LAMBDA_FLUSH_TIMEOUT_MS": "500"}
    theirs, ours = both(tmp_path, invocations, env, intake={"delay_ms": 30_000})
    assert (outcomes(theirs), outcomes(ours)) == (["timeout"], ["response"])


@row("a function that times out")
def test_a_function_that_times_out(tmp_path):
    for timeout_ms in (3000, 10_000, 30_000):  # a machine that stands still gets further tries
        invocations = [{"event": {"points": POINTS, "sleep": 60}, "timeout_ms": timeout_ms}, {}]
        theirs, ours = both(tmp_path, invocations, {"POINTMILL_LAMBDA_DEADLINE_GUARD_MS": str(timeout_ms // 3)})
        if count(ours, "m"):
            break
    assert (count(theirs, "m"), count(ours, "m")) == (0, 1)


@row("`sys.exit()` in the function")
def test_exit(tmp_path):
    theirs, ours = both(tmp_path, [{"event": {"points": POINTS, "exit": 3}}, {}])
    errors = "aws.lambda.enhanced.errors"
    assert (outcomes(theirs)[0], theirs["invocations"][0]["body"], count(theirs, errors)) == ("response", "null", 0)
    assert (outcomes(ours)[0], count(ours, errors), count(ours, "m")) == ("exit", 1, 1)


@row("an ARN of another shape")
def test_an_arn_of_another_shape(tmp_path):
    theirs, ours = both(tmp_path, [
        {"event": {"points": POINTS}, "arn": "bad:arn"},
        {"event": {"raise": "no beans"}, "arn": "bad:arn"},
    ])
    assert (count(theirs, "m"), count(ours, "m")) == (0, 1)
    assert "unpack" in theirs["invocations"][1]["body"] and "no beans" in ours["invocations"][1]["body"]


@row("an exception behind API Gateway, a function URL or a load balancer")
def test_an_exception_behind_http(tmp_path):
    event = {"requestContext": {"stage": "prod"}, "httpMethod": "GET", "raise": "no beans"}
    theirs, ours = both(tmp_path, [{"event": event}])
    assert (count(theirs, "aws.lambda.enhanced.errors"), count(ours, "aws.lambda.enhanced.errors")) == (2, 1)


@row("`DD_TAGS`, and blanks in `DATADOG_TAGS`, in HTTP mode")
def test_tags_of_the_environment(tmp_path):
    theirs, ours = both(tmp_path, [{"event": {"points": POINTS}}], {"DD_TAGS": "t:1", "DATADOG_TAGS": "x, y"})
    assert tags_of(theirs, "m") == [" y", "a:1", "x"]
    assert tags_of(ours, "m") == ["a:1", "t:1", "x", "y"]


@row("spellings of a flag")
def test_flags(tmp_path):
    env = {"DD_FLUSH_TO_LOG": "yes", "DD_ENHANCED_METRICS": "on"}
    theirs, ours = both(tmp_path, [{"event": {"points": POINTS}}], env)
    invocations = "aws.lambda.enhanced.invocations"
    assert (len(list(sent(theirs))), count(theirs, invocations)) == (1, 0)
    assert (len(list(sent(ours))), count(ours, invocations)) == (0, 1)


@row("FIPS rules without extension and log mode")
def test_fips(tmp_path):
    theirs, ours = both(tmp_path, [{"event": {"points": POINTS}}], {"AWS_REGION": "us-gov-west-1"})
    assert count(theirs, "m") == count(ours, "m") == 0
    assert "FIPS" not in theirs["stdout"] and "FIPS" in warnings(ours)


@row("what HTTP mode sends")
def test_what_http_mode_sends(tmp_path):
    invocations = [{"event": {"many": 1000}}]
    theirs, ours = both(tmp_path, invocations)
    values = both(tmp_path, invocations, {"POINTMILL_LAMBDA_FORMAT": "distribution_points"})[1]
    # Of an invocation in which an interval ends there are two requests.
    paths = [{request["path"] for request in report["requests"]} for report in (theirs, ours, values)]
    assert paths == [{"/api/v1/distribution_points"}, {"/api/beta/sketches"}, {"/api/v1/distribution_points"}]
    assert {key: s.count for key, s in points(ours).items()} == {key: s.count for key, s in points(values).items()}


@row("text outside of ASCII in log lines")
def test_text_outside_of_ascii(tmp_path):
    theirs, ours = both(tmp_path, [{"event": {"points": [["größe", 1, []]]}}], LOG)
    assert '"gr\\u00f6\\u00dfe"' in theirs["stdout"] and '"größe"' in ours["stdout"]
    assert [line["m"] for line in lines(theirs)] == [line["m"] for line in lines(ours)]


@row("the values of `dd_lambda_layer` and `datadog_lambda`")
def test_versions(tmp_path):
    for report, layer in zip(both(tmp_path, [{}], LOG), ("datadog-python", "pointmill-python"), strict=True):
        (line,) = lines(report)
        assert line["t"][-2].startswith("datadog_lambda:v") and line["t"][-1].startswith("dd_lambda_layer:" + layer)


@row("a forked child of a process with points")
def test_a_forked_child(tmp_path):
    code = """
import os, sys
{imports}
lambda_metric("m", 1)
if os.fork() == 0:
    sys.exit()
os.wait()
"""
    arrived = []
    for python, imports in (
        (incumbent(), "from datadog_lambda.metric import lambda_metric"),
        (sys.executable, "from pointmill.lambda_ import lambda_metric"),
    ):
        intake = Intake()
        env = {"PATH": os.environ["PATH"], "DATADOG_HOST": intake.url, "DD_API_KEY": "k"}
        env["POINTMILL_LAMBDA_FORMAT"] = "distribution_points"
        if "POINTMILL_FALLBACK" in os.environ:
            env.update({name: os.environ[name] for name in ("POINTMILL_FALLBACK", "POINTMILL_LIBRARY")})
        subprocess.run([python, "-c", code.format(imports=imports)], env=env, check=True, timeout=300)
        arrived.append(sum(len(values) for series in intake.json() for _, values in series["points"]))
        intake.close()
    assert arrived == [2, 1]


def test_the_readme_has_these_rows_and_no_others():
    table = README.read_text(encoding="utf-8").partition("| where | datadog_lambda")[2].partition("\n\n")[0]
    titles = [line.split("|")[1].strip() for line in table.splitlines()[2:]]
    assert sorted(titles) == sorted(ROWS)
