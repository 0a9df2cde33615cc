'use strict';
// Layer 1: finds and loads the one native file. No install script, no search beyond this package.

const { existsSync } = require('node:fs');
const { join } = require('node:path');

const { ABI_MAJOR, ABI_MINOR } = require('./generated.js');

/** Whether the C library of this process is musl (Alpine): its report then names no glibc version. */
function isMusl() {
  if (process.platform !== 'linux') return false;
  // glibc's loader is where every glibc system has it; only without it is the costly report asked.
  if (existsSync('/lib64/ld-linux-x86-64.so.2') || existsSync('/lib/ld-linux-aarch64.so.1')) return false;
  const { glibcVersionRuntime } = process.report?.getReport().header ?? {};
  return glibcVersionRuntime === undefined;
}

/** The folder under prebuilds/ for this process, for instance "linux-x64". */
function platformFolder() {
  return `${process.platform}-${process.arch}${isMusl() ? '-musl' : ''}`;
}

function load() {
  const folder = platformFolder();
  const file = join(__dirname, '..', 'prebuilds', folder, 'pointmill.node');
  let native;
  try {
    native = require(file);
  } catch (cause) {
    if (existsSync(file)) throw cause;
    throw new Error(
      `pointmill: this package has no native file for ${folder} (looked for ${file}). Use a package built for this ` +
      'platform, or build it from a checkout with `npm run build` in bindings/node.',
      { cause },
    );
  }
  const abi = native.abiVersion();
  if (abi >>> 16 !== ABI_MAJOR || (abi & 0xffff) < ABI_MINOR) {
    throw new Error(
      `pointmill: the native file speaks ABI ${abi >>> 16}.${abi & 0xffff}, this package needs ` +
      `${ABI_MAJOR}.${ABI_MINOR}; install the package again so that both are of one release.`,
    );
  }
  return native;
}

module.exports = { load, platformFolder };
