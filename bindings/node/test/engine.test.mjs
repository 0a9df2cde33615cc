import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Engine, Sketch, Snapshot, BadValueError, ClosedError, NoSketchError, NotFiniteError, UnknownOptionError, options } from 'pointmill';

import { assertBalances, assertCode, find } from './support.mjs';

const NOW = 1_700_000_000;
const quiet = { onExit: 'ignore' };

test('a held metric, by name and many at once land in one series', async () => {
  const engine = new Engine(quiet);
  const latency = engine.distribution('checkout.latency', ['env:prod', 'zone:a']);
  for (let ms = 1; ms <= 3000; ms++) latency.record(ms);
  engine.recordDistribution('checkout.latency', 3001, ['zone:a', 'env:prod']);
  assert.equal(latency.recordMany(new Float64Array([3002, 3003])), 0);
  assert.equal(latency.recordMany([3004]), 0);
  assert.equal(latency.recordMany(new Int16Array([3005])), 0);
  const snapshot = await engine.flush({ all: true });
  assert.equal(snapshot.length, 1);
  const entry = find(snapshot, 'checkout.latency', ['zone:a']);
  assert.equal(entry.points, 3005);
  assert.deepEqual(entry.summary, { count: 3005, min: 1, max: 3005, sum: (3005 * 3006) / 2, avg: entry.summary.avg });
  const exact = 1 + Math.round(0.99 * 3004);
  assert.ok(Math.abs(entry.quantile(0.99) - exact) <= exact / 129, `${entry.quantile(0.99)}`);
  assertBalances(engine.stats());
  await engine.close();
});

test('all four kinds keep their meaning', async () => {
  const engine = new Engine(quiet);
  engine.count('c').record(2);
  engine.recordCount('c', 3);
  engine.gauge('g').record(7);
  engine.recordGauge('g', 5);
  engine.histogram('h').record(1);
  engine.recordHistogram('h', 9);
  const snapshot = engine.flushSync({ all: true });
  assert.equal(find(snapshot, 'c').value, 5);
  assert.equal(find(snapshot, 'g').value, 5);
  assert.equal(find(snapshot, 'h').summary.sum, 10);
  assert.deepEqual([...snapshot].map((entry) => entry.kind).sort(), ['count', 'gauge', 'histogram']);
  await engine.close();
});

test('points in the ring are in the ledger and in a flush', async () => {
  const engine = new Engine(quiet);
  engine.count('c').record(1);
  assert.equal(engine.stats().recorded, 1);
  engine.count('c').record(1);
  assert.equal(find(engine.flushSync({ all: true }), 'c').value, 2);
  await engine.close();
});

test('a ring that overflows many times keeps every point in order', async () => {
  const engine = new Engine(quiet);
  const gauge = engine.gauge('last');
  for (let i = 0; i < 10_000; i++) gauge.record(i);
  assert.equal(find(engine.flushSync({ all: true }), 'last').value, 9_999);
  const counts = Array.from({ length: 50 }, (_, i) => engine.count('spread', [`i:${i}`]));
  for (let i = 0; i < 50_000; i++) counts[i % 50].record(i % 50);
  for (const entry of engine.flushSync({ all: true })) assert.equal(entry.value, 1000 * Number(entry.tags[0].slice(2)));
  await engine.close();
});

test('points of changing contexts reach their own context, each in its order', async () => {
  for (const contexts of [2, 3, 255, 1024, 1500]) {
    const engine = new Engine(quiet);
    const gauges = Array.from({ length: contexts }, (_, i) => engine.gauge('g', [`i:${i}`]));
    const counts = Array.from({ length: contexts }, (_, i) => engine.count('c', [`i:${i}`]));
    const latency = engine.distribution('d');
    const rounds = Math.ceil(4096 / contexts);
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < contexts; i++) {
        gauges[i].record(round * contexts + i);
        counts[i].record(i);
        if (i % 3 === 0) latency.record(i);
      }
    }
    const snapshot = engine.flushSync({ all: true });
    assert.equal(snapshot.length, 2 * contexts + 1);
    for (const entry of snapshot) {
      const i = Number(entry.tags[0]?.slice(2));
      if (entry.kind === 'gauge') assert.equal(entry.value, (rounds - 1) * contexts + i, 'the last one of this gauge');
      if (entry.kind === 'count') assert.equal(entry.value, rounds * i);
      if (entry.kind === 'distribution') assert.equal(entry.points, rounds * Math.ceil(contexts / 3));
    }
    assertBalances(engine.stats());
    await engine.close();
  }
});

test('points of any mixture of contexts reach their own', async () => {
  const engine = new Engine(quiet);
  const counts = Array.from({ length: 5003 }, (_, i) => engine.count('c', [`i:${i}`]));
  const wanted = new Map();
  for (let i = 0; i < 20_000; i++) {
    const at = (i * i) % 5003; // jumps about, so that contexts share buckets
    counts[at].record(i);
    wanted.set(`i:${at}`, (wanted.get(`i:${at}`) ?? 0) + i);
  }
  const found = new Map(Array.from(engine.flushSync({ all: true }), (entry) => [entry.tags[0], entry.value]));
  assert.deepEqual(found, wanted);
  await engine.close();
});

test('points go to the interval that is open, or that holds their time', async () => {
  const engine = new Engine({ ...quiet, intervalS: 10 });
  engine.tick(NOW);
  const count = engine.count('c');
  count.record(1);
  engine.tick(NOW + 10);
  count.record(2);
  count.recordAt(4, NOW + 5);
  count.recordAt(8, new Date((NOW + 10) * 1000 + 999));
  count.recordSampled(1, 0.5);
  count.recordSampledAt(1, 0.25, NOW + 5);
  const entries = [...engine.flushSync({ now: NOW + 20 })].map((entry) => [entry.interval, entry.value]);
  assert.deepEqual(entries.sort(), [[NOW, 9], [NOW + 10, 12]]);
  assertCode(() => count.recordAt(1, NOW - 86_400), 'POINTMILL_E_TOO_OLD', /past_max_s/);
  assertCode(() => count.recordAt(1, NOW + 86_400), 'POINTMILL_E_TOO_NEW', /future_max_s/);
  assertBalances(engine.stats());
  await engine.close();
});

test('a timed gauge, and many, do not overtake the ring', async () => {
  const engine = new Engine(quiet);
  engine.tick(NOW);
  const gauge = engine.gauge('g');
  gauge.record(1);
  gauge.recordAt(2, NOW);
  assert.equal(find(engine.flushSync({ all: true, now: NOW }), 'g').value, 2);
  gauge.record(3);
  gauge.recordMany([4, 5]);
  assert.equal(find(engine.flushSync({ all: true, now: NOW }), 'g').value, 5);
  await engine.close();
});

test('a held metric outlives the idle time of its context', async () => {
  const engine = new Engine({ ...quiet, idleFlushes: 2 });
  const count = engine.count('rare', ['a:b']);
  for (let round = 0; round < 12; round++) {
    count.record(1);
    for (let flush = 0; flush <= round % 6; flush++) engine.flushSync({ all: true });
  }
  const stats = engine.stats();
  assert.ok(stats.contextsExpired > 0, 'the test reaches the idle time');
  assert.equal(stats.rejectedStale + stats.droppedStale, 0);
  assert.equal(stats.flushed, 12);
  await engine.close();
});

test('at the limit points keep their value, and none is lost uncounted', async () => {
  const engine = new Engine({ ...quiet, contextsMax: 1 });
  for (let i = 0; i < 5; i++) engine.recordCount('c', 1, [`i:${i}`]);
  const total = [...engine.flushSync({ all: true })].reduce((sum, entry) => sum + entry.value, 0);
  assert.equal(total, 5);
  assert.equal(engine.stats().overflowed, 4);
  await engine.close();
});

test('what the engine has no room for is counted and does not throw', async () => {
  const engine = new Engine({ ...quiet, contextsMax: 1, arenaBytes: 1 << 20, namesBytes: 1024 });
  const held = [];
  for (let i = 0; i < 2000; i++) held.push(engine.count(`metric.with.a.rather.long.name.${i}`));
  for (const metric of held) metric.record(1);
  held.at(-1).recordMany([1, 2]);
  const stats = engine.stats();
  assert.equal(stats.recorded, 2002);
  assert.ok(stats.rejectedNoRoom > 0);
  assertBalances(stats);
  await engine.close();
});

test('the cache of names begins anew at its limit and forgets no point', async () => {
  const engine = new Engine({ ...quiet, contextsMax: 100 });
  for (let i = 0; i < 70_000; i++) engine.recordCount('c', 1, [`i:${i}`]);
  const total = [...engine.flushSync({ all: true })].reduce((sum, entry) => sum + entry.value, 0);
  assert.equal(total, 70_000);
  await engine.close();
});

test('a value that is not finite is refused and counted', async () => {
  const engine = new Engine(quiet);
  const metric = engine.distribution('m');
  for (const value of [NaN, Infinity, -Infinity]) {
    assert.throws(() => metric.record(value), NotFiniteError);
    assertCode(() => engine.recordDistribution('m', value), 'POINTMILL_E_NOT_FINITE', /finite/);
  }
  assert.equal(metric.recordMany([1, NaN, 2, Infinity]), 2);
  assert.equal(engine.stats().rejectedNotFinite, 8);
  assert.equal(find(engine.flushSync({ all: true }), 'm').points, 2);
  assertBalances(engine.stats());
  await engine.close();
});

test('a value of another type is refused with cause and remedy', async () => {
  const engine = new Engine(quiet);
  const metric = engine.count('m');
  const cases = [['5', /"5".*Number\(value\)/], [5n, /BigInt 5n.*Number\(value\)/], [new Date(), /Date.*recordAt/], [null, /null/],
    [undefined, /undefined/], [[1], /recordMany/], [{}, /Object/], [true, /boolean true/], [Symbol('s'), /symbol/], [() => 1, /function/]];
  for (const [value, message] of cases) {
    assertCode(() => metric.record(value), 'POINTMILL_E_INVALID', message);
    assertCode(() => metric.recordAt(value, NOW), 'POINTMILL_E_INVALID', message);
    assertCode(() => engine.recordCount('m', value), 'POINTMILL_E_INVALID', message);
  }
  for (const values of ['12', new BigInt64Array(1), new DataView(new ArrayBuffer(8)), 5, [1, '2'], [1, null]]) {
    assertCode(() => metric.recordMany(values), 'POINTMILL_E_INVALID');
  }
  for (const time of [new Date(NaN), '2024-01-01', null, NaN]) assertCode(() => metric.recordAt(1, time), 'POINTMILL_E_INVALID', /time: expected/);
  assert.equal(engine.stats().recorded, 0);
  await engine.close();
});

test('names and tags: what is no text, too long or no UTF-8 is refused; any Unicode is fine', async () => {
  const engine = new Engine(quiet);
  const cases = [
    ['x'.repeat(10_000), [], 'POINTMILL_E_INVALID_NAME', /the name "x{40}"\.\.\. has 10000 bytes; .*name_bytes_max/],
    ['', [], 'POINTMILL_E_INVALID_NAME', /the name "" has 0 bytes; .*empty/],
    ['m', ['x'.repeat(10_000)], 'POINTMILL_E_INVALID_NAME', /the tag "x{40}"\.\.\. has 10000 bytes; .*tag_bytes_max/],
    [5, [], 'POINTMILL_E_INVALID', /name: expected a string, got the number 5/],
    ['m', { env: 'prod' }, 'POINTMILL_E_INVALID', /\['env:prod'\]/],
    ['m', 'env:prod', 'POINTMILL_E_INVALID', /array/],
    ['m', null, 'POINTMILL_E_INVALID', /array/],
    ['m', ['a:b', 5], 'POINTMILL_E_INVALID', /tags\[1\] of m: expected a string/],
    ['m', [new Date(0)], 'POINTMILL_E_INVALID', /Date/],
    ['half \ud83d', [], 'POINTMILL_E_UTF8', /surrogate/],
    ['m', ['half:\ude00'], 'POINTMILL_E_UTF8', /toWellFormed/],
  ];
  for (const [name, tags, code, message] of cases) {
    assertCode(() => engine.distribution(name, tags), code, message);
    assertCode(() => engine.recordDistribution(name, 1, tags), code, message);
  }
  const { recorded, rejectedInvalidName } = engine.stats();
  assert.equal(recorded, 3, 'by name a point was handed over with the name, so it is counted');
  assert.equal(rejectedInvalidName, 3);
  engine.recordDistribution('grün.😀', 1, ['日本:é', 'emoji:🚀']);
  const entry = engine.flushSync({ all: true }).entry(0);
  assert.equal(entry.name, 'grün.😀');
  assert.deepEqual(entry.tags, ['emoji:🚀', '日本:é']);
  assertBalances(engine.stats());
  await engine.close();
});

test('options: unknown ones and bad values are named; every option of the table can be given', async () => {
  assertCode(() => new Engine({ contextMax: 5 }), 'POINTMILL_E_UNKNOWN_OPTION', /contexts_max/);
  assertCode(() => new Engine({ intervalS: 'ten' }), 'POINTMILL_E_BAD_VALUE', /interval_s/);
  assertCode(() => new Engine({ intervalS: {} }), 'POINTMILL_E_BAD_VALUE', /intervalS/);
  assertCode(() => new Engine({ host: 'a\0b' }), 'POINTMILL_E_BAD_VALUE', /NUL/);
  assertCode(() => new Engine(5), 'POINTMILL_E_INVALID', /options/);
  assertCode(() => new Engine({ onExit: 5 }), 'POINTMILL_E_INVALID', /onExit/);
  assertCode(() => new Engine({ arenaBytes: 1 << 20, contextsMax: 1 << 20 }), 'POINTMILL_E_ARENA_TOO_SMALL', /arena_bytes/);
  assert.throws(() => new Engine({ contextMax: 5 }), UnknownOptionError);
  for (const { name, default: value } of options()) await new Engine({ ...quiet, [name]: value }).close();
});

test('snapshots: entries, merge, group by, encode', async () => {
  const engine = new Engine(quiet);
  engine.tick(NOW);
  for (const zone of ['a', 'b']) engine.recordDistribution('d', 5, ['env:prod', `zone:${zone}`]);
  const first = engine.flushSync({ all: true, now: NOW });
  engine.recordDistribution('d', 7, ['env:prod', 'zone:a']);
  const second = engine.flushSync({ all: true, now: NOW });
  const merged = Snapshot.merge([first, second]);
  assert.equal(merged.length, 2);
  assert.equal(find(merged, 'd', ['zone:a']).summary.sum, 12);
  const grouped = merged.groupBy(['env'], { mergeIntervals: true });
  assert.deepEqual(grouped.entry(0).tags, ['env:prod']);
  assert.equal(grouped.entry(0).points, 3);
  assert.equal(grouped.entry(0).sketch().quantile(1), 7);
  const { payloads, skipped } = await grouped.encode({ format: 'log_lines', tags: ['x:y'] });
  assert.match(payloads[0].body.toString(), /^\{"m":"d","v":/);
  assert.match(payloads[0].body.toString(), /"x:y"/);
  assert.deepEqual(skipped, []);
  const intake = merged.encodeSync();
  assert.equal(intake.payloads[0].path, '/api/beta/sketches');
  assert.equal(intake.payloads[0].points, 3);
  assertCode(() => first.entry(2), 'POINTMILL_E_INDEX', /has 2/);
  assertCode(() => first.entry('0'), 'POINTMILL_E_INDEX');
  assertCode(() => first.entry(0).quantile('0.5'), 'POINTMILL_E_INVALID', /q: expected a number/);
  assertCode(() => Snapshot.merge([{}]), 'POINTMILL_E_HANDLE');
  assertCode(() => first.groupBy('env'), 'POINTMILL_E_INVALID', /array/);
  assertCode(() => first.encodeSync({ format: 'xml' }), 'POINTMILL_E_BAD_VALUE', /format/);
  await assert.rejects(first.encode({ format: 'xml' }), BadValueError);
  // The range is looked at on the pool's thread: the failure has to find its way back from there.
  await assert.rejects(first.encode({ format: 'dogstatsd', datagramBytesMax: 1 }), (error) => error instanceof BadValueError && /32 to/.test(error.message));
  engine.recordCount('c', 1);
  const count = engine.flushSync({ all: true, now: NOW }).entry(0);
  assertCode(() => count.quantile(0.5), 'POINTMILL_E_NO_SKETCH', /sketch/);
  assert.throws(() => count.sketch(), NoSketchError);
  await engine.close();
});

test('flushes run beside recording; the sum over snapshots is the sum recorded', async () => {
  const engine = new Engine(quiet);
  const count = engine.count('c');
  const flushes = [];
  for (let i = 0; i < 200; i++) {
    for (let j = 0; j < 700; j++) count.record(1);
    flushes.push(engine.flush({ all: true }));
    if (i % 10 === 0) await new Promise(setImmediate);
  }
  const snapshots = await Promise.all(flushes);
  const total = snapshots.flatMap((snapshot) => [...snapshot]).reduce((sum, entry) => sum + entry.value, 0);
  assert.equal(total + [...await engine.close()].reduce((sum, entry) => sum + entry.value, 0), 140_000);
});

test('close gives what was not flushed; afterwards everything answers CLOSED', async () => {
  const engine = new Engine(quiet);
  const metric = engine.count('c');
  metric.record(3);
  const last = await engine.close();
  assert.equal(find(last, 'c').value, 3);
  assert.equal(await engine.close(), undefined);
  assert.throws(() => metric.record(1), ClosedError);
  assert.throws(() => engine.stats(), ClosedError);
  assert.throws(() => engine.flushSync(), ClosedError);
  assert.throws(() => engine.share(), ClosedError);
  assert.throws(() => engine.recordCount('c', 1), ClosedError);
  assert.throws(() => engine.count('new'), ClosedError);
  await assert.rejects(engine.flush(), ClosedError);
});

test('what an entry does not have is undefined; a sketch begins with values and comes back from its bytes', async () => {
  const engine = new Engine(quiet);
  const metric = engine.distribution('d', ['a:b']);
  assert.deepEqual([metric.kind, metric.name, metric.tags], ['distribution', 'd', ['a:b']]);
  metric.record(5);
  engine.recordCount('c', 2);
  const snapshot = engine.flushSync({ all: true, now: new Date(NOW * 1000) });
  const [count, distribution] = ['c', 'd'].map((name) => find(snapshot, name));
  assert.deepEqual([count.value, count.summary, count.count, count.avg], [2, undefined, undefined, undefined]);
  assert.deepEqual([distribution.value, distribution.count, distribution.min, distribution.max, distribution.sum, distribution.avg], [undefined, 1, 5, 5, 5, 5]);
  const sketch = new Sketch([1, 2, 3]);
  const { count: values, sum } = Sketch.decode(sketch.encode()).summary();
  assert.deepEqual([values, sum], [3, 6]);
  assert.equal(Sketch.decode(sketch.encode('ddsketch_proto'), 'ddsketch_proto').count, 3);
  await engine.close();
});
