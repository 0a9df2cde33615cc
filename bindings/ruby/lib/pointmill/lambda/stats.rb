# frozen_string_literal: true

# The type that shows these counters. Generated from include/pointmill.h by scripts/gen.rb. Do not edit.
module Pointmill
  LambdaStats = Struct.new(
    :recorded, # Points handed to a recording call or reported as refused, and enhanced ones.
    :pending, # Wait for a flush, in the engine or the buffer.
    :accepted, # Taken by the intake, written to the log, sent to the extension.
    :queued, # Encoded; a later flush sends them.
    :rejected_not_finite, # Refused: not a finite number.
    :rejected_invalid_name, # Refused: the name is empty or too long, or a tag too long.
    :rejected_too_old, # Refused: more than four hours old, in extension mode.
    :rejected_stale, # Refused: no context has this id.
    :rejected_no_room, # Refused: no room for a further name.
    :rejected_closed, # Refused: after the end.
    :rejected_bad_name, # Refused by the wrapper: the name.
    :rejected_bad_value, # Refused by the wrapper: the value.
    :rejected_bad_time, # Refused by the wrapper: the time.
    :rejected_bad_tags, # Refused by the wrapper: the tags.
    :dropped_disabled, # Custom points for which there is no way under FIPS rules.
    :dropped_buffer_full, # The buffer was full and could not be emptied.
    :dropped_delivery, # Given up by delivery.
    :dropped_arena_full, # The engine's memory was full.
    :overflowed, # Kept their value but lost their tags to a limit of the engine; counted elsewhere too.
    :utf8_mended, # Names or tags whose bytes were not UTF-8 and were mended.
    :enhanced, # Enhanced metrics made here; counted elsewhere too.
    :spilled, # Points written out early because the buffer was full; counted elsewhere too.
    :flushes, # Flushes.
    :flush_failures, # Flushes after which something was left or had been given up.
    :deadline_flushes, # Flushes done because a deadline came near.
    :key_lookups, # Look-ups of the API key.
    :key_failures, # Those that failed.
    :invocations, # Invocations begun.
    :invocations_open # Invocations begun and not ended.
  ) do
    # Whether every point is accounted for; true while no other call is under way.
    def balances?
      recorded == pending + accepted + queued + rejected_not_finite + rejected_invalid_name +
        rejected_too_old + rejected_stale + rejected_no_room + rejected_closed + rejected_bad_name +
        rejected_bad_value + rejected_bad_time + rejected_bad_tags + dropped_disabled + dropped_buffer_full +
        dropped_delivery + dropped_arena_full
    end
  end
end
