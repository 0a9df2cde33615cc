'use strict';
// Whether an HTTP front (API Gateway, function URL, load balancer) called, and what it makes of the answer.

/** The status the caller of the front sees; 0: no such front. */
function httpStatusOf(event, result) {
  const front = frontOf(event);
  if (front === undefined) return 0;
  const status = Number(result?.statusCode);
  if (Number.isInteger(status) && status >= 100 && status <= 599) return status;
  // Payload format 2.0 takes any other answer as the body of a 200; the older fronts answer 502 to it.
  return front === 'v2' ? 200 : 502;
}

/** 'v2' for payload format 2.0 (HTTP APIs, function URLs), 'v1' for the older fronts; undefined: none. */
function frontOf(event) {
  const context = event?.requestContext;
  if (context === null || typeof context !== 'object') return undefined;
  if (context.http !== undefined || event.version === '2.0') return 'v2';
  // WebSocket messages have a route and no method; REST APIs, HTTP APIs with format 1.0 and load balancers have one.
  return event.httpMethod !== undefined || context.elb !== undefined ? 'v1' : undefined;
}

module.exports = { httpStatusOf };
