// The functions that the tests run under AWS's client, once with each layer: LAYER says which.
const layer = require(process.env.LAYER);

const { sendDistributionMetric, sendDistributionMetricWithDate } = layer;
const CONFIG = JSON.parse(process.env.CONFIG ?? '{}');
const datadog = (handler, config = {}) => layer.datadog(handler, { ...CONFIG, ...config });

/** `points` points in 20 contexts, and what the event says besides. */
function work(event) {
  for (let i = 0; i < (event.points ?? 1); i++) sendDistributionMetric('my.metric', i + 0.5, 'env:test', `i:${i % 20}`);
  for (const [name, value, ...tags] of event.send ?? []) sendDistributionMetric(name, value, ...tags);
  for (const [name, value, ms, ...tags] of event.dated ?? []) sendDistributionMetricWithDate(name, value, new Date(ms), ...tags);
  if (event.strange) strange();
  if (event.call) CALLS[event.call]();
  if (event.atTerm) process.prependOnceListener('SIGTERM', () => sendDistributionMetric('at.term', 1));
  if (event.fail) throw new Error('boom');
  return event.answer === undefined ? { ok: true } : event.answer;
}

/** What no caller should hand over, and some do. */
function strange() {
  for (const value of [NaN, Infinity, null, undefined, {}, [], new Date(0), Symbol('s'), () => 1]) sendDistributionMetric('strange.value', value);
  // What throws when it is looked at, and what holds itself.
  const hostile = new Proxy({}, { get() { throw new Error('hostile'); } });
  const circle = [];
  circle.push(circle);
  sendDistributionMetric('strange.value', hostile);
  sendDistributionMetric('strange.value', 1, circle);
  sendDistributionMetric('strange.tags', 1, hostile, { toString() { throw null; } });
  sendDistributionMetric(hostile, hostile, hostile);
  sendDistributionMetricWithDate('strange.time', 1, hostile);
  if (layer.distribution !== undefined) layer.distribution('usable.held', circle).record(1);
  for (const value of ['5', true, 7n, new Number(3)]) sendDistributionMetric('usable.value', value);
  for (const name of [undefined, null, 5, '', {}, 'n'.repeat(10_000)]) sendDistributionMetric(name, 1);
  sendDistributionMetric('strange.tags', 1, null, 5, { a: 1 }, ['in:list'], 'x'.repeat(10_000), '');
  sendDistributionMetric('half.\ud83d', 1, 'tag:\ude00', 'emoji:🚀');
  for (const time of [new Date(NaN), 'yesterday', null, {}]) sendDistributionMetricWithDate('strange.time', 1, time);
  sendDistributionMetricWithDate('usable.time', 1, Date.now());
}

/** Calls that today's layer does not carry, one by one. */
const CALLS = {
  nan: () => sendDistributionMetric('hard', NaN),
  infinity: () => sendDistributionMetric('hard', -Infinity),
  text: () => sendDistributionMetric('hard', '5'),
  boolean: () => sendDistributionMetric('hard', true),
  bigint: () => sendDistributionMetric('hard', 5n),
  invalidDate: () => sendDistributionMetricWithDate('hard', 1, new Date(NaN)),
  seconds: () => sendDistributionMetricWithDate('hard', 1, Date.now() / 1000),
  milliseconds: () => sendDistributionMetricWithDate('hard', 1, Date.now()),
  dateText: () => sendDistributionMetricWithDate('hard', 1, new Date().toISOString()),
  tagList: () => sendDistributionMetric('hard', 1, ['a:1', 'b:2']),
  tagObject: () => sendDistributionMetric('hard', 1, { a: 1 }, 'b:2'),
  tagNull: () => sendDistributionMetric('hard', 1, null, 'b:2'),
  longTag: () => sendDistributionMetric('hard', 1, 't'.repeat(10_000), 'b:2'),
  untagged: () => sendDistributionMetricWithDate('hard', 1, new Date()),
  longName: () => sendDistributionMetric('n'.repeat(10_000), 1),
};

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

exports.handler = datadog(async (event) => {
  const answer = work(event);
  if (event.sleepMs) await sleep(event.sleepMs);
  if (event.spinMs) for (const end = Date.now() + event.spinMs; Date.now() < end;);
  return answer;
});

exports.sync = datadog((event) => work(event));
exports.callback = datadog((event, context, callback) => {
  setTimeout(() => {
    try { callback(null, work(event)); } catch (error) { callback(error); }
  }, 5);
});
exports.done = datadog((event, context) => {
  setTimeout(() => context.succeed(work(event)), 5);
});
exports.fail = datadog((event, context) => {
  work({ ...event, fail: false });
  setTimeout(() => context.fail(new Error('boom')), 5);
});
exports.never = datadog((event) => { work(event); });
exports.plain = async (event) => work(event);
exports.late = datadog(async (event) => {
  setTimeout(() => sendDistributionMetric('after.response', 1), 5);
  return work(event);
});
/** Two invocations of one sandbox at a time, as some servers for local tests make them. */
const inner = datadog(async ({ name, sleepMs }) => {
  for (let i = 0; i < 10; i++) sendDistributionMetric(name, i);
  await sleep(sleepMs);
  for (let i = 0; i < 10; i++) sendDistributionMetric(name, i);
}, { forceWrap: true });
exports.overlap = async (event, context) => {
  await Promise.all([inner({ name: 'slow', sleepMs: 300 }, context), inner({ name: 'quick', sleepMs: 20 }, context)]);
  return 'both';
};
if (globalThis.awslambda !== undefined) {
  exports.stream = datadog(awslambda.streamifyResponse(async (event, stream) => {
    work(event);
    stream.write('x'.repeat(event.bytes ?? 10));
    stream.end();
  }));
}
if (process.env.POINTS_BEFORE) for (let i = 0; i < Number(process.env.POINTS_BEFORE); i++) sendDistributionMetric('before.first', i);
