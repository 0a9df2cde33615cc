# frozen_string_literal: true

module Pointmill
  # Delivers what an engine flushes, in the background and when #flush is called.
  #
  #   client = Pointmill::Client.new(api_key: key, site: 'datadoghq.eu')
  #   client.engine.distribution('latency', ['env:prod']).record(12.5)
  #   client.close
  #
  # Options are those of Pointmill.options, of the engine, the encoder and delivery alike. Without an engine the client
  # makes one of them.
  #
  # A block is called with each Payload and a time limit in seconds, instead of a destination. It answers with a status as
  # an HTTP server has it: 200 (or nil) taken, 413 split it, 429 or 5xx try again, others give up. It runs on the thread
  # that calls #flush or #close, so there is no background thread then, and it must not call back into the client.
  #
  # Nothing is lost uncounted: what cannot be delivered is kept in memory and in `spool_dir`, and #stats says where every
  # point is. A client lives until it is closed; one that is still open when Ruby ends is closed, for at most
  # `flush_timeout_ms`. In a forked child a client begins empty, with a thread of its own.
  class Client
    # What only a program with a client needs is loaded with its first one, which the main Ractor makes.
    autoload :Open, File.join(__dir__, 'client/open.rb')
    private_constant :Open

    def initialize(engine = nil, **options, &send)
      unless Ractor.current == Ractor.main
        raise Ractor::UnsafeError, 'a client belongs to the main Ractor; others record into its engine, ' \
                                   'after Ractor.make_shareable(client.engine)'
      end
      options = without_background(options) if send
      open(given(engine, options), Options.pairs(options), send)
      @timeout_ms = Integer(options.fetch(:flush_timeout_ms, 10_000))
      Open.add(self, @timeout_ms)
    end

    # Makes a client, or lends it to a block of one argument and closes it afterwards.
    def self.open(engine = nil, **options)
      client = new(engine, **options)
      return client unless block_given?

      begin
        yield client
      ensure
        client.close
      end
    end

    # Sends what the engine holds (with `all` also the open intervals) and what was kept, for at most `timeout` seconds, by
    # default the option flush_timeout_ms.
    #
    # true: everything has arrived. false: something is kept and will be tried again. DeliveryDroppedError: something was
    # given up; #stats says how much and why. Other threads run meanwhile. If the waiting is interrupted (Timeout, a
    # signal, Thread#kill) the sending goes on in the background.
    def flush(all: true, timeout: nil)
      flush_for(all, milliseconds(timeout))
    end

    # Flushes everything, stops the background thread, and spools what has not arrived. Same answers as #flush.
    def close(timeout: nil)
      timeout_ms = milliseconds(timeout)
      Open.remove(self)
      close_within(timeout_ms)
    end

    def inspect
      books = stats
      "#<Pointmill::Client #{books.accepted} points accepted, #{books.queued + books.spooled} kept, #{books.dropped} dropped>"
    end

    private

    def given(engine, options)
      return Engine.new(options) if engine.nil?
      return engine if engine.is_a?(Engine)

      raise TypeError, "expected a Pointmill::Engine, got #{engine.inspect}; options are keywords"
    end

    def without_background(options)
      return { background: false, **options } unless options[:background]

      raise ArgumentError, 'background: a block runs on the thread that flushes; leave this out and call flush from a Thread'
    end

    def milliseconds(timeout)
      return @timeout_ms if timeout.nil?

      seconds = Float(timeout)
      raise ArgumentError, "timeout: expected seconds, 0 or more, got #{timeout.inspect}" unless seconds >= 0

      ([seconds, 1e9].min * 1000).to_i
    end
  end
end
