import type { ClientStats, Stats } from './generated.js';

export type { ClientStats, ErrorCode, Stats } from './generated.js';
export {
  PointmillError, NullError, InvalidError, AlignmentError, StructSizeError, BufferTooSmallError, IndexError,
  Utf8Error, HandleError, KindError, FormatError, NotFiniteError, StaleContextError, TooOldError, TooNewError,
  InvalidNameError, NoRoomError, EmptyError, NoSketchError, TooManyError, UnknownOptionError, BadValueError,
  ArenaTooSmallError, NoMemoryError, DecodeError, EncodeError, DeliveryLaterError, DeliveryDroppedError, ClosedError,
  PanicError, PoisonedError,
} from './generated.js';

export type Kind = 'distribution' | 'count' | 'gauge' | 'histogram';

/** Texts such as `env:prod`. Order and duplicates do not matter. */
export type Tags = readonly string[];

/** Options of an engine; the units stand in the names. `options()` lists them with ranges. */
export interface EngineOptions {
  /** Size of the arena: the hard bound of what the engine remembers. Default 64 MiB, touched as needed. */
  arenaBytes?: number;
  /** Contexts alive at one time; further ones fold into the overflow context of their metric. Default 16,384. */
  contextsMax?: number;
  /** Tags of one context. Default 100. */
  tagsMax?: number;
  /** Bytes of a metric name; a longer one is refused. Default 512. */
  nameBytesMax?: number;
  /** Bytes of one tag; a longer one is refused. Default 512. */
  tagBytesMax?: number;
  /** Bytes for all names and tags together; 0 gives 256 for each context. Default 0. */
  namesBytes?: number;
  /** Threads that record at one time with a lane of their own. Default 64. */
  threadsMax?: number;
  /** Length of an interval in seconds. Default 10. */
  intervalS?: number;
  /** Flushes without a point after which a context is given back; 0 keeps contexts for ever. Default 360. */
  idleFlushes?: number;
  /** How far behind the engine's time a timestamp may lie, in seconds. Default 3,600. */
  pastMaxS?: number;
  /** How far ahead of the engine's time a timestamp may lie, in seconds. Default 600. */
  futureMaxS?: number;
  /**
   * Called at the end of the process or worker with everything that was not flushed; it must be done when it
   * returns. Without it a line on stderr says how many points were never flushed; `'ignore'` says nothing.
   */
  onExit?: ((last: Snapshot) => void) | 'ignore';
}

/** How a snapshot is encoded. `options()` lists every option. */
export interface EncodeOptions {
  /** Default `intake`: distributions as sketches, all else as series. */
  format?: 'intake' | 'sketches' | 'series_v2' | 'series_v2_protobuf' | 'distribution_points_v1' | 'log_lines' | 'dogstatsd';
  compression?: 'auto' | 'none' | 'zstd' | 'deflate' | 'gzip';
  compressionLevel?: number;
  /** Host name written into every series. */
  host?: string;
  /** Tags appended to every series that does not have them yet. */
  tags?: Tags | string;
  binProfile?: 'u16' | 'u32';
  originProduct?: number;
  originCategory?: number;
  originService?: number;
  compressedBytesMax?: number;
  uncompressedBytesMax?: number;
  itemsMax?: number;
  expandMax?: number;
  agentFooter?: boolean;
  datagramBytesMax?: number;
  dogstatsdPacked?: boolean;
  dogstatsdSampled?: boolean;
  dogstatsdTimestamps?: boolean;
}

/** A held metric. Keep it: recording with it is the fast way. */
export interface Metric {
  readonly name: string;
  readonly tags: Tags;
  readonly kind: Kind;
  /** Records one point in the open interval. No allocation; one native call in 1,024. Throws for what is no finite number. */
  record(value: number): void;
  /** Records one point in the interval that holds `time`: a Date, or seconds since 1970. */
  recordAt(value: number, time: Date | number): void;
  /** Records one point that stands for 1/rate points. */
  recordSampled(value: number, rate: number): void;
  /** The same in the interval that holds `time`. */
  recordSampledAt(value: number, rate: number, time: Date | number): void;
  /** Records many points; answers how many were refused (and counted) for being NaN or infinite. A Float64Array costs no copy. */
  recordMany(values: Float64Array | Float32Array | Int8Array | Uint8Array | Uint8ClampedArray | Int16Array | Uint16Array | Int32Array | Uint32Array | readonly number[]): number;
}

/** What `engine.share()` gives: plain data for `workerData` or `postMessage`. */
export interface SharedEngine {
  readonly token: number;
  readonly intervalS: number;
  readonly idleFlushes: number;
}

export interface FlushOptions {
  /** The open intervals too. Default false. */
  all?: boolean;
  /** A Date, or seconds since 1970; default: now. */
  now?: Date | number;
}

/** An engine. It lives until `close()`; nothing of it keeps the process alive. */
export class Engine {
  constructor(options?: EngineOptions);
  /** The engine of another thread of this process; this thread gets a ring of its own. */
  static attach(shared: SharedEngine): Engine;
  share(): SharedEngine;
  distribution(name: string, tags?: Tags): Metric;
  count(name: string, tags?: Tags): Metric;
  gauge(name: string, tags?: Tags): Metric;
  histogram(name: string, tags?: Tags): Metric;
  recordDistribution(name: string, value: number, tags?: Tags): void;
  recordCount(name: string, value: number, tags?: Tags): void;
  recordGauge(name: string, value: number, tags?: Tags): void;
  recordHistogram(name: string, value: number, tags?: Tags): void;
  /** Takes the points of the intervals that have ended, off the event loop. The snapshot alone holds them then. */
  flush(options?: FlushOptions): Promise<Snapshot>;
  /** The same on this thread. */
  flushSync(options?: FlushOptions): Snapshot;
  /** Tells the engine the time: a Date, or seconds since 1970. A timer does so at the end of every interval. */
  tick(now?: Date | number): void;
  /** The ledger: recorded = flushed + pending + every rejected… + every dropped…. */
  stats(): Stats;
  /** Ends this thread's part; resolves to what was not flushed, or undefined for an attached engine. Idempotent. */
  close(): Promise<Snapshot | undefined>;
}

export interface Summary {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly sum: number;
  readonly avg: number;
}

/** One series in one interval. */
export interface Entry {
  readonly kind: Kind;
  readonly name: string;
  /** Sorted, without duplicates. */
  readonly tags: Tags;
  /** Start of the interval, seconds since 1970. */
  readonly interval: number;
  /** Length of the interval in seconds. */
  readonly intervalS: number;
  /** Number of the series within its snapshot. */
  readonly series: number;
  /** Points that were recorded into it. */
  readonly points: number;
  /** A count's sum or a gauge's last value; undefined otherwise. */
  readonly value: number | undefined;
  /** Of a distribution or histogram; undefined otherwise, as are its five numbers. */
  readonly summary: Summary | undefined;
  readonly count: number | undefined;
  readonly min: number | undefined;
  readonly max: number | undefined;
  readonly sum: number | undefined;
  readonly avg: number | undefined;
  /** The element of rank q to within 1/129 of itself: 0.99 for the 99th percentile. */
  quantile(q: number): number;
  /** A copy of the sketch, which lives on its own. */
  sketch(): Sketch;
}

export interface Payload {
  /** Path of the intake's route; empty for formats that do not travel by HTTP. */
  readonly path: string;
  readonly contentType: string;
  readonly encoding: string;
  readonly body: Buffer;
  readonly points: number;
  readonly entries: number;
}

/** What a format cannot carry, for one cause. */
export interface Skipped {
  readonly cause: string;
  readonly detail: string;
  readonly entries: number;
  readonly points: number;
  readonly values: number;
}

/** The bodies of one snapshot, and what is in none of them. */
export interface Payloads {
  readonly payloads: Payload[];
  readonly skipped: Skipped[];
}

/** The flushed values of some intervals; immutable. */
export interface Snapshot extends Iterable<Entry> {
  readonly length: number;
  entry(i: number): Entry;
  /** Merged over every tag whose key is not among `keys`. */
  groupBy(keys: readonly string[], options?: { mergeIntervals?: boolean }): Snapshot;
  /** Bodies that keep within their route's limits, made off the event loop. */
  encode(options?: EncodeOptions): Promise<Payloads>;
  encodeSync(options?: EncodeOptions): Payloads;
}

export const Snapshot: {
  /** One snapshot of many: sketches merge, counts add up, the later gauge stands. */
  merge(snapshots: Iterable<Snapshot>): Snapshot;
};

export type SketchFormat = 'agent' | 'ddsketch_compact' | 'ddsketch_proto';

/** The Datadog Agent's sketch of a distribution, bit for bit. */
export class Sketch {
  /** Begins with these values, or empty. */
  constructor(values?: Float64Array | ArrayLike<number>);
  /** The sketch in some bytes, which may be hostile. `agent` (the default) carries every bit. */
  static decode(bytes: Uint8Array, format?: SketchFormat): Sketch;
  static key(value: number): number;
  insert(value: number): this;
  insertN(value: number, n: number): this;
  insertSampled(value: number, rate: number): this;
  /** All or nothing: a value that is NaN or infinite refuses the whole call. */
  insertMany(values: Float64Array | ArrayLike<number>): this;
  insertInterpolated(lower: number, upper: number, n: number): this;
  merge(other: Sketch): this;
  clone(): Sketch;
  summary(): Summary;
  readonly count: number;
  /** The element of rank q to within 1/129 of itself. */
  quantile(q: number): number;
  /** As the Datadog Agent computes it, up to 2.4 % off. */
  quantileAgent(q: number): number;
  bins(profile?: 'u16' | 'u32'): { keys: Int16Array; counts: Uint32Array };
  encode(format?: SketchFormat): Buffer;
}

/** Options of delivery, beside those of the engine and of encoding. `options()` lists every option. */
export interface ClientOptions extends Omit<EngineOptions, 'onExit'>, EncodeOptions {
  /** Default `http`. */
  destination?: 'http' | 'log' | 'dogstatsd' | 'file' | 'spool';
  /** `datadoghq.com` sends to https://api.datadoghq.com. */
  site?: string;
  /** Base URL of the intake; beats the site. */
  url?: string;
  /** Sent as a header, never in a URL. */
  apiKey?: string;
  proxy?: string;
  noProxy?: string;
  caFile?: string;
  logFd?: number;
  filePath?: string;
  dogstatsdUrl?: string;
  /** A thread of the library that flushes. Default true. */
  background?: boolean;
  flushIntervalS?: number;
  /** How long a flush, a close and the end of the process may try to send. Default 10,000. */
  flushTimeoutMs?: number;
  attemptTimeoutMs?: number;
  retryBaseMs?: number;
  retryMaxMs?: number;
  breakerFailures?: number;
  batchAgeMaxS?: number;
  queueBytesMax?: number;
  spoolDir?: string;
  spoolBytesMax?: number;
  spoolSync?: boolean;
  clientMetrics?: boolean;
  /** An engine of your own, which you close after the client. Without it the client makes one. */
  engine?: Engine;
}

/** An engine with delivery. Nothing of it keeps the process alive; at the end of the process it sends what waits. */
export class Client {
  constructor(options?: ClientOptions);
  readonly engine: Engine;
  /**
   * Sends everything recorded, the open interval too, unless `all` is false. Resolves to whether everything has
   * arrived; what has not is kept. timeoutMs is by default the option flushTimeoutMs. Rejects with DeliveryDroppedError if points were given up.
   */
  flush(options?: { all?: boolean; timeoutMs?: number }): Promise<boolean>;
  /** Sends everything and ends. Idempotent. */
  close(options?: { timeoutMs?: number }): Promise<boolean>;
  stats(): ClientStats;
  /** The last failed attempt in words; undefined if none has failed. Never holds the key. */
  readonly lastFailure: string | undefined;
}

export interface Option {
  readonly name: string;
  /** Its name in C and in texts of errors. */
  readonly cName: string;
  readonly type: 'number' | 'choice' | 'flag' | 'text' | 'other';
  readonly doc: string;
  readonly default: number | string;
  readonly min: number;
  readonly max: number;
  readonly choices: readonly string[];
}

/** Every option there is, of engines and of encoding. */
export function options(): Option[];

/** The codes of the C header and their numbers. */
export const CODES: Readonly<Record<string, number>>;

/** The version of the engine inside. */
export const version: string;
