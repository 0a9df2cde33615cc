"""The lambda module under AWS's runtime client, beside the incumbent with the same function and intake."""

import json

import pytest
from sandbox import invoke, lines, points

pytest.importorskip("awslambdaric")

POINTS = [
    ["coffee.orders", 1, ["size:large", "env:test"]],
    ["coffee.orders", 2.5, ["env:test", "size:large"]],
    ["coffee.price", 4.2, None],
    ["café.größe", 3, ["日本:x", "emoji:😀"]],
]
LOG = {"DD_FLUSH_TO_LOG": "true"}
STREAM = {"eventSource": "aws:dynamodb", "eventSourceARN": "arn:aws:dynamodb:us-east-1:1:table/t/stream/s", "dynamodb": {"StreamViewType": "NEW_IMAGE"}}
RUNS = {
    "cold and warm": [{"event": {"points": POINTS}}, {"event": {"points": POINTS}}, {"event": {}}],
    "one point": [{"event": {"points": POINTS[:1]}}],
    "a thousand points": [{"event": {"many": 1000}}],
    "an exception": [{"event": {"points": POINTS, "raise": "no beans"}}, {"event": {"points": POINTS}}],
    "batch failures": [{"event": {"answer": {"batchItemFailures": [1, 2, 3]}}}, {"event": {"answer": {"batchItemFailures": []}}}],
    "a server error": [{"event": {"requestContext": {"stage": "prod"}, "httpMethod": "GET", "answer": {"statusCode": 503}}}],
    "a stream": [{"event": {"Records": [STREAM, STREAM]}}, {"event": {"Records": [{**STREAM, "eventSource": "aws:sqs"}]}}],
    "frozen and thawed": [{"event": {"points": POINTS}, "freeze_ms": 1500}, {"event": {"points": POINTS}}],
}




@pytest.mark.parametrize("env", [LOG, {}], ids=["log", "http"])
@pytest.mark.parametrize("run", RUNS)
def test_the_same_arrives_as_with_the_incumbent(tmp_path, run, env):
    if run == "a stream":
        env = {"DD_TRACE_ENABLED": "true", **env}
    ours = invoke(tmp_path, "pointmill", RUNS[run], env=env)
    theirs = invoke(tmp_path, "incumbent", RUNS[run], env=env)
    assert [i["outcome"] for i in ours["invocations"]] == [i["outcome"] for i in theirs["invocations"]]
    bodies = [[i["body"] for i in report["invocations"] if i["outcome"] == "response"] for report in (ours, theirs)]
    assert bodies[0] == bodies[1]
    a, b = points(ours), points(theirs)
    assert set(a) == set(b)
    for key, sketch in b.items():
        mine, exact = a[key].summary(), sketch.summary()
        assert (mine.count, mine.min, mine.max) == (exact.count, exact.min, exact.max), key
        assert mine.sum == pytest.approx(exact.sum, rel=1e-12), key
        for q in (0.5, 0.9, 0.99):
            assert a[key].quantile(q) == pytest.approx(sketch.quantile(q), rel=1 / 129), (key, q)


def test_log_lines_are_those_of_the_incumbent(tmp_path):
    invocations = [{"event": {"points": POINTS}}, {"event": {"points": POINTS}}]

    def shown(layer):
        report = invoke(tmp_path, layer, invocations, env=LOG)
        kept = []
        for line in lines(report):
            assert list(line) == ["m", "v", "e", "t"]
            tags = [tag.partition(":")[0] if tag.startswith(("dd_lambda_layer:", "datadog_lambda:")) else tag for tag in line["t"]]
            kept.append((line["m"], line["v"], tags))
        return kept

    assert shown("pointmill") == shown("incumbent")


def test_points_of_a_failed_flush_are_sent_with_a_later_one(tmp_path):
    """The intake is down during the first invocation. When its points are tried again is left to chance (full jitter),
    and a flush does not wait for a moment that lies beyond its budget: so further invocations follow as needed."""
    invocations = [{"event": {"points": POINTS[:1]}}, {"event": {"sleep": 0.2}, "until_accepted": 300}]
    env = {"POINTMILL_LAMBDA_FLUSH_TIMEOUT_MS": "1000"}
    report = invoke(tmp_path, "pointmill", invocations, env=env, intake={"down_for": 1})
    assert {i["outcome"] for i in report["invocations"]} == {"response"}
    assert {request["status"] for request in report["requests"] if request["after"] == 0} == {503}
    (sketch,) = [sketch for (name, _), sketch in points(report).items() if name == "coffee.orders"]
    assert sketch.summary()[:2] == (1, 1.0), [(r["status"], r["after"]) for r in report["requests"]]


def test_an_intake_that_hangs_costs_no_more_than_the_budget(tmp_path):
    """Forty seconds would be the intake's answer; the function has answered long before."""
    env = {"POINTMILL_LAMBDA_FLUSH_TIMEOUT_MS": "500"}
    report = invoke(tmp_path, "pointmill", [{"event": {"points": POINTS[:1]}}], env=env, intake={"delay_ms": 40_000})
    (invocation,) = report["invocations"]
    assert invocation["outcome"] == "response" and invocation["ms"] < 20_000


@pytest.mark.parametrize("event", [{"sleep": 60}, {"spin": True}], ids=["sleeps", "spins"])
def test_a_function_that_times_out_has_sent_its_points(tmp_path, event):
    """The flush before a deadline has a second; a machine that stands still for so long gets further tries."""
    for timeout_ms in (3000, 10_000, 30_000):
        invocations = [{"event": {"points": POINTS, **event}, "timeout_ms": timeout_ms}, {"event": {}}]
        env = {"POINTMILL_LAMBDA_DEADLINE_GUARD_MS": str(timeout_ms // 3)}
        report = invoke(tmp_path, "pointmill", invocations, env=env)
        assert [i["outcome"] for i in report["invocations"]] == ["timeout", "response"]
        assert len(report["inits"]) == 2
        arrived = {name: sketch.count for (name, _), sketch in points(report).items()}
        if arrived:
            break
    assert arrived["coffee.orders"] == 2 and arrived["coffee.price"] == 1


def test_an_exit_is_an_error_and_loses_nothing(tmp_path):
    report = invoke(tmp_path, "pointmill", [{"event": {"points": POINTS, "exit": 3}}, {"event": {}}])
    arrived = {name: sketch.count for (name, _), sketch in points(report).items()}
    assert arrived["coffee.orders"] == 2
    assert arrived["aws.lambda.enhanced.errors"] == 1
    assert report["invocations"][0]["outcome"] in ("error", "exit")


def test_the_handler_without_code(tmp_path):
    env = {"DD_LAMBDA_HANDLER": "app.plain", **LOG}
    report = invoke(tmp_path, "pointmill", [{}, {}], handler="pointmill.lambda_.handler.handler", env=env)
    assert [json.loads(i["body"]) for i in report["invocations"]] == [{"plain": True}] * 2
    counts = {name: sketch.count for (name, _), sketch in points(report).items()}
    assert counts == {"plain": 2, "aws.lambda.enhanced.invocations": 1}


def test_a_module_that_does_not_load_is_an_error_and_no_invocation(tmp_path):
    env = {"DD_LAMBDA_HANDLER": "broken.handler", **LOG}
    report = invoke(tmp_path, "pointmill", [{}], handler="pointmill.lambda_.handler.handler", env=env)
    counts = {name: sketch.count for (name, _), sketch in points(report).items()}
    assert set(counts) == {"aws.lambda.enhanced.errors"}
    assert "broken on purpose" in report["stdout"] + report["stderr"] + json.dumps(report["invocations"])


def test_a_sandbox_that_is_told_to_end_has_nothing_left_to_send(tmp_path):
    report = invoke(tmp_path, "pointmill", [{"event": {"points": POINTS}}], end="term")
    assert {name for name, _ in points(report)} >= {"coffee.orders", "coffee.price", "café.größe"}
