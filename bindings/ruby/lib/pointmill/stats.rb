# frozen_string_literal: true

# The type that shows these counters. Generated from include/pointmill.h by scripts/gen.rb. Do not edit.
module Pointmill
  Stats = Struct.new(
    :recorded, # Points handed to a recording call, whatever became of them.
    :flushed, # Points that left in a snapshot.
    :pending, # Points that wait for a flush.
    :rejected_not_finite, # Refused: the value was NaN or infinite.
    :rejected_stale, # Refused: the context id was stale or unknown.
    :rejected_too_old, # Refused: the timestamp was too far in the past.
    :rejected_too_new, # Refused: the timestamp was too far in the future.
    :rejected_invalid_name, # Refused: the name was empty or too long, or a tag too long.
    :rejected_no_room, # Refused: no room for the context nor for an overflow context of its metric.
    :dropped_arena_full, # Taken but lost: no memory in the arena.
    :dropped_stale, # Taken but lost: the context was given back while the point was on its way.
    :overflowed, # Points that kept their value but lost their tags to a limit; in flushed or pending too.
    :contexts, # Contexts alive.
    :contexts_expired, # Contexts given back after their idle time.
    :contexts_refused, # Requests for a context that a limit turned into an overflow context.
    :flushes, # Flushes done.
    :utf8_mended, # Names or tags whose bytes were not UTF-8 and were mended.
    :arena_used_bytes, # Bytes of the arena in use.
    :arena_bytes # Bytes of the arena.
  ) do
    # Whether every point is accounted for; true while no other call is under way.
    def balances?
      recorded == flushed + pending + rejected_not_finite + rejected_stale + rejected_too_old +
        rejected_too_new + rejected_invalid_name + rejected_no_room + dropped_arena_full + dropped_stale
    end
  end
end
