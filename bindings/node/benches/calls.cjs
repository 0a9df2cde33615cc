// Nanoseconds of one call of the core API; the package's main file is the argument. The points are counted in
// the end: a call that loses one is no fast call.
const { Engine } = require(process.argv[2]);

const CALLS = 1 << 20;
const ROUNDS = 7;

/** The median over some rounds of the nanoseconds a call of `loop(calls)` takes, after one that warms up. */
function measure(loop) {
  loop(CALLS);
  const rounds = Array.from({ length: ROUNDS }, () => {
    const started = process.hrtime.bigint();
    loop(CALLS);
    return Number(process.hrtime.bigint() - started) / CALLS;
  });
  return rounds.sort((a, b) => a - b)[ROUNDS >> 1];
}

// Latencies between 0 and 255 ms with some spread.
const values = Float64Array.from({ length: 1024 }, (_, i) => (i * 7919) % 256);
const engine = new Engine({ onExit: 'ignore' });
const distribution = engine.distribution('held', ['env:prod', 'zone:a']);
const count = engine.count('count', ['env:prod', 'zone:a']);
const many = engine.distribution('many');
const turns = Array.from({ length: 16 }, (_, i) => engine.distribution('turns', [`i:${i}`]));

const result = {
  heldDistribution: measure((n) => { for (let i = 0; i < n; i++) distribution.record(values[i & 1023]); }),
  heldCount: measure((n) => { for (let i = 0; i < n; i++) count.record(1); }),
  inTurn: measure((n) => { for (let i = 0; i < n; i++) turns[i & 15].record(values[i & 1023]); }),
  byName: measure((n) => { for (let i = 0; i < n; i++) engine.recordDistribution('name', values[i & 1023], ['env:prod', 'zone:a']); }),
  many: measure((n) => { for (let i = 0; i < n; i += 1024) many.recordMany(values); }),
};
result.ringOnly = result.heldDistribution - result.many;

const points = {};
for (const entry of engine.flushSync({ all: true })) points[entry.name] = (points[entry.name] ?? 0) + (entry.kind === 'count' ? entry.value : entry.points);
for (const name of ['held', 'count', 'turns', 'name', 'many']) {
  if (points[name] !== (ROUNDS + 1) * CALLS) throw new Error(`${name}: ${points[name]} points instead of ${(ROUNDS + 1) * CALLS}`);
}
console.log(JSON.stringify(result));
process.exit(0);
