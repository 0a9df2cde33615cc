// Generated from include/pointmill.h by `npm run gen`. Do not edit.

/** The codes of the C header; `code` of every exception is one of them. */
export type ErrorCode =
  | 'POINTMILL_E_NULL'
  | 'POINTMILL_E_INVALID'
  | 'POINTMILL_E_ALIGNMENT'
  | 'POINTMILL_E_STRUCT_SIZE'
  | 'POINTMILL_E_BUFFER_TOO_SMALL'
  | 'POINTMILL_E_INDEX'
  | 'POINTMILL_E_UTF8'
  | 'POINTMILL_E_HANDLE'
  | 'POINTMILL_E_KIND'
  | 'POINTMILL_E_FORMAT'
  | 'POINTMILL_E_NOT_FINITE'
  | 'POINTMILL_E_STALE_CONTEXT'
  | 'POINTMILL_E_TOO_OLD'
  | 'POINTMILL_E_TOO_NEW'
  | 'POINTMILL_E_INVALID_NAME'
  | 'POINTMILL_E_NO_ROOM'
  | 'POINTMILL_E_EMPTY'
  | 'POINTMILL_E_NO_SKETCH'
  | 'POINTMILL_E_TOO_MANY'
  | 'POINTMILL_E_UNKNOWN_OPTION'
  | 'POINTMILL_E_BAD_VALUE'
  | 'POINTMILL_E_ARENA_TOO_SMALL'
  | 'POINTMILL_E_NO_MEMORY'
  | 'POINTMILL_E_DECODE'
  | 'POINTMILL_E_ENCODE'
  | 'POINTMILL_E_DELIVERY_LATER'
  | 'POINTMILL_E_DELIVERY_DROPPED'
  | 'POINTMILL_E_CLOSED'
  | 'POINTMILL_E_PANIC'
  | 'POINTMILL_E_POISONED'
  | 'POINTMILL_E_UNKNOWN';

/** The base class of everything this package throws; `message` names cause and remedy. */
export class PointmillError extends Error {
  readonly code: ErrorCode;
}
/** A pointer is NULL that must not be; only arrays of length 0 and an err argument may be NULL. */
export class NullError extends PointmillError {}
/** An argument is outside its range (a length, a flag, a profile, or a bound below the other); see the function's documentation. */
export class InvalidError extends PointmillError {}
/** A pointer is not aligned for its type; copy the data into an array of that type first. */
export class AlignmentError extends PointmillError {}
/** Struct_size is smaller than this struct ever was; set it to sizeof the struct before the call, or begin with its POINTMILL_..._INIT macro. */
export class StructSizeError extends PointmillError {}
/** The buffer is too small; out_len says the length needed, call again with that much. */
export class BufferTooSmallError extends PointmillError {}
/** An index is past the end; ask for the length first. */
export class IndexError extends PointmillError {}
/** A text is not UTF-8; convert it first. */
export class Utf8Error extends PointmillError {}
/** A handle is of another type or has been freed; look at which handle goes to which call. */
export class HandleError extends PointmillError {}
/** No kind has this number; use POINTMILL_DISTRIBUTION, _COUNT, _GAUGE or _HISTOGRAM. */
export class KindError extends PointmillError {}
/** No format has this number or name; see the documentation of encode. */
export class FormatError extends PointmillError {}
/** A value is NaN or infinite; record finite values only. */
export class NotFiniteError extends PointmillError {}
/** The context id is stale or not of this engine; ask for the context again. */
export class StaleContextError extends PointmillError {}
/** The timestamp is too far in the past; raise the option past_max_s or drop the point. */
export class TooOldError extends PointmillError {}
/** The timestamp is too far in the future; check the clock and the unit (seconds), or raise the option future_max_s. */
export class TooNewError extends PointmillError {}
/** The metric name is empty or too long, or a tag is too long; shorten it, or raise the options name_bytes_max or tag_bytes_max. */
export class InvalidNameError extends PointmillError {}
/** No room is left for a new metric; raise the options contexts_max, names_bytes or arena_bytes, or use fewer metric names. */
export class NoRoomError extends PointmillError {}
/** The sketch holds no value and has no quantile; insert values first. */
export class EmptyError extends PointmillError {}
/** The entry is a count or a gauge and has no sketch; look at its kind, read its value. */
export class NoSketchError extends PointmillError {}
/** The sketch would hold more than 2^44 values; use smaller weights or larger sample rates. */
export class TooManyError extends PointmillError {}
/** No option has this name; look it up in the list of options. */
export class UnknownOptionError extends PointmillError {}
/** The value is not one that the option allows; look up its range in the list of options. */
export class BadValueError extends PointmillError {}
/** The limits ask for more than arena_bytes holds; raise it, or lower contexts_max, names_bytes or threads_max. */
export class ArenaTooSmallError extends PointmillError {}
/** The system gave no memory; lower the option arena_bytes. */
export class NoMemoryError extends PointmillError {}
/** The bytes are not a message of this format, or exceed the limits of a decoder; look at the byte that the detail names. */
export class DecodeError extends PointmillError {}
/** The snapshot or sketch could not be encoded; look at the detail. */
export class EncodeError extends PointmillError {}
/** Not everything has arrived yet; it is kept and sent again, so there is nothing to do; if it lasts, look at the last failure. */
export class DeliveryLaterError extends PointmillError {}
/** Points were given up, or the format cannot carry them; the stats tell how many and why. */
export class DeliveryDroppedError extends PointmillError {}
/** The object has been closed; make a new one. */
export class ClosedError extends PointmillError {}
/** An internal error was caught: a defect of this library; please report it with its text. */
export class PanicError extends PointmillError {}
/** An earlier call on this object ended with POINTMILL_E_PANIC, so it takes no more; free it and make a new one. */
export class PoisonedError extends PointmillError {}

export interface Stats {
  /** Points handed to a recording call, whatever became of them. */
  readonly recorded: number;
  /** Points that left in a snapshot. */
  readonly flushed: number;
  /** Points that wait for a flush. */
  readonly pending: number;
  /** Refused: the value was NaN or infinite. */
  readonly rejectedNotFinite: number;
  /** Refused: the context id was stale or unknown. */
  readonly rejectedStale: number;
  /** Refused: the timestamp was too far in the past. */
  readonly rejectedTooOld: number;
  /** Refused: the timestamp was too far in the future. */
  readonly rejectedTooNew: number;
  /** Refused: the name was empty or too long, or a tag too long. */
  readonly rejectedInvalidName: number;
  /** Refused: no room for the context nor for an overflow context of its metric. */
  readonly rejectedNoRoom: number;
  /** Taken but lost: no memory in the arena. */
  readonly droppedArenaFull: number;
  /** Taken but lost: the context was given back while the point was on its way. */
  readonly droppedStale: number;
  /** Points that kept their value but lost their tags to a limit; in flushed or pending too. */
  readonly overflowed: number;
  /** Contexts alive. */
  readonly contexts: number;
  /** Contexts given back after their idle time. */
  readonly contextsExpired: number;
  /** Requests for a context that a limit turned into an overflow context. */
  readonly contextsRefused: number;
  /** Flushes done. */
  readonly flushes: number;
  /** Names or tags whose bytes were not UTF-8 and were mended. */
  readonly utf8Mended: number;
  /** Bytes of the arena in use. */
  readonly arenaUsedBytes: number;
  /** Bytes of the arena. */
  readonly arenaBytes: number;
  /** Whether every point is accounted for; true while no other call is under way. */
  balances(): boolean;
}

export interface ClientStats {
  /** Points that the engine gave to this client. */
  readonly flushed: number;
  /** Points in spool files of other processes that this one has dealt with. */
  readonly adopted: number;
  /** The destination has taken them. */
  readonly accepted: number;
  /** In memory, to be sent. */
  readonly queued: number;
  /** In spool files that this process wrote, to be sent. */
  readonly spooled: number;
  /** In spool files that this process wrote and another one has taken up. */
  readonly handedOver: number;
  /** The format cannot carry them; the sum of the skipped_... below. */
  readonly skipped: number;
  /** Given up; the sum of the dropped_... down to dropped_not_encoded. */
  readonly dropped: number;
  /** The queue was full and there is no spool. */
  readonly droppedQueueFull: number;
  /** The spool was full, and these were the oldest in it. */
  readonly droppedSpoolFull: number;
  /** The spool could not be written or read: a full disk, a damaged file. */
  readonly droppedSpoolFailed: number;
  /** Older than the option batch_age_max_s. */
  readonly droppedExpired: number;
  /** Too large for the receiver (413), and only one series. */
  readonly droppedTooLarge: number;
  /** The receiver called the body wrong (400). */
  readonly droppedBadRequest: number;
  /** The receiver does not know the key (401, 403): check api_key and site. */
  readonly droppedForbidden: number;
  /** The receiver refused for good with another status. */
  readonly droppedRefused: number;
  /** Still there when the client was closed, without a spool. */
  readonly droppedClosed: number;
  /** The encoder failed. */
  readonly droppedNotEncoded: number;
  /** Distributions in a format for numbers. */
  readonly skippedSketchInScalarFormat: number;
  /** Counts and gauges in a format for sketches. */
  readonly skippedScalarInSketchFormat: number;
  /** Histograms in a format for distributions. */
  readonly skippedHistogramInDistributionFormat: number;
  /** One series alone is larger than a body may be. */
  readonly skippedTooLarge: number;
  /** The value is not finite: the sum of a count ran over. */
  readonly skippedNotFinite: number;
  /** The format has no way to write the name. */
  readonly skippedUnusableName: number;
  /** A sketch without values. */
  readonly skippedNoValues: number;
  /** More values than the option expand_max. */
  readonly skippedExpansionLimit: number;
  /** Points in requests whose whole body went out and got no answer. They were sent again under the same DD-Pointmill-Batch header; a receiver that does not know it may have them twice. */
  readonly uncertain: number;
  /** Of the dropped points those that may have arrived all the same. */
  readonly droppedUncertain: number;
  /** Attempts made. */
  readonly requests: number;
  /** Attempts that did not deliver; the sum of the failed_... below. */
  readonly failures: number;
  /** No connection: name not found, refused, TLS. */
  readonly failedConnect: number;
  /** No answer within the time. */
  readonly failedTimeout: number;
  /** The connection broke. */
  readonly failedTransport: number;
  /** The answer was not HTTP. */
  readonly failedAnswer: number;
  /** Status 408, 425 or 429. */
  readonly failedThrottled: number;
  /** Status 5xx. */
  readonly failedServer: number;
  /** Any other status that is not 2xx. */
  readonly failedStatus: number;
  /** The API key could not be had. */
  readonly failedKey: number;
  /** Requests made once more at once because a kept connection had gone stale. */
  readonly staleConnections: number;
  /** Bodies cut in two after a 413. */
  readonly splits: number;
  /** Bodies in memory. */
  readonly batchesQueued: number;
  /** Bodies in spool files that this process wrote. */
  readonly batchesSpooled: number;
  /** Bytes the queue is charged with. */
  readonly queueBytes: number;
  /** Damaged spool files that were put aside. */
  readonly spoolDamagedFiles: number;
  /** Whether every point is accounted for; true while no other call is under way. */
  balances(): boolean;
}

export interface LambdaStats {
  /** Points handed to a recording call or reported as refused, and enhanced ones. */
  readonly recorded: number;
  /** Wait for a flush, in the engine or the buffer. */
  readonly pending: number;
  /** Taken by the intake, written to the log, sent to the extension. */
  readonly accepted: number;
  /** Encoded; a later flush sends them. */
  readonly queued: number;
  /** Refused: not a finite number. */
  readonly rejectedNotFinite: number;
  /** Refused: the name is empty or too long, or a tag too long. */
  readonly rejectedInvalidName: number;
  /** Refused: more than four hours old, in extension mode. */
  readonly rejectedTooOld: number;
  /** Refused: no context has this id. */
  readonly rejectedStale: number;
  /** Refused: no room for a further name. */
  readonly rejectedNoRoom: number;
  /** Refused: after the end. */
  readonly rejectedClosed: number;
  /** Refused by the wrapper: the name. */
  readonly rejectedBadName: number;
  /** Refused by the wrapper: the value. */
  readonly rejectedBadValue: number;
  /** Refused by the wrapper: the time. */
  readonly rejectedBadTime: number;
  /** Refused by the wrapper: the tags. */
  readonly rejectedBadTags: number;
  /** Custom points for which there is no way under FIPS rules. */
  readonly droppedDisabled: number;
  /** The buffer was full and could not be emptied. */
  readonly droppedBufferFull: number;
  /** Given up by delivery. */
  readonly droppedDelivery: number;
  /** The engine's memory was full. */
  readonly droppedArenaFull: number;
  /** Kept their value but lost their tags to a limit of the engine; counted elsewhere too. */
  readonly overflowed: number;
  /** Names or tags whose bytes were not UTF-8 and were mended. */
  readonly utf8Mended: number;
  /** Enhanced metrics made here; counted elsewhere too. */
  readonly enhanced: number;
  /** Points written out early because the buffer was full; counted elsewhere too. */
  readonly spilled: number;
  /** Flushes. */
  readonly flushes: number;
  /** Flushes after which something was left or had been given up. */
  readonly flushFailures: number;
  /** Flushes done because a deadline came near. */
  readonly deadlineFlushes: number;
  /** Look-ups of the API key. */
  readonly keyLookups: number;
  /** Those that failed. */
  readonly keyFailures: number;
  /** Invocations begun. */
  readonly invocations: number;
  /** Invocations begun and not ended. */
  readonly invocationsOpen: number;
  /** Whether every point is accounted for; true while no other call is under way. */
  balances(): boolean;
}
