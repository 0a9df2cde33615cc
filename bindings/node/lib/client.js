'use strict';
// An engine with delivery: what it flushes is sent, kept while it cannot be, and accounted for.

const native = require('./native.js');
const { failure, shown } = require('./errors.js');
const { CODES, FLUSH_ALL } = require('./generated.js');
const { DELIVERED, Engine, HANDLE, OWN_OPTIONS, optionOf } = require('./engine.js');
const { pairsOf } = require('./options.js');
const { ClientStats } = require('./stats.js');

const CLIENT_OPTIONS = [...OWN_OPTIONS, 'engine'];

class Client {
  #handle;
  #ownsEngine;
  #timeoutMs;
  #closed = false;
  #atExit = () => this.#leave();

  /**
   * Makes an engine, unless one is given, and delivers what it flushes: a thread of the library does so every
   * flushIntervalS.
   *
   * @param {object} options those of Engine, of encoding and of delivery together, and `engine`
   */
  constructor(options = {}) {
    const pairs = pairsOf(options, CLIENT_OPTIONS);
    this.#ownsEngine = options.engine === undefined;
    if (!this.#ownsEngine && !(options.engine instanceof Engine)) {
      throw failure('POINTMILL_E_HANDLE', `engine: expected an Engine, got ${shown(options.engine)}`);
    }
    this.engine = options.engine ?? new Engine({ ...options, engine: undefined });
    try {
      this.#handle = native.clientNew(this.engine[HANDLE], pairs);
    } catch (error) {
      if (this.#ownsEngine) void this.engine.close();
      throw error;
    }
    this.#timeoutMs = optionOf(pairs, 'flush_timeout_ms');
    this.engine[DELIVERED] = true; // it says nothing at the end
    process.on('exit', this.#atExit);
  }

  /**
   * Sends everything recorded, without `all` only the intervals that have ended, and what was kept before, for at most
   * `timeoutMs`, by default the option flushTimeoutMs.
   *
   * @returns {Promise<boolean>} whether all of it has arrived; if not, the rest is kept and tried again.
   * Rejects with DeliveryDroppedError if points were given up.
   */
  async flush({ all = true, timeoutMs = this.#timeoutMs } = {}) {
    const handle = this.#open();
    this.engine.tick();
    return this.#answer(await native.clientFlush(handle, checkMs('timeoutMs', timeoutMs), all ? FLUSH_ALL : 0));
  }

  /** Sends everything, ends the library's thread, and the engine unless it was given. Idempotent. Answers as flush does. */
  async close({ timeoutMs = this.#timeoutMs } = {}) {
    if (this.#closed) return true;
    checkMs('timeoutMs', timeoutMs);
    this.engine.tick();
    this.#closed = true;
    process.off('exit', this.#atExit);
    const status = await native.clientClose(this.#handle, timeoutMs);
    this.engine[DELIVERED] = false;
    if (this.#ownsEngine) await this.engine.close();
    return this.#answer(status);
  }

  async [Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')]() {
    await this.close();
  }

  /** The books of delivery: flushed + adopted = accepted + queued + spooled + handedOver + skipped + dropped. */
  stats() {
    return new ClientStats(native.clientStats(this.#handle));
  }

  /** The last failed attempt in words, for a log line; undefined if none has failed. Never holds the key. */
  get lastFailure() {
    return native.clientLastFailure(this.#handle) || undefined;
  }

  #open() {
    if (this.#closed) throw failure('POINTMILL_E_CLOSED', 'the client has been closed; make a new one');
    return this.#handle;
  }

  #answer(status) {
    if (status === CODES.POINTMILL_E_DELIVERY_DROPPED) {
      throw failure('POINTMILL_E_DELIVERY_DROPPED', `${native.strerror(status)}${this.lastFailure ? ` (${this.lastFailure})` : ''}`);
    }
    return status === CODES.POINTMILL_OK;
  }

  /** The end of the process, or of a worker. */
  #leave() {
    this.engine.tick();
    native.clientCloseSync(this.#handle, this.#timeoutMs);
  }
}

function checkMs(name, value) {
  if (!Number.isSafeInteger(value) || value < 0) throw failure('POINTMILL_E_INVALID', `${name}: expected a whole number of milliseconds from 0, got ${shown(value)}`);
  return value;
}

module.exports = { Client };
