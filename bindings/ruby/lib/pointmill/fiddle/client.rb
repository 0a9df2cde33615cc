# frozen_string_literal: true

module Pointmill
  # Delivery through Fiddle.
  class Client
    undef_method :initialize_copy

    # A Payload of a struct; for this package only.
    def self.payload(one)
      read = ->(field) { one.read(:payload, field) }
      body = read[:body_len].zero? ? (+'').b : ::Fiddle::Pointer.new(read[:body])[0, read[:body_len]]
      Payload.new(read[:path], read[:content_type], read[:encoding], body, read[:points], read[:entries]).freeze
    end

    attr_reader :engine

    # Starts the background thread if it should run and does not. Done by itself in a forked child.
    def start
      status = Library.call(:client_start, handle)
      raise Library.error(status) unless [Header::OK, Header::E_CLOSED].include?(status)
    end

    def stats
      Library.counters(ClientStats, :client_stats, :client_stats_get, handle)
    end

    def last_failure
      Library.written(:client_last_failure, handle)
    end

    private

    def handle
      @handle || raise(Library.closed('client'))
    end

    def open(engine, pairs, send)
      raise TypeError, 'the client has been made already' if @handle

      from = engine.handle
      @handle = Library.config(pairs) do |config|
        Memory.handle(:client_free) do |out|
          send ? open_with(from, config, send, out) : Library.check_told(:client_new, from, config, out)
        end
      end
      @engine = engine
      self
    end

    def open_with(from, config, send, out)
      @callback = ::Fiddle::Closure::BlockCaller.new(
        ::Fiddle::TYPE_INT, [::Fiddle::TYPE_VOIDP, ::Fiddle::TYPE_VOIDP, ::Fiddle::TYPE_LONG_LONG]
      ) { |_, payload, timeout_ms| sent(send, payload, timeout_ms) }
      Library.check_told(:client_new_with, from, config, @callback, nil, out)
    end

    # On a thread of its own, so that nothing the block does (throw, break) can leave through the library's frames.
    def sent(send, payload, timeout_ms)
      one = Memory.of(::Fiddle::Pointer.new(payload.to_i)[0, Header::STRUCTS[:payload][0]])
      body = Client.payload(one)
      answer = Thread.new { Thread.current.report_on_exception = false; send.call(body, timeout_ms / 1000.0) }.value
      answer.nil? ? 200 : Integer(answer)
    rescue StandardError => e
      warn "pointmill: the block of a Client raised #{e.class} (#{e.message}); the body is kept and tried again"
      0
    rescue Exception => e # rubocop:disable Lint/RescueException
      @ended = e
      0
    end

    def flush_for(all, timeout_ms)
      answered(waited { Library.call(:client_flush, handle, all ? Header::FLUSH_ALL : 0, timeout_ms) })
    end

    def close_within(timeout_ms)
      answered(waited { Library.call(:client_close, handle, timeout_ms) })
    end

    # What is sent to this thread meanwhile is raised once the library has come back.
    def waited(&call)
      status = Thread.handle_interrupt(Object => :never, &call)
      ended, @ended = @ended, nil
      raise ended if ended

      status
    end

    def answered(status)
      return status.zero? if [Header::OK, Header::E_DELIVERY_LATER].include?(status)

      failure = last_failure if status == Header::E_DELIVERY_DROPPED
      raise Library.error(status) if failure.nil?

      raise Library.error(status, "#{Library.error(status).message}; the last failure: #{failure}")
    end
  end
end
