'use strict';

const native = require('./native.js');
const { failure, shown } = require('./errors.js');
const { GROUP_MERGE_INTERVALS, KINDS } = require('./generated.js');
const { pairsOf } = require('./options.js');
const { Sketch } = require('./sketch.js');

const KIND_NAMES = Object.keys(KINDS);

/** One series in one interval. Its numbers are plain properties. */
class Entry {
  #snapshot;
  #i;

  constructor(snapshot, i) {
    const row = native.snapshotEntry(snapshot, i);
    this.#snapshot = snapshot;
    this.#i = i;
    [this.name, this.tags] = row;
    this.kind = KIND_NAMES.find((name) => KINDS[name] === row[2]) ?? 'other';
    /** Start of the interval, seconds since 1970. */
    this.interval = row[3];
    this.intervalS = row[4];
    this.series = row[5];
    this.points = row[6];
    const scalar = row[2] === KINDS.count || row[2] === KINDS.gauge;
    /** A count's sum or a gauge's last value; undefined otherwise. */
    this.value = scalar ? row[7] : undefined;
    /** Of a distribution or histogram; undefined otherwise. */
    this.summary = scalar ? undefined : { count: row[8], min: row[9], max: row[10], sum: row[11], avg: row[12] };
  }

  /** Values, each with its weight; like the next four undefined for counts and gauges. */
  get count() {
    return this.summary?.count;
  }

  get min() {
    return this.summary?.min;
  }

  get max() {
    return this.summary?.max;
  }

  get sum() {
    return this.summary?.sum;
  }

  get avg() {
    return this.summary?.avg;
  }

  /** The element of rank q, to within 1/129 of itself: 0.99 for the 99th percentile. */
  quantile(q) {
    if (typeof q !== 'number') throw failure('POINTMILL_E_INVALID', `q: expected a number such as 0.99, got ${shown(q)}`);
    return native.snapshotQuantile(this.#snapshot, this.#i, q);
  }

  /** A copy of the sketch, which lives on its own. */
  sketch() {
    return Sketch.fromEntry(this.#snapshot, this.#i);
  }
}

/** The flushed values of some intervals; immutable. An iterable of entries. */
class Snapshot {
  #handle;

  /** For lib/engine.js; users get snapshots from `engine.flush()`. */
  constructor(handle) {
    this.#handle = handle;
    this.length = native.snapshotLen(handle);
  }

  entry(i) {
    if (!Number.isInteger(i) || i < 0 || i >= this.length) {
      throw failure('POINTMILL_E_INDEX', `there is no entry ${typeof i === 'number' ? i : shown(i)}; the snapshot has ${this.length}`);
    }
    return new Entry(this.#handle, i);
  }

  * [Symbol.iterator]() {
    for (let i = 0; i < this.length; i++) yield new Entry(this.#handle, i);
  }

  /** One snapshot of many: sketches merge, counts add up, the later gauge stands. */
  static merge(snapshots) {
    const handles = Array.from(snapshots, (snapshot) => {
      if (!(snapshot instanceof Snapshot)) throw failure('POINTMILL_E_HANDLE', `merge: expected Snapshots, got ${shown(snapshot)}`);
      return snapshot.#handle;
    });
    return new Snapshot(native.snapshotMerge(handles));
  }

  /** Merged over every tag whose key is not among `keys`. */
  groupBy(keys, { mergeIntervals = false } = {}) {
    if (!Array.isArray(keys)) throw failure('POINTMILL_E_INVALID', `keys: expected an array of strings, got ${shown(keys)}`);
    return new Snapshot(native.snapshotGroupBy(this.#handle, keys, mergeIntervals ? GROUP_MERGE_INTERVALS : 0));
  }

  /** Bodies for the intake or another format, on a thread of libuv's pool. */
  async encode(options) {
    return native.encode(this.#handle, pairsOf(options));
  }

  /** The same on this thread. */
  encodeSync(options) {
    return native.encodeSync(this.#handle, pairsOf(options));
  }
}

module.exports = { Snapshot, Entry };
