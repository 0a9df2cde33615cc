'use strict';
// Options: { contextsMax: 1000 } in JavaScript is ("contexts_max", "1000") in C, checked there.

const native = require('./native.js');
const { failure, shown } = require('./errors.js');

const NONE = Object.freeze([]);

/** The names and values of `options` as the list of texts the native layer takes; `own` are the caller's keys, left out. */
function pairsOf(options, own = NONE) {
  if (options === undefined) return NONE;
  if (options === null || typeof options !== 'object' || Array.isArray(options)) {
    throw failure('POINTMILL_E_INVALID', `options: expected an object such as { contextsMax: 1000 }, got ${shown(options)}`);
  }
  const pairs = [];
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined || own.includes(key)) continue;
    const text = Array.isArray(value) ? value.join(',') : String(value);
    if (!['string', 'number', 'boolean', 'bigint'].includes(typeof value) && !Array.isArray(value)) {
      throw failure('POINTMILL_E_BAD_VALUE', `${key}: expected a text, a number or a boolean, got ${shown(value)}`);
    }
    if (text.includes('\0') || key.includes('\0')) throw failure('POINTMILL_E_BAD_VALUE', `option ${shown(key)} holds a NUL character; remove it`);
    pairs.push(key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), text);
  }
  return pairs;
}

const TYPES = [undefined, 'number', 'choice', 'flag', 'text'];

/** Every option there is: its name here and in C, type, default, range and meaning. */
function options() {
  return native.options().map((option) => ({
    ...option,
    name: option.name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase()),
    cName: option.name,
    type: TYPES[option.type] ?? 'other',
  }));
}

module.exports = { options, pairsOf };
