// What happens around the engine: the end of the process, worker threads, both module systems, the native file.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

import { Engine } from 'pointmill';

import { assertBalances, assertCode, source } from './support.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);

/** Runs a program in a fresh process; the package is found as from here. */
function run(program, type = 'commonjs') {
  return spawnSync(process.execPath, [`--input-type=${type}`, '--eval', program], { cwd: here, encoding: 'utf8', timeout: 120_000 });
}

test('import and require give the same objects, and every name of one is in the other', async () => {
  for (const module of ['pointmill', 'pointmill/lambda']) {
    const cjs = require(module);
    const { default: whole, ...names } = await import(module);
    assert.equal(whole, cjs);
    assert.deepEqual({ ...names }, { ...cjs });
  }
});

test('an open engine does not keep the process alive', () => {
  const { status, stderr } = run("const { Engine } = require('pointmill'); new Engine(); new Engine().count('c');");
  assert.equal(status, 0, stderr);
  assert.equal(stderr, '');
});

test('points that nobody flushed are named at the end, or handed to onExit', () => {
  const silent = run("const { Engine } = require('pointmill'); const c = new Engine().count('c'); for (let i = 0; i < 1500; i++) c.record(1);");
  assert.match(silent.stderr, /1500 points were recorded and never flushed/);
  const ignored = run("const { Engine } = require('pointmill'); new Engine({ onExit: 'ignore' }).count('c').record(1);");
  assert.equal(ignored.stderr, '');
  const exit = `
    const { Engine } = require('pointmill');
    const engine = new Engine({ onExit: (last) => console.log(last.entry(0).value) });
    engine.count('c').record(3);
    process.exit(7);`;
  const handed = run(exit);
  assert.equal(handed.stdout, '3\n', handed.stderr);
  assert.equal(handed.status, 7);
  const thrown = run("const { Engine } = require('pointmill'); new Engine({ onExit: (last) => console.log(last.length) }).count('c').record(1); throw new Error('x');");
  assert.equal(thrown.stdout, '1\n');
});

test('the timer closes intervals without a call', async () => {
  // A late event loop closes an interval late: then both points are in one, and it is tried again.
  const program = `
    const { Engine } = require('pointmill');
    const engine = new Engine({ intervalS: 1, onExit: 'ignore' });
    const c = engine.count('c');
    const attempt = (left) => {
      c.record(1);
      setTimeout(() => {
        c.record(2);
        const values = [...engine.flushSync({ now: 0, all: true })].map((entry) => entry.value);
        if (values.length === 2 || left === 0) console.log(values.sort().join());
        else attempt(left - 1);
      }, 1100);
    };
    attempt(30);`;
  assert.equal(run(program).stdout, '1,2\n');
});

test('worker threads share an engine, each with a ring of its own', async () => {
  const engine = new Engine({ onExit: 'ignore' });
  const bodies = [
    'for (let i = 0; i < 5000; i++) count.record(1); engine.close();',
    'for (let i = 0; i < 5000; i++) count.record(1); process.exit(0);',
    'for (let i = 0; i < 5000; i++) count.record(1);',
    "for (let i = 0; i < 5000; i++) count.record(1); throw new Error('expected');",
    "for (let i = 0; i < 5000; i++) count.record(1); parentPort.postMessage('go'); setInterval(() => {}, 1000);",
  ];
  await Promise.all(bodies.map((body) => new Promise((done) => {
    const thread = new Worker(`
      const { workerData, parentPort } = require('node:worker_threads');
      const { Engine } = require(workerData.file);
      const engine = Engine.attach(workerData.shared);
      const count = engine.count('c');
      ${body}`, { eval: true, workerData: { file: require.resolve('pointmill'), shared: engine.share() } });
    thread.on('error', () => {});
    thread.on('message', () => thread.terminate());
    thread.on('exit', done);
  })));
  engine.count('c').record(1);
  // Ten seconds may have passed meanwhile, so there can be an entry for each of two intervals.
  const total = [...await engine.flush({ all: true })].reduce((sum, entry) => sum + entry.value, 0);
  assert.equal(total, 25_001);
  assertBalances(engine.stats());
  await engine.close();
});

test('a shared engine ends with its last user, and a wrong token is refused', async () => {
  // An interval that does not end here: at its end rings are emptied.
  const engine = new Engine({ onExit: 'ignore', intervalS: 3600 });
  const shared = engine.share();
  const second = Engine.attach(structuredClone(shared));
  second.count('c').record(1);
  assert.equal((await engine.close()).length, 0, 'the second ring is still full');
  assert.equal(second.stats().pending, 1);
  assert.equal(await second.close(), undefined);
  assertCode(() => Engine.attach(shared), 'POINTMILL_E_HANDLE', /share\(\)/);
  assertCode(() => Engine.attach(5), 'POINTMILL_E_INVALID', /share\(\)/);
  assertCode(() => Engine.attach({ token: -1, intervalS: 10, idleFlushes: 0 }), 'POINTMILL_E_HANDLE');
});

test('the native file exports its entry points only', { skip: process.platform !== 'linux' }, () => {
  const { platformFolder } = require(join(source, 'lib', 'loader.js'));
  const file = join(dirname(require.resolve('pointmill')), '..', 'prebuilds', platformFolder(), 'pointmill.node');
  const symbols = execFileSync('nm', ['-D', '--defined-only', file], { encoding: 'utf8' }).trim().split('\n').map((line) => line.split(' ').at(-1));
  assert.deepEqual(symbols.sort(), ['napi_register_module_v1', 'node_api_module_get_api_version_v1']);
});
