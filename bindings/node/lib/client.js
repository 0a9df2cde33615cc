'use strict';
// An engine with delivery: what it flushes is sent, kept while it cannot be, and accounted for.

const native = require('./native.js');
const { ArgumentError, ClosedError, DeliveryError, shown } = require('./errors.js');
const { CLIENT_STATS_FIELDS, CODES, FLUSH_ALL } = require('./generated.js');
const { Engine, HANDLE, OWN_OPTIONS } = require('./engine.js');
const { pairsOf } = require('./options.js');

const CLIENT_OPTIONS = [...OWN_OPTIONS, 'exitTimeoutMs'];
/** How long one flush may try to send, unless the call says otherwise. */
const FLUSH_MS = 10_000;
/** How long the end of the process may be held up. */
const EXIT_MS = 1000;

class Client {
  #handle;
  #exitTimeoutMs;
  #closed = false;
  #atExit = () => this.#leave();

  /**
   * Makes an engine and delivers what it flushes: a thread of the library does so every flushIntervalS.
   *
   * @param {object} options those of Engine, of encoding and of delivery together, and exitTimeoutMs
   */
  constructor(options = {}) {
    const pairs = pairsOf(options, CLIENT_OPTIONS);
    this.#exitTimeoutMs = checkMs('exitTimeoutMs', options.exitTimeoutMs ?? EXIT_MS);
    // The engine says nothing at the end: its points are delivered here.
    this.engine = new Engine({ ...options, exitTimeoutMs: undefined, onExit: 'ignore' });
    try {
      this.#handle = native.clientNew(this.engine[HANDLE], pairs);
    } catch (error) {
      void this.engine.close();
      throw error;
    }
    process.on('exit', this.#atExit);
  }

  /**
   * Sends everything recorded, without `all` only the intervals that have ended, and what was kept before.
   *
   * @returns {Promise<boolean>} whether all of it has arrived; if not, the rest is kept and tried again.
   * Rejects with DeliveryError if points were given up.
   */
  async flush({ all = true, timeoutMs = FLUSH_MS } = {}) {
    const handle = this.#open();
    this.engine.tick();
    return this.#answer(await native.clientFlush(handle, checkMs('timeoutMs', timeoutMs), all ? FLUSH_ALL : 0));
  }

  /** Sends everything, ends the library's thread and the engine. Idempotent. Answers as flush does. */
  async close({ timeoutMs = FLUSH_MS } = {}) {
    if (this.#closed) return true;
    checkMs('timeoutMs', timeoutMs);
    this.engine.tick();
    this.#closed = true;
    process.off('exit', this.#atExit);
    const status = await native.clientClose(this.#handle, timeoutMs);
    await this.engine.close();
    return this.#answer(status);
  }

  async [Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')]() {
    await this.close();
  }

  /** The books of delivery: flushed + adopted = accepted + queued + spooled + handedOver + skipped + dropped. */
  stats() {
    const numbers = native.clientStats(this.#handle);
    return Object.fromEntries(CLIENT_STATS_FIELDS.map((field, i) => [field, numbers[i]]));
  }

  /** The last failed attempt in words, for a log line; undefined if none has failed. Never holds the key. */
  get lastFailure() {
    return native.clientLastFailure(this.#handle) || undefined;
  }

  #open() {
    if (this.#closed) throw new ClosedError('POINTMILL_E_CLOSED', 'the client has been closed; make a new one');
    return this.#handle;
  }

  #answer(status) {
    if (status === CODES.POINTMILL_E_DELIVERY_DROPPED) {
      throw new DeliveryError('POINTMILL_E_DELIVERY_DROPPED', `${native.strerror(status)}${this.lastFailure ? ` (${this.lastFailure})` : ''}`);
    }
    return status === CODES.POINTMILL_OK;
  }

  /** The end of the process, or of a worker. */
  #leave() {
    this.engine.tick();
    native.clientCloseSync(this.#handle, this.#exitTimeoutMs);
  }
}

function checkMs(name, value) {
  if (!Number.isSafeInteger(value) || value < 0) throw new ArgumentError('POINTMILL_E_INVALID', `${name} must be a whole number of milliseconds from 0, not ${shown(value)}`);
  return value;
}

module.exports = { Client };
