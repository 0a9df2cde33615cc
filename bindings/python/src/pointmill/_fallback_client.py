"""Delivery over ctypes."""

import ctypes as c
import sys
from collections import namedtuple
from operator import attrgetter

from . import _declarations as d
from ._fallback import (
    Payload,
    _check,
    _Config,
    _error,
    _fields,
    _lib,
    _Owner,
    _sized,
    _text,
)

__all__ = ["Client", "ClientStats"]

ClientStats = namedtuple("ClientStats", _fields(d.pointmill_client_stats, 2))
_client_stats_of = attrgetter(*ClientStats._fields)
_SEND = c.CFUNCTYPE(c.c_int32, c.c_void_p, c.POINTER(d.pointmill_payload), c.c_uint64)


def _written(call, handle):
    """A text that a call writes into a buffer; None if there is none."""
    length = c.c_size_t()
    buffer = c.create_string_buffer(512)
    status = call(handle, buffer, len(buffer), c.byref(length))
    if status == d.POINTMILL_E_BUFFER_TOO_SMALL:
        buffer = c.create_string_buffer(length.value)
        status = call(handle, buffer, len(buffer), c.byref(length))
    _check(status)
    return buffer.raw[: length.value].decode("utf-8", "replace") or None


class Client:
    __slots__ = ("_handle", "_send", "engine")

    def __new__(cls, engine, pairs, send):
        if send is not None and not callable(send):
            raise TypeError(f"send: expected a function of a Payload and a timeout, got {send!r}")
        self = object.__new__(cls)
        self.engine = engine
        config = _Config(pairs)
        handle = c.c_void_p()
        error = _sized(d.pointmill_error)
        out, err = c.byref(handle), c.byref(error)
        if send is None:
            self._send = None
            status = _lib.pointmill_client_new(engine._open(), config.handle, out, err)
        else:
            self._send = _SEND(_sender(send))
            function = c.cast(self._send, c.c_void_p)
            status = _lib.pointmill_client_new_with(engine._open(), config.handle, function, None, out, err)
        _check(status, error.detail.decode())
        self._handle = _Owner(handle, _lib.pointmill_client_free)
        return self

    def start(self):
        """Starts the background thread if it should run and does not. Done by itself in a forked child."""
        status = _lib.pointmill_client_start(self._handle)
        if status != d.POINTMILL_E_CLOSED:
            _check(status)

    def _answered(self, status):
        if status in (d.POINTMILL_OK, d.POINTMILL_E_DELIVERY_LATER):
            return status == d.POINTMILL_OK
        failure = self.last_failure
        if status != d.POINTMILL_E_DELIVERY_DROPPED or failure is None:
            raise _error(status)
        raise _error(status, f"{_lib.pointmill_strerror(status).decode()}; the last failure: {failure}")

    def _flush(self, all, timeout_ms):
        flags = d.POINTMILL_FLUSH_ALL if all else 0
        return self._answered(_lib.pointmill_client_flush(self._handle, flags, timeout_ms))

    def _close(self, timeout_ms):
        return self._answered(_lib.pointmill_client_close(self._handle, timeout_ms))

    def stats(self):
        """Where every point is that left the engine."""
        stats = _sized(d.pointmill_client_stats)
        _check(_lib.pointmill_client_stats_get(self._handle, c.byref(stats)))
        return ClientStats(*_client_stats_of(stats))

    @property
    def last_failure(self):
        """What the last attempt that did not deliver came to, or None."""
        return _written(_lib.pointmill_client_last_failure, self._handle)


def _sender(send):
    def call(_, payload, timeout_ms):
        one = payload.contents
        body = c.string_at(one.body, one.body_len)
        texts = (_text(one.path), _text(one.content_type), _text(one.encoding))
        try:
            answer = send(Payload(*texts, body, one.points, one.entries), timeout_ms / 1000)
            return 200 if answer is None else answer.__index__()
        except Exception as error:
            # As the extension does: told, and the body is tried again.
            unraisable = namedtuple("Unraisable", "exc_type exc_value exc_traceback err_msg object")
            sys.unraisablehook(unraisable(type(error), error, error.__traceback__, None, send))
            return 0

    return call
