// What the tests share. The package is found by its own name: in this folder and where it was installed alike.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** bindings/node of the checkout; the stage that tests an installed package sets it. */
export const source = process.env.POINTMILL_NODE_SOURCE ?? dirname(dirname(fileURLToPath(import.meta.url)));
/** The checkout. */
export const root = join(source, '..', '..');
/** For development dependencies, which an installed package does not have. */
export const sourceRequire = createRequire(join(source, 'package.json'));

/** The ledger balances: nothing is lost without being counted. */
export function assertBalances(stats) {
  assert.ok(stats.balances(), JSON.stringify(stats));
}

/** The first entry of this name that has all these tags. */
export function find(snapshot, name, tags = []) {
  return [...snapshot].find((entry) => entry.name === name && tags.every((tag) => entry.tags.includes(tag)));
}

/** The call throws one of our errors with this code, and a message that matches. */
export function assertCode(call, code, message = /./) {
  assert.throws(call, (error) => {
    assert.equal(error.code, code, error.stack);
    assert.match(error.message, message);
    return true;
  });
}

/** So long that a busy machine does not matter. */
export const LONG_MS = 60_000;

/** An intake that answers with these statuses, the last one for ever, until the test `t` is over. */
export async function intake(t, ...statuses) {
  const requests = [];
  const server = createServer((request, response) => {
    let bytes = 0;
    request.on('data', (part) => { bytes += part.length; });
    request.on('end', () => {
      requests.push({ path: request.url, key: request.headers['dd-api-key'], bytes });
      response.writeHead(statuses[Math.min(requests.length, statuses.length) - 1] ?? 202).end('{}');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, requests };
}

/** Waits until the condition holds; false if it never does. */
export async function until(condition) {
  const end = Date.now() + LONG_MS;
  while (Date.now() < end) {
    if (await condition()) return true;
    await setTimeout(50);
  }
  return false;
}
