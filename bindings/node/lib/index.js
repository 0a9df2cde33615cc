'use strict';
// The package's face; what it exports is what index.d.ts and the README describe.

const errors = require('./errors.js');
const { CODES } = require('./generated.js');
const native = require('./native.js');
const { Client } = require('./client.js');
const { Engine } = require('./engine.js');
const { configOptions } = require('./options.js');
const { Sketch } = require('./sketch.js');
const { Snapshot } = require('./snapshot.js');

module.exports = {
  Client,
  Engine,
  Sketch,
  Snapshot,
  CODES,
  configOptions,
  version: native.version(),
  PointmillError: errors.PointmillError,
  ArgumentError: errors.ArgumentError,
  NotFiniteError: errors.NotFiniteError,
  RefusedError: errors.RefusedError,
  ConfigError: errors.ConfigError,
  CodecError: errors.CodecError,
  DeliveryError: errors.DeliveryError,
  ClosedError: errors.ClosedError,
  InternalError: errors.InternalError,
};
