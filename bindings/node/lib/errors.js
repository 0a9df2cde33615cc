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

/** An argument of the wrong type or outside its range: a mistake in the calling code. */
class ArgumentError extends PointmillError {}
/** A value that is NaN or infinite. */
class NotFiniteError extends PointmillError {}
/** A point or context the engine refuses: its time, its name, its tags, or no room. */
class RefusedError extends PointmillError {}
/** An option that does not exist, or a value it does not allow. */
class ConfigError extends PointmillError {}
/** Bytes that are no sketch, or a snapshot that a format cannot carry. */
class CodecError extends PointmillError {}
/** Delivery: not everything arrived. */
class DeliveryError extends PointmillError {}
/** The object was closed before. */
class ClosedError extends PointmillError {}
/** A defect of pointmill itself. */
class InternalError extends PointmillError {}

/** By group of the header's numbers: arguments from -1, points -20, configuration -40, bytes -60, delivery -70, library -80. */
function classOf(number) {
  if (number === CODES.POINTMILL_E_NOT_FINITE) return NotFiniteError;
  if (number === CODES.POINTMILL_E_CLOSED) return ClosedError;
  if (number <= -80) return InternalError;
  if (number <= -70) return DeliveryError;
  if (number <= -60) return CodecError;
  if (number <= -40) return ConfigError;
  if (number <= -20) return RefusedError;
  return ArgumentError;
}

const NAMES = new Map(Object.entries(CODES).map(([name, number]) => [number, name]));

/** The exception of a status of the C library. The native layer calls this. */
function errorFor(number, message) {
  return new (classOf(number))(NAMES.get(number) ?? 'POINTMILL_E_UNKNOWN', message);
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
  throw new ArgumentError('POINTMILL_E_INVALID', `a value must be a number, not ${shown(value)}; ${remedy}`);
}

module.exports = {
  PointmillError, ArgumentError, NotFiniteError, RefusedError, ConfigError, CodecError, DeliveryError, ClosedError, InternalError,
  errorFor, refuseValue, shown,
};
