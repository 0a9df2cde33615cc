'use strict';
// From name and tags to the held metric: nested Maps keyed by the very strings, because building one
// joined key costs more than everything else on the way. Bounded: at the limit the cache begins anew;
// metrics that somebody holds live on without it.

const native = require('./native.js');
const { failure, shown } = require('./errors.js');
const { Metric } = require('./metric.js');

/** Metrics and inner nodes remembered, over all kinds. */
const NODES_MAX = 65_536;

const LONE_SURROGATE = /\p{Surrogate}/u;

/** A step of the way: the metric whose tags end here, and the ways on. */
class Node {
  metric = undefined;
  next = undefined;
}

function checkText(what, text) {
  if (typeof text !== 'string') throw failure('POINTMILL_E_INVALID', `${what}: expected a string, got ${shown(text)}`);
  if (LONE_SURROGATE.test(text)) {
    throw failure('POINTMILL_E_UTF8', `${what} holds half of a surrogate pair, which no UTF-8 can say: ${shown(text)}; cut texts between characters, or mend with toWellFormed()`);
  }
}

/** Throws unless `name` and `tags` are texts. */
function checkNameAndTags(name, tags) {
  checkText('name', name);
  if (!Array.isArray(tags)) {
    const remedy = typeof tags === 'string' ? 'put it into an array' : "write { env: 'prod' } as ['env:prod']";
    throw failure('POINTMILL_E_INVALID', `tags: expected an array of strings, got ${shown(tags)}; ${remedy}`);
  }
  for (let i = 0; i < tags.length; i++) checkText(`tags[${i}] of ${name.slice(0, 80)}`, tags[i]);
}

class Contexts {
  #ring;
  #kind;
  #names = new Map();
  #nodes = 0;

  constructor(ring, kind) {
    this.#ring = ring;
    this.#kind = kind;
  }

  /** The metric of this name and these tags; order and duplicates of tags do not matter to the engine. */
  get(name, tags) {
    let node = this.#names.get(name);
    if (node !== undefined && Array.isArray(tags)) {
      for (let i = 0; i < tags.length; i++) {
        node = node.next?.get(tags[i]);
        if (node === undefined) break;
      }
      if (node !== undefined && node.metric !== undefined) return node.metric;
    }
    return this.#add(name, tags);
  }

  #add(name, tags) {
    checkNameAndTags(name, tags);
    const metric = new Metric(this.#ring, this.#kind, name, tags);
    if (this.#nodes + tags.length >= NODES_MAX) {
      this.#names = new Map();
      this.#nodes = 0;
    }
    let node = this.#step(this.#names, name);
    for (const tag of tags) node = this.#step(node.next ??= new Map(), tag);
    node.metric = metric;
    return metric;
  }

  #step(map, text) {
    let node = map.get(text);
    if (node === undefined) {
      node = new Node();
      map.set(text, node);
      this.#nodes += 1;
    }
    return node;
  }

  /** Records by name; a name or tag that the engine refuses is counted there and thrown. */
  record(name, value, tags) {
    let metric;
    try {
      metric = this.get(name, tags);
    } catch (error) {
      if (error.code === 'POINTMILL_E_INVALID_NAME' && typeof value === 'number') {
        try {
          native.recordNamed(this.#ring.engine, this.#kind, name, tags, value);
        } catch { /* counted; the error at hand says more */ }
      }
      throw error;
    }
    metric.record(value);
  }
}

module.exports = { Contexts, checkNameAndTags, NODES_MAX };
