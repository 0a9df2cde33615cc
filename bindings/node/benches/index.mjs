// Prints one table: pointmill beside datadog-lambda-js, measured in one run.
//
//   npm run bench            (needs: npm run build, node scripts/peers.mjs)
//
// Every figure is the median of its rounds, with the best beside it; rounds of the two alternate, because
// the speed of a shared machine moves. Every point is counted where it arrives, so nothing is fast by losing some. The goals are those the package was built towards.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { arrived } from '../test/sandbox.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const base = dirname(here);
const OURS = join(base, 'lib', 'lambda', 'index.js');
const THEIRS = join(base, 'peers', 'node_modules', 'datadog-lambda-js', 'dist', 'index.js');
const ROUNDS = Number(process.env.ROUNDS ?? 9);

if (!existsSync(THEIRS)) {
  console.error('datadog-lambda-js is missing: run `node scripts/peers.mjs` first');
  process.exit(1);
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
const node = (args, env = {}) => execFileSync(process.execPath, args, { env: { ...process.env, ...env }, encoding: 'utf8' });

/** An intake in a process of its own, so that its work is not ours. A GET takes what was posted. */
async function intake() {
  const child = spawn(process.execPath, ['--eval', `
    let requests = [];
    const server = require('node:http').createServer((request, response) => {
      if (request.method === 'GET') {
        response.end(JSON.stringify(requests));
        requests = [];
        return;
      }
      const parts = [];
      request.on('data', (part) => parts.push(part)).on('end', () => {
        const { url: path, headers } = request;
        requests.push({ path, headers, status: 202, body: Buffer.concat(parts).toString('base64') });
        response.writeHead(202).end('{}');
      });
    }).listen(0, '127.0.0.1', () => console.log(server.address().port));`], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = await once(child.stdout.setEncoding('utf8'), 'data');
  return { url: `http://127.0.0.1:${port.trim()}`, stop: () => child.kill() };
}

const rows = [];
/** One row: rounds of ours and, if there is one, of theirs, as numbers of `unit`. */
function row(what, unit, goal, ours, theirs = []) {
  const [mine, other] = [median(ours), theirs.length > 0 ? median(theirs) : undefined];
  const digits = unit === 'ns' && mine < 100 ? 1 : unit === 'ms' ? 2 : 0;
  rows.push({
    what,
    pointmill: `${mine.toFixed(digits)} (${Math.min(...ours).toFixed(digits)}) ${unit}`,
    'datadog-lambda-js': other === undefined ? '–' : `${other.toFixed(digits)} (${Math.min(...theirs).toFixed(digits)}) ${unit}`,
    quotient: other === undefined ? '–' : (mine / other).toFixed(3),
    goal: goal === undefined ? '–' : `≤ ${goal} ${unit}`,
    reached: goal === undefined ? '–' : mine <= goal ? 'yes' : Math.min(...ours) <= goal ? 'best only' : 'no',
  });
}

/** Rounds of a measuring program that prints one JSON object of numbers; `check` looks at each. */
async function rounds(script, layers, env, { count = ROUNDS, check = () => {} } = {}) {
  const results = layers.map(() => []);
  for (let i = 0; i < count; i++) {
    for (const [j, layer] of layers.entries()) {
      const result = JSON.parse(node([join(here, script), layer], env));
      await check(result);
      results[j].push(result);
    }
  }
  return results;
}

/** What a process sent must have arrived, every point of it. */
async function checkArrived({ points }) {
  const requests = await (await fetch(url)).json();
  const found = [...arrived({ requests, stdout: '' }).values()].reduce((sum, series) => sum + series.count, 0);
  if (found !== points) throw new Error(`${found} points arrived instead of ${points}`);
}
const column = (results, name) => results.map((result) => result[name]).filter((number) => number !== undefined);

const { url, stop } = await intake();
const env = { DATADOG_HOST: url, DD_API_KEY: 'key', DD_TRACE_ENABLED: 'false', DD_ENHANCED_METRICS: 'false',
  REDIRECT_TO: url, NODE_OPTIONS: `--require ${join(base, 'test', 'app', 'redirect.cjs')}` };
try {
  const [calls] = await rounds('calls.cjs', [join(base, 'lib', 'index.js')], {});
  const [ours, theirs] = await rounds('invocation.cjs', [OURS, THEIRS], env, { check: checkArrived });
  row('record on a held distribution', 'ns', 8, column(calls, 'heldDistribution'));
  row('record on a held count', 'ns', 8, column(calls, 'heldCount'));
  row('of it in JavaScript, the rest is the engine', 'ns', undefined, column(calls, 'ringOnly'));
  row('record on 16 held distributions in turn', 'ns', undefined, column(calls, 'inTurn'));
  row('by name, 2 known tags', 'ns', 45, column(calls, 'byName'));
  row('recordMany, a value', 'ns', undefined, column(calls, 'many'));
  row('the drop-in call with 2 tags, after warm-up', 'ns', 120, column(ours, 'callNs'), column(theirs, 'callNs'));
  row('end-of-invocation flush, 1,000 points, 20 contexts', 'ms', 2, column(ours, 'flushMs'), column(theirs, 'flushMs'));
  const [loadOurs, loadTheirs] = await rounds('load.cjs', [OURS, THEIRS], { DD_TRACE_ENABLED: 'false' }, { count: ROUNDS * 2 });
  row('require of the lambda module', 'ms', 5, column(loadOurs, 'ms'), column(loadTheirs, 'ms'));
} finally {
  stop();
}
const folder = mkdtempSync(join(tmpdir(), 'pointmill-'));
node([join(base, 'scripts', 'pack.mjs'), folder]);
row('package, zipped, one architecture', 'kB', 2000, [statSync(join(folder, readdirSync(folder)[0])).size / 1000]);
rmSync(folder, { recursive: true });

console.log(`Node ${process.version}, median (best) of ${ROUNDS} rounds`);
console.table(Object.fromEntries(rows.map(({ what, ...rest }) => [what, rest])));
