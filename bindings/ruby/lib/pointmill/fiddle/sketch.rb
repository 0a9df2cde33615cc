# frozen_string_literal: true

module Pointmill
  # The sketch through Fiddle.
  class Sketch
    class << self
      # A sketch of a handle; for this package only.
      def of(handle)
        sketch = allocate
        sketch.instance_variable_set(:@handle, handle)
        sketch
      end

      # A summary that lies at an address; for this package only.
      def summary_at(pointer)
        Summary.new(*pointer[8, 40].unpack('QDDDD')).freeze
      end

      def of_bytes(bytes, format)
        raise TypeError, "no implicit conversion of #{bytes.class} into String" unless bytes.is_a?(String)

        of(Memory.handle(:sketch_free) do |out|
          Library.check_told(:sketch_decode, format, Memory.of(bytes), bytes.bytesize, out)
        end)
      end

      # The key of the bin that a value falls into.
      def key(value)
        value = Library.number(value)
        out = Memory.new(8)
        status = Library.call(:sketch_key, value, out)
        raise Library.value_error(status, value) unless status.zero?

        out.unpack1('s')
      end
    end

    def initialize_copy(other)
      from = other.handle
      @handle = Memory.handle(:sketch_free) { |out| Library.check(:sketch_clone, from, out) }
      self
    end

    # For this package only.
    def handle
      @handle ||= Memory.handle(:sketch_free) { |out| Library.check(:sketch_new, out) }
    end

    def insert(value, n: nil, rate: nil)
      value = Library.number(value)
      raise ArgumentError, 'insert takes n or rate, not both' if n && rate
      raise TypeError, "n: expected a whole number from 0, got #{n.inspect}" unless n.nil? || n.is_a?(Integer)
      raise ArgumentError, "n: expected a whole number from 0, got #{n}" if n&.negative?

      status = if n then Library.call(:sketch_insert_n, changed, value, n)
               elsif rate then Library.call(:sketch_insert_sampled, changed, value, Library.number(rate, 'rate'))
               else Library.call(:sketch_insert, changed, value)
               end
      raise Library.value_error(status, value) unless status.zero?

      self
    end

    def insert_many(values)
      column, len = Library.column(values, 'values', 'd')
      Library.check(:sketch_insert_many, changed, column, len)
      self
    end

    def insert_interpolated(lower, upper, count)
      Library.check(:sketch_insert_interpolated, changed, Library.number(lower, 'lower'), Library.number(upper, 'upper'), count)
      self
    end

    def merge(other)
      raise TypeError, "merge: expected a Pointmill::Sketch, got #{other.inspect}" unless other.is_a?(Sketch)

      Library.check(:sketch_merge, changed, other.handle)
      self
    end

    def summary
      out = Memory.struct(:summary)
      Library.check(:sketch_summary, handle, out)
      Sketch.summary_at(out)
    end

    def quantile(share)
      asked(:sketch_quantile, share)
    end

    def quantile_agent(share)
      asked(:sketch_quantile_agent, share)
    end

    private

    def changed
      raise FrozenError, "can't modify frozen Pointmill::Sketch: #{inspect}" if frozen?

      handle
    end

    def asked(name, share)
      out = Memory.new(8)
      Library.check(name, handle, Library.number(share, 'q'), out)
      out.unpack1('D')
    end

    def bins_of(profile)
      len = Memory.new(8)
      status = Library.call(:sketch_bins, handle, profile, nil, nil, 0, len)
      raise Library.error(status) unless [Header::OK, Header::E_BUFFER_TOO_SMALL].include?(status)

      bins = len.unpack1('J')
      keys = Memory.new(bins * 2)
      counts = Memory.new(bins * 4)
      Library.check(:sketch_bins, handle, profile, keys, counts, bins, len)
      bins.zero? ? [] : keys[0, bins * 2].unpack('s*').zip(counts[0, bins * 4].unpack('L*'))
    end

    def bytes_of(format)
      len = Memory.new(8)
      status = Library.call(:sketch_encode, handle, format, nil, 0, len)
      raise Library.error(status) unless [Header::OK, Header::E_BUFFER_TOO_SMALL].include?(status)

      bytes = Memory.new(len.unpack1('J'))
      Library.check(:sketch_encode, handle, format, bytes, bytes.size, len)
      bytes[0, len.unpack1('J')]
    end
  end
end
