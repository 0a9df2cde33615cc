// Milliseconds that requiring a module adds to a process that has just started.
const started = process.hrtime.bigint();
require(process.argv[2]);
console.log(JSON.stringify({ ms: Number(process.hrtime.bigint() - started) / 1e6 }));
process.exit(0);
