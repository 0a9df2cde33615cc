"""What a flush yields: entries with percentiles, and payloads made of them."""

from . import _raw

_KINDS = ("", "distribution", "count", "gauge", "histogram")


class Entry:
    """One series in one interval.

    `kind`, `name`, `tags` (sorted) and `interval` (start, Unix seconds) say which; `points` were recorded into it.
    A count or gauge has a `value`; a distribution or histogram has `count`, `min`, `max`, `sum`, `avg`, quantiles and
    a sketch. What an entry does not have is None.
    """

    __slots__ = ("_i", "_snapshot", "interval", "interval_s", "kind", "name", "points", "series", "summary", "tags", "value")

    def __init__(self, snapshot, i):
        kind, self.name, self.tags, self.interval, self.interval_s, self.series, self.points, self.value, self.summary = (
            snapshot._entry(i)
        )
        self.kind = _KINDS[kind]
        self._snapshot = snapshot
        self._i = i

    @property
    def count(self):
        """Values, each with its weight."""
        return self.summary and self.summary.count

    @property
    def min(self):
        """The smallest value."""
        return self.summary and self.summary.min

    @property
    def max(self):
        """The largest value."""
        return self.summary and self.summary.max

    @property
    def sum(self):
        """The sum of the values."""
        return self.summary and self.summary.sum

    @property
    def avg(self):
        """The mean of the values."""
        return self.summary and self.summary.avg

    def quantile(self, q):
        """The value of rank round(q * (count - 1)), to within 1/129 of itself; 0.99 for the 99th percentile."""
        return self._snapshot._quantile(self._i, q)

    def sketch(self):
        """A copy of the sketch."""
        return self._snapshot._sketch(self._i)

    def __repr__(self):
        what = f"value={self.value!r}" if self.summary is None else f"count={self.count} avg={self.avg!r}"
        return f"<pointmill.Entry {self.kind} {self.name!r} {self.tags!r} at {self.interval}: {what}>"


class Snapshot(_raw.Snapshot):
    """The flushed values of some intervals: a sequence of entries. Immutable, and shared between threads freely."""

    __slots__ = ()

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [Entry(self, i) for i in range(*index.indices(len(self)))]
        i = index + len(self) if index < 0 else index
        if not 0 <= i < len(self):
            raise IndexError(f"there is no entry {index}; the snapshot has {len(self)}")
        return Entry(self, i)

    def __iter__(self):
        for i in range(len(self)):
            yield Entry(self, i)

    def group_by(self, *keys, merge_intervals=False):
        """This snapshot merged over every tag whose key (before the colon) is not among `keys`.

        Sketches merge, counts add up. With `merge_intervals` every series has one entry.
        """
        return self._group_by(keys, merge_intervals)

    @staticmethod
    def merge(snapshots):
        """One snapshot of many: entries of the same kind, name, tags and interval become one."""
        snapshots = tuple(snapshots)
        if not snapshots:
            raise ValueError("merge: no snapshots; give at least one")
        if not isinstance(snapshots[0], Snapshot):
            raise TypeError(f"merge: expected snapshots, got {snapshots[0]!r}")
        return snapshots[0]._merge(snapshots[1:])

    def encode(self, format="intake", **options):
        """The bodies to send, each within its route's limits, and what could not be put into one.

        `format` and the further options are those of `pointmill.options()`: intake, sketches, series_v2,
        distribution_points_v1, log_lines, dogstatsd; compression, host, tags and so on.
        """
        return Payloads(*self._encode(_raw.pairs({"format": format, **options})))

    def __repr__(self):
        return f"<pointmill.Snapshot of {len(self)} entries>"


class Payloads(list):
    """A list of Payload. Nothing vanishes: `skipped` tells what is in none of them, by cause."""

    __slots__ = ("skipped",)

    def __init__(self, bodies=(), skipped=()):
        super().__init__(bodies)
        self.skipped = list(skipped)
