// hot-shots and datadog-lambda-js, unmodified, as judges of `pointmill intake`: they send points that are
// known; counts and sums must come out exactly, percentiles as near as a sketch promises.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { element, eventually, intake, KEY, RELATIVE, values } from './intake.mjs';

const require = createRequire(import.meta.url);
const { StatsD } = require('hot-shots');
const node = join(import.meta.dirname, '../../bindings/node');

let running;
before(async () => { running = await intake(); });
after(() => running?.stop());

/** Asserts that a metric holds exactly these values. */
async function distribution(metric, sent, parameters) {
  const quantiles = { p50: 0.5, p75: 0.75, p95: 0.95, p99: 0.99 };
  const found = await running.totals(metric, `count,sum,min,max,${Object.keys(quantiles)}`, parameters);
  assert.deepEqual([found.count, found.sum], [sent.length, sent.reduce((a, b) => a + b, 0)], metric);
  const near = (name, wanted) => assert.ok(Math.abs(found[name] - wanted) <= Math.abs(wanted) * RELATIVE, `${metric} ${name}: ${found[name]}, not ${wanted}`);
  near('min', Math.min(...sent));
  near('max', Math.max(...sent));
  for (const [name, q] of Object.entries(quantiles)) near(name, element(sent, q));
}

for (const [i, [how, options]] of [['point by point', {}], ['in packets', { maxBufferSize: 1_400, bufferFlushInterval: 20 }]].entries()) {
  test(`hot-shots over UDP, ${how}`, async () => {
    const prefix = how === 'in packets' ? 'packed.' : 'single.';
    const client = new StatsD({ host: '127.0.0.1', port: running.udpPort, prefix, globalTags: { env: 'test' }, includeDatadogTelemetry: true, telemetryFlushInterval: 100, ...options });
    const sent = values(400, 7);
    for (const [at, value] of sent.entries()) {
      client.distribution('latency', value, { zone: 'a' });
      if (at % 4 === 0) client.increment('hits', 3);
      if (at % 10 === 9) {
        client.gauge('level', at);
        client.timing('took', at);
        // A socket has room for so many before its reader runs.
        await eventually('arrival', async () => (await running.totals(`${prefix}latency`, 'count')).count === at + 1);
      }
    }
    for (const user of ['a', 'b', 'a']) client.unique('users', user);
    await eventually('the last metric', async () => (await running.totals(`${prefix}users`, 'max')).max === 2);
    await distribution(`${prefix}latency`, sent, { filter: 'env:test,zone:a' });
    assert.deepEqual(await running.totals(`${prefix}hits`, 'sum'), { sum: 300 });
    assert.deepEqual(await running.totals(`${prefix}level`, 'last'), { last: 399 });
    assert.deepEqual(await running.totals(`${prefix}took`, 'count,max'), { count: 40, max: 399 });
    // What the client counts of itself and sends along; the clients of both tests together.
    const metrics = (i + 1) * (400 + 100 + 40 + 40 + 3);
    await eventually('the client\'s own count', async () => (await running.totals('datadog.dogstatsd.client.metrics', 'sum')).sum === metrics);
    await new Promise((done) => { client.close(done); });
    assert.deepEqual(await running.refused(), {});
  });
}

/** A function wrapped by datadog-lambda-js, in a process of its own; what it writes to its log. */
function layer(env) {
  const program = `
    const { datadog, sendDistributionMetric } = require(${JSON.stringify(join(node, 'peers/node_modules/datadog-lambda-js'))});
    const handler = datadog(async (event) => {
      for (const value of event.values) sendDistributionMetric(event.metric, value, 'shop:' + event.shop);
      if (event.fail) throw new Error('no');
    });
    const context = { functionName: 'orders', functionVersion: '$LATEST', memoryLimitInMB: '256', awsRequestId: '8b2a6e3c-1d4f-4a57-9c1b-2f7f6a0f1a11',
      invokedFunctionArn: 'arn:aws:lambda:eu-west-1:123456789012:function:orders', getRemainingTimeInMillis: () => 3000 };
    (async () => {
      for (const event of ${JSON.stringify(env.events)}) await handler(event, context).catch(() => {});
    })();`;
  return execFileSync(process.execPath, ['-e', program], {
    encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], timeout: 60_000,
    env: { PATH: process.env.PATH, DD_TRACE_ENABLED: 'false', DD_API_KEY: KEY, AWS_LAMBDA_FUNCTION_NAME: 'orders', AWS_REGION: 'eu-west-1',
      // It posts to https://api.<site> only; preloaded, this sends its posts to loopback.
      NODE_OPTIONS: `--require ${join(node, 'test/app/redirect.cjs')}`, REDIRECT_TO: running.url, ...env.more },
  });
}

for (const [how, more] of [['over HTTP', { DD_FLUSH_TO_LOG: 'false' }], ['by log lines', { DD_FLUSH_TO_LOG: 'true' }]]) {
  test(`datadog-lambda-js ${how}`, async () => {
    const metric = more.DD_FLUSH_TO_LOG === 'true' ? 'order.logged' : 'order.posted';
    const events = [{ metric, shop: 'a', values: values(300, 1) }, { metric, shop: 'b', values: values(60, 2), fail: true }];
    const before_ = await running.totals('aws.lambda.enhanced.invocations', 'sum');
    const lines = layer({ events, more });
    // What the layer logs reaches Datadog by a forwarder, here pointmill's.
    execFileSync(process.env.POINTMILL, ['forward', '--format', 'lines', '--function', 'orders', '--show', 'none', '--logs', 'none', '--url', running.url],
      { input: lines, env: { DD_API_KEY: KEY }, stdio: ['pipe', 'ignore', 'pipe'], timeout: 60_000 });
    await distribution(metric, events.flatMap((event) => event.values));
    for (const event of events) await distribution(metric, event.values, { filter: `shop:${event.shop}` });
    const { functions: [orders] } = await running.get('/v1/functions');
    const runs = (before_.sum ?? 0) + events.length;
    assert.deepEqual([orders.name, orders.invocations, orders.errors, orders.cold_starts], ['orders', runs, runs / 2, runs / 2]);
    assert.deepEqual(await running.refused(), {});
  });
}
