// Runs testdata/conformance/*.toml, whose README says what a step means. Adding a case needs no code here.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { Engine, Sketch, Snapshot } from 'pointmill';

import { assertBalances, root, sourceRequire } from './support.mjs';

const { parse } = sourceRequire('smol-toml');
const folder = process.env.POINTMILL_CONFORMANCE ?? join(root, 'testdata', 'conformance');

const camel = (name) => name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());
const camelKeys = (object) => Object.fromEntries(Object.entries(object).map(([key, value]) => [camel(key), value]));
/** Numbers may be integers in the files; ours are all doubles. */
const number = (value) => Number(value);

function valuesOf(step) {
  if (step.range) return Array.from({ length: step.range[1] - step.range[0] + 1 }, (_, i) => step.range[0] + i);
  return (step.values ?? [step.value]).map(number);
}

const repeat = (text, times) => text.repeat(times ?? 1);

/** A case's engine, snapshots and sketches. */
class World {
  constructor(config) {
    this.config = camelKeys(config ?? {});
    this.sketches = new Map();
    this.snapshots = [];
  }

  get engine() {
    return this.made ??= new Engine({ onExit: 'ignore', ...this.config });
  }

  sketch(name = 'main') {
    if (!this.sketches.has(name)) this.sketches.set(name, new Sketch());
    return this.sketches.get(name);
  }
}

/** Every call of a step must succeed, or fail with the step's error. */
function call(step, action) {
  if (step.error === undefined) return action();
  assert.throws(action, (error) => {
    assert.equal(error.code, `POINTMILL_E_${step.error}`, error.stack);
    return true;
  });
  return undefined;
}

function assertSketchIs(sketch, wanted) {
  const summary = sketch.summary();
  for (const key of ['count', 'min', 'max', 'sum', 'avg']) {
    if (wanted[key] !== undefined) assert.ok(Object.is(summary[key] + 0, number(wanted[key]) + 0), `${key}: ${summary[key]}, not ${wanted[key]}`);
  }
  if (wanted.bins !== undefined) {
    const { keys, counts } = sketch.bins('u32');
    assert.deepEqual(Array.from(keys, (key, i) => [key, counts[i]]), wanted.bins.map((bin) => bin.map(number)));
  }
  for (const [q, value] of wanted.quantiles ?? []) assert.equal(sketch.quantile(number(q)), number(value), `quantile ${q}`);
  for (const [q, value] of wanted.quantiles_agent ?? []) assert.equal(sketch.quantileAgent(number(q)), number(value), `quantile_agent ${q}`);
}

const orderOf = (entry) => JSON.stringify([entry.kind, entry.name, [...entry.tags ?? []].sort(), number(entry.interval ?? 0)]);

function assertEntriesAre(snapshot, wanted) {
  const found = [...snapshot].sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
  const sorted = [...wanted].sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
  assert.deepEqual(found.map((entry) => [entry.kind, entry.name, entry.tags]),
    sorted.map((entry) => [entry.kind, entry.name, [...entry.tags ?? []].sort()]));
  found.forEach((entry, i) => {
    for (const key of ['interval', 'points', 'value', 'interval_s']) {
      if (sorted[i][key] !== undefined) assert.equal(entry[camel(key)], number(sorted[i][key]), `${entry.name} ${key}`);
    }
    if (['distribution', 'histogram'].includes(entry.kind)) {
      assertSketchIs(entry.sketch(), sorted[i]);
      for (const [q, value] of sorted[i].quantiles ?? []) assert.equal(entry.quantile(number(q)), number(value));
    }
  });
}

function record(world, step) {
  const { engine } = world;
  const name = repeat(step.name, step.name_times);
  const tags = (step.tags ?? []).map((tag) => repeat(tag, step.tag_times));
  const by = step.by ?? 'held';
  if (by === 'many') {
    call(step, () => {
      const rejected = engine[step.kind](name, tags).recordMany(Float64Array.from(valuesOf(step)));
      assert.equal(rejected, step.rejected ?? 0);
    });
    return;
  }
  for (const value of valuesOf(step)) {
    call(step, () => {
      if (by === 'name') engine[`record${step.kind[0].toUpperCase()}${step.kind.slice(1)}`](name, value, tags);
      else if (step.rate !== undefined && step.at !== undefined) engine[step.kind](name, tags).recordSampledAt(value, number(step.rate), step.at);
      else if (step.rate !== undefined) engine[step.kind](name, tags).recordSampled(value, number(step.rate));
      else if (step.at !== undefined) engine[step.kind](name, tags).recordAt(value, step.at);
      else engine[step.kind](name, tags).record(value);
    });
  }
}

function take(world, step, snapshot) {
  world.snapshots.push(snapshot);
  if (step.entries !== undefined) assertEntriesAre(snapshot, step.entries);
}

const OPS = {
  engine: (world, step) => call(step, () => world.engine),
  tick: (world, step) => call(step, () => world.engine.tick(step.now)),
  record,
  flush: (world, step) => take(world, step, world.engine.flushSync({ now: step.now, all: step.all ?? false })),
  stats(world, step) {
    const stats = world.engine.stats();
    for (const [key, value] of Object.entries(step.stats)) assert.equal(stats[camel(key)], number(value), key);
  },
  merge: (world, step) => take(world, step, Snapshot.merge(world.snapshots)),
  group_by: (world, step) => take(world, step, world.snapshots.at(-1).groupBy(step.keys ?? [], { mergeIntervals: step.merge_intervals ?? false })),
  encode(world, step) {
    const encoded = call(step, () => world.snapshots.at(-1).encodeSync(camelKeys(step.options ?? {})));
    if (encoded === undefined) return;
    const bodies = encoded.payloads.map(({ body }) => body);
    if (step.bodies !== undefined) assert.deepEqual(bodies.map(String), step.bodies);
    if (step.bodies_hex !== undefined) assert.deepEqual(bodies.map((body) => body.toString('hex')), step.bodies_hex);
    if (step.skipped !== undefined) {
      assert.equal(encoded.skipped.length, step.skipped.length);
      step.skipped.forEach((wanted, i) => { for (const key of Object.keys(wanted)) assert.equal(encoded.skipped[i][key], wanted[key], key); });
    }
  },
  insert(world, step) {
    const sketch = world.sketch(step.into);
    call(step, () => {
      if (step.values !== undefined || step.range !== undefined) sketch.insertMany(Float64Array.from(valuesOf(step)));
      else if (step.n !== undefined) sketch.insertN(number(step.value), number(step.n));
      else if (step.rate !== undefined) sketch.insertSampled(number(step.value), number(step.rate));
      else sketch.insert(number(step.value));
    });
  },
  interpolate: (world, step) => call(step, () => world.sketch(step.into).insertInterpolated(number(step.lower), number(step.upper), number(step.n))),
  merge_sketch: (world, step) => call(step, () => world.sketch(step.into).merge(world.sketch(step.from))),
  decode: (world, step) => call(step, () => world.sketches.set(step.into ?? 'main', Sketch.decode(Buffer.from(step.hex, 'hex'), step.format))),
  sketch: (world, step) => assertSketchIs(world.sketch(step.sketch), step.is),
  encode_sketch: (world, step) => call(step, () => assert.equal(world.sketch(step.sketch).encode(step.format).toString('hex'), step.hex)),
  quantile: (world, step) => call(step, () => assert.equal(world.sketch(step.sketch).quantile(number(step.q)), number(step.result))),
  key: (world, step) => call(step, () => assert.equal(Sketch.key(number(step.value)), step.result)),
};

const files = readdirSync(folder).filter((name) => name.endsWith('.toml')).sort();
assert.ok(files.length > 0, `no cases in ${folder}`);
for (const file of files) {
  const { case: cases } = parse(readFileSync(join(folder, file), 'utf8'));
  for (const { name, config, step: steps } of cases) {
    test(`${file}: ${name}`, async () => {
      const world = new World(config);
      for (const [i, step] of steps.entries()) {
        assert.ok(Object.hasOwn(OPS, step.op), `no operation ${step.op}`);
        try {
          OPS[step.op](world, step);
          if (world.made !== undefined) assertBalances(world.made.stats());
        } catch (error) {
          error.message = `step ${i + 1} (${step.op}): ${error.message}`;
          throw error;
        }
      }
      await world.made?.close();
    });
  }
}
