'use strict';
// The face of the layer: what users of datadog-lambda-js call, and what they did not have there.

const { LAMBDA } = require('../generated.js');
const { Layer } = require('./layer.js');
const { wrap, isWrapped } = require('./wrap.js');

const MODES = ['extension', 'log', 'http', 'disabled'];

/**
 * Wraps a handler: its invocations are counted, and its points are sent before its response.
 *
 * @param handler of any of Lambda's styles: promise, callback, context.done, response stream
 * @param [config] the options of datadog-lambda-js that touch metrics, and those of pointmill
 */
function datadog(handler, config) {
  if (typeof handler !== 'function') return handler;
  if (isWrapped(handler) && !config?.forceWrap) return handler;
  return wrap(handler, Layer.configured(config));
}

/**
 * Records a point of a distribution, now. Never throws.
 *
 * @param {string} name
 * @param {number} value
 * @param {...string} tags
 */
function sendDistributionMetric(name, value, ...tags) {
  const layer = Layer.last();
  if (layer === undefined) {
    Layer.early(name, value, new Date(), tags);
    return;
  }
  const metric = layer.known(name, tags);
  if (metric !== undefined && Number.isFinite(value)) metric.record(value);
  else layer.recordAny(name, value, tags);
}

/**
 * Records a point of a distribution at a time. Never throws.
 *
 * @param {string} name
 * @param {number} value
 * @param {Date} metricTime
 * @param {...string} tags
 */
function sendDistributionMetricWithDate(name, value, metricTime, ...tags) {
  const all = [...tags, ...environmentTags(process.env)];
  const layer = Layer.last();
  if (layer === undefined) Layer.early(name, value, metricTime, all);
  else layer.recordAnyAt(name, value, metricTime, all);
}

/** A held distribution, the fast way in hot code. */
function distribution(name, ...tags) {
  return Layer.current().held(name, tags);
}

/**
 * Sends what waits, for functions that run without the wrapper; resolves to whether all of it arrived.
 *
 * @param {{ timeoutMs?: number }} [options] by default the setting flush_timeout_ms
 */
function flush({ timeoutMs } = {}) {
  return Layer.current().flush(timeoutMs);
}

/** Where points go: 'extension', 'log', 'http' or 'disabled'. */
function mode() {
  const { mode: number } = Layer.current();
  return MODES.find((name) => LAMBDA[name.toUpperCase()] === number);
}

/** What went wrong last, for a line in a log; undefined if nothing has. Never holds a key. */
function lastFailure() {
  return Layer.current().lastFailure();
}

/** The engine behind the layer, for snapshots, percentiles and other kinds. */
function engine() {
  return Layer.current().engine();
}

/** The books: what became of every point. */
function stats() {
  return Layer.current().stats();
}

/** What sendDistributionMetricWithDate adds: DD_TAGS, DD_SERVICE, DD_ENV. */
function environmentTags({ DD_TAGS = '', DD_SERVICE = '', DD_ENV = '' }) {
  const tags = DD_TAGS.split(',').map((tag) => tag.trim()).filter((tag) => tag !== '');
  if (DD_SERVICE !== '') tags.push(`service:${DD_SERVICE}`);
  if (DD_ENV !== '') tags.push(`env:${DD_ENV}`);
  return tags;
}

/** Headers of the current trace; this package does not trace, so there are none. */
function getTraceHeaders() {
  return {};
}

module.exports = {
  datadog, sendDistributionMetric, sendDistributionMetricWithDate, getTraceHeaders, distribution, flush, engine, lastFailure, mode, stats,
};
