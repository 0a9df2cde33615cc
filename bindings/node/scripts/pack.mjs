// Packs the package into FOLDER and prints the file's path.
//
//   node scripts/pack.mjs FOLDER
//
// npm's tarball is deflated again by zopfli, which finds 4 % more and takes seconds; any gunzip reads it. A
// layer's size is cold-start time. Without zopfli (scripts/setup.sh installs it) the file is npm's.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const here = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = resolve(process.argv[2] ?? '.');

const name = execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: here, encoding: 'utf8' }).trim().split('\n').at(-1);
const file = join(folder, name);
const tar = gunzipSync(readFileSync(file));
const plain = file.replace(/\.tgz$/, '.tar');
writeFileSync(plain, tar);
try {
  const smaller = execFileSync('zopfli', ['--gzip', '--i5', '-c', plain], { maxBuffer: 2 ** 30, stdio: ['ignore', 'pipe', 'inherit'] });
  assert.ok(gunzipSync(smaller).equals(tar));
  writeFileSync(file, smaller);
} catch (error) {
  if (error.code !== 'ENOENT') throw error;
  console.error('pack: zopfli is missing, so the file is some per cent larger');
} finally {
  rmSync(plain);
}
console.log(file);
