// Writes lib/generated.js and lib/generated.d.ts from include/pointmill.h: the raw layer, names and numbers only.
//
//   node scripts/gen.mjs           write
//   node scripts/gen.mjs --check   compare instead; status 1 if anything differs
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(dirname(fileURLToPath(import.meta.url)));
const header = readFileSync(join(here, '..', '..', 'include', 'pointmill.h'), 'utf8');

const camel = (name) => name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());
const number = (name) => Number(new RegExp(`#define ${name} (-?\\d+)`).exec(header)?.[1] ?? fail(`no ${name} in the header`));
function fail(text) { throw new Error(text); }

/** The codes: {POINTMILL_E_NULL: -1, …} in the header's order. */
const codes = [...header.matchAll(/^#define (POINTMILL_OK|POINTMILL_E_\w+) (-?\d+)$/gm)].map(([, name, value]) => [name, Number(value)]);

/** The uint64_t fields of a struct, in order, with their comments. */
function fields(struct) {
  const body = new RegExp(`typedef struct ${struct} \\{([\\s\\S]*?)\\n\\} ${struct};`).exec(header)?.[1];
  if (body === undefined) return undefined;
  return [...body.matchAll(/\/\*\*([\s\S]*?)\*\/\s+(uint\d+_t) (\w+);/g)]
    .filter(([, , type]) => type === 'uint64_t')
    .map(([, doc, , name]) => ({ name: camel(name), doc: doc.replace(/\s*\n\s*\*\s?/g, ' ').trim() }));
}

const structs = { pointmill_engine_stats: 'Stats', pointmill_client_stats: 'ClientStats', pointmill_lambda_stats: 'LambdaStats' };
const present = Object.entries(structs).map(([c, js]) => [js, fields(c)]).filter(([, list]) => list !== undefined);
const constant = (js) => `${js.replace(/(?!^)([A-Z])/g, '_$1').toUpperCase()}_FIELDS`;

const script = `'use strict';
// Generated from include/pointmill.h by \`npm run gen\`. Do not edit.

const ABI_MAJOR = ${number('POINTMILL_ABI_MAJOR')};
const ABI_MINOR = ${number('POINTMILL_ABI_MINOR')};
const VERSION = '${/POINTMILL_VERSION_STRING "(.*)"/.exec(header)[1]}';

const CODES = Object.freeze({
${codes.map(([name, value]) => `  ${name}: ${value},`).join('\n')}
});

const KINDS = Object.freeze({
${['DISTRIBUTION', 'COUNT', 'GAUGE', 'HISTOGRAM'].map((kind) => `  ${kind.toLowerCase()}: ${number(`POINTMILL_${kind}`)},`).join('\n')}
});

const SKETCH_FORMATS = Object.freeze({
${['DDSKETCH_PROTO', 'DDSKETCH_COMPACT', 'AGENT'].map((format) => `  ${format.toLowerCase()}: ${number(`POINTMILL_SKETCH_${format}`)},`).join('\n')}
});

const BIN_PROFILES = Object.freeze({ u16: ${number('POINTMILL_BINS_U16')}, u32: ${number('POINTMILL_BINS_U32')} });

const LAMBDA = Object.freeze({
${[...header.matchAll(/^#define POINTMILL_LAMBDA_(\w+) (\d+)$/gm)].map(([, name, value]) => `  ${name}: ${value},`).join('\n')}
});

const FLUSH_ALL = ${number('POINTMILL_FLUSH_ALL')};
const GROUP_MERGE_INTERVALS = ${number('POINTMILL_GROUP_MERGE_INTERVALS')};

${present.map(([js, list]) => `const ${constant(js)} = Object.freeze([\n${list.map(({ name }) => `  '${name}',`).join('\n')}\n]);`).join('\n\n')}

module.exports = {
  ABI_MAJOR, ABI_MINOR, VERSION, CODES, KINDS, SKETCH_FORMATS, BIN_PROFILES, LAMBDA, FLUSH_ALL, GROUP_MERGE_INTERVALS,
${present.map(([js]) => `  ${constant(js)},`).join('\n')}
};
`;

/** NOT_FINITE is NotFiniteError: the rule of lib/errors.js. */
const classes = codes.filter(([, value]) => value < 0).map(([name]) => {
  const doc = new RegExp(`/\\*\\*((?:(?!\\*/)[\\s\\S])*?)\\*/\\s+#define ${name} `).exec(header)[1].replace(/\s*\n\s*\*\s?/g, ' ').trim();
  const words = camel(name.slice('POINTMILL_E'.length).toLowerCase());
  return `/** ${doc[0].toUpperCase()}${doc.slice(1)}. */\nexport class ${words}Error extends PointmillError {}`;
});

const types = `// Generated from include/pointmill.h by \`npm run gen\`. Do not edit.

/** The codes of the C header; \`code\` of every exception is one of them. */
export type ErrorCode =
${codes.filter(([, value]) => value < 0).map(([name]) => `  | '${name}'`).join('\n')}
  | 'POINTMILL_E_UNKNOWN';

/** The base class of everything this package throws; \`message\` names cause and remedy. */
export class PointmillError extends Error {
  readonly code: ErrorCode;
}
${classes.join('\n')}

${present.map(([js, list]) => `export interface ${js} {\n${list.map(({ name, doc }) => `  /** ${doc} */\n  readonly ${name}: number;`).join('\n')}\n  /** Whether every point is accounted for; true while no other call is under way. */\n  balances(): boolean;\n}`).join('\n\n')}
`;

let different = 0;
for (const [name, text] of [['generated.js', script], ['generated.d.ts', types]]) {
  const file = join(here, 'lib', name);
  let committed = '';
  try { committed = readFileSync(file, 'utf8'); } catch { /* the first time */ }
  if (committed === text) continue;
  different += 1;
  if (process.argv.includes('--check')) console.error(`lib/${name} is not what the header says; run \`npm run gen\` in bindings/node and commit it`);
  else writeFileSync(file, text);
}
if (process.argv.includes('--check') && different > 0) process.exit(1);
