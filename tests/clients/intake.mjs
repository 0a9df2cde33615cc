// A running `pointmill intake` for a test, and questions to it. POINTMILL names the command.

import { spawn } from 'node:child_process';

/** Keys are letters and digits; some clients insist. */
export const KEY = '0123456789abcdef0123456789abcdef';
/** How far a percentile may be from the element of its rank. */
export const RELATIVE = 1 / 129;
/** Nothing here takes seconds; a busy machine may. */
const PATIENCE_MS = 60_000;

/** An intake on free ports; `stop` ends it. */
export async function intake() {
  const { POINTMILL_API_KEY: _, ...env } = process.env;
  const child = spawn(process.env.POINTMILL, ['intake', '--listen', '127.0.0.1:0', '--dogstatsd', '127.0.0.1:0', '--retention', '0', '--api-key', KEY],
    { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const said = await new Promise((resolve, reject) => {
    let text = '';
    child.stderr.setEncoding('utf8').on('data', (part) => {
      text += part;
      if (text.includes('stored in')) resolve(text);
    });
    child.on('exit', () => reject(new Error(`the intake ended: ${text}`)));
  });
  const url = /listening on (http:\/\/\S+)\//.exec(said)[1];
  const get = async (path, parameters = {}) => {
    const answer = await fetch(`${url}${path}?${new URLSearchParams(parameters)}`, { headers: { 'DD-API-KEY': KEY } });
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  };
  const names = async () => (await get('/v1/metrics')).metrics.map((metric) => metric.name);
  return {
    url,
    udpPort: Number(/DogStatsD at 127\.0\.0\.1:(\d+)/.exec(said)[1]),
    get,
    names,
    refused: async () => (await get('/v1/refused')).by_cause,
    /** The aggregations over everything of a metric; none if it has not arrived. */
    totals: async (metric, agg, parameters = {}) => {
      if (!(await names()).includes(metric)) return {};
      return (await get('/v1/query', { metric, agg, ...parameters })).groups[0]?.total ?? {};
    },
    stop: async () => {
      const ended = new Promise((done) => { child.removeAllListeners('exit').on('exit', done); });
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Waits until `look` answers true. */
export async function eventually(what, look) {
  for (const end = Date.now() + PATIENCE_MS; !(await look());) {
    if (Date.now() > end) throw new Error(`${what} did not happen`);
    await new Promise((done) => { setTimeout(done, 50); });
  }
}

/** `n` values between 1 and 10,000 with three binary places, so that sums are exact in any order. */
export function values(n, seed) {
  let state = seed;
  return Array.from({ length: n }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.round(10 ** (4 * state / 2 ** 32) * 8) / 8;
  });
}

/** The element of rank roundTiesEven(q (n - 1)). */
export function element(list, q) {
  const rank = q * (list.length - 1);
  const down = Math.floor(rank);
  const up = rank - down > 0.5 || (rank - down === 0.5 && down % 2 === 1);
  return [...list].sort((a, b) => a - b)[up ? down + 1 : down];
}
