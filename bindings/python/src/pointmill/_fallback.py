"""The raw layer over ctypes, for a Python without the extension: the same names, about ten times the price of a call.

The library is the one that POINTMILL_LIBRARY names, or libpointmill.so beside this file or where the system looks.
"""

import ctypes as c
import os
from collections import namedtuple
from operator import attrgetter, index

from . import _declarations as d

__all__ = [
    "Client",
    "ClientStats",
    "Engine",
    "Lambda",
    "LambdaStats",
    "Metric",
    "Option",
    "Payload",
    "Sketch",
    "Skipped",
    "Snapshot",
    "Stats",
    "Summary",
    "codes",
    "lambda_metric",
    "lambda_setup",
    "options",
    "version",
]


def _load():
    beside = os.path.join(os.path.dirname(__file__), "libpointmill.so")
    soname = f"libpointmill.so.{d.POINTMILL_ABI_MAJOR}"
    path = os.environ.get("POINTMILL_LIBRARY") or (beside if os.path.exists(beside) else soname)
    library = c.CDLL(path)
    library.pointmill_abi_version.restype = c.c_uint32
    abi = library.pointmill_abi_version()
    if abi >> 16 != d.POINTMILL_ABI_MAJOR or abi & 0xFFFF < d.POINTMILL_ABI_MINOR:
        raise ImportError(
            f"pointmill: written for ABI {d.POINTMILL_ABI_MAJOR}.{d.POINTMILL_ABI_MINOR}, "
            f"{path} has {abi >> 16}.{abi & 0xFFFF}"
        )
    d.declare(library)
    return library


_lib = _load()
_errors = {}
_classes = {}


def setup(errors, snapshot, sketch):
    _errors.update(errors)
    _classes.update(snapshot=snapshot, sketch=sketch)


# ---- arguments and answers ----


def _fields(struct, skip):
    return [name for name, _ in struct._fields_[skip:]]


Stats = namedtuple("Stats", _fields(d.pointmill_engine_stats, 2))
Summary = namedtuple("Summary", _fields(d.pointmill_summary, 1))
Payload = namedtuple("Payload", ("path", "content_type", "encoding", "body", "points", "entries"))
Skipped = namedtuple("Skipped", ("cause", "detail", "entries", "points", "values"))
Option = namedtuple("Option", ("name", "type", "default", "min", "max", "choices", "doc"))
_stats_of = attrgetter(*Stats._fields)
_summary_of = attrgetter(*Summary._fields)
for _type in (Stats, Summary, Payload, Skipped, Option):
    _type.__module__ = "pointmill"


def _sized(struct):
    return struct(struct_size=c.sizeof(struct))


def _error(code, detail=None):
    text = detail or _lib.pointmill_strerror(code).decode()
    return _errors[code](text)


def _check(status, detail=None):
    if status:
        raise _error(status, detail)


def _closed(what):
    return _errors.get("closed", ValueError)(f"the {what} has been closed; make a new one")


def _text(text):
    return c.string_at(text.ptr, text.len).decode("utf-8", "replace") if text.len else ""


def _utf8(text, what):
    if not isinstance(text, str):
        raise TypeError(
            f"{what}: expected a str, got {type(text).__name__} ({text!r}); write str(...) or decode it first"
        )
    try:
        return text.encode()
    except UnicodeEncodeError:
        code = d.POINTMILL_E_UTF8
        raise _error(
            code,
            f"{what}: {ascii(text)[:120]} has a lone surrogate and is no UTF-8; "
            "mend it with .encode(errors='replace').decode()",
        ) from None


def _tuple(tags):
    if tags is None:
        return ()
    got = f"({tags!r})"
    if isinstance(tags, (str, bytes)):
        raise TypeError(f"tags: expected a list of texts, got one text {got}; write it in brackets: ['env:prod']")
    if isinstance(tags, dict):
        raise TypeError(f"tags: expected a list of texts, got a dict {got}; write [f'{{k}}:{{v}}' for k, v in tags.items()]")
    if not hasattr(tags, "__iter__"):
        raise TypeError(f"tags: expected a list of texts like ['env:prod'], got {tags!r}")
    return tuple(tags)


def _texts(name, tags):
    """The name and the tags as an array of pointmill_str, with the bytes that it points to."""
    parts = [_utf8(name, "name"), *[_utf8(tag, "tag") for tag in tags]]
    array = (d.pointmill_str * len(parts))()
    for one, part in zip(array, parts, strict=True):
        one.ptr = c.cast(c.c_char_p(part), c.c_void_p).value
        one.len = len(part)
    return array, parts


def _number(value, what="value"):
    if not hasattr(value, "__float__") and not hasattr(value, "__index__"):
        raise TypeError(
            f"{what}: expected a number, got {type(value).__name__} ({value!r}); convert it with float() first"
        )
    return float(value)


def _seconds(at):
    if hasattr(at, "timestamp"):
        raise TypeError(f"at: expected seconds since 1970, got {at!r}; write at.timestamp()")
    seconds = _number(at, "at")
    if not -9.2e18 <= seconds <= 9.2e18:
        raise ValueError(f"at: expected seconds since 1970, got {at!r}; is the unit seconds?")
    return int(seconds // 1)


def _value_error(code, value):
    if code != d.POINTMILL_E_NOT_FINITE:
        return _error(code)
    shown = "NaN" if value != value else "inf" if value > 0 else "-inf"
    return _error(code, f"the value is {shown}; record finite values only")


def _named_error(code, parts):
    if code != d.POINTMILL_E_INVALID_NAME:
        return _error(code)
    longest = parts[0] if not parts[0] else max(parts, key=len)
    what = "name" if longest is parts[0] else "tag"
    start = longest[:40].decode("utf-8", "ignore")
    more = "..." if len(longest) > 40 else ""
    text = _lib.pointmill_strerror(code).decode()
    return _error(code, f"the {what} {start!r}{more} has {len(longest)} bytes; {text}")


def _values(values):
    if isinstance(values, (str, bytes)):
        raise TypeError(f"values: expected numbers, got {values!r}; give a list, an array or a buffer")
    try:
        view = memoryview(values)
    except TypeError:
        items = [_number(value, "values") for value in values]
    else:
        format = view.format.lstrip("@=<")
        if format not in ("d", "f", "b", "B", "?", "h", "H", "i", "I", "l", "L", "q", "Q"):
            raise TypeError(f"values: expected floats or integers, got a buffer of the format '{view.format}'; convert it first")
        flat = memoryview(view.tobytes()).cast(format)
        if format == "d":
            return (c.c_double * len(flat)).from_buffer_copy(flat), len(flat)
        items = flat.tolist()
    return (c.c_double * len(items))(*items), len(items)


def _contexts(contexts):
    try:
        view = memoryview(contexts)
    except TypeError:
        return (c.c_uint64 * len(contexts))(*contexts), len(contexts)
    if view.format.lstrip("@=<") not in ("q", "Q", "l", "L"):
        raise TypeError("contexts: expected 64-bit integers, such as array('Q') or NumPy's uint64")
    data = view.tobytes()
    return (c.c_uint64 * (len(data) // 8)).from_buffer_copy(data), len(data) // 8


class _Config:
    def __init__(self, pairs):
        self.handle = c.c_void_p()
        _check(_lib.pointmill_config_new(c.byref(self.handle)))
        for name, value in pairs:
            error = _sized(d.pointmill_error)
            status = _lib.pointmill_config_set(self.handle, name.encode(), value.encode(), c.byref(error))
            _check(status, error.detail.decode())

    def __del__(self):
        _lib.pointmill_config_free(self.handle)


# ---- the types ----


class Metric:
    """A metric that is held: kind, name and tags, looked up once. Made by an Engine."""

    __slots__ = ("_kind", "context", "engine", "name", "tags")

    def __new__(cls, *_, **__):
        raise TypeError("cannot create 'pointmill.Metric' instances; an Engine makes them")

    def _ask(self):
        array, parts = _texts(self.name, self.tags)
        out = c.c_uint64()
        tags = c.byref(array, c.sizeof(d.pointmill_str))
        handle = self.engine._open()
        status = _lib.pointmill_context(handle, self._kind, array[0], tags, len(parts) - 1, c.byref(out))
        if status:
            raise _named_error(status, parts)
        self.context = out.value

    @property
    def kind(self):
        """'distribution', 'count', 'gauge' or 'histogram'."""
        return _KINDS[self._kind]

    def record(self, value, /, *, rate=None, at=None):
        """Records one point, in the open interval or in the one that holds `at` (Unix seconds)."""
        value = _number(value)
        if rate is not None:
            rate = _number(rate, "rate")
        if at is not None:
            at = _seconds(at)
        for again in (False, True):
            status = _record(self.engine._open(), self.context, value, rate, at)
            if status != d.POINTMILL_E_STALE_CONTEXT or again:
                break
            self._ask()
        if status:
            raise _value_error(status, value)

    def record_many(self, values, /):
        """Records many points at once; returns how many were refused for being NaN or infinite."""
        array, length = _values(values)
        rejected = c.c_size_t()
        for again in (False, True):
            handle = self.engine._open()
            status = _lib.pointmill_record_many(handle, self.context, array, length, c.byref(rejected))
            if status != d.POINTMILL_E_STALE_CONTEXT or again:
                break
            self._ask()
        _check(status)
        return rejected.value

    def __repr__(self):
        return f"<pointmill.Metric {self.kind} {self.name!r} {self.tags!r}>"


Metric.__module__ = "pointmill"
_KINDS = ("", "distribution", "count", "gauge", "histogram")


def _record(handle, context, value, rate, at):
    if rate is None:
        if at is None:
            return _lib.pointmill_record(handle, context, value)
        return _lib.pointmill_record_at(handle, context, value, at)
    if at is None:
        return _lib.pointmill_record_sampled(handle, context, value, rate)
    return _lib.pointmill_record_sampled_at(handle, context, value, rate, at)


class Engine:
    __slots__ = ("_handle",)

    def __new__(cls, pairs):
        self = super().__new__(cls)
        config = _Config(pairs)
        handle = c.c_void_p()
        error = _sized(d.pointmill_error)
        self._handle = None
        _check(_lib.pointmill_engine_new(config.handle, c.byref(handle), c.byref(error)), error.detail.decode())
        self._handle = _Owner(handle, _lib.pointmill_engine_free)
        return self

    def _open(self):
        # The owner is an argument of every call, so it lives until the last of them is over.
        if self._handle is None:
            raise _closed("engine")
        return self._handle

    @property
    def closed(self):
        """Whether close() has been called."""
        return self._handle is None

    def close(self):
        """Frees the engine's memory. Points that were not flushed are gone: flush(all=True) first."""
        self._handle = None

    def _hold(self, kind, name, tags):
        metric = object.__new__(Metric)
        metric.engine, metric._kind, metric.name, metric.tags = self, kind, name, _tuple(tags)
        metric._ask()
        return metric

    def _named(self, kind, name, value, tags, rate, at):
        value = _number(value)
        if rate is not None:
            rate = _number(rate, "rate")
        if at is not None:
            at = _seconds(at)
        array, parts = _texts(name, _tuple(tags))
        handle = self._open()
        status = None
        if rate is not None or at is not None:
            context = c.c_uint64()
            tail = c.byref(array, c.sizeof(d.pointmill_str))
            if _lib.pointmill_context(handle, kind, array[0], tail, len(parts) - 1, c.byref(context)) == 0:
                status = _record(handle, context, value, rate, at)
        if status is None:
            # Also for a context that was refused: this counts the point.
            status = _lib.pointmill_record_named(handle, kind, array, len(parts), value)
        if status == d.POINTMILL_E_NOT_FINITE:
            raise _value_error(status, value)
        if status:
            raise _named_error(status, parts)

    def record_batch(self, contexts, values, /):
        """Records values[i] into the metric with the id contexts[i], for all i; returns how many were refused."""
        ids, ids_len = _contexts(contexts)
        array, length = _values(values)
        if ids_len != length:
            raise ValueError(f"{ids_len} contexts and {length} values; one context for each value")
        rejected = c.c_size_t()
        _check(_lib.pointmill_record_batch(self._open(), ids, array, length, c.byref(rejected)))
        return rejected.value

    def _tick(self, now):
        _check(_lib.pointmill_tick(self._open(), _seconds(now)))

    def _flush(self, now, all):
        flags = d.POINTMILL_FLUSH_ALL if all else 0
        snapshot = c.c_void_p()
        _check(_lib.pointmill_flush(self._open(), _seconds(now), flags, c.byref(snapshot)))
        return _wrap("snapshot", snapshot)

    def stats(self):
        """The ledger: recorded = flushed + pending + every rejected_... + every dropped_...."""
        stats = _sized(d.pointmill_engine_stats)
        _check(_lib.pointmill_stats(self._open(), c.byref(stats)))
        return Stats(*_stats_of(stats))


def _add_kinds():
    def methods(kind, word):
        def hold(self, name, tags=()):
            return self._hold(kind, name, tags)

        def record(self, *args, **kwargs):
            # One message for every way to call it wrongly, as the extension has it.
            names = ("name", "value", "tags")
            given = dict(zip(names, args, strict=False), **kwargs)
            if len(args) > 3 or not {"name", "value"} <= given.keys() <= {*names, "rate", "at"}:
                raise TypeError("expected name, value and then tags, like ('latency', 12.5, ['env:prod'])")
            self._named(kind, given["name"], given["value"], given.get("tags"), given.get("rate"), given.get("at"))

        hold.__name__, record.__name__ = word, "record_" + word
        setattr(Engine, word, hold)
        setattr(Engine, "record_" + word, record)

    for kind, word in enumerate(_KINDS):
        if word:
            methods(kind, word)


_add_kinds()


class _Owner:
    """A handle that is freed with its last reference; an argument of calls as it is."""

    __slots__ = ("_as_parameter_", "_free")

    def __init__(self, handle, free):
        self._as_parameter_ = handle
        self._free = free

    def __del__(self):
        self._free(self._as_parameter_)


def _wrap(what, handle, cls=None):
    cls = cls or _classes[what]
    self = object.__new__(cls)
    self._handle = _Owner(handle, getattr(_lib, f"pointmill_{what}_free"))
    return self


class Snapshot:
    __slots__ = ("_handle",)

    def __new__(cls, *_, **__):
        raise TypeError("cannot create 'pointmill.Snapshot' instances; Engine.flush makes them")

    def __len__(self):
        return _lib.pointmill_snapshot_len(self._handle)

    def _entry(self, i):
        entry = _sized(d.pointmill_entry)
        _check(_lib.pointmill_snapshot_entry(self._handle, i, c.byref(entry)))
        tags = []
        for j in range(entry.tags_len):
            tag = d.pointmill_str()
            _check(_lib.pointmill_snapshot_tag(self._handle, i, j, c.byref(tag)))
            tags.append(_text(tag))
        sketch = entry.kind in (d.POINTMILL_DISTRIBUTION, d.POINTMILL_HISTOGRAM)
        summary = Summary(*_summary_of(entry.summary)) if sketch else None
        value = None if sketch else entry.value
        head = (entry.kind, _text(entry.name), tuple(tags), entry.interval, entry.interval_s)
        return (*head, entry.series, entry.points, value, summary)

    def _quantile(self, i, q):
        out = c.c_double()
        _check(_lib.pointmill_snapshot_quantile(self._handle, i, q, c.byref(out)))
        return out.value

    def _sketch(self, i):
        sketch = c.c_void_p()
        _check(_lib.pointmill_snapshot_sketch(self._handle, i, c.byref(sketch)))
        return _wrap("sketch", sketch)

    def _group_by(self, keys, merge_intervals):
        array, parts = _texts("", keys)
        flags = d.POINTMILL_GROUP_MERGE_INTERVALS if merge_intervals else 0
        grouped = c.c_void_p()
        tail = c.byref(array, c.sizeof(d.pointmill_str))
        status = _lib.pointmill_snapshot_group_by(self._handle, tail, len(parts) - 1, flags, c.byref(grouped))
        _check(status)
        return _wrap("snapshot", grouped)

    def _merge(self, others):
        for other in others:
            if not isinstance(other, Snapshot):
                raise TypeError(f"merge: expected snapshots, got {other!r}")
        all = (self, *others)
        array = (c.c_void_p * len(all))(*[one._handle._as_parameter_.value for one in all])
        merged = c.c_void_p()
        _check(_lib.pointmill_snapshot_merge(array, len(all), c.byref(merged)))
        return _wrap("snapshot", merged)

    def _encode(self, pairs):
        config = _Config(pairs)
        handle = c.c_void_p()
        error = _sized(d.pointmill_error)
        status = _lib.pointmill_encode(self._handle, config.handle, c.byref(handle), c.byref(error))
        _check(status, error.detail.decode())
        payloads = _Owner(handle, _lib.pointmill_payloads_free)
        bodies = []
        for i in range(_lib.pointmill_payloads_len(payloads)):
            one = _sized(d.pointmill_payload)
            _check(_lib.pointmill_payloads_get(payloads, i, c.byref(one)))
            body = c.string_at(one.body, one.body_len)
            texts = (_text(one.path), _text(one.content_type), _text(one.encoding))
            bodies.append(Payload(*texts, body, one.points, one.entries))
        skipped = []
        while True:
            one = _sized(d.pointmill_skipped)
            if _lib.pointmill_payloads_skipped(payloads, len(skipped), c.byref(one)):
                return bodies, skipped
            skipped.append(Skipped(_text(one.cause), _text(one.detail), one.entries, one.points, one.values))


def _times(n):
    try:
        whole = index(n)
    except TypeError:
        raise TypeError(f"n: expected a whole number from 0, got {n!r}") from None
    if not 0 <= whole < 1 << 64:
        raise ValueError(f"n: expected a whole number from 0, got {n!r}")
    return whole


class Sketch:
    __slots__ = ("_handle",)

    def __new__(cls, *_, **__):
        sketch = c.c_void_p()
        _check(_lib.pointmill_sketch_new(c.byref(sketch)))
        return _wrap("sketch", sketch, cls)

    def insert(self, value, /, **weight):
        """Adds a value, n times, or as one that stands for 1/rate values."""
        value = _number(value)
        if len(weight) > 1 or not weight.keys() <= {"n", "rate"}:
            raise TypeError(f"insert() takes n or rate, not {', '.join(weight)}")
        if "n" in weight:
            status = _lib.pointmill_sketch_insert_n(self._handle, value, _times(weight["n"]))
        elif "rate" in weight:
            status = _lib.pointmill_sketch_insert_sampled(self._handle, value, _number(weight["rate"], "rate"))
        else:
            status = _lib.pointmill_sketch_insert(self._handle, value)
        if status:
            raise _value_error(status, value)

    def insert_many(self, values, /):
        """Adds many values. All or none: one that is not finite refuses them all."""
        array, length = _values(values)
        _check(_lib.pointmill_sketch_insert_many(self._handle, array, length))

    def insert_interpolated(self, lower, upper, n, /):
        """Adds n values spread evenly over [lower, upper]."""
        lower, upper = _number(lower, "lower"), _number(upper, "upper")
        _check(_lib.pointmill_sketch_insert_interpolated(self._handle, lower, upper, n))

    def merge(self, other, /):
        """Adds everything that the other sketch holds."""
        if not isinstance(other, Sketch):
            raise TypeError(f"merge: expected a Sketch, got {other!r}")
        _check(_lib.pointmill_sketch_merge(self._handle, other._handle))

    def copy(self):
        """A second sketch with the same contents."""
        copy = c.c_void_p()
        _check(_lib.pointmill_sketch_clone(self._handle, c.byref(copy)))
        return _wrap("sketch", copy, type(self))

    def summary(self):
        """Count, min, max, sum and avg: exact, not from bins."""
        summary = _sized(d.pointmill_summary)
        _check(_lib.pointmill_sketch_summary(self._handle, c.byref(summary)))
        return Summary(*_summary_of(summary))

    def _ask(self, function, q):
        out = c.c_double()
        _check(function(self._handle, _number(q, "q"), c.byref(out)))
        return out.value

    def quantile(self, q, /):
        """The element of rank round(q * (count - 1)), to within 1/129 of itself."""
        return self._ask(_lib.pointmill_sketch_quantile, q)

    def quantile_agent(self, q, /):
        """The quantile as the Datadog Agent computes it, to the last bit."""
        return self._ask(_lib.pointmill_sketch_quantile_agent, q)

    def _bins(self, profile):
        length = c.c_size_t()
        _lib.pointmill_sketch_bins(self._handle, profile, None, None, 0, c.byref(length))
        keys, counts = (c.c_int16 * length.value)(), (c.c_uint32 * length.value)()
        status = _lib.pointmill_sketch_bins(self._handle, profile, keys, counts, length.value, c.byref(length))
        _check(status)
        return list(zip(keys, counts, strict=True))

    def _encode(self, format):
        length = c.c_size_t()
        _lib.pointmill_sketch_encode(self._handle, format, None, 0, c.byref(length))
        buffer = (c.c_uint8 * length.value)()
        _check(_lib.pointmill_sketch_encode(self._handle, format, buffer, length.value, c.byref(length)))
        return bytes(buffer)

    @classmethod
    def _decode(cls, data, format):
        data = bytes(memoryview(data))
        sketch = c.c_void_p()
        error = _sized(d.pointmill_error)
        status = _lib.pointmill_sketch_decode(format, data, len(data), c.byref(sketch), c.byref(error))
        _check(status, error.detail.decode())
        return _wrap("sketch", sketch, cls)

    @classmethod
    def key(cls, value, /):
        """The key of the bin that a value falls into."""
        value = _number(value)
        out = c.c_int16()
        status = _lib.pointmill_sketch_key(value, c.byref(out))
        if status:
            raise _value_error(status, value)
        return out.value


def version():
    return _lib.pointmill_version().decode()


def codes():
    table, code = {}, c.c_int32()
    while _lib.pointmill_code_at(len(table), c.byref(code)) == 0:
        name, text = _lib.pointmill_code_name(code.value), _lib.pointmill_strerror(code.value)
        table[code.value] = (name.decode(), text.decode())
    return table


def options():
    """Every option of engines and encoders: name, type, default, range and explanation."""
    types = {1: "number", 2: "choice", 3: "flag", 4: "text"}
    listed = []
    for i in range(_lib.pointmill_config_count()):
        one = _sized(d.pointmill_option)
        _check(_lib.pointmill_config_option(i, c.byref(one)))
        words = []
        for j in range(one.choices_len):
            word = d.pointmill_str()
            _check(_lib.pointmill_config_choice(i, j, c.byref(word)))
            words.append(_text(word))
        default = one.default_number if one.type == 1 else _text(one.default_text)
        kind = types.get(one.type, "unknown")
        listed.append(Option(_text(one.name), kind, default, one.min, one.max, tuple(words), _text(one.doc)))
    return listed


# Last, for it is written over the above.
from ._fallback_client import Client, ClientStats  # noqa: E402
from ._fallback_lambda import Lambda, LambdaStats, lambda_metric, lambda_setup  # noqa: E402
