'use strict';
// What callers hand over, made into what the engine takes. Nothing here throws: the caller is a handler
// that must not fail because of a metric. `undefined` says that the thing cannot be used.

/** A finite or other number; numeric texts, booleans and BigInts as the number they mean. */
function convertValue(value) {
  switch (typeof value) {
    case 'number': return value;
    case 'boolean': return Number(value);
    case 'bigint': return Number(value);
    case 'string': return value.trim() === '' ? undefined : numberOr(Number(value));
    case 'object': return value === null || value instanceof Date || Array.isArray(value) ? undefined : boxed(value);
    default: return undefined;
  }
}

function numberOr(number) {
  return Number.isNaN(number) ? undefined : number;
}

/** Decimals of libraries, boxed numbers: objects whose valueOf says a number. */
function boxed(value) {
  try {
    const inner = value.valueOf();
    return typeof inner === 'object' ? undefined : convertValue(inner);
  } catch {
    return undefined;
  }
}

/** Above this a plain number is taken for milliseconds: as seconds it would lie in the year 5138. */
const SECONDS_MAX = 1e11;

/** Whole seconds since 1970 of a Date, a number of seconds or milliseconds, or a text that Date can read. */
function convertTime(time) {
  let seconds;
  if (time instanceof Date) seconds = time.getTime() / 1000;
  else if (typeof time === 'number') seconds = Math.abs(time) > SECONDS_MAX ? time / 1000 : time;
  else if (typeof time === 'string') seconds = Date.parse(time) / 1000;
  else if (typeof time?.getTime === 'function') return convertTime(safely(() => time.getTime() / 1000));
  return Number.isFinite(seconds) ? Math.floor(seconds) : undefined;
}

function safely(action) {
  try {
    return action();
  } catch {
    return undefined;
  }
}

/** Bytes of a tag that the engine takes; UTF-8 has at most three for each element of a text. */
const TAG_BYTES_MAX = 512;

function isTooLong(text) {
  return text.length * 3 > TAG_BYTES_MAX && Buffer.byteLength(text) > TAG_BYTES_MAX;
}

/**
 * The usable tags: texts as they are, numbers and booleans as text, arrays by their elements (a list
 * passed without spreading it). `refused` says how many were left out: a point is worth more than a tag.
 */
function convertTags(tags) {
  const usable = [];
  let refused = 0;
  for (const tag of tags.flat(Infinity)) {
    if (typeof tag === 'string') {
      if (isTooLong(tag)) refused += 1;
      else if (tag !== '') usable.push(tag);
    } else if (['number', 'boolean', 'bigint'].includes(typeof tag)) {
      usable.push(String(tag));
    } else {
      refused += 1;
    }
  }
  return { usable, refused };
}

module.exports = { convertValue, convertTime, convertTags };
