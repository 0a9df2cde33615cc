// The same objects for `import`.
import lambda from '../lib/lambda/index.js';

export const {
  datadog, sendDistributionMetric, sendDistributionMetricWithDate, getTraceHeaders, distribution, flush, engine, lastFailure, mode, stats,
} = lambda;
export default lambda;
