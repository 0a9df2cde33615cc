"""The sketch alone: insert, merge, quantiles, bytes."""

from . import _raw
from .errors import FormatError, InvalidError

_FORMATS = {"ddsketch_proto": 1, "ddsketch_compact": 2, "agent": 3}
_PROFILES = {"u16": 1, "u32": 2}


def _number(table, what, word):
    number = table.get(word) if isinstance(word, str) else None
    if number is None:
        error = TypeError if not isinstance(word, str) else FormatError if table is _FORMATS else InvalidError
        raise error(f"{what}: expected {', '.join(table)}, got {word!r}")
    return number


class Sketch(_raw.Sketch):
    """A mergeable sketch of a distribution: the Datadog Agent's, bit for bit.

    `Sketch(values)` begins with these values. Sketches can be merged, copied, pickled and compared. One thread at a
    time; the GIL sees to that.
    """

    __slots__ = ("__weakref__",)

    def __init__(self, values=None):
        if values is not None:
            self.insert_many(values)

    @property
    def count(self):
        """Values, each with its weight."""
        return self.summary().count

    def bins(self, profile="u32"):
        """[(key, count), ...], ascending, as the wire has them in the profile 'u16' or 'u32'."""
        return self._bins(_number(_PROFILES, "profile", profile))

    def encode(self, format="agent"):
        """The sketch as bytes: 'agent' (every bit), 'ddsketch_compact' or 'ddsketch_proto'."""
        return self._encode(_number(_FORMATS, "format", format))

    @classmethod
    def decode(cls, data, format="agent"):
        """The sketch in some bytes. They may be hostile: DecodeError names the byte."""
        return cls._decode(data, _number(_FORMATS, "format", format))

    def __len__(self):
        return self.count

    def __bool__(self):
        return True

    def __iadd__(self, other):
        self.merge(other)
        return self

    def __add__(self, other):
        if not isinstance(other, Sketch):
            return NotImplemented
        result = self.copy()
        result.merge(other)
        return result

    def __eq__(self, other):
        if not isinstance(other, Sketch):
            return NotImplemented
        return self.summary() == other.summary() and self.bins() == other.bins()

    __hash__ = None

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, _):
        return self.copy()

    def __reduce__(self):
        return type(self).decode, (self.encode(),)

    def __repr__(self):
        count, low, high, _, avg = self.summary()
        return f"<pointmill.Sketch count={count} min={low!r} max={high!r} avg={avg!r}>"


def _setup():
    """Tells the raw layer what to raise, and what to make snapshots and sketches as."""
    from . import errors
    from .snapshot import Snapshot

    _raw.setup(errors.BY_CODE, Snapshot, Sketch)


_setup()
