'use strict';
// An engine as one thread sees it: its ring, its metrics, its clock and its end.
//
// A point in the ring has no time of its own. So the ring is handed over before the engine learns of a
// new interval (a timer, unref'd), before every flush and before every look at the ledger.

const { writeSync } = require('node:fs');

const native = require('./native.js');
const { failure, shown } = require('./errors.js');
const { FLUSH_ALL, KINDS, STATS_FIELDS } = require('./generated.js');
const { Contexts } = require('./contexts.js');
const { pairsOf } = require('./options.js');
const { Ring } = require('./ring.js');
const { secondsOf } = require('./metric.js');
const { Snapshot } = require('./snapshot.js');
const { Stats } = require('./stats.js');

const NO_TAGS = Object.freeze([]);
const FLUSHES = STATS_FIELDS.indexOf('flushes');
const OWN_OPTIONS = ['onExit'];

/** An engine that exists already, as a handle of this thread. Not exported, so only this package makes one. */
class Existing {
  constructor(handle, intervalS, idleFlushes) {
    Object.assign(this, { handle, intervalS, idleFlushes });
  }
}

/** The layer's engine as an Engine; it flushes itself, so ids are asked for again after every flush. */
function ofHandle(handle) {
  return new Engine(new Existing(handle, optionOf([], 'interval_s'), 1));
}

/** The value an option has: the one in `pairs`, or its default. */
function optionOf(pairs, name) {
  for (let i = pairs.length - 2; i >= 0; i -= 2) if (pairs[i] === name) return Number(pairs[i + 1]);
  return native.options().find((option) => option.name === name).default;
}

/** How long before the end of an interval the ring is handed over. */
const DRAIN_EARLY_MS = 20;
/** The longest time setTimeout can wait. */
const TIMEOUT_MS_MAX = 0x7fffffff;

/** Seconds since 1970 of now. */
function unixS() {
  return Math.floor(Date.now() / 1000);
}

/** The engines of this thread that are not closed. An engine lives until close(): its points would be lost. */
const open = new Set();

function atExit() {
  for (const engine of open) engine[LEAVE]();
}

const LEAVE = Symbol('leave');
/** For lib/client.js: the native handle. */
const HANDLE = Symbol('handle');
/** For lib/client.js: whether a client sends what is left at the end. */
const DELIVERED = Symbol('delivered');

class Engine {
  #handle;
  #ring;
  #kinds;
  #timer;
  #intervalS;
  #idleFlushes;
  #onExit;
  #delivered = false;
  #attached;

  /** @param {object} [options] every option of the C header in camelCase, and `onExit` */
  constructor(options) {
    this.#attached = options instanceof Existing;
    if (this.#attached) {
      ({ handle: this.#handle, intervalS: this.#intervalS, idleFlushes: this.#idleFlushes } = options);
    } else {
      const pairs = pairsOf(options, OWN_OPTIONS);
      this.#onExit = checkOnExit(options?.onExit);
      this.#handle = native.engineNew(pairs);
      this.#intervalS = optionOf(pairs, 'interval_s');
      this.#idleFlushes = optionOf(pairs, 'idle_flushes');
    }
    this.#ring = new Ring(this.#handle, this.#idleFlushes);
    this.#kinds = Object.fromEntries(Object.entries(KINDS).map(([name, kind]) => [name, new Contexts(this.#ring, kind)]));
    this.#schedule();
    if (open.size === 0) process.on('exit', atExit);
    open.add(this);
  }

  /**
   * The engine of another thread of this process, by what its share() gave. This thread gets a ring of
   * its own; memory, contexts and ledger are one. The engine ends when the last thread has closed it.
   */
  static attach(shared) {
    if (!Number.isSafeInteger(shared?.token) || !Number.isSafeInteger(shared.intervalS)) {
      throw failure('POINTMILL_E_INVALID', `shared: expected what share() gave on another thread, got ${shown(shared)}`);
    }
    return new Engine(new Existing(native.engineAttach(shared.token), shared.intervalS, shared.idleFlushes));
  }

  /** Plain data for a worker (workerData, postMessage); Engine.attach takes it there. */
  share() {
    return { token: native.engineShare(this[HANDLE]), intervalS: this.#intervalS, idleFlushes: this.#idleFlushes };
  }

  /** A held distribution: keep it and call record(value). */
  distribution(name, tags = NO_TAGS) {
    return this.#kinds.distribution.get(name, tags);
  }

  /** A held count. */
  count(name, tags = NO_TAGS) {
    return this.#kinds.count.get(name, tags);
  }

  /** A held gauge. */
  gauge(name, tags = NO_TAGS) {
    return this.#kinds.gauge.get(name, tags);
  }

  /** A held histogram. */
  histogram(name, tags = NO_TAGS) {
    return this.#kinds.histogram.get(name, tags);
  }

  /** Records a point of a distribution by name. */
  recordDistribution(name, value, tags = NO_TAGS) {
    this.#kinds.distribution.record(name, value, tags);
  }

  /** Records a point of a count by name. */
  recordCount(name, value, tags = NO_TAGS) {
    this.#kinds.count.record(name, value, tags);
  }

  /** Records a point of a gauge by name. */
  recordGauge(name, value, tags = NO_TAGS) {
    this.#kinds.gauge.record(name, value, tags);
  }

  /** Records a point of a histogram by name. */
  recordHistogram(name, value, tags = NO_TAGS) {
    this.#kinds.histogram.record(name, value, tags);
  }

  /**
   * Takes the points of the intervals that have ended, with `all` those of the open one too. The work is
   * done on a thread of libuv's pool; recording goes on meanwhile.
   *
   * @param {{ all?: boolean, now?: Date | number }} [options] now: a Date or seconds since 1970, for tests and replays
   * @returns {Promise<Snapshot>} which alone holds the points now
   */
  async flush({ all = false, now = unixS() } = {}) {
    this.#beforeFlush();
    const handle = await native.flush(this.#handle, secondsOf(now), all ? FLUSH_ALL : 0);
    this.#seeFlushes();
    return new Snapshot(handle);
  }

  /** The same on this thread, for exit handlers and tests. */
  flushSync({ all = false, now = unixS() } = {}) {
    this.#beforeFlush();
    const handle = native.flushSync(this.#handle, secondsOf(now), all ? FLUSH_ALL : 0);
    this.#seeFlushes();
    return new Snapshot(handle);
  }

  /** Tells the engine the time; a timer does so at the end of every interval. */
  tick(now = unixS()) {
    this.#ring.drain();
    native.tick(this[HANDLE], secondsOf(now));
    this.#seeFlushes();
  }

  /** The ledger: what became of every point so far, those in this thread's ring included. */
  stats() {
    const numbers = native.stats(this[HANDLE]);
    if (this.#ring.head[0] !== 0) return this.#drained().stats();
    return new Stats(numbers);
  }

  /**
   * Ends this thread's part. Points that were not flushed are lost with the engine: they come back as
   * the last snapshot, unless another thread still uses the engine.
   *
   * @returns {Promise<Snapshot | undefined>}
   */
  async close() {
    if (!open.has(this)) return undefined;
    const last = this.#attached ? undefined : await this.flush({ all: true });
    this.#end();
    return last;
  }

  async [Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')]() {
    await this.close();
  }

  set [DELIVERED](delivered) {
    this.#delivered = delivered;
  }

  get [HANDLE]() {
    if (!open.has(this)) throw failure('POINTMILL_E_CLOSED', 'the engine has been closed; make a new one');
    return this.#handle;
  }

  /** At the end of the process or worker: nothing goes silently. */
  [LEAVE]() {
    this.#ring.drain();
    if (this.#attached || this.#delivered) return; // another thread flushes the engine, or a client does
    if (typeof this.#onExit === 'function') {
      this.#onExit(this.flushSync({ all: true }));
    } else if (this.#onExit !== 'ignore') {
      const { pending } = this.stats();
      if (pending > 0) {
        writeSync(2, `pointmill: ${pending} points were recorded and never flushed; call engine.flush({ all: true }) before the end, or give the engine an onExit\n`);
      }
    }
  }

  #drained() {
    this.#ring.drain();
    return this;
  }

  #beforeFlush() {
    if (!open.has(this)) throw failure('POINTMILL_E_CLOSED', 'the engine has been closed; make a new one');
    this.#ring.drain();
    this.#ring.epoch += 1; // ids are looked at again while the flush may give idle contexts back
  }

  /** Flushes of all threads move the epoch on, so that held metrics know whether their ids are alive. */
  #seeFlushes() {
    if (this.#ring.epoch === -1) return;
    this.#ring.epoch = native.stats(this.#handle)[FLUSHES] * 2;
  }

  /**
   * Shortly before an interval ends the ring is handed over, because a client's own thread may flush at the
   * very end of it; at the end the engine is told the time. A late event loop does both, late.
   */
  #schedule() {
    const interval = this.#intervalS * 1000;
    const now = Date.now();
    const end = now - (now % interval) + interval;
    this.#at(end - DRAIN_EARLY_MS, () => {
      this.#ring.drain();
      this.#at(end, () => {
        this.tick();
        this.#schedule();
      });
    });
  }

  #at(ms, action) {
    const wait = ms - Date.now();
    this.#timer = setTimeout(() => (wait > TIMEOUT_MS_MAX ? this.#at(ms, action) : action()), Math.min(wait, TIMEOUT_MS_MAX));
    this.#timer.unref();
  }

  #end() {
    clearTimeout(this.#timer);
    this.#ring.close();
    native.release(this.#handle);
    open.delete(this);
    if (open.size === 0) process.off('exit', atExit);
  }
}

function checkOnExit(onExit) {
  if (onExit !== undefined && onExit !== 'ignore' && typeof onExit !== 'function') {
    throw failure('POINTMILL_E_INVALID', `onExit: expected a function that takes the last snapshot, or 'ignore', got ${shown(onExit)}`);
  }
  return onExit;
}

module.exports = { DELIVERED, Engine, HANDLE, OWN_OPTIONS, ofHandle, optionOf };
