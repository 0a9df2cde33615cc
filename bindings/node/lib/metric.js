'use strict';
// A held metric: the way of a point.
//
//   record(value)
//     if the engine was flushed since the last point, or the value is no finite number: the slow way
//     values[n] = value; contexts[n] = bits; head[0] = n + 1
//     when the ring is full: one native call takes it

const native = require('./native.js');
const { failure, refuseValue, shown } = require('./errors.js');
const { KINDS } = require('./generated.js');
const { RING_POINTS } = require('./ring.js');

const KIND_NAMES = Object.keys(KINDS);

/** A point's time as whole seconds since 1970: a Date, or a number of seconds. */
function secondsOf(time) {
  const seconds = time instanceof Date ? time.getTime() / 1000 : time;
  if (typeof seconds !== 'number' || !Number.isFinite(seconds)) {
    const what = time instanceof Date ? 'an invalid Date' : shown(time);
    throw failure('POINTMILL_E_INVALID', `time: expected a valid Date or a number of seconds since 1970, got ${what}`);
  }
  return Math.floor(seconds);
}

function checkRate(rate) {
  if (typeof rate !== 'number') throw failure('POINTMILL_E_INVALID', `rate: expected a number above 0, at most 1, got ${shown(rate)}`);
  return rate;
}

/** One metric with its tags. Made by `engine.distribution(name, tags)` and its siblings; keep it, it is the fast way. */
class Metric {
  #ring;
  #kind;
  #bits = 0.5; // a double from the start, so that the field is stored as one
  #epoch = -1;
  #pointEpoch = -1;
  /** The metric's name. */
  name;
  /** Its tags, as they were given. */
  tags;

  constructor(ring, kind, name, tags) {
    this.#ring = ring;
    this.#kind = kind;
    this.name = name;
    this.tags = Object.freeze([...tags]);
    this.#resolve();
  }

  /** 'distribution', 'count', 'gauge' or 'histogram'. */
  get kind() {
    return KIND_NAMES.find((name) => KINDS[name] === this.#kind);
  }

  /**
   * Records one point in the open interval. A few nanoseconds; no allocation, no native call but one in 1,024.
   *
   * @param {number} value finite
   */
  record(value) {
    const ring = this.#ring;
    if (this.#epoch !== ring.epoch || !Number.isFinite(value)) {
      if (!this.#prepare(value)) return;
    }
    const { head } = ring;
    const n = head[0];
    ring.values[n] = value;
    ring.contexts[n] = this.#bits;
    head[0] = n + 1;
    if (n === RING_POINTS - 1) native.ringDrain(ring.handle);
  }

  /**
   * Records one point in the interval that holds `time`.
   *
   * @param {number} value finite
   * @param {Date | number} time a Date, or seconds since 1970
   */
  recordAt(value, time) {
    this.#recordSpecial(value, undefined, secondsOf(time));
  }

  /**
   * Records one point that stands for 1/rate points.
   *
   * @param {number} value finite
   * @param {number} rate share of the points that was kept, above 0, at most 1
   */
  recordSampled(value, rate) {
    this.#recordSpecial(value, checkRate(rate), undefined);
  }

  /** The same in the interval that holds `time`. */
  recordSampledAt(value, rate, time) {
    this.#recordSpecial(value, checkRate(rate), secondsOf(time));
  }

  /**
   * Records many points. Values that are NaN or infinite are refused and counted, the others recorded.
   *
   * @param {Float64Array | ArrayLike<number>} values a Float64Array costs no copy
   * @returns {number} how many were refused
   */
  recordMany(values) {
    const column = columnOf(values);
    if (!this.#ready()) {
      for (const value of column) this.#recordUnresolved(value);
      return 0;
    }
    this.#ring.drain(); // the order of one thread's points stays
    return native.recordMany(this.#ring.engine, this.#bits, column);
  }

  #recordSpecial(value, rate, seconds) {
    if (typeof value !== 'number') refuseValue(value);
    if (!this.#ready()) {
      this.#recordUnresolved(value);
      return;
    }
    this.#ring.drain();
    native.recordSampledAt(this.#ring.engine, this.#bits, value, rate, seconds);
  }

  /** The slow way's decisions; true if the point can go into the ring. */
  #prepare(value) {
    if (typeof value !== 'number') refuseValue(value);
    if (!this.#ready()) {
      this.#recordUnresolved(value);
      return false;
    }
    if (!Number.isFinite(value)) {
      try {
        native.record(this.#ring.engine, this.#bits, value); // counts the refusal, and throws
      } catch (error) {
        if (error.code === 'POINTMILL_E_NOT_FINITE') error.message = `${this.name}: the value is ${value}; record finite values only`;
        throw error;
      }
    }
    return true;
  }

  /** Makes sure that the id is alive; false if the engine has no room for the context. */
  #ready() {
    const ring = this.#ring;
    if (this.#epoch === ring.epoch) return true;
    if (this.#pointEpoch < 0 || ring.epoch === -1 || ring.epoch - this.#pointEpoch > ring.certainEpochs) {
      if (!this.#resolve()) return false;
    }
    this.#epoch = this.#pointEpoch = ring.epoch;
    return true;
  }

  /** Asks for the context's id. False: no room. Throws for a name or tag that is too long. */
  #resolve() {
    const ring = this.#ring;
    if (ring.epoch === -1) throw failure('POINTMILL_E_CLOSED', 'the engine has been closed; make a new one');
    try {
      native.context(ring.engine, this.#kind, this.name, this.tags, ring.bits);
    } catch (error) {
      if (error.code === 'POINTMILL_E_NO_ROOM') return false;
      if (error.code === 'POINTMILL_E_INVALID_NAME') error.message = `${longest(this.name, this.tags)}; ${error.message}`;
      throw error;
    }
    this.#bits = ring.bits[0];
    this.#epoch = ring.epoch;
    return true;
  }

  /** A point the engine may have no room for: by name, so that it is counted. Limits are no reason to throw. */
  #recordUnresolved(value) {
    try {
      native.recordNamed(this.#ring.engine, this.#kind, this.name, this.tags, value);
    } catch (error) {
      if (error.code !== 'POINTMILL_E_NO_ROOM') throw error;
    }
  }
}

/** Says which of the texts was refused: the empty name, or the longest. */
function longest(name, tags) {
  const bytes = (text) => Buffer.byteLength(text);
  const text = name === '' ? name : [name, ...tags].reduce((most, one) => (bytes(one) > bytes(most) ? one : most));
  return `the ${text === name ? 'name' : 'tag'} ${JSON.stringify(text.slice(0, 40))}${text.length > 40 ? '...' : ''} has ${bytes(text)} bytes`;
}

/** A Float64Array of the values, themselves if they are one. */
function columnOf(values) {
  if (values instanceof Float64Array) return values;
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) {
    throw failure('POINTMILL_E_INVALID', 'values: expected numbers, got BigInts; convert them with Float64Array.from(values, Number)');
  }
  if (!Array.isArray(values) && !(ArrayBuffer.isView(values) && !(values instanceof DataView))) {
    throw failure('POINTMILL_E_INVALID', `values: expected an array or typed array of numbers, got ${shown(values)}`);
  }
  if (Array.isArray(values)) {
    const wrong = values.findIndex((value) => typeof value !== 'number');
    if (wrong >= 0) throw failure('POINTMILL_E_INVALID', `values[${wrong}]: expected a number, got ${shown(values[wrong])}; nothing was recorded`);
  }
  return Float64Array.from(values);
}

module.exports = { Metric, columnOf, secondsOf };
