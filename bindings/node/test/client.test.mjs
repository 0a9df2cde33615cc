// Delivery to an intake on loopback.
import assert from 'node:assert/strict';
import { spawnSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

import { BadValueError, Client, ClosedError, DeliveryDroppedError, Engine } from 'pointmill';

import { LONG_MS, intake, until } from './support.mjs';

const here = dirname(fileURLToPath(import.meta.url));

/** The books of delivery balance. */
function assertBalances(client) {
  const stats = client.stats();
  assert.ok(stats.balances(), JSON.stringify(stats));
  return stats;
}

test('what is recorded arrives, with the key in its header, while the event loop goes on', async (t) => {
  const { url, requests } = await intake(t, 202);
  const client = new Client({ url, apiKey: 'secret', background: false });
  const metric = client.engine.distribution('latency', ['env:test']);
  for (let i = 0; i < 3000; i++) metric.record(i);
  client.engine.recordCount('hits', 1);
  assert.equal(await client.flush({ timeoutMs: LONG_MS }), true);
  assert.deepEqual(requests.map(({ path, key }) => [path, key]).sort(), [['/api/beta/sketches', 'secret'], ['/api/v2/series', 'secret']]);
  assert.equal(assertBalances(client).accepted, 3001);
  metric.record(1); // still in the ring when the end comes
  assert.equal(await client.close({ timeoutMs: LONG_MS }), true);
  assert.equal(assertBalances(client).accepted, 3002);
  assert.equal(await client.close(), true);
  await assert.rejects(client.flush(), ClosedError);
});

test('what an intake does not take is kept and sent later; what it refuses is given up loudly', async (t) => {
  const { url, requests } = await intake(t, 503, 202, 403);
  const client = new Client({ url, apiKey: 'secret', background: false, retryBaseMs: 1, retryMaxMs: 1 });
  client.engine.recordDistribution('d', 1);
  const first = await client.flush({ all: true, timeoutMs: 0 });
  assert.equal(first, false, 'nothing may be sent in no time');
  assert.equal(await client.flush({ timeoutMs: LONG_MS }), true);
  assert.equal(assertBalances(client).accepted, 1);
  client.engine.recordDistribution('d', 1);
  await assert.rejects(client.flush({ all: true, timeoutMs: LONG_MS }), (error) => {
    assert.ok(error instanceof DeliveryDroppedError);
    assert.equal(error.code, 'POINTMILL_E_DELIVERY_DROPPED');
    assert.match(error.message, /403/);
    assert.doesNotMatch(error.message, /secret/);
    return true;
  });
  assert.match(client.lastFailure, /403/);
  assert.equal(assertBalances(client).droppedForbidden, 1);
  assert.equal(requests.length, 3);
  await client.close();
});

test('the library\'s thread flushes by itself and does not keep the process alive', async (t) => {
  const { url, requests } = await intake(t, 202);
  const client = new Client({ url, apiKey: 'k', flushIntervalS: 1, intervalS: 1 });
  client.engine.recordCount('c', 1);
  assert.ok(await until(() => requests.length > 0));
  await client.close();
});

test('at the end of the process what waits is sent', async (t) => {
  const { url, requests } = await intake(t, 202);
  const program = `
    const { Client } = require('pointmill');
    const client = new Client({ url: ${JSON.stringify(url)}, apiKey: 'k', flushTimeoutMs: ${LONG_MS} });
    for (let i = 0; i < 1500; i++) client.engine.recordDistribution('d', i);`;
  const child = spawn(process.execPath, ['--eval', program], { cwd: here, stdio: ['ignore', 'inherit', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (part) => { errors += part; });
  const [code] = await once(child, 'close');
  assert.equal(code, 0, errors);
  assert.equal(errors, '');
  // An interval may end meanwhile, and then the library's thread sends a part.
  assert.deepEqual(new Set(requests.map(({ path }) => path)), new Set(['/api/beta/sketches']));
});

test('an intake that is not there does not hold the end up for long', () => {
  const program = `
    const { Client } = require('pointmill');
    new Client({ url: 'http://127.0.0.1:9', apiKey: 'k', flushTimeoutMs: 200 }).engine.recordCount('c', 1);`;
  const { status } = spawnSync(process.execPath, ['--eval', program], { cwd: here, timeout: LONG_MS });
  assert.equal(status, 0);
});

test('options of delivery are checked, and a client without a key says so', () => {
  assert.throws(() => new Client({ apiKey: 'k', url: 'no url' }), BadValueError);
  assert.throws(() => new Client({ apiKey: 'k', destination: 'pigeon' }), /destination/);
  assert.throws(() => new Client({}), /api_key/);
  assert.throws(() => new Client({ apiKey: 'k', flushTimeoutMs: -1 }), BadValueError);
});

test('an engine of one\'s own is delivered and lives on', async (t) => {
  const { url } = await intake(t, 202);
  const engine = new Engine({ onExit: 'ignore' });
  const client = new Client({ engine, url, apiKey: 'k', background: false });
  engine.recordCount('c', 1);
  assert.equal(await client.close({ timeoutMs: LONG_MS }), true);
  assert.equal(assertBalances(client).accepted, 1);
  engine.recordCount('c', 2);
  const last = await engine.close();
  assert.equal(last.entry(0).value, 2);
  assert.throws(() => new Client({ engine: {}, apiKey: 'k' }), /engine: expected an Engine, got an object/);
});
