'use strict';
// The package's face; what it exports is what index.d.ts and the README describe.

const errors = require('./errors.js');
const { CODES } = require('./generated.js');
const native = require('./native.js');
const { Client } = require('./client.js');
const { Engine } = require('./engine.js');
const { options } = require('./options.js');
const { Sketch } = require('./sketch.js');
const { Snapshot } = require('./snapshot.js');

module.exports = {
  Client,
  Engine,
  Sketch,
  Snapshot,
  CODES,
  options,
  version: native.version(),
  PointmillError: errors.PointmillError,
  ...Object.fromEntries(Array.from(errors.classes().values(), (type) => [type.name, type])),
};
