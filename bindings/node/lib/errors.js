'use strict';
// What this package throws. Every exception has `code`, a name of the C header without its prefix's
// noise ("POINTMILL_E_NOT_FINITE"), and a message that names cause and remedy.

const { CODES } = require('./generated.js');

/** The base class of everything this package throws. */
class PointmillError extends Error {
  /**
   * @param {string} code "POINTMILL_E_…"
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.code = code;
  }

  get name() {
    return this.constructor.name;
  }
}

let made;

/**
 * One class a code, named by it: POINTMILL_E_NOT_FINITE is a NotFiniteError. Made when first asked for: a function that
 * starts cold needs none of the thirty.
 */
function classes() {
  made ??= new Map(Object.entries(CODES).filter(([, number]) => number < 0).map(([code]) => {
    const name = `${code.slice('POINTMILL_E'.length).toLowerCase().replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase())}Error`;
    return [code, { [name]: class extends PointmillError {} }[name]];
  }));
  return made;
}

/** The exception of a code of the C header. */
function failure(code, message) {
  return new (classes().get(code) ?? PointmillError)(code, message);
}

/** The exception of a status of the C library. The native layer calls this. */
function errorFor(number, message) {
  const code = Object.keys(CODES).find((name) => CODES[name] === number);
  return failure(code ?? 'POINTMILL_E_UNKNOWN', message);
}

/** How a message shows a wrong value: its type and a short text, never more than a line. */
function shown(value) {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'string') return `the string ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`;
  if (typeof value === 'bigint') return `the BigInt ${value}n`;
  if (typeof value === 'object') return Array.isArray(value) ? 'an array' : `an object (${value.constructor?.name ?? 'no class'})`;
  return `${typeof value === 'function' ? 'a function' : `the ${typeof value} ${String(value)}`}`;
}

/** Throws what is wrong with a value that is to be recorded; NaN and infinities are not for here. */
function refuseValue(value) {
  let remedy = 'pass a number';
  if (typeof value === 'bigint') remedy = 'convert it with Number(value)';
  else if (typeof value === 'string') remedy = 'convert it with Number(value)';
  else if (value instanceof Date) remedy = 'a time goes into recordAt(value, time); for a date as a value use value.getTime()';
  else if (Array.isArray(value) || ArrayBuffer.isView(value)) remedy = 'use recordMany(values) for many values';
  throw failure('POINTMILL_E_INVALID', `value: expected a number, got ${shown(value)}; ${remedy}`);
}

module.exports = { PointmillError, classes, errorFor, failure, refuseValue, shown };
