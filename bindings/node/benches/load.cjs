// Milliseconds that requiring a module adds to a process that has just started.
const started = process.hrtime.bigint();
const { sendDistributionMetric } = require(process.argv[2]);
const ms = Number(process.hrtime.bigint() - started) / 1e6;
if (typeof sendDistributionMetric !== 'function') throw new Error(`${process.argv[2]} is not the module`);
console.log(JSON.stringify({ ms }));
process.exit(0);
