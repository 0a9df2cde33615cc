'use strict';
// The drop-in for the metrics side of datadog-lambda-js: change the import, keep the rest.

module.exports = require('../lib/lambda/index.js');
