// The stage `node` of `cargo xtask test`: builds everything, packs the package, installs it into an empty
// folder and runs the tests against what a user would have there.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { npmCi } from './npm.mjs';

const here = dirname(dirname(fileURLToPath(import.meta.url)));
const root = join(here, '..', '..');
const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
const work = join(target, 'node');
/** The goal is 2 MB, and 1.68 was reached; a bound with some room, so that it does not grow unseen. */
const PACKED_BYTES_MAX = 1_800_000;
/** As npm packs it, where there is no zopfli (see pack.mjs). */
const PACKED_BYTES_MAX_NPM = 1_900_000;

function run(program, args, cwd = here, env = {}) {
  console.log(`-- ${program} ${args.join(' ')}`);
  execFileSync(program, args, { cwd, stdio: 'inherit', env: { ...process.env, ...env } });
}

for (const name of ['package-lock.json', 'peers/package-lock.json']) {
  let text = '';
  try { text = readFileSync(join(here, name), 'utf8'); } catch { continue; }
  assert.doesNotMatch(text, /"resolved": "https?:/, `${name} names a registry; remove node_modules and the lock file, then npm install`);
}
console.log('-- npm ci');
npmCi(here);
run('node', ['scripts/peers.mjs']);
run('node', ['scripts/gen.mjs', '--check']);
// As for every package: a folder with the libraries, where they need not be built here.
const built = process.env.POINTMILL_BUILT;
if (!built) run('cargo', ['build', '--quiet', '--release', '--package', 'pointmill-capi'], root);
// What `dist` has left for another machine would be packed as well.
rmSync(join(here, 'prebuilds'), { recursive: true, force: true });
run('node', ['scripts/build.mjs', ...(built ? ['--library', join(built, 'libpointmill.a')] : [])]);
run('node', ['node_modules/typescript/bin/tsc', '--project', 'test/types']);

rmSync(work, { recursive: true, force: true });
mkdirSync(work, { recursive: true });
run('node', ['scripts/pack.mjs', work]);
const [packed] = readdirSync(work).filter((name) => name.endsWith('.tgz'));
const { size } = statSync(join(work, packed));
console.log(`-- ${packed}: ${size} bytes`);
const most = spawnSync('zopfli', ['-h']).error === undefined ? PACKED_BYTES_MAX : PACKED_BYTES_MAX_NPM;
assert.ok(size <= most, `${packed} has ${size} bytes; at most ${most} are allowed`);

const installed = join(work, 'installed');
mkdirSync(installed);
writeFileSync(join(installed, 'package.json'), '{ "private": true }\n');
run('npm', ['install', '--silent', '--offline', '--no-audit', '--no-fund', join(work, packed)], installed);
cpSync(join(here, 'test'), join(installed, 'test'), { recursive: true });
const tests = readdirSync(join(installed, 'test')).filter((name) => name.endsWith('.test.mjs')).sort();
// Most of the time the tests wait for sandboxes, so more of them run than there are processors.
run('node', ['--test', '--test-concurrency=5', ...tests.map((name) => join('test', name))], installed, { POINTMILL_NODE_SOURCE: here });
