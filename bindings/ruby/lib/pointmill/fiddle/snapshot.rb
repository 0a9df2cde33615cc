# frozen_string_literal: true

module Pointmill
  # Snapshots through Fiddle.
  class Snapshot
    class << self
      undef_method :new

      # For this package only.
      def of(handle)
        snapshot = allocate
        snapshot.instance_variable_set(:@handle, handle)
        snapshot.freeze
      end
    end

    # For this package only.
    attr_reader :handle

    def size
      Library.call(:snapshot_len, @handle)
    end

    private

    def entry(index)
      one = Memory.struct(:entry)
      Library.check(:snapshot_entry, @handle, index, one)
      read = ->(field) { one.read(:entry, field) }
      kind = Library::KINDS[read[:kind]]
      sketch = %i[distribution histogram].include?(kind)
      [kind, read[:name].freeze, tags(index, read[:tags_len]), read[:interval], read[:interval_s], read[:series], read[:points],
       sketch ? nil : read[:value], sketch ? Sketch.summary_at(one + Header::STRUCTS[:entry][1][:summary][0]) : nil]
    end

    def tags(index, len)
      Array.new(len) do |j|
        text = Memory.new(16)
        Library.check(:snapshot_tag, @handle, index, j, text)
        address, bytes = text[0, 16].unpack('JJ')
        ::Fiddle::Pointer.new(address)[0, bytes].force_encoding(Encoding::UTF_8).freeze
      end.freeze
    end

    def quantile(index, share)
      out = Memory.new(8)
      Library.check(:snapshot_quantile, @handle, index, Library.number(share, 'q'), out)
      out.unpack1('D')
    end

    def sketch(index)
      Sketch.of(Memory.handle(:sketch_free) { |out| Library.check(:snapshot_sketch, @handle, index, out) })
    end

    def group(keys, merge_intervals)
      parts = Library.array(keys).map { |key| Library.utf8(key, 'tag') }
      flags = merge_intervals ? Header::GROUP_MERGE_INTERVALS : 0
      texts = Memory.texts(parts)
      Snapshot.of(Memory.handle(:snapshot_free) { |out| Library.check(:snapshot_group_by, @handle, texts, parts.size, flags, out) })
    end

    def merge(others)
      handles = [self, *others].map do |one|
        raise TypeError, "merge: expected Pointmill::Snapshots, got #{one.inspect}" unless one.is_a?(Snapshot)

        one.handle
      end
      all = Memory.of(handles.map(&:to_i).pack('J*'))
      Snapshot.of(Memory.handle(:snapshot_free) { |out| Library.check(:snapshot_merge, all, handles.size, out) })
    end

    def payloads(pairs)
      made = Library.config(pairs) do |config|
        Memory.handle(:payloads_free) { |out| Library.check_told(:encode, @handle, config, out) }
      end
      [bodies(made), skipped(made)]
    end

    def bodies(made)
      Array.new(Library.call(:payloads_len, made)) do |i|
        one = Memory.struct(:payload)
        Library.check(:payloads_get, made, i, one)
        Client.payload(one)
      end
    end

    def skipped(made)
      found = []
      loop do
        one = Memory.struct(:skipped)
        status = Library.call(:payloads_skipped, made, found.size, one)
        return found if status == Header::E_INDEX
        raise Library.error(status) unless status.zero?

        found << Skipped.new(*%i[cause detail entries points values].map { |field| one.read(:skipped, field) }).freeze
      end
    end
  end
end
