"""The function under test: one handler, over whichever layer LAYER names."""

import os
import sys
import time

if os.environ["LAYER"] == "pointmill":
    from pointmill.lambda_ import datadog_lambda_wrapper, lambda_metric
else:
    from datadog_lambda.metric import lambda_metric
    from datadog_lambda.wrapper import datadog_lambda_wrapper

calls = 0


@datadog_lambda_wrapper
def handler(event, context):
    global calls
    calls += 1
    for name, value, tags in event.get("points", ()):
        lambda_metric(name, value, tags=tags)
    for i in range(event.get("many", 0)):
        lambda_metric("many.%d" % (i % 20), 1 + i * 0.75, tags=["shard:%d" % (i % 20), "env:test"])
    raised = [raised_by(call) for call in event.get("calls", ())]
    if "sleep" in event:
        time.sleep(event["sleep"])
    if "spin" in event:
        while True:
            calls += 0
    if "raise" in event:
        raise ValueError(event["raise"])
    if "exit" in event:
        sys.exit(event["exit"])
    return event.get("answer", {"calls": calls, "raised": raised})


def raised_by(call):
    """Runs a call of lambda_metric that is given as text; the name of the exception that reaches the function."""
    try:
        exec(call, {"lambda_metric": lambda_metric})
    except Exception as error:
        return type(error).__name__
    return None


def plain(event, context):
    """For the handler without code."""
    lambda_metric("plain", 1)
    return {"plain": True}
