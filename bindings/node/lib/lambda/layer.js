'use strict';
// One configuration of the layer: the native object, the names it knows, and its warnings.
//
// Points made before a handler is wrapped wait with the time they were made at, so that the configuration
// that comes with the handler holds for them; if none comes in this turn of the event loop, the environment's
// does. The last layer made takes the points of later calls, and every layer is flushed at the end of an
// invocation, so none of an earlier one wait for ever.

const native = require('../native.js');
const { CODES, LAMBDA } = require('../generated.js');
const { LambdaStats } = require('../stats.js');
const { convertTags, convertTime, convertValue } = require('./convert.js');
const { optionsOf } = require('./options.js');

/** Names and tag lists remembered; at the limit the memory begins anew. */
const NODES_MAX = 65_536;
/** Points that may wait for the first layer. */
const EARLY_MAX = 65_536;
/** How long points of code without a wrapper are gathered for one post. */
const GATHER_MS = 10_000;
/** How long the process may be held up at its end to send what waits. */
const EXIT_MS = 1000;
/** Different warnings that are shown; a mistake in a loop must not flood the log. */
const WARNINGS_MAX = 50;

const loadedUnixMs = Date.now();
const layers = new Map();
let last;
/** Points made before there was a layer: [name, value, time, tags]. */
let early = [];
let hooked = false;

/** A held distribution of the layer. */
class LambdaMetric {
  #layer;
  #bits;
  name;
  tags;

  constructor(layer, name, tags, bits) {
    this.#layer = layer;
    this.#bits = bits;
    this.name = name;
    this.tags = tags;
  }

  /** Records a point, now. Never throws. */
  record(value) {
    if (this.#bits !== undefined && Number.isFinite(value)) this.#layer.push(this.#bits, value);
    else this.#layer.recordAny(this.name, value, this.tags);
  }

  /** Records a point of a time: a Date, or seconds since 1970. Never throws. */
  recordAt(value, time) {
    this.#layer.recordAnyAt(this.name, value, time, this.tags);
  }
}

class Node {
  metric = undefined;
  next = undefined;
}

class Layer {
  #handle;
  #record;
  #bits = new Float64Array(1);
  #names = new Map();
  #nodes = 0;
  #logger;
  #shown = new Set();
  #engine;
  /** No invocation has begun yet: perhaps there is no wrapper, and nobody but us sends. */
  #unwrapped = true;
  #sends = false;

  constructor(pairs, logger) {
    this.#logger = logger;
    this.#handle = this.#make(pairs);
    this.#record = native.lambdaRecorder(this.#handle);
    this.mode = native.lambdaMode(this.#handle);
    this.showWarnings();
  }

  /** The native object. An option that it does not take is left out with a warning: it must not take the function down. */
  #make(pairs) {
    const refused = [];
    const make = (some) => native.lambdaNew([...some, 'loaded_unix_ms', String(loadedUnixMs)], refused);
    try {
      return make(pairs);
    } catch (error) {
      const others = (at) => [...pairs.slice(0, at), ...pairs.slice(at + 2)];
      for (let at = 0; at < pairs.length; at += 2) {
        const handle = safely(() => make(others(at)));
        if (handle === undefined) continue;
        this.warn(`option ${pairs[at]} is left out: ${error.message}`);
        return handle;
      }
      this.warn(`the options are left out: ${error.message}`);
      return make([]);
    } finally {
      for (let i = 0; i < refused.length; i += 2) this.warn(`option ${refused[i]} is left out: ${refused[i + 1]}`);
    }
  }

  /** The layer of this configuration; the same configuration gives the same layer. */
  static configured(config) {
    const { pairs, logger, unknown } = optionsOf(config);
    const key = JSON.stringify(pairs);
    let layer = layers.get(key);
    if (layer === undefined) {
      atEnd();
      layer = new Layer(pairs, logger);
      layers.set(key, layer);
    }
    for (const name of unknown) layer.warn(`option ${name} is not known and is left out`);
    last = layer;
    const waiting = early;
    early = [];
    for (const [name, value, time, tags] of waiting) layer.recordAnyAt(name, value, time, tags);
    return layer;
  }

  /** The layer that points go to; undefined before the first. */
  static last() {
    return last;
  }

  static current() {
    return last ?? Layer.configured(undefined);
  }

  /** A point made before there is a layer. */
  static early(name, value, time, tags) {
    if (early.length === 0) {
      atEnd();
      setImmediate(() => Layer.current()).unref();
    }
    early.push([name, value, time, tags]);
    if (early.length >= EARLY_MAX) Layer.current();
  }

  /** The metric of this name and these tags if it was asked for before. */
  known(name, tags) {
    let node = this.#names.get(name);
    for (let i = 0; node !== undefined && i < tags.length; i++) node = node.next?.get(tags[i]);
    return node?.metric;
  }

  /** The metric of this name and these tags; undefined if the engine refuses them. */
  held(name, tags) {
    const usable = safely(() => convertTags(tags).usable) ?? [];
    if (typeof name !== 'string' || native.lambdaContext(this.#handle, name, usable, this.#bits) !== CODES.POINTMILL_OK) {
      return new LambdaMetric(this, name, usable, undefined); // its points are refused and counted one by one
    }
    return this.#remember(name, tags, usable);
  }

  #remember(name, tags, usable) {
    const metric = new LambdaMetric(this, name, usable, this.#bits[0]);
    if (!tags.every((tag) => typeof tag === 'string')) return metric;
    if (this.#nodes + tags.length >= NODES_MAX) {
      this.#names = new Map();
      this.#nodes = 0;
    }
    let node = this.#step(this.#names, name);
    for (const tag of tags) node = this.#step(node.next ??= new Map(), tag);
    node.metric = metric;
    return metric;
  }

  #step(map, text) {
    let node = map.get(text);
    if (node === undefined) {
      node = new Node();
      map.set(text, node);
      this.#nodes += 1;
    }
    return node;
  }

  /** A point of a context. A native call each, not a ring: a handler that hangs next takes no point along. */
  push(bits, value) {
    const status = this.#record(bits, value);
    if (status !== undefined) this.warn(`a point is left out: ${native.strerror(status)}`);
    if (this.#unwrapped) this.#sendSoon();
  }

  /** Lines and datagrams leave in this turn of the event loop, as without us; posts are gathered. */
  #sendSoon() {
    if (this.#sends) return;
    this.#sends = true;
    const send = () => {
      this.#sends = false;
      if (this.#unwrapped) this.flush().catch((error) => this.warn(error.message));
    };
    if (this.mode === LAMBDA.HTTP) setTimeout(send, GATHER_MS).unref();
    else setImmediate(send);
  }

  /** Records whatever was handed over, or counts why not. */
  recordAny(name, value, tags) {
    this.#guarded(() => this.#recordConverted(name, value, tags, undefined));
  }

  recordAnyAt(name, value, time, tags) {
    this.#guarded(() => {
      const seconds = convertTime(time);
      if (seconds === undefined) this.#refuse(LAMBDA.BAD_TIME, `${shownName(name)}: the time ${shownValue(time)} is none; pass a Date`);
      else this.#recordConverted(name, value, tags, seconds);
    });
  }

  /** Objects can throw when they are looked at, and lists can hold themselves; their point is refused. */
  #guarded(action) {
    try {
      action();
    } catch (error) {
      this.#refuse(LAMBDA.BAD_VALUE, `a point is left out: ${safely(() => String(error))}`);
    }
  }

  #recordConverted(name, value, tags, seconds) {
    if (typeof name !== 'string' || name === '') {
      this.#refuse(LAMBDA.BAD_NAME, `a metric's name must be a text, not ${shownValue(name)}; the point is left out`);
      return;
    }
    const number = convertValue(value);
    if (number === undefined) {
      this.#refuse(LAMBDA.BAD_VALUE, `${shownName(name)}: the value ${shownValue(value)} is no number; the point is left out`);
      return;
    }
    const { usable, refused } = convertTags(tags);
    if (refused > 0) this.warn(`${shownName(name)}: ${refused} of its tags are no texts, or longer than 512 bytes, and are left out`);
    const status = native.lambdaMetricAt(this.#handle, name, usable, number, seconds);
    if (this.#unwrapped) this.#sendSoon();
    if (status !== CODES.POINTMILL_OK) this.warn(`${shownName(name)}: ${native.strerror(status)}; the point is left out`);
    else if (seconds === undefined && native.lambdaContext(this.#handle, name, usable, this.#bits) === CODES.POINTMILL_OK) this.#remember(name, tags, usable);
  }

  #refuse(cause, text) {
    native.lambdaRejected(this.#handle, cause, 1);
    this.warn(text);
  }

  /** Begins an invocation; the token ends it. */
  begin(context, start = LAMBDA.START_AUTO, flags = 0) {
    this.#unwrapped = false;
    const texts = [context?.invokedFunctionArn, context?.awsRequestId, context?.functionName, context?.functionVersion];
    const remaining = safely(() => context?.getRemainingTimeInMillis?.());
    const deadline = Number.isFinite(remaining) ? Date.now() + remaining : 0;
    const memory = Number(context?.memoryLimitInMB);
    return native.lambdaBegin(this.#handle, texts.map((text) => (typeof text === 'string' ? text : '')),
      Number.isFinite(memory) ? memory : 0, deadline, start, flags);
  }

  /** Ends it, and sends what waits within the time there is. */
  async end(token, { error = false, httpStatus = 0, batchItemFailures = -1, timeToFirstByteMs = -1 } = {}) {
    const budget = native.lambdaEnd(this.#handle, token, error ? 1 : 0, httpStatus, batchItemFailures, timeToFirstByteMs);
    if (budget > 0) await this.#send(budget);
    for (const other of layers.values()) if (other !== this) await other.flush();
    this.showWarnings();
  }

  /** Ends it on this thread: for handlers that the runtime does not wait for. */
  endSync(token, result) {
    const budget = native.lambdaEnd(this.#handle, token, result.error ? 1 : 0, result.httpStatus ?? 0, result.batchItemFailures ?? -1, -1);
    if (budget > 0) native.lambdaFlushSync(this.#handle, budget);
  }

  async flush(timeoutMs = Number(native.lambdaSetting(this.#handle, 'flush_timeout_ms'))) {
    const status = await this.#send(timeoutMs);
    this.showWarnings();
    return status === CODES.POINTMILL_OK;
  }

  /** Lines on stdout are written at once; what waits for an answer does so on a thread of libuv's pool. */
  #send(budget) {
    return this.mode === LAMBDA.LOG ? native.lambdaFlushSync(this.#handle, budget) : native.lambdaFlush(this.#handle, budget);
  }

  /** At the end of the process. */
  close() {
    native.lambdaCloseSync(this.#handle, EXIT_MS);
  }

  engine() {
    return this.#engine ??= require('../engine.js').ofHandle(native.lambdaEngine(this.#handle));
  }

  stats() {
    return new LambdaStats(native.lambdaStats(this.#handle));
  }

  lastFailure() {
    return native.lambdaLastFailure(this.#handle) || undefined;
  }

  showWarnings() {
    const text = native.lambdaWarnings(this.#handle);
    if (text !== '') for (const line of text.trimEnd().split('\n')) this.warn(line);
  }

  warn(text) {
    if (this.#shown.has(text) || this.#shown.size >= WARNINGS_MAX) return;
    this.#shown.add(text);
    try {
      if (typeof this.#logger?.warn === 'function') this.#logger.warn(`pointmill: ${text}`);
      else console.warn(`pointmill: ${text}`);
    } catch { /* a logger that fails is no reason for the function to */ }
  }
}

function shownName(name) {
  return typeof name === 'string' ? JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name) : 'a metric';
}

function shownValue(value) {
  return require('../errors.js').shown(value);
}

function safely(action) {
  try {
    return action();
  } catch {
    return undefined;
  }
}

/** The end of the process: send what waits. SIGTERM comes from Lambda when an extension is registered. */
function atEnd() {
  if (hooked) return;
  hooked = true;
  const closeAll = () => {
    if (early.length > 0) Layer.current();
    for (const layer of layers.values()) layer.close();
  };
  process.on('exit', closeAll);
  if (process.env.AWS_LAMBDA_RUNTIME_API !== undefined) {
    process.once('SIGTERM', () => {
      closeAll();
      if (process.listenerCount('SIGTERM') === 0) process.kill(process.pid, 'SIGTERM'); // as if nobody had listened
    });
  }
}

module.exports = { Layer };
