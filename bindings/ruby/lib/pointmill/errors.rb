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

  # A body for each class would be compiled each time this is loaded, and each new constant makes Ruby look up anew
  # those that are read here.
  a_class = Class
  base = Error
  by_code = {}
  error = lambda do |code, name|
    made = by_code[code] = a_class.new(base)
    made.const_set(:CODE, code)
    made.const_set(:NAME, name)
    made
  end

  NullError = error[-1, 'POINTMILL_E_NULL'] # A pointer is NULL that must not be; only arrays of length 0 and an err argument may be NULL.
  InvalidError = error[-2, 'POINTMILL_E_INVALID'] # An argument is outside its range (a length, a flag, a profile, or a bound below the other); see the function's documentation.
  AlignmentError = error[-3, 'POINTMILL_E_ALIGNMENT'] # A pointer is not aligned for its type; copy the data into an array of that type first.
  StructSizeError = error[-4, 'POINTMILL_E_STRUCT_SIZE'] # Struct_size is smaller than this struct ever was; set it to sizeof the struct before the call, or begin with its POINTMILL_..._INIT macro.
  BufferTooSmallError = error[-5, 'POINTMILL_E_BUFFER_TOO_SMALL'] # The buffer is too small; out_len says the length needed, call again with that much.
  PastEndError = error[-6, 'POINTMILL_E_INDEX'] # An index is past the end; ask for the length first.
  Utf8Error = error[-7, 'POINTMILL_E_UTF8'] # A text is not UTF-8; convert it first.
  HandleError = error[-8, 'POINTMILL_E_HANDLE'] # A handle is of another type or has been freed; look at which handle goes to which call.
  KindError = error[-9, 'POINTMILL_E_KIND'] # No kind has this number; use POINTMILL_DISTRIBUTION, _COUNT, _GAUGE or _HISTOGRAM.
  FormatError = error[-10, 'POINTMILL_E_FORMAT'] # No format has this number or name; see the documentation of encode.
  NotFiniteError = error[-20, 'POINTMILL_E_NOT_FINITE'] # A value is NaN or infinite; record finite values only.
  StaleContextError = error[-21, 'POINTMILL_E_STALE_CONTEXT'] # The context id is stale or not of this engine; ask for the context again.
  TooOldError = error[-22, 'POINTMILL_E_TOO_OLD'] # The timestamp is too far in the past; raise the option past_max_s or drop the point.
  TooNewError = error[-23, 'POINTMILL_E_TOO_NEW'] # The timestamp is too far in the future; check the clock and the unit (seconds), or raise the option future_max_s.
  InvalidNameError = error[-24, 'POINTMILL_E_INVALID_NAME'] # The metric name is empty or too long, or a tag is too long; shorten it, or raise the options name_bytes_max or tag_bytes_max.
  NoRoomError = error[-25, 'POINTMILL_E_NO_ROOM'] # No room is left for a new metric; raise the options contexts_max, names_bytes or arena_bytes, or use fewer metric names.
  EmptyError = error[-26, 'POINTMILL_E_EMPTY'] # The sketch holds no value and has no quantile; insert values first.
  NoSketchError = error[-27, 'POINTMILL_E_NO_SKETCH'] # The entry is a count or a gauge and has no sketch; look at its kind, read its value.
  TooManyError = error[-28, 'POINTMILL_E_TOO_MANY'] # The sketch would hold more than 2^44 values; use smaller weights or larger sample rates.
  UnknownOptionError = error[-40, 'POINTMILL_E_UNKNOWN_OPTION'] # No option has this name; look it up in the list of options.
  BadValueError = error[-41, 'POINTMILL_E_BAD_VALUE'] # The value is not one that the option allows; look up its range in the list of options.
  ArenaTooSmallError = error[-42, 'POINTMILL_E_ARENA_TOO_SMALL'] # The limits ask for more than arena_bytes holds; raise it, or lower contexts_max, names_bytes or threads_max.
  NoMemoryError = error[-43, 'POINTMILL_E_NO_MEMORY'] # The system gave no memory; lower the option arena_bytes.
  DecodeError = error[-60, 'POINTMILL_E_DECODE'] # The bytes are not a message of this format, or exceed the limits of a decoder; look at the byte that the detail names.
  EncodeError = error[-61, 'POINTMILL_E_ENCODE'] # The snapshot or sketch could not be encoded; look at the detail.
  DeliveryLaterError = error[-70, 'POINTMILL_E_DELIVERY_LATER'] # Not everything has arrived yet; it is kept and sent again, so there is nothing to do; if it lasts, look at the last failure.
  DeliveryDroppedError = error[-71, 'POINTMILL_E_DELIVERY_DROPPED'] # Points were given up, or the format cannot carry them; the stats tell how many and why.
  ClosedError = error[-72, 'POINTMILL_E_CLOSED'] # The object has been closed; make a new one.
  PanicError = error[-80, 'POINTMILL_E_PANIC'] # An internal error was caught: a defect of this library; please report it with its text.
  PoisonedError = error[-81, 'POINTMILL_E_POISONED'] # An earlier call on this object ended with POINTMILL_E_PANIC, so it takes no more; free it and make a new one.

  BY_CODE = by_code.freeze
  private_constant :BY_CODE
end
