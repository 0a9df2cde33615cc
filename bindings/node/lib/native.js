'use strict';
// The loaded native file, once a thread, with our exceptions in place.

const { errorFor } = require('./errors.js');

const native = require('./loader.js').load();
native.init(errorFor);

module.exports = native;
