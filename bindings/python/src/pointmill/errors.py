"""The exceptions, one a code of the C header. Generated from crates/pointmill-capi by `cargo xtask gen`. Do not edit."""


class Error(Exception):
    """What pointmill raises for a code: `code` is its number, `name` its name in the header."""

    code = 0
    name = ""


class NullError(Error, ValueError):
    """A pointer is NULL that must not be; only arrays of length 0 and an err argument may be NULL."""

    code = -1
    name = "POINTMILL_E_NULL"


class InvalidError(Error, ValueError):
    """An argument is outside its range (a length, a flag, a profile, or a bound below the other); see the
    function's documentation."""

    code = -2
    name = "POINTMILL_E_INVALID"


class AlignmentError(Error, ValueError):
    """A pointer is not aligned for its type; copy the data into an array of that type first."""

    code = -3
    name = "POINTMILL_E_ALIGNMENT"


class StructSizeError(Error, ValueError):
    """Struct_size is smaller than this struct ever was; set it to sizeof the struct before the call, or begin
    with its POINTMILL_..._INIT macro."""

    code = -4
    name = "POINTMILL_E_STRUCT_SIZE"


class BufferTooSmallError(Error, ValueError):
    """The buffer is too small; out_len says the length needed, call again with that much."""

    code = -5
    name = "POINTMILL_E_BUFFER_TOO_SMALL"


class PastEndError(Error, IndexError):
    """An index is past the end; ask for the length first."""

    code = -6
    name = "POINTMILL_E_INDEX"


class Utf8Error(Error, ValueError):
    """A text is not UTF-8; convert it first."""

    code = -7
    name = "POINTMILL_E_UTF8"


class HandleError(Error, ValueError):
    """A handle is of another type or has been freed; look at which handle goes to which call."""

    code = -8
    name = "POINTMILL_E_HANDLE"


class KindError(Error, ValueError):
    """No kind has this number; use POINTMILL_DISTRIBUTION, _COUNT, _GAUGE or _HISTOGRAM."""

    code = -9
    name = "POINTMILL_E_KIND"


class FormatError(Error, ValueError):
    """No format has this number or name; see the documentation of encode."""

    code = -10
    name = "POINTMILL_E_FORMAT"


class NotFiniteError(Error, ValueError):
    """A value is NaN or infinite; record finite values only."""

    code = -20
    name = "POINTMILL_E_NOT_FINITE"


class StaleContextError(Error, LookupError):
    """The context id is stale or not of this engine; ask for the context again."""

    code = -21
    name = "POINTMILL_E_STALE_CONTEXT"


class TooOldError(Error, ValueError):
    """The timestamp is too far in the past; raise the option past_max_s or drop the point."""

    code = -22
    name = "POINTMILL_E_TOO_OLD"


class TooNewError(Error, ValueError):
    """The timestamp is too far in the future; check the clock and the unit (seconds), or raise the option
    future_max_s."""

    code = -23
    name = "POINTMILL_E_TOO_NEW"


class InvalidNameError(Error, ValueError):
    """The metric name is empty or too long, or a tag is too long; shorten it, or raise the options
    name_bytes_max or tag_bytes_max."""

    code = -24
    name = "POINTMILL_E_INVALID_NAME"


class NoRoomError(Error, RuntimeError):
    """No room is left for a new metric; raise the options contexts_max, names_bytes or arena_bytes, or use fewer
    metric names."""

    code = -25
    name = "POINTMILL_E_NO_ROOM"


class EmptyError(Error, ValueError):
    """The sketch holds no value and has no quantile; insert values first."""

    code = -26
    name = "POINTMILL_E_EMPTY"


class NoSketchError(Error, ValueError):
    """The entry is a count or a gauge and has no sketch; look at its kind, read its value."""

    code = -27
    name = "POINTMILL_E_NO_SKETCH"


class TooManyError(Error, ValueError):
    """The sketch would hold more than 2^44 values; use smaller weights or larger sample rates."""

    code = -28
    name = "POINTMILL_E_TOO_MANY"


class UnknownOptionError(Error, ValueError):
    """No option has this name; look it up in the list of options."""

    code = -40
    name = "POINTMILL_E_UNKNOWN_OPTION"


class BadValueError(Error, ValueError):
    """The value is not one that the option allows; look up its range in the list of options."""

    code = -41
    name = "POINTMILL_E_BAD_VALUE"


class ArenaTooSmallError(Error, ValueError):
    """The limits ask for more than arena_bytes holds; raise it, or lower contexts_max, names_bytes or
    threads_max."""

    code = -42
    name = "POINTMILL_E_ARENA_TOO_SMALL"


class NoMemoryError(Error, MemoryError):
    """The system gave no memory; lower the option arena_bytes."""

    code = -43
    name = "POINTMILL_E_NO_MEMORY"


class DecodeError(Error, ValueError):
    """The bytes are not a message of this format, or exceed the limits of a decoder; look at the byte that the
    detail names."""

    code = -60
    name = "POINTMILL_E_DECODE"


class EncodeError(Error, ValueError):
    """The snapshot or sketch could not be encoded; look at the detail."""

    code = -61
    name = "POINTMILL_E_ENCODE"


class DeliveryLaterError(Error, RuntimeError):
    """Not everything has arrived yet; it is kept and sent again, so there is nothing to do; if it lasts, look at
    the last failure."""

    code = -70
    name = "POINTMILL_E_DELIVERY_LATER"


class DeliveryDroppedError(Error, RuntimeError):
    """Points were given up, or the format cannot carry them; the stats tell how many and why."""

    code = -71
    name = "POINTMILL_E_DELIVERY_DROPPED"


class ClosedError(Error, ValueError):
    """The object has been closed; make a new one."""

    code = -72
    name = "POINTMILL_E_CLOSED"


class PanicError(Error, RuntimeError):
    """An internal error was caught: a defect of this library; please report it with its text."""

    code = -80
    name = "POINTMILL_E_PANIC"


class PoisonedError(Error, RuntimeError):
    """An earlier call on this object ended with POINTMILL_E_PANIC, so it takes no more; free it and make a new
    one."""

    code = -81
    name = "POINTMILL_E_POISONED"


BY_CODE = {
    -1: NullError,
    -2: InvalidError,
    -3: AlignmentError,
    -4: StructSizeError,
    -5: BufferTooSmallError,
    -6: PastEndError,
    -7: Utf8Error,
    -8: HandleError,
    -9: KindError,
    -10: FormatError,
    -20: NotFiniteError,
    -21: StaleContextError,
    -22: TooOldError,
    -23: TooNewError,
    -24: InvalidNameError,
    -25: NoRoomError,
    -26: EmptyError,
    -27: NoSketchError,
    -28: TooManyError,
    -40: UnknownOptionError,
    -41: BadValueError,
    -42: ArenaTooSmallError,
    -43: NoMemoryError,
    -60: DecodeError,
    -61: EncodeError,
    -70: DeliveryLaterError,
    -71: DeliveryDroppedError,
    -72: ClosedError,
    "closed": ClosedError,
    -80: PanicError,
    -81: PoisonedError,
}

__all__ = [
    "AlignmentError",
    "ArenaTooSmallError",
    "BadValueError",
    "BufferTooSmallError",
    "ClosedError",
    "DecodeError",
    "DeliveryDroppedError",
    "DeliveryLaterError",
    "EmptyError",
    "EncodeError",
    "Error",
    "FormatError",
    "HandleError",
    "InvalidError",
    "InvalidNameError",
    "KindError",
    "NoMemoryError",
    "NoRoomError",
    "NoSketchError",
    "NotFiniteError",
    "NullError",
    "PanicError",
    "PastEndError",
    "PoisonedError",
    "StaleContextError",
    "StructSizeError",
    "TooManyError",
    "TooNewError",
    "TooOldError",
    "UnknownOptionError",
    "Utf8Error",
]
