'use strict';

const native = require('./native.js');
const { failure, refuseValue, shown } = require('./errors.js');
const { BIN_PROFILES, SKETCH_FORMATS } = require('./generated.js');
const { columnOf } = require('./metric.js');

function number(value) {
  if (typeof value !== 'number') refuseValue(value);
  return value;
}

function times(n) {
  if (!Number.isSafeInteger(n) || n < 0) throw failure('POINTMILL_E_INVALID', `n: expected a whole number from 0, got ${shown(n)}`);
  return n;
}

function choice(what, table, name) {
  if (!Object.hasOwn(table, name)) {
    throw failure(table === SKETCH_FORMATS ? 'POINTMILL_E_FORMAT' : 'POINTMILL_E_INVALID', `${what}: expected ${Object.keys(table).join(', ')}, got ${shown(name)}`);
  }
  return table[name];
}

/** The Datadog Agent's sketch of a distribution, bit for bit. */
class Sketch {
  #handle;

  /** Makes a sketch that begins with these values, or an empty one. */
  constructor(values) {
    this.#handle = native.sketchNew();
    if (values !== undefined) this.insertMany(values);
  }

  static #of(handle) {
    const sketch = new Sketch();
    native.release(sketch.#handle);
    sketch.#handle = handle;
    return sketch;
  }

  /** The sketch of the i-th entry of a snapshot's handle; for lib/snapshot.js. */
  static fromEntry(snapshot, i) {
    return Sketch.#of(native.snapshotSketch(snapshot, i));
  }

  /**
   * The sketch in some bytes, which may be hostile: they are checked, and memory stays bounded.
   *
   * @param {Uint8Array} bytes
   * @param {'agent' | 'ddsketch_compact' | 'ddsketch_proto'} [format]
   */
  static decode(bytes, format = 'agent') {
    return Sketch.#of(native.sketchDecode(choice('format', SKETCH_FORMATS, format), bytes));
  }

  /** The key of the bin that a value falls into. */
  static key(value) {
    return native.sketchKey(number(value));
  }

  insert(value) {
    native.sketchInsert(this.#handle, number(value));
    return this;
  }

  insertN(value, n) {
    native.sketchInsertN(this.#handle, number(value), times(n));
    return this;
  }

  insertSampled(value, rate) {
    native.sketchInsertSampled(this.#handle, number(value), number(rate));
    return this;
  }

  insertMany(values) {
    native.sketchInsertMany(this.#handle, columnOf(values));
    return this;
  }

  insertInterpolated(lower, upper, n) {
    native.sketchInsertInterpolated(this.#handle, number(lower), number(upper), times(n));
    return this;
  }

  merge(other) {
    if (!(other instanceof Sketch)) throw failure('POINTMILL_E_HANDLE', `merge: expected a Sketch, got ${shown(other)}`);
    native.sketchMerge(this.#handle, other.#handle);
    return this;
  }

  clone() {
    return Sketch.#of(native.sketchClone(this.#handle));
  }

  /** Count, smallest, largest, sum and mean. */
  summary() {
    const [count, min, max, sum, avg] = native.sketchSummary(this.#handle);
    return { count, min, max, sum, avg };
  }

  get count() {
    return this.summary().count;
  }

  quantile(q) {
    return native.sketchQuantile(this.#handle, number(q));
  }

  quantileAgent(q) {
    return native.sketchQuantileAgent(this.#handle, number(q));
  }

  bins(profile = 'u32') {
    const [keys, counts] = native.sketchBins(this.#handle, choice('profile', BIN_PROFILES, profile));
    return { keys, counts };
  }

  encode(format = 'agent') {
    return native.sketchEncode(this.#handle, choice('format', SKETCH_FORMATS, format));
  }
}

module.exports = { Sketch };
