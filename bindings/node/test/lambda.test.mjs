// The layer under AWS's own client: what is sent, when, and that the function never notices.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';

import { HTTP, LOG, OURS, arrived, lines, missing, sandbox, withTime } from './sandbox.mjs';

const skip = missing;
const outcomes = (report) => report.invocations.map(({ outcome }) => outcome);
const bodies = (report) => report.invocations.map(({ body }) => JSON.parse(body));
const count = (series, prefix) => [...series].filter(([key]) => key.startsWith(`${prefix}|`)).reduce((sum, [, { count: points }]) => sum + points, 0);

test('cold, warm and failing invocations carry the enhanced metrics with the exact tags, in order', { skip }, async () => {
  const report = await sandbox({ env: LOG, invocations: [{}, {}, { event: { fail: true } }] });
  assert.deepEqual(outcomes(report), ['response', 'response', 'error'], report.stderr);
  const tags = (coldStart) => ['region:us-east-1', 'account_id:123497598159', 'functionname:my-test-lambda', 'resource:my-test-lambda',
    'memorysize:128', `cold_start:${coldStart}`, 'datadog_lambda:v0.1.0', `runtime:nodejs${process.versions.node.split('.')[0]}.x`];
  const enhanced = lines(report).filter(({ m }) => m.startsWith('aws.lambda.enhanced.'));
  assert.deepEqual(enhanced.map(({ m, v, t }) => [m.slice(20), v, t]), [
    ['invocations', 1, tags(true)], ['invocations', 1, tags(false)], ['invocations', 1, tags(false)], ['errors', 1, tags(false)],
  ]);
  for (const line of lines(report)) assert.deepEqual(Object.keys(line).sort(), ['e', 'm', 't', 'v'], 'the four keys, and no other');
});

test('a log line has the value, the second and the tags that were given, then the layer\'s', { skip }, async () => {
  const before = Math.floor(Date.now() / 1000);
  const report = await sandbox({ env: LOG, invocations: [{ event: { points: 0, send: [['my.métric', 1.5, 'b:2', 'a:1']], dated: [['dated', 7, 1487076708123, 'x:y']] } }] });
  const [now] = lines(report).filter(({ m }) => m === 'my.métric');
  assert.deepEqual(now.t, ['b:2', 'a:1', `dd_lambda_layer:pointmill-node${process.version}_0.1.0`]);
  assert.equal(now.v, 1.5);
  assert.ok(Number.isInteger(now.e) && now.e >= before && now.e <= Date.now() / 1000);
  const [dated] = lines(report).filter(({ m }) => m === 'dated');
  assert.equal(dated.e, 1487076708);
});

for (const [mode, env] of [['log', LOG], ['http', HTTP]]) {
  test(`${mode} mode: 1 and 1,000 points of an invocation are out before its response`, { skip }, async () => {
    const report = await sandbox({ env, invocations: [{ event: { points: 1 } }, { event: { points: 1000 } }, { event: { points: 0 } }] });
    assert.deepEqual(outcomes(report), ['response', 'response', 'response'], report.stderr);
    assert.equal(count(arrived(report), 'my.metric'), 1001);
    // Of an invocation in which an interval ends there are two requests.
    if (mode === 'http') assert.deepEqual([...new Set(report.requests.map(({ after }) => after))], [0, 1], 'sent within its own invocation, and none for nothing');
  });

  test(`${mode} mode: a frozen and thawed sandbox loses nothing and doubles nothing`, { skip }, async () => {
    const invocations = Array.from({ length: 5 }, () => ({ event: { points: 25 }, freeze_ms: 1000 }));
    const report = await sandbox({ env, handler: 'app.late', invocations });
    assert.deepEqual(outcomes(report), Array(5).fill('response'), report.stderr);
    const series = arrived(report);
    assert.equal(count(series, 'my.metric'), 125);
    // Those of the last invocation have no next one; a thaw may bring an invocation before the timer that is due.
    assert.ok(count(series, 'after.response') >= 3, 'points made after a response go with the next one');
  });

  test(`${mode} mode: a timeout takes no point along, whether the handler waits or spins`, { skip }, async () => {
    await Promise.all(['sleepMs', 'spinMs'].map((how) => withTime(async (time, last) => {
      const report = await sandbox({ env: { ...env, ...time.env }, invocations: [{ event: { points: 100, [how]: 60_000 }, timeout_ms: time.ms }, { event: { points: 1 } }] });
      assert.deepEqual(outcomes(report), ['timeout', 'response'], report.stderr);
      const found = count(arrived(report), 'my.metric');
      if (last) assert.equal(found, 101, how);
      return found === 101;
    })));
  });

  test(`${mode} mode: SIGTERM sends what waits`, { skip }, async () => {
    const report = await sandbox({ env, invocations: [{ event: { points: 1, atTerm: true } }], end: 'term' });
    assert.equal(count(arrived(report), 'at.term'), 1);
    assert.equal(report.exit_status, -15, 'and the process ends of it, as without a listener');
  });
}

test('http mode: the key travels in the header, never in the URL', { skip }, async () => {
  const { requests: [request] } = await sandbox({ env: HTTP, invocations: [{}] });
  assert.equal(request.headers['dd-api-key'], 'key');
  assert.doesNotMatch(request.path, /key/);
  assert.match(request.path, /sketches/);
});

test('http mode: what an intake does not take is kept and sent with the next invocation', { skip }, async () => {
  const report = await sandbox({ env: HTTP, intake: { statuses: [503, 503, 202] }, invocations: [{ event: { points: 10 } }, { event: { points: 5 } }, { event: { points: 1 } }, {}, {}] });
  assert.deepEqual(new Set(outcomes(report)), new Set(['response']));
  assert.equal(count(arrived(report), 'my.metric'), 18, JSON.stringify(report.requests.map(({ status, after }) => [status, after])));
});

test('http mode: an intake that hangs costs the function no more than its budget', { skip }, async () => {
  const env = { ...HTTP, POINTMILL_LAMBDA_DEADLINE_GUARD_MS: '29000' };
  const report = await sandbox({ env, intake: { statuses: [202], delay_ms: 90_000 }, invocations: [{ timeout_ms: 30_000 }, { timeout_ms: 30_000 }] });
  assert.deepEqual(outcomes(report), ['response', 'response'], 'answered before the deadline');
});

test('beside the extension points are datagrams, and local tests ask it to flush', { skip }, async (t) => {
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  const datagrams = [];
  socket.on('message', (message) => datagrams.push(...message.toString().split('\n').filter((line) => line !== '')));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  // Any file stands for the extension's own; its HTTP side is the sandbox's intake.
  const CONFIG = JSON.stringify({ localTesting: true, extensionPath: process.execPath, extensionUrl: 'http://127.0.0.1:${PORT}', dogstatsdUrl: `udp://127.0.0.1:${socket.address().port}` });
  const report = await sandbox({ env: { CONFIG, DD_API_KEY: '' }, invocations: [{ event: { points: 10 } }, { event: { points: 0, dated: [['dated', 7, Date.now(), 'x:y']] } }] });
  assert.deepEqual(outcomes(report), ['response', 'response'], report.stdout + report.stderr);
  for (let i = 0; i < 600 && datagrams.length < 11; i++) await new Promise((done) => setTimeout(done, 100));
  const sent = (name) => datagrams.filter((line) => line.startsWith(`${name}:`));
  assert.deepEqual(sent('my.metric').map((line) => /^my\.metric:([\d.]+)\|d\|#env:test,i:\d+,dd_lambda_layer:pointmill-node[^|]*\|T\d{10}$/.exec(line)?.[1]),
    Array.from({ length: 10 }, (_, i) => String(i + 0.5)), datagrams.join('\n'));
  assert.equal(sent('dated').length, 1);
  assert.ok(report.requests.some(({ path }) => path === '/lambda/flush'), JSON.stringify(report.requests.map(({ path }) => path)));
});

test('what is only dated carries DD_TAGS, DD_SERVICE and DD_ENV', { skip }, async () => {
  const env = { ...LOG, DD_TAGS: 'team:a, zone:b,', DD_SERVICE: 'shop', DD_ENV: 'test' };
  const report = await sandbox({ env, invocations: [{ event: { points: 1, dated: [['dated', 7, 1487076708123, 'x:y']] } }] });
  const [dated] = lines(report).filter(({ m }) => m === 'dated');
  assert.deepEqual(dated.t.slice(0, 5), ['x:y', 'team:a', 'zone:b', 'service:shop', 'env:test']);
  const [now] = lines(report).filter(({ m }) => m === 'my.metric');
  assert.deepEqual(now.t.slice(0, 2), ['env:test', 'i:0']);
  assert.ok(!now.t.includes('team:a'));
});

test('every style of handler ends, answers and sends', { skip }, async () => {
  for (const handler of ['app.handler', 'app.sync', 'app.callback', 'app.done', 'app.never', 'app.stream']) {
    const report = await sandbox({ env: LOG, handler, invocations: [{ event: { points: 2 } }, { event: { points: 3 } }] });
    assert.deepEqual(outcomes(report), ['response', 'response'], `${handler}: ${report.stdout}${report.stderr}`);
    assert.equal(count(arrived(report), 'my.metric'), 5, handler);
    if (handler !== 'app.stream') assert.deepEqual(bodies(report)[0], handler === 'app.never' ? null : { ok: true }, handler);
  }
  for (const handler of ['app.handler', 'app.sync', 'app.callback', 'app.fail']) {
    const report = await sandbox({ env: LOG, handler, invocations: [{ event: { points: 2, fail: true } }] });
    assert.deepEqual(outcomes(report), ['error'], handler);
    assert.match(bodies(report)[0].errorMessage, /boom/);
    const series = arrived(report);
    assert.equal(count(series, 'my.metric'), 2, handler);
    assert.equal(count(series, 'aws.lambda.enhanced.errors'), 1, handler);
  }
});

test('the no-code entry wraps the handler that DD_LAMBDA_HANDLER names; one that does not load is an error', { skip }, async () => {
  const env = { ...LOG, DD_LAMBDA_HANDLER: 'app.plain' };
  const good = await sandbox({ env, handler: noCode(), invocations: [{}] });
  assert.deepEqual(outcomes(good), ['response'], good.stdout + good.stderr);
  assert.equal(count(arrived(good), 'aws.lambda.enhanced.invocations'), 1);
  const bad = await sandbox({ env: { ...LOG, DD_LAMBDA_HANDLER: 'broken.handler' }, handler: noCode(), invocations: [{}] });
  assert.equal(count(arrived(bad), 'aws.lambda.enhanced.errors'), 1, bad.stdout);
  assert.equal(count(arrived(bad), 'aws.lambda.enhanced.invocations'), 0);
  assert.match(bad.stdout + bad.stderr, /does not load/);
});

/** The entry's path as a handler text, from the folder of the functions. */
function noCode() {
  return `${OURS.replace(/lib\/lambda\/index\.js$/, 'lambda/handler')}.handler`;
}

test('partial batch failures and answers of the 500s are counted, one error an invocation at most', { skip }, async () => {
  const http = { requestContext: { http: { method: 'GET' } } };
  const report = await sandbox({ env: LOG, invocations: [
    { event: { answer: { batchItemFailures: [{}, {}, {}] } } }, { event: { answer: { batchItemFailures: [] } } },
    { event: { ...http, answer: { statusCode: 503 } } }, { event: { ...http, answer: { statusCode: 404 } } },
    { event: { ...http, fail: true } }, { event: { answer: { statusCode: 500 } } },
  ] });
  const of = (name) => lines(report).filter(({ m }) => m === `aws.lambda.enhanced.${name}`).map(({ v }) => v);
  assert.deepEqual(of('batch_item_failures'), [3, 0]);
  assert.deepEqual(of('errors'), [1, 1], 'the 503 and the exception; 500 without an HTTP front is just an answer');
  assert.equal(of('invocations').length, 6);
});

test('points made before the first invocation keep their time and are sent, however many', { skip }, async () => {
  const report = await sandbox({ env: { ...LOG, POINTS_BEFORE: '3000' }, invocations: [{ event: { points: 0 } }] });
  assert.equal(count(arrived(report), 'before.first'), 3000);
});

test('whatever is handed over, the function answers, and all that is usable arrives', { skip }, async () => {
  for (const env of [LOG, HTTP]) {
    const report = await sandbox({ env, invocations: [{ event: { points: 10, strange: true } }] });
    assert.deepEqual(outcomes(report), ['response'], report.stdout);
    const series = arrived(report);
    assert.equal(count(series, 'my.metric'), 10);
    assert.equal(count(series, 'usable.value'), 4);
    assert.equal(count(series, 'usable.time'), 1);
    assert.equal(count(series, 'usable.held'), 1);
    assert.equal(count(series, 'strange.tags'), 2, 'a point is worth more than a tag');
    assert.equal(count(series, 'strange.value') + count(series, 'strange.time'), 0);
    assert.equal(count(series, 'half.\ufffd'), 1);
    assert.match(report.stdout, /the value null is no number/);
  }
});

test('options that cannot be used are left out with a warning, and the function runs', { skip }, async () => {
  // The log's file descriptor is looked at when the layer is made, the others before.
  for (const [config, warning] of [[{ logFd: 99, enhancedMetrics: false }, /option log_fd is left out/], [{ mode: 'pigeon', flushTimeoutMs: -1 }, /option mode is left out[\s\S]*flush_timeout_ms/],
    [{ logFd: 99, extensionPath: process.execPath, dogstatsdUrl: 'x', mode: 'extension' }, /left out/], [{ pigeon: 1 }, /option pigeon is not known/]]) {
    const report = await sandbox({ env: { ...LOG, CONFIG: JSON.stringify(config) }, invocations: [{}] });
    assert.deepEqual(outcomes(report), ['response'], report.stdout + report.stderr);
    assert.match(report.stdout + report.stderr, warning);
    if (config.mode !== 'extension') assert.equal(count(arrived(report), 'my.metric'), 1);
    if (config.enhancedMetrics === false) assert.doesNotMatch(report.stdout, /aws\.lambda/, 'the other options hold');
  }
});

test('enhanced metrics can be switched off', { skip }, async () => {
  const report = await sandbox({ env: { ...LOG, DD_ENHANCED_METRICS: 'false' }, invocations: [{ event: { fail: true } }] });
  assert.deepEqual(lines(report).filter(({ m }) => m.startsWith('aws.')), []);
});
