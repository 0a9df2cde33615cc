# frozen_string_literal: true

# The exceptions, one a code of the C header. Generated from include/pointmill.h by scripts/gen.rb. Do not edit.
module Pointmill
  # What pointmill raises for a code of the C header.
  class Error < StandardError
    # The code's number and its name in the header.
    CODE = 0
    NAME = ''

    # The code's number.
    def code
      self.class::CODE
    end

    # The code's name in the header, such as POINTMILL_E_NOT_FINITE.
    def name
      self.class::NAME
    end
  end

  # A pointer is NULL that must not be; only arrays of length 0 and an err argument may be NULL.
  class NullError < Error
    CODE = -1
    NAME = 'POINTMILL_E_NULL'
  end

  # An argument is outside its range (a length, a flag, a profile, or a bound below the other); see the
  # function's comment in the header.
  class InvalidError < Error
    CODE = -2
    NAME = 'POINTMILL_E_INVALID'
  end

  # A pointer is not aligned for its type; copy the data into an array of that type first.
  class AlignmentError < Error
    CODE = -3
    NAME = 'POINTMILL_E_ALIGNMENT'
  end

  # Struct_size is smaller than this struct ever was; set it to sizeof the struct before the call, or
  # begin with its POINTMILL_..._INIT macro.
  class StructSizeError < Error
    CODE = -4
    NAME = 'POINTMILL_E_STRUCT_SIZE'
  end

  # The buffer is too small; out_len says the length needed, call again with that much.
  class BufferTooSmallError < Error
    CODE = -5
    NAME = 'POINTMILL_E_BUFFER_TOO_SMALL'
  end

  # An index is past the end; ask for the length first.
  class PastEndError < Error
    CODE = -6
    NAME = 'POINTMILL_E_INDEX'
  end

  # A text is not UTF-8; convert it first.
  class Utf8Error < Error
    CODE = -7
    NAME = 'POINTMILL_E_UTF8'
  end

  # A handle is of another type or has been freed; look at which handle goes to which call.
  class HandleError < Error
    CODE = -8
    NAME = 'POINTMILL_E_HANDLE'
  end

  # No kind has this number; use POINTMILL_DISTRIBUTION, _COUNT, _GAUGE or _HISTOGRAM.
  class KindError < Error
    CODE = -9
    NAME = 'POINTMILL_E_KIND'
  end

  # No format has this number or name; see the constants in the header or the option format.
  class FormatError < Error
    CODE = -10
    NAME = 'POINTMILL_E_FORMAT'
  end

  # A value is NaN or infinite; record finite values only.
  class NotFiniteError < Error
    CODE = -20
    NAME = 'POINTMILL_E_NOT_FINITE'
  end

  # The context id is stale or not of this engine; ask for the context again.
  class StaleContextError < Error
    CODE = -21
    NAME = 'POINTMILL_E_STALE_CONTEXT'
  end

  # The timestamp is too far in the past; raise the option past_max_s or drop the point.
  class TooOldError < Error
    CODE = -22
    NAME = 'POINTMILL_E_TOO_OLD'
  end

  # The timestamp is too far in the future; check the clock and the unit (seconds), or raise the option
  # future_max_s.
  class TooNewError < Error
    CODE = -23
    NAME = 'POINTMILL_E_TOO_NEW'
  end

  # The metric name is empty or too long, or a tag is too long; shorten it, or raise the options
  # name_bytes_max or tag_bytes_max.
  class InvalidNameError < Error
    CODE = -24
    NAME = 'POINTMILL_E_INVALID_NAME'
  end

  # No room is left for a new metric; raise the options contexts_max, names_bytes or arena_bytes, or use
  # fewer metric names.
  class NoRoomError < Error
    CODE = -25
    NAME = 'POINTMILL_E_NO_ROOM'
  end

  # The sketch holds no value and has no quantile; insert values first.
  class EmptyError < Error
    CODE = -26
    NAME = 'POINTMILL_E_EMPTY'
  end

  # The entry is a count or a gauge and has no sketch; look at its kind, read its value.
  class NoSketchError < Error
    CODE = -27
    NAME = 'POINTMILL_E_NO_SKETCH'
  end

  # The sketch would hold more than 2^44 values; use smaller weights or larger sample rates.
  class TooManyError < Error
    CODE = -28
    NAME = 'POINTMILL_E_TOO_MANY'
  end

  # No option has this name; pointmill_config_option lists them.
  class UnknownOptionError < Error
    CODE = -40
    NAME = 'POINTMILL_E_UNKNOWN_OPTION'
  end

  # The value is not one that the option allows; pointmill_config_option tells its range.
  class BadValueError < Error
    CODE = -41
    NAME = 'POINTMILL_E_BAD_VALUE'
  end

  # The limits ask for more than arena_bytes holds; raise it, or lower contexts_max, names_bytes or
  # threads_max.
  class ArenaTooSmallError < Error
    CODE = -42
    NAME = 'POINTMILL_E_ARENA_TOO_SMALL'
  end

  # The system gave no memory; lower the option arena_bytes.
  class NoMemoryError < Error
    CODE = -43
    NAME = 'POINTMILL_E_NO_MEMORY'
  end

  # The bytes are not a message of this format, or exceed the limits of a decoder; the err argument names
  # the byte.
  class DecodeError < Error
    CODE = -60
    NAME = 'POINTMILL_E_DECODE'
  end

  # The snapshot or sketch could not be encoded; the err argument names the cause.
  class EncodeError < Error
    CODE = -61
    NAME = 'POINTMILL_E_ENCODE'
  end

  # Not everything has arrived yet; it is kept and sent again, so there is nothing to do; if it lasts,
  # look at pointmill_client_last_failure.
  class DeliveryLaterError < Error
    CODE = -70
    NAME = 'POINTMILL_E_DELIVERY_LATER'
  end

  # Points were given up, or the format cannot carry them; pointmill_client_stats_get tells how many and
  # why.
  class DeliveryDroppedError < Error
    CODE = -71
    NAME = 'POINTMILL_E_DELIVERY_DROPPED'
  end

  # The client has been closed; make a new one.
  class ClosedError < Error
    CODE = -72
    NAME = 'POINTMILL_E_CLOSED'
  end

  # An internal error was caught: a defect of this library; please report it with its text.
  class PanicError < Error
    CODE = -80
    NAME = 'POINTMILL_E_PANIC'
  end

  # An earlier call on this object ended with POINTMILL_E_PANIC, so it takes no more; free it and make a
  # new one.
  class PoisonedError < Error
    CODE = -81
    NAME = 'POINTMILL_E_POISONED'
  end

  BY_CODE = {
    -1 => NullError,
    -2 => InvalidError,
    -3 => AlignmentError,
    -4 => StructSizeError,
    -5 => BufferTooSmallError,
    -6 => PastEndError,
    -7 => Utf8Error,
    -8 => HandleError,
    -9 => KindError,
    -10 => FormatError,
    -20 => NotFiniteError,
    -21 => StaleContextError,
    -22 => TooOldError,
    -23 => TooNewError,
    -24 => InvalidNameError,
    -25 => NoRoomError,
    -26 => EmptyError,
    -27 => NoSketchError,
    -28 => TooManyError,
    -40 => UnknownOptionError,
    -41 => BadValueError,
    -42 => ArenaTooSmallError,
    -43 => NoMemoryError,
    -60 => DecodeError,
    -61 => EncodeError,
    -70 => DeliveryLaterError,
    -71 => DeliveryDroppedError,
    -72 => ClosedError,
    -80 => PanicError,
    -81 => PoisonedError
  }.freeze
  private_constant :BY_CODE
end
