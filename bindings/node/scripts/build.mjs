// Compiles the shim with the engine inside: prebuilds/<platform>-<arch>[-musl]/pointmill.node.
//
//   node scripts/build.mjs [--library PATH/libpointmill.a] [--platform linux-arm64]
//
// CC chooses the compiler (`zig cc -target x86_64-linux-gnu.2.17` gives a file for old systems);
// without --library the static library of this checkout's release build is taken, without --platform
// the file is for this machine.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = dirname(dirname(fileURLToPath(import.meta.url)));
const root = join(here, '..', '..');
const require = createRequire(import.meta.url);
const { platformFolder } = require('../lib/loader.js');

const { values: { library, platform } } = parseArgs({
  options: {
    library: { type: 'string', default: join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), 'release', 'libpointmill.a') },
    platform: { type: 'string', default: platformFolder() },
  },
});
if (!existsSync(library)) {
  console.error(`${library} is missing; build it with: cargo build --release --package pointmill-capi`);
  process.exit(1);
}

const folder = join(here, 'prebuilds', platform);
mkdirSync(folder, { recursive: true });
const [cc, ...ccArgs] = (process.env.CC ?? 'cc').split(' ');
execFileSync(cc, [
  ...ccArgs,
  '-std=c11', '-O2', '-fPIC', '-shared', '-fvisibility=hidden', '-pthread',
  '-Wall', '-Wextra', '-Wpedantic', '-Werror',
  '-DPOINTMILL_STATIC',
  `-I${join(root, 'include')}`,
  `-I${require('node-api-headers').include_dir}`,
  ...readdirSync(join(here, 'native')).filter((name) => name.endsWith('.c')).sort().map((name) => join(here, 'native', name)),
  library,
  // Two Rust libraries in one process must not see each other's symbols.
  `-Wl,--version-script=${join(here, 'native', 'exports.map')}`, '-Wl,--exclude-libs,ALL',
  '-Wl,--gc-sections', '-Wl,-s', '-Wl,-z,now', '-Wl,--no-undefined-version',
  '-lm', '-ldl', cc.includes('zig') ? '-lunwind' : '-lgcc_s',
  '-o', join(folder, 'pointmill.node'),
], { stdio: 'inherit' });
console.log(`${join(folder, 'pointmill.node')} built`);
