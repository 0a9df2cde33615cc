'use strict';
// The ledgers as users see them: numbers under the names of the C header, and whether they balance.

const { CLIENT_STATS_FIELDS, LAMBDA_STATS_FIELDS, STATS_FIELDS } = require('./generated.js');

function fill(stats, fields, numbers) {
  fields.forEach((field, i) => { stats[field] = numbers[i]; });
}

/** The sum of the counters whose names begin so. */
function sum(stats, prefix) {
  return Object.keys(stats).reduce((points, field) => (field.startsWith(prefix) ? points + stats[field] : points), 0);
}

/** What became of the points of an engine. */
class Stats {
  constructor(numbers) {
    fill(this, STATS_FIELDS, numbers);
  }

  /** Whether every point is accounted for; true while no other call is under way. */
  balances() {
    return this.recorded === this.flushed + this.pending + sum(this, 'rejected') + sum(this, 'dropped');
  }
}

/** Where the points are that left an engine through a client. */
class ClientStats {
  constructor(numbers) {
    fill(this, CLIENT_STATS_FIELDS, numbers);
  }

  /** Whether every point is accounted for; true while no other call is under way. */
  balances() {
    return this.flushed + this.adopted
      === this.accepted + this.queued + this.spooled + this.handedOver + this.skipped + this.dropped;
  }
}

/** What became of the points of a Lambda function. */
class LambdaStats {
  constructor(numbers) {
    fill(this, LAMBDA_STATS_FIELDS, numbers);
  }

  /** Whether every point is accounted for; true while no other call is under way. */
  balances() {
    return this.recorded === this.pending + this.accepted + this.queued + sum(this, 'rejected') + sum(this, 'dropped');
  }
}

module.exports = { Stats, ClientStats, LambdaStats };
