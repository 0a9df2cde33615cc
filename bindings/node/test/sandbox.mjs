// A function under AWS's own runtime interface client, on the small Lambda of bindings/runtime-api; and
// what arrived, read from log lines, distribution points or sketches into one shape.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inflateSync } from 'node:zlib';

import { Sketch } from 'pointmill';

import { root, source, sourceRequire } from './support.mjs';

const require = createRequire(import.meta.url);
const here = dirname(fileURLToPath(import.meta.url));

/** Where scripts/peers.mjs has put AWS's client and the layer we stand in for. */
const peers = join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), 'node-peers');
const client = join(peers, 'aws-lambda-ric', 'bin', 'index.mjs');
export const missing = existsSync(join(peers, 'aws-lambda-ric', 'dist', 'rapid-client.node')) ? false : `no AWS client in ${peers}; run scripts/peers.mjs`;

export const OURS = require.resolve('pointmill/lambda');
export const THEIRS = join(source, 'peers', 'node_modules', 'datadog-lambda-js');

/** Runs a scenario (see runtime_api.py) and answers its report. */
export async function sandbox({ layer = OURS, handler = 'app.handler', env = {}, invocations = [{}], ...scenario }) {
  const folder = mkdtempSync(join(tmpdir(), 'pointmill-'));
  try {
    writeFileSync(join(folder, 'scenario.json'), JSON.stringify({
      // So much time that a busy machine does not matter; tests of a limit set their own.
      init_timeout_ms: 60_000,
      term_ms: 30_000,
      ...scenario,
      invocations: invocations.map((invocation) => ({ timeout_ms: 60_000, ...invocation })),
      function: { handler, ...scenario.function },
      env: { LAYER: layer, DD_TRACE_ENABLED: 'false', DD_API_KEY: 'key', ...env },
    }));
    return JSON.parse(await output('python3', [join(root, 'bindings', 'runtime-api', 'runtime_api.py'), join(folder, 'scenario.json'), '--',
      process.execPath, client, handler], join(here, 'app')));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function output(program, args, cwd) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part) => { text += part; });
    child.on('error', reject).on('close', (code) => (code === 0 ? resolve(text) : reject(new Error(`${program} ended with ${code}`))));
  });
}

/** The environment of HTTP mode: the intake is the sandbox's own, for either layer. */
export const HTTP = {
  DATADOG_HOST: 'http://127.0.0.1:${PORT}',
  NODE_OPTIONS: `--require ${join(here, 'app', 'redirect.cjs')}`,
  REDIRECT_TO: 'http://127.0.0.1:${PORT}',
  POINTMILL_LAMBDA_FLUSH_TIMEOUT_MS: '30000',
};
export const LOG = { DD_FLUSH_TO_LOG: 'true' };

/**
 * Lets an invocation run into its time limit. The flush before it begins so early that there is time to send; a
 * machine that stands still for so long gets further tries. `attempt` says whether all has arrived.
 */
export async function withTime(attempt) {
  const limits = [4000, 12_000, 36_000];
  for (const ms of limits) {
    const time = { ms, env: { POINTMILL_LAMBDA_DEADLINE_GUARD_MS: String(ms / 2) } };
    if (await attempt(time, ms === limits.at(-1))) return;
  }
}

/** The log lines that the forwarder would take as points. */
export function lines(report) {
  return report.stdout.split('\n').map((line) => {
    try { return JSON.parse(line); } catch { return undefined; }
  }).filter((line) => line !== null && typeof line === 'object' && ['m', 'v', 'e', 't'].every((key) => Object.hasOwn(line, key))
    && typeof line.v === 'number' && Array.isArray(line.t));
}

/** What the layers name themselves by; everything else must be the same. */
const OWN_TAGS = /^(dd_lambda_layer|datadog_lambda):/;

/** One series as it arrived: how many points, their sum, and how to ask for a percentile. */
class Arrived {
  values = [];
  sketch = new Sketch();
  sum = 0;
  add(value) {
    this.values.push(value);
    this.sum += value;
    this.sketch.insert(value);
  }
  merge(sketch) {
    this.sum += sketch.summary().sum;
    this.sketch.merge(sketch);
  }
  get count() { return this.sketch.count; }
}

/** Everything that arrived: name and tags (sorted, without the layers' own) → Arrived. */
export function arrived(report, { ignoreRequests = false } = {}) {
  const series = new Map();
  const at = (name, tags) => {
    const key = `${name}|${[...new Set(tags)].filter((tag) => !OWN_TAGS.test(tag)).sort().join(',')}`;
    if (!series.has(key)) series.set(key, new Arrived());
    return series.get(key);
  };
  for (const { m, v, t } of lines(report)) at(m, t).add(v);
  for (const request of ignoreRequests ? [] : report.requests) {
    if (request.status >= 300) continue;
    if (request.path.includes('distribution_points')) {
      for (const { metric, tags, points } of JSON.parse(decoded(request)).series) {
        for (const [, values] of points) for (const value of values) if (Number.isFinite(value)) at(metric, tags).add(value);
      }
    } else if (request.path.includes('sketches')) {
      for (const { metric, tags, sketches } of sketchPayload(decoded(request))) for (const sketch of sketches) at(metric, tags).merge(sketch);
    }
  }
  return series;
}

function decoded({ body, headers }) {
  const bytes = Buffer.from(body, 'base64');
  switch (headers['content-encoding']) {
    case undefined: case 'identity': return bytes;
    case 'deflate': return inflateSync(bytes);
    case 'zstd': return Buffer.from(sourceRequire('fzstd').decompress(bytes));
    default: throw new Error(`unknown encoding ${headers['content-encoding']}`);
  }
}

/** The fields of a protobuf message: [number, value or bytes]. */
function* fields(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const wire = tag & 7;
    if (wire === 0) yield [tag >> 3, varint()];
    else if (wire === 1) { yield [tag >> 3, bytes.subarray(at, at + 8)]; at += 8; }
    else if (wire === 2) { const length = Number(varint()); yield [tag >> 3, bytes.subarray(at, at + length)]; at += length; }
    else throw new Error(`wire type ${wire}`);
  }
}

/** The Agent's SketchPayload: sketches = 1 { metric = 1, tags = 4, dogsketches = 7 }. */
function sketchPayload(bytes) {
  const series = [];
  for (const [number, message] of fields(bytes)) {
    if (number !== 1) continue;
    const one = { metric: '', tags: [], sketches: [] };
    for (const [field, value] of fields(message)) {
      if (field === 1) one.metric = value.toString();
      if (field === 4) one.tags.push(value.toString());
      if (field === 7) one.sketches.push(Sketch.decode(value));
    }
    series.push(one);
  }
  return series;
}
