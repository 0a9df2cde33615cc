// Gets what the Lambda tests run under and compare with, at the versions of peers/package-lock.json:
// AWS's runtime interface client, whose native part is compiled once, and datadog-lambda-js.
//
// The client's own install step configures and builds the curl it brings, which takes minutes, and fetches
// Node's headers. Here its sources are compiled as they are, with the headers of its curl, the libcurl of
// the system and the headers that lie beside node: seconds.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { npmCi } from './npm.mjs';

const here = dirname(dirname(fileURLToPath(import.meta.url)));
const root = join(here, '..', '..');
const peers = join(here, 'peers');
const target = join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), 'node-peers');
const client = join(target, 'aws-lambda-ric');

npmCi(peers, '--ignore-scripts');
if (existsSync(join(client, 'dist', 'rapid-client.node'))) process.exit(0);

console.log('-- building the native part of aws-lambda-ric, once');
mkdirSync(target, { recursive: true });
const work = mkdtempSync(join(target, 'build-'));
try {
  build(join(peers, 'node_modules', 'aws-lambda-ric'), work);
} catch (error) {
  console.log(`-- AWS's client is not built, so no test runs under it (scripts/setup.sh installs what it needs): ${error.message}`);
} finally {
  rmSync(work, { recursive: true, force: true });
}

function build(source, work) {
  const include = join(dirname(dirname(realpathSync(process.execPath))), 'include', 'node');
  const { AWS_LAMBDA_CPP_RELEASE: release, CURL_VERSION: curl } = Object.fromEntries(
    readFileSync(join(source, 'deps', 'versions'), 'utf8').trim().split('\n').map((line) => line.split('=')));
  const runtime = `aws-lambda-cpp-${release}`;
  for (const [archive, ...only] of [[runtime], [`curl-${curl}`, `curl-curl-${curl}/include`]]) {
    execFileSync('tar', ['xzf', join(source, 'deps', `${archive}.tar.gz`), '--no-same-owner', ...only], { cwd: work });
  }
  // What cmake would do with version.cpp.in.
  const [major, minor, patch] = release.split('.');
  const version = readFileSync(join(work, runtime, 'src', 'version.cpp.in'), 'utf8')
    .replace('@PROJECT_VERSION_MAJOR@', major).replace('@PROJECT_VERSION_MINOR@', minor)
    .replace('@PROJECT_VERSION_PATCH@', patch).replace('@PROJECT_VERSION@', release);
  writeFileSync(join(work, 'version.cpp'), version);
  execFileSync('g++', [
    '-std=c++17', '-O1', '-fPIC', '-shared', '-w', '-fvisibility=hidden', '-DNODE_GYP_MODULE_NAME=rapid_client',
    `-I${include}`, `-I${join(peers, 'node_modules', 'node-addon-api')}`, `-I${runtime}/include`, `-Icurl-curl-${curl}/include`,
    join(source, 'src', 'rapid-client.cc'), `${runtime}/src/logging.cpp`, `${runtime}/src/runtime.cpp`, 'version.cpp',
    '-l:libcurl.so.4', '-o', 'rapid-client.node',
  ], { cwd: work, stdio: ['ignore', 'ignore', 'pipe'] });
  const made = join(work, 'aws-lambda-ric');
  cpSync(source, made, { recursive: true, filter: (path) => path !== join(source, 'deps') });
  renameSync(join(work, 'rapid-client.node'), join(made, 'dist', 'rapid-client.node'));
  rmSync(client, { recursive: true, force: true });
  renameSync(made, client); // whole or not at all
}
