# frozen_string_literal: true

module Pointmill
  # The engine through Fiddle.
  class Engine
    undef_method :initialize_copy

    def close
      # The library's memory goes with the last reference, which may be a call's that is under way.
      @handle = nil
    end

    def closed?
      @handle.nil?
    end

    def record_batch(contexts, values)
      ids, ids_len = Library.column(contexts, 'contexts', 'Q')
      column, len = Library.column(values, 'values', 'd')
      raise ArgumentError, "#{ids_len} contexts and #{len} values; one context for each value" unless ids_len == len

      rejected = Memory.new(8)
      Library.check(:record_batch, handle, ids, column, len, rejected)
      rejected.unpack1('J')
    end

    def tick(now = nil)
      Library.check(:tick, handle, Library.now(now))
      nil
    end

    def flush(now = nil, all: false)
      now = Library.now(now)
      from = handle
      Snapshot.of(Memory.handle(:snapshot_free) { |out| Library.check(:flush, from, now, all ? Header::FLUSH_ALL : 0, out) })
    end

    def stats
      Library.counters(Stats, :engine_stats, :stats, handle)
    end

    Library::KINDS.each_with_index do |word, kind|
      next if kind.zero?

      define_method(word) { |name, tags = nil| Metric.__send__(:of, self, kind, name, tags) }
      define_method("record_#{word}") do |*given, rate: nil, at: nil|
        unless (2..3).cover?(given.size)
          raise ArgumentError, "wrong number of arguments (given #{given.size}); expected name, value and then tags, " \
                               'like ("latency", 12.5, ["env:prod"])'
        end
        record_named(kind, *given, rate: rate, at: at)
      end
    end

    # The library's handle; raises if it is closed. For this package only.
    def handle
      @handle || raise(Library.closed('engine'))
    end

    # One point of a context, by whichever of the four calls it needs; the status. For this package only.
    def record_context(context, value, rate, at)
      if rate.nil?
        at.nil? ? Library.call(:record, handle, context, value) : Library.call(:record_at, handle, context, value, at)
      elsif at.nil?
        Library.call(:record_sampled, handle, context, value, rate)
      else
        Library.call(:record_sampled_at, handle, context, value, rate, at)
      end
    end

    # The id of a context, or the status and the texts of one that was refused. For this package only.
    def ask(kind, parts)
      texts = Memory.texts(parts)
      out = Memory.new(8)
      status = Library.call(:context, handle, kind, ::Fiddle::Pointer.new(texts.unpack1('J')), parts[0].bytesize, texts + 16,
                            parts.size - 1, out)
      [out.unpack1('Q'), status]
    end

    private

    def open(pairs)
      raise TypeError, 'the engine has been made already' if @handle

      @handle = Library.config(pairs) do |config|
        Memory.handle(:engine_free) { |out| Library.check_told(:engine_new, config, out) }
      end
      self
    end

    def record_named(kind, name, value, tags = nil, rate: nil, at: nil)
      value = Library.number(value)
      rate = Library.number(rate, 'rate') unless rate.nil?
      at = Library.seconds(at) unless at.nil?
      parts = Library.parts(name, tags)
      context, refused = ask(kind, parts) if rate || at
      # Also for a context that was refused: this counts the point.
      status = refused&.zero? ? record_context(context, value, rate, at)
                              : Library.call(:record_named, handle, kind, Memory.texts(parts), parts.size, value)
      raise Library.value_error(status, value) if status == Header::E_NOT_FINITE
      raise Library.named_error(status, parts) unless status.zero?
    end
  end

  # A held metric through Fiddle.
  class Metric
    attr_reader :engine, :name, :tags

    class << self
      undef_method :new

      private

      def of(engine, kind, name, tags)
        metric = allocate
        metric.__send__(:hold, engine, kind, name, tags)
        metric.freeze
      end
    end

    def kind
      Library::KINDS[@kind]
    end

    def context
      @context[0]
    end

    def record(value, rate: nil, at: nil)
      value = Library.number(value)
      rate = Library.number(rate, 'rate') unless rate.nil?
      at = Library.seconds(at) unless at.nil?
      status = again { engine.record_context(context, value, rate, at) }
      raise Library.value_error(status, value) unless status.zero?
    end

    def record_many(values)
      column, len = Library.column(values, 'values', 'd')
      rejected = Memory.new(8)
      status = again { Library.call(:record_many, engine.handle, context, column, len, rejected) }
      raise Library.error(status) unless status.zero?

      rejected.unpack1('J')
    end

    private

    def hold(engine, kind, name, tags)
      @engine = engine
      @kind = kind
      @name, *tags = Library.parts(name, tags).map { |part| part.dup.freeze }
      @tags = tags.freeze
      @context = [0]
      ask
    end

    # A context that rested too long is asked for again.
    def again
      status = yield
      return status unless status == Header::E_STALE_CONTEXT

      ask
      yield
    end

    def ask
      parts = [name, *tags]
      @context[0], status = engine.ask(@kind, parts)
      raise Library.named_error(status, parts) unless status.zero?
    end
  end
end
