// Gets what the Lambda tests run under and compare with, at the versions of peers/package-lock.json:
// AWS's runtime interface client, whose native part is compiled once, and datadog-lambda-js.
//
// The client's own install step compiles with node-gyp, which fetches Node's headers. Its one file is
// compiled here with the headers that lie beside node.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, realpathSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(dirname(fileURLToPath(import.meta.url)));
const root = join(here, '..', '..');
const peers = join(here, 'peers');
const target = join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), 'node-peers');
const client = join(target, 'aws-lambda-ric');

execFileSync('npm', ['ci', '--silent', '--ignore-scripts'], { cwd: peers, stdio: 'inherit' });
if (existsSync(join(client, 'dist', 'rapid-client.node'))) process.exit(0);

const include = join(dirname(dirname(realpathSync(process.execPath))), 'include', 'node');
const lacking = ['cmake', 'autoreconf', 'libtoolize', 'make', 'g++'].filter((program) => {
  try { execFileSync(program, ['--version'], { stdio: 'ignore' }); return false; } catch { return true; }
});
if (!existsSync(join(include, 'uv.h'))) lacking.push(join(include, 'uv.h'));
if (lacking.length > 0) {
  console.log(`-- AWS's client is not built, so no test runs under it: ${lacking.join(', ')} is missing (scripts/setup.sh installs it)`);
  process.exit(0);
}
console.log('-- building the native part of aws-lambda-ric, once');
rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
cpSync(join(peers, 'node_modules', 'aws-lambda-ric'), client, { recursive: true });
const quiet = { cwd: client, env: { ...process.env, MAKEFLAGS: '-j2' }, stdio: 'ignore' };
execFileSync('sh', ['scripts/preinstall.sh'], quiet);
const curl = execFileSync('deps/artifacts/bin/curl-config', ['--static-libs'], { cwd: client, encoding: 'utf8' }).trim().split(/\s+/);
execFileSync('g++', ['-std=c++17', '-O2', '-fPIC', '-shared', '-w', `-I${include}`, `-I${join(peers, 'node_modules', 'node-addon-api')}`, '-Ideps/artifacts/include', '-DNODE_GYP_MODULE_NAME=rapid_client', 'src/rapid-client.cc',
  '-Ldeps/artifacts/lib', '-Ldeps/artifacts/lib64', '-laws-lambda-runtime', ...curl, '-o', 'dist/rapid-client.node'], { ...quiet, stdio: ['ignore', 'ignore', 'inherit'] });
rmSync(join(client, 'deps'), { recursive: true, force: true });
