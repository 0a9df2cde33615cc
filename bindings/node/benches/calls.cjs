// Nanoseconds of one call of the core API; the package's main file is the argument.
const { Engine } = require(process.argv[2]);

const CALLS = 2_000_000;

/** Nanoseconds a call of `loop(calls)`, after a warm-up. */
function measure(loop) {
  loop(CALLS / 4);
  const started = process.hrtime.bigint();
  loop(CALLS);
  return Number(process.hrtime.bigint() - started) / CALLS;
}

// Latencies between 0 and 255 ms with some spread.
const values = Float64Array.from({ length: 1024 }, (_, i) => (i * 7919) % 256);
const engine = new Engine({ onExit: 'ignore' });
const distribution = engine.distribution('d', ['env:prod', 'zone:a']);
const count = engine.count('c', ['env:prod', 'zone:a']);


const result = {
  heldDistribution: measure((n) => { for (let i = 0; i < n; i++) distribution.record(values[i & 1023]); }),
  heldCount: measure((n) => { for (let i = 0; i < n; i++) count.record(1); }),
  byName: measure((n) => { for (let i = 0; i < n; i++) engine.recordDistribution('d', values[i & 1023], ['env:prod', 'zone:a']); }),
  many: measure((n) => { for (let i = 0; i < n; i += 1024) distribution.recordMany(values); }),
};
result.ringOnly = result.heldDistribution - result.many;
console.log(JSON.stringify(result));
process.exit(0);
