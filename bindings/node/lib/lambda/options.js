'use strict';
// The options of `datadog(handler, config)`: those of datadog-lambda-js that touch metrics under their
// names there, and pointmill's own in camelCase.

const { VERSION } = require('../generated.js');

/** Option of datadog-lambda-js → option of the library. An empty text means "as the environment says". */
const NAMES = {
  apiKey: 'api_key',
  apiKeyKMS: 'kms_api_key',
  apiKeySecretARN: 'api_key_secret_arn',
  apiKeySSMName: 'api_key_ssm_name',
  siteURL: 'site',
  shouldRetryMetrics: 'retry_on_failure',
  logForwarding: 'flush_to_log',
  enhancedMetrics: 'enhanced_metrics',
  localTesting: 'local_test',
};

/** Pointmill's own. */
const OWN = ['mode', 'fipsMode', 'url', 'tags', 'env', 'service', 'version', 'format', 'aggregate', 'flushTimeoutMs', 'deadlineGuardMs',
  'bufferPointsMax', 'logFd', 'extensionPath', 'extensionUrl', 'dogstatsdUrl', 'awsEndpointUrl', 'logLevel'];

/** Options of datadog-lambda-js that do not touch metrics. */
const IGNORED = new Set(['autoPatchHTTP', 'captureLambdaPayload', 'captureLambdaPayloadMaxDepth', 'createInferredSpan', 'encodeAuthorizerContext',
  'decodeAuthorizerContext', 'injectLogContext', 'mergeDatadogXrayTraces', 'minColdStartTraceDuration', 'coldStartTraceSkipLib',
  'addSpanPointers', 'dataStreamsEnabled', 'appsecEnabled', 'traceExtractor', 'forceWrap', 'logger', 'debugLogging']);

const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The pairs of texts for the library, the caller's logger, and the names nobody knows. */
function optionsOf(config) {
  const pairs = ['layer_tag', `pointmill-node${process.version}_${VERSION}`, 'library_version', VERSION, 'language_version', process.version];
  const unknown = [];
  for (const [key, value] of Object.entries(config ?? {})) {
    if (IGNORED.has(key) || value === undefined || value === null) continue;
    const name = NAMES[key] ?? (OWN.includes(key) ? snake(key) : undefined);
    if (name === undefined) unknown.push(key);
    else if (value !== '') pairs.push(name, Array.isArray(value) ? value.join(',') : String(value));
  }
  if (config?.debugLogging === true) pairs.push('log_level', 'debug');
  return { pairs, logger: config?.logger, unknown };
}

module.exports = { optionsOf };
