'use strict';
// Wrapping a handler: its style is found out, its invocation counted, its points sent before its response.

const { httpStatusOf } = require('./trigger.js');

/** The mark that datadog-lambda-js sets too, so that neither wraps what the other has wrapped. */
const WRAPPED = '_ddWrapped';
const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');

function isWrapped(handler) {
  return handler[WRAPPED] !== undefined;
}

/** The wrapped handler; `layer` counts and sends. */
function wrap(handler, layer) {
  const streaming = handler[STREAMING] === 'response';
  const wrapped = streaming
    ? (event, stream, context) => invoke(layer, event, context, stream, () => handler(event, stream, context))
    : (event, context) => invoke(layer, event, context, undefined, () => call(handler, event, context));
  // The streaming mark and its high-water mark are symbols on the function.
  for (const key of Object.getOwnPropertySymbols(handler)) wrapped[key] = handler[key];
  wrapped[WRAPPED] = true;
  return wrapped;
}

/** One invocation. What goes wrong in the layer never reaches the function. */
async function invoke(layer, event, context, stream, run) {
  const startedMs = Date.now();
  const token = guarded(layer, () => layer.begin(context));
  const outcome = { error: false, httpStatus: 0, batchItemFailures: -1, timeToFirstByteMs: -1 };
  stream?.once?.('drain', () => { outcome.timeToFirstByteMs = Date.now() - startedMs; });
  let ended = false;
  // The event loop ran empty and the handler has not answered: the runtime answers null now and freezes the
  // process, so there is no time for promises.
  const onEmpty = () => {
    if (ended || token === undefined) return;
    ended = true;
    guarded(layer, () => layer.endSync(token, outcome));
  };
  process.prependOnceListener('beforeExit', onEmpty);
  let result;
  let thrown;
  try {
    // AWS's client reads context.succeed and context.fail after this call; `call` may replace them only then.
    await undefined;
    result = await run();
  } catch (error) {
    outcome.error = true;
    thrown = error;
  }
  process.off('beforeExit', onEmpty);
  if (!ended) {
    ended = true;
    // An exception counts as an error by itself.
    if (stream === undefined && !outcome.error) outcome.httpStatus = guarded(layer, () => httpStatusOf(event, result)) ?? 0;
    outcome.batchItemFailures = guarded(layer, () => (Array.isArray(result?.batchItemFailures) ? result.batchItemFailures.length : -1)) ?? -1;
    try {
      if (token === undefined) await layer.flush();
      else await layer.end(token, outcome);
    } catch (error) {
      layer.warn(`the invocation's points wait for the next flush: ${error.message}`);
    }
  }
  if (outcome.error) throw thrown;
  return result;
}

function guarded(layer, action) {
  try {
    return action();
  } catch (error) {
    layer.warn(error.message);
    return undefined;
  }
}

/**
 * Calls a handler that is not streaming, and waits for the first of its ends: the promise it returns, its
 * callback, or context.done / succeed / fail.
 */
function call(handler, event, context) {
  return new Promise((resolve, reject) => {
    const done = (error, result) => (error === undefined || error === null ? resolve(result) : reject(error));
    if (context !== null && typeof context === 'object') {
      // These ends do not wait for the event loop, as ever.
      const end = (error, result) => {
        context.callbackWaitsForEmptyEventLoop = false;
        done(error, result);
      };
      context.done = end;
      context.succeed = (result) => end(undefined, result);
      context.fail = (error) => end(error ?? new Error('context.fail was called without an error'));
    }
    const returned = handler(event, context, done);
    if (typeof returned?.then === 'function') returned.then(resolve, reject);
    else if (returned !== undefined && handler.length < 3 && !endsLater(returned)) resolve(returned);
  });
}

/** Servers and other emitters are returned by handlers that end with context.succeed. */
function endsLater(returned) {
  return typeof returned === 'object' && returned !== null && typeof returned.on === 'function' && typeof returned.emit === 'function';
}

module.exports = { wrap, isWrapped };
