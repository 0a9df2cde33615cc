'use strict';
// The no-code entry: loads the handler that DD_LAMBDA_HANDLER names, as Lambda would, and wraps it.

const { existsSync } = require('node:fs');
const { basename, dirname, join } = require('node:path');
const { pathToFileURL } = require('node:url');

const { Layer } = require('./layer.js');
const { LAMBDA } = require('../generated.js');
const { isWrapped, wrap } = require('./wrap.js');

const EXTENSIONS = ['', '.js', '.mjs', '.cjs'];

/** `app.handler`, `src/app.nested.handler`: the file and the names inside it. */
function partsOf(text) {
  const file = basename(text);
  const dot = file.indexOf('.');
  if (dot < 1 || dot === file.length - 1) {
    throw new Error(`DD_LAMBDA_HANDLER must name a file and an export of it, such as app.handler, not ${JSON.stringify(text)}`);
  }
  return { path: join(dirname(text), file.slice(0, dot)), names: file.slice(dot + 1).split('.') };
}

async function load(root, text) {
  const { path, names } = partsOf(text);
  const file = EXTENSIONS.map((extension) => join(root, path) + extension).find((candidate) => existsSync(candidate) && !candidate.endsWith('/'));
  if (file === undefined) throw new Error(`the handler ${text} is in no file: there is no ${join(root, path)}.js, .mjs or .cjs; check DD_LAMBDA_HANDLER`);
  const loaded = await import(pathToFileURL(file).href);
  const find = (from) => names.reduce((value, name) => value?.[name], from);
  const handler = find(loaded) ?? find(loaded.default);
  if (typeof handler !== 'function') throw new Error(`${file} exports no function ${names.join('.')}; check DD_LAMBDA_HANDLER`);
  return handler;
}

/** The wrapped handler of this environment. A module that does not load counts as an error, and is thrown. */
async function wrapConfigured(environment) {
  const layer = Layer.configured(undefined);
  try {
    const handler = await load(environment.LAMBDA_TASK_ROOT ?? process.cwd(), environment.DD_LAMBDA_HANDLER ?? '');
    return isWrapped(handler) ? handler : wrap(handler, layer);
  } catch (error) {
    try {
      const token = layer.begin(undefined, LAMBDA.START_AUTO, LAMBDA.NOT_COUNTED);
      await layer.end(token, { error: true });
    } catch (failure) {
      layer.warn(failure.message);
    }
    throw error;
  }
}

module.exports = { wrapConfigured };
