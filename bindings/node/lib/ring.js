'use strict';
// Columns of points that JavaScript writes and native code reads, one call for many points.
//
//   values    Float64Array   head[0] points wait
//   contexts  Float64Array   the id's bits: ids are below 2^53, so the double with the same bits is never
//                            NaN, its bits survive, and C reads the column as uint64_t
//
// All of it is one buffer, the number of waiting points too, so that native code can take the last points
// when a thread ends without running JavaScript again (worker.terminate()).

const native = require('./native.js');

/** Points a ring holds. A native call costs as much as ten records; among 1,024 it vanishes. */
const RING_POINTS = 1024;

/** The ring of one thread on one engine. `epoch` moves on with the engine's flushes; -1 once closed. */
class Ring {
  constructor(engine, idleFlushes) {
    const buffer = new ArrayBuffer(RING_POINTS * 16 + 8);
    this.values = new Float64Array(buffer, 0, RING_POINTS);
    this.contexts = new Float64Array(buffer, RING_POINTS * 8, RING_POINTS);
    this.head = new Uint32Array(buffer, RING_POINTS * 16, 2);
    this.epoch = 0;
    this.engine = engine;
    // A context without a point for idleFlushes flushes is given back. An epoch is half a flush, so this
    // leaves half the time as margin for flushes of other threads.
    this.certainEpochs = idleFlushes === 0 ? Number.MAX_SAFE_INTEGER : idleFlushes;
    this.handle = native.ringNew(engine, buffer, RING_POINTS);
    /** Where native code writes an id. */
    this.bits = new Float64Array(1);
  }

  /** Hands the waiting points over. Cheap when there are none. */
  drain() {
    if (this.head[0] !== 0) native.ringDrain(this.handle);
  }

  close() {
    native.release(this.handle); // takes the waiting points first
    this.epoch = -1;
  }
}

module.exports = { Ring, RING_POINTS };
