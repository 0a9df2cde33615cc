import type { Engine } from '../lib/index.js';
import type { LambdaStats } from '../lib/generated.js';

export type { LambdaStats } from '../lib/generated.js';

/** Anything with a warn method gets the layer's warnings; console otherwise. */
export interface Logger {
  warn(message: string): unknown;
}

/** Options of datadog-lambda-js that touch metrics, and pointmill's own. What is absent or '' says the environment. */
export interface Config {
  /** DD_API_KEY */
  apiKey?: string;
  /** DD_KMS_API_KEY */
  apiKeyKMS?: string;
  /** DD_API_KEY_SECRET_ARN */
  apiKeySecretARN?: string;
  /** DD_API_KEY_SSM_NAME */
  apiKeySSMName?: string;
  /** DD_SITE */
  siteURL?: string;
  /** DD_FLUSH_TO_LOG */
  logForwarding?: boolean;
  /** DD_ENHANCED_METRICS */
  enhancedMetrics?: boolean;
  /** Accepted; a batch that did not arrive is always kept and tried again. */
  shouldRetryMetrics?: boolean;
  localTesting?: boolean;
  forceWrap?: boolean;
  debugLogging?: boolean;
  logger?: Logger;

  /** Beats the choice of the mode. */
  mode?: 'extension' | 'log' | 'http';
  /** Base URL of the intake; beats the site. */
  url?: string;
  /** HTTP mode: sketches (default), or every value as a distribution point. */
  format?: 'sketches' | 'distribution_points';
  /** Log mode: one line for equal values of an interval instead of one for each. */
  aggregate?: boolean;
  /** The most that the flush at the end of an invocation may take. */
  flushTimeoutMs?: number;
  /** Time kept free before an invocation's deadline. */
  deadlineGuardMs?: number;
  /** Points kept between two flushes. */
  bufferPointsMax?: number;
  tags?: readonly string[] | string;
  env?: string;
  service?: string;
  version?: string;
  fipsMode?: boolean;

  // Options of datadog-lambda-js that have nothing to do with metrics are accepted and do nothing.
  [other: string]: unknown;
}

/**
 * Wraps a handler: its invocations are counted, and its points are sent before its response.
 * A handler that is wrapped already comes back as it is, unless forceWrap says otherwise.
 */
export function datadog<Handler extends (...args: any[]) => any>(handler: Handler, config?: Config): Handler;

/** Records a point of a distribution, now. Never throws. */
export function sendDistributionMetric(name: string, value: number, ...tags: string[]): void;

/** Records a point of a distribution at a time. Never throws. */
export function sendDistributionMetricWithDate(name: string, value: number, metricTime: Date, ...tags: string[]): void;

export interface LambdaMetric {
  readonly name: string;
  readonly tags: readonly string[];
  /** Records a point, now. Never throws. */
  record(value: number): void;
  /** Records a point of a time: a Date, or seconds since 1970. Never throws. */
  recordAt(value: number, time: Date | number): void;
}

/** A held distribution, the fast way in hot code. */
export function distribution(name: string, ...tags: string[]): LambdaMetric;

/** Sends what waits, for functions that run without the wrapper; resolves to whether all of it arrived. */
export function flush(options?: { timeoutMs?: number }): Promise<boolean>;

/** Where points go. */
export function mode(): 'extension' | 'log' | 'http' | 'disabled';

/** What went wrong last, for a line in a log; undefined if nothing has. Never holds a key. */
export function lastFailure(): string | undefined;

/** The engine behind the layer, for other kinds, snapshots and percentiles; its points are sent with the others. */
export function engine(): Engine;

/** The books: recorded = pending + accepted + queued + rejected… + dropped…. */
export function stats(): LambdaStats;

/** Headers of the current trace; this package does not trace, so there are none. */
export function getTraceHeaders(): Record<string, string>;
