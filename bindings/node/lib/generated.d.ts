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
  | 'POINTMILL_E_PANIC'
  | 'POINTMILL_E_POISONED'
  | 'POINTMILL_E_UNKNOWN';

export interface EngineStats {
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
}
