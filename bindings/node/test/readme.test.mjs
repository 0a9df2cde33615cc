// The README's first example runs, as it stands there.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

import { source } from './support.mjs';

test('the example that opens the README prints what it says', () => {
  const [, example] = /```js\n([\s\S]*?)```/.exec(readFileSync(join(source, 'README.md'), 'utf8'));
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '--eval', example],
    { cwd: dirname(fileURLToPath(import.meta.url)), encoding: 'utf8', timeout: 120_000 });
  assert.equal(status, 0, stderr);
  const p99 = Number(/checkout\.latency p99 ([\d.]+)/.exec(stdout)[1]);
  assert.ok(Math.abs(p99 - 990) <= 990 / 129, stdout);
  assert.match(stdout, /checkout\.orders 1\n/);
  assert.match(stdout, /\/api\/beta\/sketches \d+ bytes/);
  assert.equal(stderr, '');
});
