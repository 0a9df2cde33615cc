// One call of sendDistributionMetric inside an invocation in HTTP mode, and what the end of an invocation
// adds; the layer's main file is the argument.
const { datadog, sendDistributionMetric } = require(process.argv[2]);

const context = {
  functionName: 'f', functionVersion: '1', memoryLimitInMB: '128', awsRequestId: 'id', getRemainingTimeInMillis: () => 60_000,
  invokedFunctionArn: 'arn:aws:lambda:us-east-1:123497598159:function:f',
};
const CALLS = 2_000;
const ROUNDS = 30;

const callNs = [];
const calls = datadog(async () => {
  const started = process.hrtime.bigint();
  for (let i = 0; i < CALLS; i++) sendDistributionMetric('my.metric', i, 'env:prod', 'zone:a');
  callNs.push(Number(process.hrtime.bigint() - started) / CALLS);
}, { forceWrap: true });

let handlerEnded;
const tags = Array.from({ length: 20 }, (_, i) => `i:${i}`);
const thousand = datadog(async () => {
  for (let i = 0; i < 1000; i++) sendDistributionMetric('my.metric', i, tags[i % 20]);
  handlerEnded = process.hrtime.bigint();
}, { forceWrap: true });

const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

(async () => {
  for (let i = 0; i < ROUNDS; i++) await calls({}, context);
  const flushMs = [];
  for (let i = 0; i < ROUNDS; i++) {
    await thousand({}, context);
    flushMs.push(Number(process.hrtime.bigint() - handlerEnded) / 1e6);
  }
  console.log(JSON.stringify({ callNs: median(callNs.slice(10)), flushMs: median(flushMs.slice(10)), points: ROUNDS * (CALLS + 1000) }));
  process.exit(0);
})();
