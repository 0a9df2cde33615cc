// The README's examples run, as they stand there.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

import { source } from './support.mjs';

const [opening, delivery, lambda] = [...readFileSync(join(source, 'README.md'), 'utf8').matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code);

function run(type, code, env = {}) {
  const { stdout, stderr, status } = spawnSync(process.execPath, [`--input-type=${type}`, '--eval', code],
    { cwd: dirname(fileURLToPath(import.meta.url)), encoding: 'utf8', timeout: 120_000, env: { ...process.env, ...env } });
  assert.equal(status, 0, stderr);
  return { stdout, stderr };
}

test('the example of delivery runs; with nothing recorded nothing is sent', () => {
  assert.deepEqual(run('module', delivery, { DD_API_KEY: 'key' }), { stdout: '', stderr: '' });
});

test('the example of a function writes its point with its tags', () => {
  const { stdout } = run('commonjs', `${lambda}; exports.handler({}, {}).then((answer) => console.log(answer.statusCode));`, { DD_FLUSH_TO_LOG: 'true' });
  assert.match(stdout, /"m":"coffee_house.order_value","v":12.45,"e":\d+,"t":\["product:latte","order:online",/);
  assert.match(stdout, /^200$/m);
});

test('the example that opens the README prints what it says', () => {
  const { stdout, stderr } = run('module', opening);
  const p99 = Number(/checkout\.latency p99 ([\d.]+)/.exec(stdout)[1]);
  assert.ok(Math.abs(p99 - 990) <= 990 / 129, stdout);
  assert.match(stdout, /checkout\.orders 1\n/);
  assert.match(stdout, /\/api\/beta\/sketches \d+ bytes/);
  assert.equal(stderr, '');
});
