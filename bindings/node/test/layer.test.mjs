// The layer outside of AWS's client: points before there is a handler, without one, and under two configurations.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

import { intake, until } from './support.mjs';

const here = dirname(fileURLToPath(import.meta.url));

/** A process that has the layer's functions at hand; its standard output when it has ended. */
function start(t, code, env = {}) {
  const program = `const { datadog, sendDistributionMetric, stats } = require('pointmill/lambda'); ${code}`;
  const child = spawn(process.execPath, ['--input-type=commonjs', '--eval', program],
    { cwd: here, stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, DD_API_KEY: 'key', ...env } });
  t.after(() => child.kill('SIGKILL'));
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part) => { text += part; });
  return once(child, 'close').then(() => text);
}

test('points before a handler is wrapped keep their time and get the configuration that comes with it', async (t) => {
  const stdout = await start(t, `
    sendDistributionMetric('early', 1, 'a:b');
    const made = Date.now();
    while (Date.now() < made + 2000);
    datadog(async () => {}, { logForwarding: true });
    console.log(JSON.stringify({ made }));`);
  // The line may leave before the time is printed: the wait lets an interval end under it in one run of five.
  const printed = stdout.trim().split('\n').map((text) => JSON.parse(text));
  const { made } = printed.find((one) => 'made' in one);
  const line = printed.find((one) => 'm' in one);
  assert.deepEqual([line.m, line.v, line.t[0]], ['early', 1, 'a:b']);
  assert.ok(line.e <= Math.ceil(made / 1000), `${line.e} is the time of the wrapping, not ${made}`);
});

test('a tag that is too long is left out, its point is not', async (t) => {
  const stdout = await start(t, `
    sendDistributionMetric('longest', 1, 'é'.repeat(256), 'b:2');
    sendDistributionMetric('longer', 1, 'é'.repeat(257), 'b:2');`, { DD_FLUSH_TO_LOG: 'true' });
  const given = stdout.trim().split('\n').map((line) => JSON.parse(line)).map(({ m, t: tags }) => [m, ...tags.slice(0, -1)]);
  assert.deepEqual(given, [['longest', 'é'.repeat(256), 'b:2'], ['longer', 'b:2']]);
});

test('code without a wrapper: lines leave in the same turn of the event loop', async (t) => {
  const stdout = await start(t, `
    sendDistributionMetric('first', 1);
    const turns = (left) => (left === 0 ? process.kill(process.pid, 'SIGKILL') : setImmediate(turns, left - 1));
    setImmediate(() => {
      sendDistributionMetric('second', 1);
      sendDistributionMetric('second', 2);
      setImmediate(setImmediate, () => {
        sendDistributionMetric('second', 3); // known by now, so it goes another way
        setImmediate(turns, 2);
      });
    });`, { DD_FLUSH_TO_LOG: 'true' });
  assert.deepEqual(stdout.trim().split('\n').map((line) => JSON.parse(line)).map(({ m, v }) => [m, v]), [['first', 1], ['second', 1], ['second', 2], ['second', 3]]);
});

test('code without a wrapper: posts are gathered and sent', async (t) => {
  const { url, requests } = await intake(t, 202);
  start(t, "sendDistributionMetric('alone', 1); setInterval(() => {}, 1000);", { DATADOG_HOST: url });
  assert.ok(await until(() => requests.length > 0));
});

test('the end of the process sends what waits, also what was made before any handler', async (t) => {
  const env = { DD_FLUSH_TO_LOG: 'true' };
  const [early, late] = await Promise.all([
    start(t, "sendDistributionMetric('waits', 1); process.exit(0);", env),
    start(t, "datadog(async () => {}); sendDistributionMetric('waits', 1); process.exit(0);", env),
  ]);
  assert.match(early, /"m":"waits"/);
  assert.match(late, /"m":"waits"/);
});

test('the end of an invocation sends what waits under other configurations, too', async (t) => {
  const { url, requests } = await intake(t, 202);
  // A process that is killed has no other way to send.
  await start(t, `
    datadog(async () => {}, { url: ${JSON.stringify(url)}, apiKey: 'first' });
    sendDistributionMetric('of.first', 1);
    const handler = datadog(async () => sendDistributionMetric('of.second', 1), { url: ${JSON.stringify(url)}, apiKey: 'second' });
    handler({}, {}).then(() => process.kill(process.pid, 'SIGKILL'));`);
  assert.deepEqual(requests.map(({ key }) => key).sort(), ['first', 'second']);
});

test('the mode, what went wrong last, and the books can be asked for', async (t) => {
  const { url } = await intake(t, 500);
  const ask = `
    const { distribution, flush, lastFailure, mode } = require('pointmill/lambda');
    console.log(JSON.stringify([mode(), lastFailure() ?? null, stats().balances()]));
    distribution('m', 'a:b').recordAt(1, new Date());
    flush({ timeoutMs: 60000 }).then((arrived) => console.log(JSON.stringify([arrived, /500/.test(lastFailure()), stats().balances()])));`;
  const stdout = await start(t, ask, { DATADOG_HOST: url });
  assert.deepEqual(stdout.trim().split('\n').map((line) => JSON.parse(line)), [['http', null, true], [false, true, true]]);
});
