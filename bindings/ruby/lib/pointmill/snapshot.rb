# frozen_string_literal: true

module Pointmill
  # One series in one interval.
  #
  # kind, name, tags (sorted) and interval (start, Unix seconds) say which; points were recorded into it. A count or gauge
  # has a value; a distribution or histogram has count, min, max, sum, avg, quantiles and a sketch. What an entry does not
  # have is nil.
  class Entry
    attr_reader :kind, :name, :tags, :interval, :interval_s, :series, :points, :value, :summary

    def initialize(snapshot, index)
      @kind, @name, @tags, @interval, @interval_s, @series, @points, @value, @summary = snapshot.__send__(:entry, index)
      @snapshot = snapshot
      @index = index
    end

    # Values, each with its weight.
    def count
      summary&.count
    end

    # The smallest value.
    def min
      summary&.min
    end

    # The largest value.
    def max
      summary&.max
    end

    # The sum of the values.
    def sum
      summary&.sum
    end

    # The mean of the values.
    def avg
      summary&.avg
    end

    # The value of rank round(q * (count - 1)), to within 1/129 of itself; 0.99 for the 99th percentile.
    def quantile(q) # rubocop:disable Naming/MethodParameterName
      @snapshot.__send__(:quantile, @index, q)
    end

    # A copy of the sketch.
    def sketch
      @snapshot.__send__(:sketch, @index)
    end

    def inspect
      what = summary ? "count=#{count} avg=#{avg}" : "value=#{value}"
      "#<Pointmill::Entry #{kind} #{name.inspect} #{tags.inspect} at #{interval}: #{what}>"
    end
  end

  # The flushed values of some intervals: an Enumerable of entries. Frozen; threads and Ractors share it freely.
  class Snapshot
    include Enumerable

    alias length size

    def empty?
      size.zero?
    end

    # The entry at an index, from the end if it is negative; nil past the end.
    def [](index)
      index += size if index.negative?
      Entry.new(self, index) if index >= 0 && index < size
    end

    def each
      return enum_for(:each) { size } unless block_given?

      size.times { |i| yield Entry.new(self, i) }
      self
    end

    # This snapshot merged over every tag whose key (before the colon) is not among `keys`.
    #
    # Sketches merge, counts add up. With `merge_intervals` every series has one entry.
    def group_by_tags(*keys, merge_intervals: false)
      group(keys, merge_intervals)
    end

    # The bodies to send, each within its route's limits, and what could not be put into one.
    #
    # `format` and the further options are those of Pointmill.options: intake, sketches, series_v2,
    # distribution_points_v1, log_lines, dogstatsd; compression, host, tags and so on.
    def encode(format = :intake, **options)
      Payloads.new(*payloads(Options.pairs({ format: format, **options })))
    end

    # One snapshot of many: entries of the same kind, name, tags and interval become one.
    def self.merge(*snapshots)
      first, *rest = snapshots.flatten(1)
      raise ArgumentError, 'merge: no snapshots; give at least one' if first.nil?
      raise TypeError, "merge: expected Pointmill::Snapshots, got #{first.inspect}" unless first.is_a?(Snapshot)

      first.__send__(:merge, rest)
    end

    def inspect
      "#<Pointmill::Snapshot of #{size} entries>"
    end
  end

  # An Enumerable of Payload. Nothing vanishes: `skipped` tells what is in none of them, by cause.
  class Payloads
    include Enumerable

    attr_reader :skipped

    def initialize(bodies, skipped)
      @bodies = bodies.freeze
      @skipped = skipped.freeze
    end

    def each(&block)
      return enum_for(:each) { size } unless block

      @bodies.each(&block)
      self
    end

    def size
      @bodies.size
    end

    def [](index)
      @bodies[index]
    end
  end
end
