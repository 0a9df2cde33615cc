'use strict';
// Generated from include/pointmill.h by `npm run gen`. Do not edit.

const ABI_MAJOR = 0;
const ABI_MINOR = 1;

const CODES = Object.freeze({
  POINTMILL_OK: 0,
  POINTMILL_E_NULL: -1,
  POINTMILL_E_INVALID: -2,
  POINTMILL_E_ALIGNMENT: -3,
  POINTMILL_E_STRUCT_SIZE: -4,
  POINTMILL_E_BUFFER_TOO_SMALL: -5,
  POINTMILL_E_INDEX: -6,
  POINTMILL_E_UTF8: -7,
  POINTMILL_E_HANDLE: -8,
  POINTMILL_E_KIND: -9,
  POINTMILL_E_FORMAT: -10,
  POINTMILL_E_NOT_FINITE: -20,
  POINTMILL_E_STALE_CONTEXT: -21,
  POINTMILL_E_TOO_OLD: -22,
  POINTMILL_E_TOO_NEW: -23,
  POINTMILL_E_INVALID_NAME: -24,
  POINTMILL_E_NO_ROOM: -25,
  POINTMILL_E_EMPTY: -26,
  POINTMILL_E_NO_SKETCH: -27,
  POINTMILL_E_TOO_MANY: -28,
  POINTMILL_E_UNKNOWN_OPTION: -40,
  POINTMILL_E_BAD_VALUE: -41,
  POINTMILL_E_ARENA_TOO_SMALL: -42,
  POINTMILL_E_NO_MEMORY: -43,
  POINTMILL_E_DECODE: -60,
  POINTMILL_E_ENCODE: -61,
  POINTMILL_E_DELIVERY_LATER: -70,
  POINTMILL_E_DELIVERY_DROPPED: -71,
  POINTMILL_E_CLOSED: -72,
  POINTMILL_E_PANIC: -80,
  POINTMILL_E_POISONED: -81,
});

const KINDS = Object.freeze({
  distribution: 1,
  count: 2,
  gauge: 3,
  histogram: 4,
});

const SKETCH_FORMATS = Object.freeze({
  ddsketchProto: 1,
  ddsketchCompact: 2,
  agent: 3,
});

const BIN_PROFILES = Object.freeze({ u16: 1, u32: 2 });

const LAMBDA = Object.freeze({

});

const FLUSH_ALL = 1;
const GROUP_MERGE_INTERVALS = 1;

const ENGINE_STATS_FIELDS = Object.freeze([
  'recorded',
  'flushed',
  'pending',
  'rejectedNotFinite',
  'rejectedStale',
  'rejectedTooOld',
  'rejectedTooNew',
  'rejectedInvalidName',
  'rejectedNoRoom',
  'droppedArenaFull',
  'droppedStale',
  'overflowed',
  'contexts',
  'contextsExpired',
  'contextsRefused',
  'flushes',
  'utf8Mended',
  'arenaUsedBytes',
  'arenaBytes',
]);

const CLIENT_STATS_FIELDS = Object.freeze([
  'flushed',
  'adopted',
  'accepted',
  'queued',
  'spooled',
  'handedOver',
  'skipped',
  'dropped',
  'droppedQueueFull',
  'droppedSpoolFull',
  'droppedSpoolFailed',
  'droppedExpired',
  'droppedTooLarge',
  'droppedBadRequest',
  'droppedForbidden',
  'droppedRefused',
  'droppedClosed',
  'droppedNotEncoded',
  'skippedSketchInScalarFormat',
  'skippedScalarInSketchFormat',
  'skippedHistogramInDistributionFormat',
  'skippedTooLarge',
  'skippedNotFinite',
  'skippedUnusableName',
  'skippedNoValues',
  'skippedExpansionLimit',
  'uncertain',
  'droppedUncertain',
  'requests',
  'failures',
  'failedConnect',
  'failedTimeout',
  'failedTransport',
  'failedAnswer',
  'failedThrottled',
  'failedServer',
  'failedStatus',
  'failedKey',
  'staleConnections',
  'splits',
  'batchesQueued',
  'batchesSpooled',
  'queueBytes',
  'spoolDamagedFiles',
]);

module.exports = {
  ABI_MAJOR, ABI_MINOR, CODES, KINDS, SKETCH_FORMATS, BIN_PROFILES, LAMBDA, FLUSH_ALL, GROUP_MERGE_INTERVALS,
  ENGINE_STATS_FIELDS,
  CLIENT_STATS_FIELDS,
};
