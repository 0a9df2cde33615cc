# frozen_string_literal: true

# The type that shows these counters. Generated from include/pointmill.h by scripts/gen.rb. Do not edit.
module Pointmill
  ClientStats = Struct.new(
    :flushed, # Points that the engine gave to this client.
    :adopted, # Points in spool files of other processes that this one has dealt with.
    :accepted, # The destination has taken them.
    :queued, # In memory, to be sent.
    :spooled, # In spool files that this process wrote, to be sent.
    :handed_over, # In spool files that this process wrote and another one has taken up.
    :skipped, # The format cannot carry them; the sum of the skipped_... below.
    :dropped, # Given up; the sum of the dropped_... down to dropped_not_encoded.
    :dropped_queue_full, # The queue was full and there is no spool.
    :dropped_spool_full, # The spool was full, and these were the oldest in it.
    :dropped_spool_failed, # The spool could not be written or read: a full disk, a damaged file.
    :dropped_expired, # Older than the option batch_age_max_s.
    :dropped_too_large, # Too large for the receiver (413), and only one series.
    :dropped_bad_request, # The receiver called the body wrong (400).
    :dropped_forbidden, # The receiver does not know the key (401, 403): check api_key and site.
    :dropped_refused, # The receiver refused for good with another status.
    :dropped_closed, # Still there when the client was closed, without a spool.
    :dropped_not_encoded, # The encoder failed.
    :skipped_sketch_in_scalar_format, # Distributions in a format for numbers.
    :skipped_scalar_in_sketch_format, # Counts and gauges in a format for sketches.
    :skipped_histogram_in_distribution_format, # Histograms in a format for distributions.
    :skipped_too_large, # One series alone is larger than a body may be.
    :skipped_not_finite, # The value is not finite: the sum of a count ran over.
    :skipped_unusable_name, # The format has no way to write the name.
    :skipped_no_values, # A sketch without values.
    :skipped_expansion_limit, # More values than the option expand_max.
    :uncertain, # Points in requests whose whole body went out and got no answer. They were sent again under the same DD-Pointmill-Batch header; a receiver that does not know it may have them twice.
    :dropped_uncertain, # Of the dropped points those that may have arrived all the same.
    :requests, # Attempts made.
    :failures, # Attempts that did not deliver; the sum of the failed_... below.
    :failed_connect, # No connection: name not found, refused, TLS.
    :failed_timeout, # No answer within the time.
    :failed_transport, # The connection broke.
    :failed_answer, # The answer was not HTTP.
    :failed_throttled, # Status 408, 425 or 429.
    :failed_server, # Status 5xx.
    :failed_status, # Any other status that is not 2xx.
    :failed_key, # The API key could not be had.
    :stale_connections, # Requests made once more at once because a kept connection had gone stale.
    :splits, # Bodies cut in two after a 413.
    :batches_queued, # Bodies in memory.
    :batches_spooled, # Bodies in spool files that this process wrote.
    :queue_bytes, # Bytes the queue is charged with.
    :spool_damaged_files # Damaged spool files that were put aside.
  ) do
    # Whether every point is accounted for; true while no other call is under way.
    def balances?
      flushed + adopted == accepted + queued + spooled + handed_over + skipped + dropped
    end
  end
end
