// What the tests share. The package is found by its own name: in this folder and where it was installed alike.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** bindings/node of the checkout; the stage that tests an installed package sets it. */
export const source = process.env.POINTMILL_NODE_SOURCE ?? dirname(dirname(fileURLToPath(import.meta.url)));
/** The checkout. */
export const root = join(source, '..', '..');
/** For development dependencies, which an installed package does not have. */
export const sourceRequire = createRequire(join(source, 'package.json'));

/** The ledger balances: nothing is lost without being counted. */
export function assertBalances(stats) {
  const causes = Object.entries(stats).filter(([name]) => /^(rejected|dropped)/.test(name)).reduce((sum, [, points]) => sum + points, 0);
  assert.equal(stats.flushed + stats.pending + causes, stats.recorded, JSON.stringify(stats));
}

/** The call throws one of our errors with this code, and a message that matches. */
export function assertCode(call, code, message = /./) {
  assert.throws(call, (error) => {
    assert.equal(error.code, code, error.stack);
    assert.match(error.message, message);
    return true;
  });
}
