"""The engine: points in, snapshots out."""

import time

from . import _raw


def _sum_of(stats, *prefixes):
    """The sum of the counters whose names begin so."""
    return sum(getattr(stats, field) for field in stats.__match_args__ if field.startswith(prefixes))


def _balances(self):
    """Whether every point is accounted for; true while no other call is under way."""
    return self.recorded == self.flushed + self.pending + _sum_of(self, "rejected_", "dropped_")


_raw.Stats.balances = _balances

# A name of its own: looked up per flush, replaced in tests.
_now = time.time


class Engine(_raw.Engine):
    """Aggregates points in memory of fixed size. Every method may be called from any thread at once.

    Options are those of `pointmill.options()`, by name: `Engine(interval_s=60, contexts_max=1000)`. One that does not
    exist or a value out of range raises at once and says what is allowed.

    The engine reads the clock when it is made. From then on time moves with `flush` and `tick`: call one of them at
    least once an interval, or points without a time of their own end up in an interval that is over.

    In a forked child the engine is empty and works; the parent's points stay the parent's.
    """

    __slots__ = ("__weakref__",)

    def __new__(cls, config=None, /, **options):
        if config is not None:
            options = {**config, **options}
        return super().__new__(cls, _raw.pairs(options))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def tick(self, now=None, /):
        """Tells the engine the time (Unix seconds; default: the clock's). Ends intervals without a flush."""
        self._tick(_now() if now is None else now)

    def flush(self, now=None, /, *, all=False):
        """Takes the points of the intervals that have ended by `now`; with `all` those of the open ones too.

        Recording goes on meanwhile, and other threads run. Returns a Snapshot.
        """
        return self._flush(_now() if now is None else now, all)

    def __repr__(self):
        if self.closed:
            return "<pointmill.Engine closed>"
        stats = self.stats()
        return f"<pointmill.Engine {stats.contexts} contexts, {stats.pending} points pending>"
