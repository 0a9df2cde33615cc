"""AWS Lambda: the metrics side of datadog_lambda, by changing one import.

    from pointmill.lambda_ import datadog_lambda_wrapper, lambda_metric

    @datadog_lambda_wrapper
    def handler(event, context):
        lambda_metric("coffee.orders", 1, tags=["size:large"])

Without code: set the function's handler to `pointmill.lambda_.handler.handler` and DD_LAMBDA_HANDLER to your own.

The environment variables are those of datadog_lambda. The README says where behaviour differs, and why.
"""

import atexit
import os
import sys
import time

_loaded_unix_ms = int(time.time() * 1000)

from .. import _raw  # noqa: E402 (the clock comes first: a slow import must not look like a proactive start)
from ..engine import _sum_of  # noqa: E402
from ._refused import Slowly  # noqa: E402

__all__ = [
    "datadog_lambda_wrapper",
    "distribution",
    "flush",
    "lambda_metric",
    "last_failure",
    "mode",
    "restored",
    "stats",
]

_STREAM_TYPE = "datadog.serverless.dynamodb.stream.type"
# The incumbent's tracer brings that metric along, so it goes where the tracer goes.
_traced = os.environ.get("DD_TRACE_ENABLED", "true").lower() not in ("false", "0", "f", "no", "n", "off", "")
_MODES = ("", "extension", "log", "http", "disabled")
_CLOSE_MS = 2000


def _balances(self):
    """Whether every point is accounted for; true while no other call is under way."""
    return self.recorded == self.pending + self.accepted + self.queued + _sum_of(self, "rejected_", "dropped_")


_raw.LambdaStats.balances = _balances


def _make():
    python = "%d.%d.%d" % sys.version_info[:3]
    version = _raw.version()
    return _raw.Lambda((
        ("layer_tag", "pointmill-python%d%d_%s" % (*sys.version_info[:2], version)),
        ("library_version", version),
        ("language_version", python),
        ("loaded_unix_ms", str(_loaded_unix_ms)),
    ))


_lambda = _make()
_slowly = Slowly(_lambda)
_raw.lambda_setup(_lambda, _slowly)
atexit.register(_lambda.close, _CLOSE_MS)

lambda_metric = _raw.lambda_metric
distribution = _lambda.distribution
stats = _lambda.stats
last_failure = _lambda.last_failure
# After a restore of SnapStart: the next invocation is the first, the key is looked up anew.
restored = _lambda.restored


def mode():
    """Where points go: 'extension', 'log', 'http' or 'disabled'."""
    return _MODES[_lambda.mode()]


def flush(*, timeout=None):
    """Sends everything that waits; True if all of it has arrived.

    It takes at most `timeout` seconds, by default the setting `flush_timeout_ms`.

    The wrapper does this at the end of every invocation. What has not arrived is kept for the next flush.
    """
    timeout_ms = int(_lambda.setting("flush_timeout_ms")) if timeout is None else int(timeout * 1000)
    done = _lambda.flush(timeout_ms) == 0
    _slowly.tell()
    return done


def _deadline(context):
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    try:
        return int(time.time() * 1000) + int(remaining()) if remaining else 0
    except Exception:
        return 0


def _text(value):
    return value if isinstance(value, str) else None


def _begin(context, not_counted=False):
    memory = getattr(context, "memory_limit_in_mb", None)
    try:
        memory = int(memory or 0)
    except (TypeError, ValueError):
        memory = 0
    return _lambda.begin(
        _text(getattr(context, "invoked_function_arn", None)),
        _text(getattr(context, "aws_request_id", None)),
        _text(getattr(context, "function_name", None)),
        _text(getattr(context, "function_version", None)),
        memory,
        _deadline(context),
        not_counted,
    )


def _end(token, event=None, response=None, error=False):
    """Ends an invocation and sends what waits, within its time."""
    status = 0 if error else _http_status(event, response)
    budget_ms = _lambda.end(token, error, status, _batch_item_failures(response))
    if budget_ms:
        _lambda.flush(budget_ms)
    _slowly.tell()


def _stream_type(event):
    """What kind of stream a function behind DynamoDB reads, once an invocation."""
    records = event.get("Records") if isinstance(event, dict) else None
    record = records[0] if isinstance(records, list) and records else None
    if isinstance(record, dict) and record.get("eventSource") == "aws:dynamodb":
        stream = record.get("dynamodb")
        view = stream.get("StreamViewType") if isinstance(stream, dict) else None
        if view:
            _slowly(_STREAM_TYPE, 1, tags=[f"streamtype:{view}"], force_async=True)


def _http_status(event, response):
    """The status of the answer to API Gateway, a function URL or a load balancer; 0 for other triggers."""
    request = event.get("requestContext") if isinstance(event, dict) else None
    if not isinstance(request, dict) or not (request.get("stage") or request.get("elb")) or event.get("Records"):
        return 0
    if response is None:
        return 502
    status = response.get("statusCode") if hasattr(response, "get") else getattr(response, "status_code", 200)
    text = str(status)
    return int(text) if len(text) == 3 and text.isascii() and text.isdigit() else 0


def _batch_item_failures(response):
    failures = response.get("batchItemFailures") if isinstance(response, dict) else None
    return len(failures) if isinstance(failures, list) else -1


def datadog_lambda_wrapper(function):
    """Wraps a handler: counts invocations and errors, and sends the points of each invocation before it ends.

    Wrapping twice is the same as wrapping once. State belongs to the invocation, so several may run at a time.
    """
    if getattr(function, "_pointmill_wrapped", False):
        return function

    def handler(event, context, **kwargs):
        token = _safely(_begin, context)
        if _traced:
            _safely(_stream_type, event)
        try:
            response = function(event, context, **kwargs)
        except BaseException:
            # SystemExit too: the invocation fails, and its points are sent before that.
            _safely(_end, token, error=True)
            raise
        _safely(_end, token, event, response)
        return response

    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        if hasattr(function, name):
            setattr(handler, name, getattr(function, name))
    handler.__wrapped__ = function
    handler._pointmill_wrapped = True
    return handler


def _safely(call, *args, **kwargs):
    """Metrics never break a function: a defect of ours is told, not raised."""
    try:
        return call(*args, **kwargs)
    except Exception as error:
        _slowly.say(f"{call.__name__} failed: {type(error).__name__}: {error}")
        return 0


def _snap_start():
    """After SnapStart has restored the process, connections, keys and the cold-start rule begin anew."""
    try:
        from snapshot_restore_py import register_after_restore
    except ImportError:
        return
    register_after_restore(_lambda.restored)


if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
    _snap_start()
