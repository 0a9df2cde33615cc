# frozen_string_literal: true

# The type that shows these counters. Generated from include/pointmill.h by scripts/gen.rb. Do not edit.
module Pointmill
  LambdaStats = Struct.new(
    :recorded, # Points handed to a recording call or reported as refused, and enhanced ones.
    :pending, # Wait for a flush, in the engine or the buffer.
    :delivered, # Taken by the intake, written to the log, sent to the extension.
    :queued, # Encoded; a later flush sends them.
    :rejected_not_finite, # Refused: not a finite number.
    :rejected_invalid_name, # Refused: the name is empty or too long, or a tag too long.
    :rejected_too_old, # Refused: more than four hours old, in extension mode.
    :rejected_stale, # Refused: no context has this id.
    :rejected_no_room, # Refused: no room for a further name.
    :rejected_closed, # Refused: after the end.
    :refused_name, # Refused by the wrapper: the name.
    :refused_value, # Refused by the wrapper: the value.
    :refused_time, # Refused by the wrapper: the time.
    :refused_tags, # Refused by the wrapper: the tags.
    :dropped_disabled, # Custom points for which there is no way under FIPS rules.
    :dropped_buffer, # The buffer was full and could not be emptied.
    :dropped_delivery, # Given up by delivery.
    :dropped_arena, # The engine's memory was full.
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
  )
end
