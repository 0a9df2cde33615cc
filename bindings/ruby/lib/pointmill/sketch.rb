# frozen_string_literal: true

module Pointmill
  # A mergeable sketch of a distribution: the Datadog Agent's, bit for bit.
  #
  # Sketch.new(values) begins with these values. Sketches can be merged, copied, marshalled and compared. One thread at a
  # time; the GVL sees to that. A Ractor that is sent one gets a copy.
  class Sketch
    FORMATS = { 'ddsketch_proto' => 1, 'ddsketch_compact' => 2, 'agent' => 3 }.freeze
    PROFILES = { 'u16' => 1, 'u32' => 2 }.freeze
    private_constant :FORMATS, :PROFILES

    # The sketch in some bytes. They may be hostile: DecodeError names the byte.
    def self.decode(bytes, format = :agent)
      of_bytes(bytes, number(FORMATS, 'format', format))
    end

    def self.number(table, what, word)
      text = word.is_a?(String) || word.is_a?(Symbol)
      number = table[word.to_s] if text
      return number if number

      error = if !text then TypeError
              elsif table.equal?(FORMATS) then FormatError
              else InvalidError
              end
      raise error, "#{what}: expected #{table.keys.join(', ')}, got #{word.inspect}"
    end
    private_class_method :of_bytes, :number

    def initialize(values = nil)
      insert_many(values) unless values.nil?
    end

    # Values, each with its weight.
    def count
      summary.count
    end
    alias size count

    # [[key, count], ...], ascending, as the wire has them in the profile :u16 or :u32.
    def bins(profile = :u32)
      bins_of(self.class.__send__(:number, PROFILES, 'profile', profile))
    end

    # The sketch as bytes: :agent (every bit), :ddsketch_compact or :ddsketch_proto.
    def encode(format = :agent)
      bytes_of(self.class.__send__(:number, FORMATS, 'format', format))
    end

    # A new sketch with what both hold.
    def +(other)
      dup.merge(other)
    end

    # The same as insert, for chains: sketch << 1 << 2.
    def <<(value)
      insert(value)
    end

    # Whether both hold the same bins and the same summary.
    def ==(other)
      other.is_a?(Sketch) && summary == other.summary && bins == other.bins
    end
    alias eql? ==

    # Sketches change, so they are poor keys: two that are equal have the same hash until one changes.
    def hash
      [Sketch, summary].hash
    end

    def _dump(_level)
      encode
    end

    def self._load(bytes)
      decode(bytes)
    end

    def inspect
      values = summary
      "#<Pointmill::Sketch count=#{values.count} min=#{values.min} max=#{values.max} avg=#{values.avg}>"
    end
  end
end
