"""An engine with delivery: what is recorded arrives at Datadog's intake, an Agent, a log or a function of yours."""

import atexit
import os
import weakref

from . import _raw
from .engine import Engine

_open = weakref.WeakSet()
_hooked = False


def _hook():
    """Registered with the first client, not by an import."""
    global _hooked
    if not _hooked:
        _hooked = True
        atexit.register(_close_all)
        os.register_at_fork(after_in_child=_start_all)


def _close_all():
    for client in list(_open):
        client._close(client._timeout_ms)


def _start_all():
    for client in list(_open):
        client.start()


def _balances(self):
    """Whether every point is accounted for; true while no other call is under way."""
    kept = self.queued + self.spooled + self.handed_over
    return self.flushed + self.adopted == self.accepted + kept + self.skipped + self.dropped


_raw.ClientStats.balances = _balances


def _milliseconds(timeout):
    if not timeout >= 0:
        raise ValueError(f"timeout: expected seconds, 0 or more, got {timeout!r}")
    return int(min(timeout, 1e9) * 1000)


class Client(_raw.Client):
    """Delivers what an engine flushes, in the background and when `flush` is called.

        client = pointmill.Client(api_key=key, site="datadoghq.eu")
        client.engine.distribution("latency", ["env:prod"]).record(12.5)
        client.close()

    Options are those of `pointmill.options()`, of the engine, the encoder and delivery alike. Without an `engine` the
    client makes one of them. `send` is called with each Payload and a time limit in seconds, instead of a destination;
    it answers with a status as an HTTP server has it: 200 taken, 413 split it, 429 or 5xx try again, others give up.

    Nothing is lost uncounted: what cannot be delivered is kept in memory and in `spool_dir`, and `stats()` says where
    every point is. A client that is still open when the interpreter ends is closed, for at most `flush_timeout_ms`. In
    a forked child a client begins empty, with a thread of its own.
    """

    __slots__ = ("__weakref__", "_timeout_ms")

    def __new__(cls, engine=None, /, *, send=None, **options):
        if engine is None:
            engine = Engine(**options)
        elif not isinstance(engine, _raw.Engine):
            raise TypeError(f"expected a pointmill.Engine, got {engine!r}; options are keywords")
        self = super().__new__(cls, engine, _raw.pairs(options), send)
        self._timeout_ms = int(options.get("flush_timeout_ms", 10_000))
        _hook()
        _open.add(self)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def flush(self, *, all=True, timeout=None):
        """Sends what the engine holds (with `all` also the open intervals) and what was kept.

        It takes at most `timeout` seconds, by default the option `flush_timeout_ms`.

        True: everything has arrived. False: something is kept and will be tried again. DeliveryDroppedError: something
        was given up; `stats()` says how much and why.
        """
        return self._flush(all, self._timeout_ms if timeout is None else _milliseconds(timeout))

    def close(self, *, timeout=None):
        """Flushes everything, stops the background thread, and spools what has not arrived. Same answers as `flush`."""
        _open.discard(self)
        return self._close(self._timeout_ms if timeout is None else _milliseconds(timeout))
