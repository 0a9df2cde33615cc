// Both layers run the same function in the same sandbox: what is equal, where datadog-lambda-js loses points and
// pointmill does not, and what else differs. The rows of the README's two tables carry the names of these tests.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { HTTP, LOG, OURS, THEIRS, arrived, lines, missing, sandbox, withTime } from './sandbox.mjs';
import { source } from './support.mjs';

const points = (report, name) => [...arrived(report)].filter(([key]) => key.startsWith(`${name}|`)).reduce((sum, [, { count }]) => sum + count, 0);
const outcomes = (report) => report.invocations.map(({ outcome }) => outcome);
const good = (report) => assert.deepEqual(new Set(outcomes(report)), new Set(['response']), report.stdout + report.stderr);

/** Runs a scenario with both layers. */
async function both(scenario) {
  const [theirs, ours] = await Promise.all([THEIRS, OURS].map((layer) => sandbox({ layer, ...scenario })));
  return { theirs, ours };
}

for (const [mode, env] of [['log', LOG], ['http', HTTP], ['http, distribution points', { ...HTTP, POINTMILL_LAMBDA_FORMAT: 'distribution_points' }]]) {
  test(`${mode}: the same function with datadog-lambda-js sends the same names, tags, counts and sums`, { skip: missing }, async () => {
    const invocations = [{ event: { points: 1 } }, { event: { points: 1000 } }, { event: { points: 7, fail: true } },
      { event: { points: 0, send: [['other', -3.25, 'b:1', 'a:2'], ['other', 0, 'a:2', 'b:1'], ['no.tags', 1e-3]], answer: { batchItemFailures: [1, 2] } } }];
    const { theirs, ours } = await both({ env, invocations });
    const wanted = arrived(theirs);
    const found = arrived(ours);
    assert.deepEqual([...found.keys()].sort(), [...wanted.keys()].sort());
    for (const [key, { count: points, sum, values }] of wanted) {
      const mine = found.get(key);
      assert.equal(mine.count, points, key);
      assert.ok(Math.abs(mine.sum - sum) <= 1e-9 * Math.max(1, Math.abs(sum)), `${key}: ${mine.sum}, not ${sum}`);
      const sorted = [...values].sort((a, b) => a - b);
      for (const q of [0, 0.5, 0.95, 0.99, 1]) {
        const exact = sorted[roundTiesEven(q * (points - 1))];
        assert.ok(Math.abs(mine.sketch.quantile(q) - exact) <= Math.abs(exact) / 129, `${key} q${q}: ${mine.sketch.quantile(q)}, not ${exact}`);
      }
    }
  });
}

function roundTiesEven(x) {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** A row of the README's first table: a scenario, and what of it arrives with datadog-lambda-js and with pointmill. */
const LOSSES = [];
function loss(name, check) {
  LOSSES.push(name);
  test(`points are lost, theirs: ${name}`, { skip: missing }, check);
}

loss('a post that fails', async () => {
  const down = { env: { ...HTTP, POINTMILL_LAMBDA_FLUSH_TIMEOUT_MS: '1000' }, intake: { down_for: 1 } };
  const [first, last] = [{ event: { points: 10 } }, { event: { points: 5 } }];
  // When points are tried again is left to chance, and a flush does not wait for a moment beyond its budget: so
  // invocations without points follow until it has come.
  const again = { event: { points: 0, sleepMs: 200 }, until_accepted: 300 };
  const [theirs, ours] = await Promise.all([
    sandbox({ layer: THEIRS, ...down, invocations: [first, last] }),
    sandbox({ layer: OURS, ...down, invocations: [first, again] }),
  ]);
  assert.equal(points(theirs, 'my.metric'), 5);
  assert.equal(points(ours, 'my.metric'), 10);
});

loss('an intake that hangs', async () => {
  const env = { ...HTTP, POINTMILL_LAMBDA_DEADLINE_GUARD_MS: '9000' };
  const { theirs, ours } = await both({ env, intake: { delay_ms: 60_000 }, invocations: [{ timeout_ms: 10_000 }] });
  assert.deepEqual(outcomes(theirs), ['timeout'], 'the response waits for the intake');
  assert.deepEqual(outcomes(ours), ['response']);
});

loss('a timeout of the function', async () => {
  await Promise.all(['sleepMs', 'spinMs'].map((how) => withTime(async (time, last) => {
    const { theirs, ours } = await both({ env: { ...HTTP, ...time.env }, invocations: [{ event: { points: 100, [how]: 60_000 }, timeout_ms: time.ms }] });
    assert.equal(points(theirs, 'my.metric'), 0, how);
    const found = points(ours, 'my.metric');
    if (last) assert.equal(found, 100, how);
    return found === 100;
  })));
});

loss('the end of the sandbox', async () => {
  const { theirs, ours } = await both({ env: HTTP, invocations: [{ event: { points: 1, atTerm: true } }], end: 'term', term_ms: 10_000 });
  assert.equal(points(theirs, 'at.term'), 0);
  assert.equal(points(ours, 'at.term'), 1);
});

loss('code without a wrapper, HTTP mode', async () => {
  const { theirs, ours } = await both({ env: HTTP, handler: 'app.plain', invocations: [{ event: { points: 5 } }], end: 'term', term_ms: 10_000 });
  assert.equal(points(theirs, 'my.metric'), 0);
  assert.equal(points(ours, 'my.metric'), 5);
});

loss('points while others are being sent', async () => {
  const { theirs, ours } = await both({ env: HTTP, handler: 'app.late', intake: { delay_ms: 2000 }, invocations: [{}, {}] });
  assert.equal(points(theirs, 'after.response'), 0);
  assert.ok(points(ours, 'after.response') >= 1, 'they go with the next invocation');
});

loss('overlapping invocations', async () => {
  const { theirs, ours } = await both({ env: HTTP, handler: 'app.overlap', invocations: [{}] });
  assert.ok(points(theirs, 'slow') + points(theirs, 'quick') < 40);
  assert.equal(points(ours, 'slow'), 20);
  assert.equal(points(ours, 'quick'), 20);
});

loss('more than 1,024 points before the first invocation', async () => {
  const { theirs, ours } = await both({ env: { ...HTTP, POINTS_BEFORE: '1025' }, invocations: [{}] });
  assert.equal(points(theirs, 'before.first'), 1, 'the 1,025th throws the others away');
  assert.equal(points(ours, 'before.first'), 1025);
});

loss('a BigInt as value', async () => {
  const scenario = { invocations: [{ event: { points: 3, call: 'bigint' } }] };
  const [http, log] = await Promise.all([HTTP, LOG].map((env) => both({ env, ...scenario })));
  assert.equal(points(http.theirs, 'my.metric'), 0, 'every point of the invocation goes with it');
  assert.deepEqual(outcomes(log.theirs), ['error'], 'and in log mode the function fails');
  for (const { ours } of [http, log]) {
    good(ours);
    assert.equal(points(ours, 'my.metric'), 3);
    assert.equal(points(ours, 'hard'), 1);
  }
});

loss('a time that is no Date', async () => {
  for (const call of ['seconds', 'milliseconds', 'dateText']) {
    const scenario = { invocations: [{ event: { points: 3, call } }] };
    const [http, log] = await Promise.all([HTTP, LOG].map((env) => both({ env, ...scenario })));
    assert.equal(points(http.theirs, 'my.metric'), 0, `${call}: every point of the invocation goes with it`);
    assert.deepEqual(outcomes(log.theirs), ['error'], call);
    for (const { ours } of [http, log]) {
      good(ours);
      assert.equal(points(ours, 'my.metric'), 3, call);
      assert.equal(points(ours, 'hard'), 1, call);
    }
  }
});

loss('a number in a text, a boolean', async () => {
  const { theirs, ours } = await both({ env: LOG, invocations: [{ event: { call: 'text' } }, { event: { call: 'boolean' } }] });
  assert.match(theirs.stdout, /"m":"hard","t":\[[^\]]*\],"v":"5"/);
  assert.match(theirs.stdout, /"m":"hard","t":\[[^\]]*\],"v":true/);
  assert.deepEqual(lines(ours).filter(({ m }) => m === 'hard').map(({ v }) => v), [5, 1]);
});

loss('NaN and infinities', async () => {
  const { theirs, ours } = await both({ env: LOG, invocations: [{ event: { call: 'nan' } }, { event: { call: 'infinity' } }] });
  assert.equal(theirs.stdout.match(/"m":"hard","t":\[[^\]]*\],"v":null/g)?.length, 2);
  assert.doesNotMatch(ours.stdout, /"m":"hard"/);
  assert.match(ours.stdout, /hard.*(finite|NaN)/, 'a warning says so');
});

loss('an invalid date', async () => {
  const { theirs, ours } = await both({ env: LOG, invocations: [{ event: { call: 'invalidDate' } }] });
  assert.match(theirs.stdout, /"e":null,"m":"hard"/);
  assert.doesNotMatch(ours.stdout, /"m":"hard"/);
  assert.match(ours.stdout, /hard.*pass a Date/);
});

// ---- what else differs ----

/** The reports of one scenario, made once: in HTTP and in log mode, with either layer. */
let made;
async function reports() {
  const front = { requestContext: { http: { method: 'GET' } }, answer: { statusCode: 503 } };
  const invocations = [{ event: { points: 1 } }, { event: front }, ...['untagged', 'tagList', 'tagObject', 'tagNull', 'longTag', 'longName'].map((call) => ({ event: { call } }))];
  made ??= Promise.all([both({ env: HTTP, invocations }), both({ env: LOG, invocations })]).then(([http, log]) => ({ http, log }));
  return made;
}

const header = (report, name) => report.requests[0].headers[name];
/** The log lines of this name, as texts. */
const texts = (report, name) => report.stdout.split('\n').filter((line) => line.includes(`"m":"${name}"`));
const tags = (report, name) => texts(report, name).map((line) => JSON.parse(line).t);

/** A row of the README's second table. */
const DIFFERENCES = [];
function difference(name, check) {
  DIFFERENCES.push(name);
  test(`what differs: ${name}`, { skip: missing }, async () => check(await reports()));
}

difference('the values in HTTP mode', ({ http }) => {
  for (const { path } of http.theirs.requests) assert.match(path, /^\/api\/v1\/distribution_points/);
  for (const { path } of http.ours.requests) assert.equal(path, '/api/beta/sketches');
  assert.equal(header(http.theirs, 'content-encoding'), 'deflate');
  assert.equal(header(http.ours, 'content-encoding'), 'zstd');
});

difference('the API key', ({ http }) => {
  assert.match(http.theirs.requests[0].path, /\?api_key=key$/);
  assert.equal(header(http.theirs, 'dd-api-key'), undefined);
  assert.equal(header(http.ours, 'dd-api-key'), 'key');
});

difference('headers of the post', ({ http }) => {
  assert.ok(header(http.theirs, 'x-datadog-trace-id'));
  assert.equal(header(http.theirs, 'content-type'), undefined);
  assert.equal(header(http.ours, 'x-datadog-trace-id'), undefined);
  assert.equal(header(http.ours, 'content-type'), 'application/x-protobuf');
  assert.match(header(http.ours, 'dd-pointmill-batch'), /^[0-9a-f]{32}$/);
});

difference('the keys of a log line', ({ log }) => {
  assert.match(texts(log.theirs, 'my.metric')[0], /^\{"e":\d+,"m":"my.metric","t":\[.*\],"v":0.5\}$/);
  assert.match(texts(log.ours, 'my.metric')[0], /^\{"m":"my.metric","v":0.5,"e":\d+,"t":\[.*\]\}$/);
});

difference('the tag dd_lambda_layer', ({ log }) => {
  assert.ok(tags(log.theirs, 'my.metric')[0].includes(`dd_lambda_layer:datadog-node${process.version}`));
  assert.ok(tags(log.ours, 'my.metric')[0].includes(`dd_lambda_layer:pointmill-node${process.version}_0.1.0`));
});

difference('the tag datadog_lambda', ({ log }) => {
  assert.ok(tags(log.theirs, 'aws.lambda.enhanced.invocations')[0].includes('datadog_lambda:v12.143.0'));
  assert.ok(tags(log.ours, 'aws.lambda.enhanced.invocations')[0].includes('datadog_lambda:v0.1.0'));
});

difference('an answer of 5xx to an HTTP front', ({ log }) => {
  assert.equal(texts(log.theirs, 'aws.lambda.enhanced.errors').length, 0);
  assert.equal(texts(log.ours, 'aws.lambda.enhanced.errors').length, 1);
});

/** The tags of the calls above in their order, without the layer's own. */
const given = (report) => tags(report, 'hard').map((list) => list.filter((tag) => !/^dd_lambda_layer/.test(tag)));

difference('no DD_TAGS, and a date', ({ log }) => {
  assert.deepEqual(given(log.theirs)[0], ['']);
  assert.deepEqual(given(log.ours)[0], []);
});

difference('a list as a tag', ({ log }) => {
  assert.deepEqual(given(log.theirs)[1], [['a:1', 'b:2']]);
  assert.deepEqual(given(log.ours)[1], ['a:1', 'b:2']);
});

difference('null or an object as a tag', ({ log }) => {
  assert.deepEqual(given(log.theirs).slice(2, 4), [[{ a: 1 }, 'b:2'], [null, 'b:2']]);
  assert.deepEqual(given(log.ours).slice(2, 4), [['b:2'], ['b:2']]);
  assert.match(log.ours.stdout, /1 of its tags are no texts, or longer/);
});

difference('a tag of 10,000 characters', ({ log }) => {
  assert.deepEqual(given(log.theirs).slice(4), [['t'.repeat(10_000), 'b:2']]);
  assert.deepEqual(given(log.ours).slice(4), [['b:2']]);
});

difference('a name of 10,000 characters', ({ log }) => {
  const name = 'n'.repeat(10_000);
  assert.equal(texts(log.theirs, name).length, 1);
  assert.equal(texts(log.ours, name).length, 0);
  assert.match(log.ours.stdout, /pointmill: .*the point is left out/);
});

test('the rows of the README\'s two tables are these tests, and the other way round', () => {
  const readme = readFileSync(join(source, 'README.md'), 'utf8');
  const rows = (title) => new RegExp(`^### ${title}\n[\\s\\S]*?\n(\\|[\\s\\S]*?)\n\n`, 'm').exec(readme)[1].split('\n').slice(2).map((line) => line.split('|')[1].trim());
  assert.deepEqual(rows('Where points are lost'), LOSSES);
  assert.deepEqual(rows('What else differs'), DIFFERENCES);
});
