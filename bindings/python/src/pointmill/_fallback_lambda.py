"""AWS Lambda over ctypes."""

import ctypes as c
from collections import namedtuple
from operator import attrgetter

from . import _declarations as d
from ._fallback import (
    _check,
    _lib,
    _named_error,
    _number,
    _Owner,
    _seconds,
    _fields,
    _sized,
    _text,
    _texts,
    _tuple,
)
from ._fallback_client import _written

__all__ = ["Lambda", "LambdaStats", "lambda_metric", "lambda_setup"]

LambdaStats = namedtuple("LambdaStats", _fields(d.pointmill_lambda_stats, 2))
_lambda_stats_of = attrgetter(*LambdaStats._fields)


class LambdaMetric:
    """A distribution of pointmill.lambda_ that is held."""

    __slots__ = ("_context", "_lambda", "_name", "_tags")

    def record(self, value, /, *, at=None):
        """Records one point, now or at a time. Never raises for what it is given."""
        try:
            number = _number(value)
            seconds = None if at is None else _seconds(at)
        except Exception:
            _slowly(self._name, value, at, self._tags)
            return
        if seconds is None:
            status = _lib.pointmill_lambda_record(self._lambda._handle, self._context, number)
        else:
            status = _lib.pointmill_lambda_record_at(self._lambda._handle, self._context, number, seconds)
        if status:
            _slowly.refused(self._name, value, status)


class Lambda:
    """What pointmill.lambda_ is made of."""

    __slots__ = ("_handle",)

    def __init__(self, pairs):
        config = c.c_void_p()
        _check(_lib.pointmill_lambda_config_new(d.POINTMILL_LAMBDA_PYTHON, c.byref(config)))
        config = _Owner(config, _lib.pointmill_lambda_config_free)
        _check(_lib.pointmill_lambda_config_process_env(config))
        error = _sized(d.pointmill_error)
        for name, value in pairs:
            array, _ = _texts(value, ())
            status = _lib.pointmill_lambda_config_set(config, name.encode(), array[0], c.byref(error))
            _check(status, error.detail.decode())
        handle = c.c_void_p()
        _check(_lib.pointmill_lambda_new(config, c.byref(handle), c.byref(error)), error.detail.decode())
        self._handle = _Owner(handle, _lib.pointmill_lambda_free)

    def metric_at(self, name, value, at, tags, force_async):
        array, parts = _texts(name, tags)
        at = d.POINTMILL_LAMBDA_NOW if at is None else at
        flags = d.POINTMILL_LAMBDA_FORCE_ASYNC if force_async else 0
        return _lib.pointmill_lambda_metric_at(self._handle, array, len(parts), value, at, flags)

    def refused(self, cause):
        _check(_lib.pointmill_lambda_rejected(self._handle, cause, 1))

    def distribution(self, name, tags=()):
        """The distribution of this name and set of tags, to be kept."""
        tags = _tuple(tags)
        array, parts = _texts(name, tags)
        context = c.c_uint64()
        status = _lib.pointmill_lambda_context(self._handle, array, len(parts), c.byref(context))
        if status:
            raise _named_error(status, parts)
        metric = LambdaMetric()
        metric._lambda, metric._context, metric._name, metric._tags = self, context.value, name, tags
        return metric

    def begin(self, arn, request_id, function_name, function_version, memory_mb, deadline_unix_ms, not_counted):
        one = _sized(d.pointmill_lambda_invocation)
        array, _parts = _texts("", [text or "" for text in (arn, request_id, function_name, function_version)])
        one.invoked_function_arn, one.request_id, one.function_name, one.function_version = array[1:]
        one.memory_mb, one.deadline_unix_ms = memory_mb, deadline_unix_ms
        one.flags = d.POINTMILL_LAMBDA_NOT_COUNTED if not_counted else 0
        token = c.c_uint64()
        _check(_lib.pointmill_lambda_begin(self._handle, c.byref(one), c.byref(token)))
        return token.value

    def end(self, token, error, http_status, batch_item_failures):
        result = _sized(d.pointmill_lambda_result)
        result.error, result.http_status, result.batch_item_failures = error, http_status, batch_item_failures
        result.time_to_first_byte_ms = -1
        budget_ms = c.c_uint64()
        _check(_lib.pointmill_lambda_end(self._handle, token, c.byref(result), c.byref(budget_ms)))
        return budget_ms.value

    def flush(self, timeout_ms):
        return _lib.pointmill_lambda_flush(self._handle, timeout_ms)

    def close(self, timeout_ms):
        return _lib.pointmill_lambda_close(self._handle, timeout_ms)

    def restored(self):
        _check(_lib.pointmill_lambda_restored(self._handle))

    def stats(self):
        stats = _sized(d.pointmill_lambda_stats)
        _check(_lib.pointmill_lambda_stats_get(self._handle, c.byref(stats)))
        return LambdaStats(*_lambda_stats_of(stats))

    def mode(self):
        mode = c.c_uint32()
        _check(_lib.pointmill_lambda_mode(self._handle, c.byref(mode)))
        return mode.value

    def setting(self, name):
        text = d.pointmill_str()
        _check(_lib.pointmill_lambda_setting(self._handle, name.encode(), c.byref(text)))
        return _text(text)

    def warnings(self):
        return _written(_lib.pointmill_lambda_warnings, self._handle)

    def last_failure(self):
        return _written(_lib.pointmill_lambda_last_failure, self._handle)


_slowly = None


def lambda_setup(_, slowly):
    global _slowly
    _slowly = slowly


def lambda_metric(*args, **kwargs):
    _slowly(*args, **kwargs)
