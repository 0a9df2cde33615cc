# frozen_string_literal: true

require_relative 'stats'
require_relative 'types'
Pointmill.__send__(:define_engine)
require_relative 'snapshot'
require_relative 'sketch'
require_relative 'client'

module Pointmill
  # Aggregates points in memory of fixed size. Every method may be called from any thread at once, and from any Ractor
  # once the engine is frozen.
  #
  # Options are those of Pointmill.options, by name: Engine.new(interval_s: 60, contexts_max: 1000). One that does not
  # exist or a value out of range raises at once and says what is allowed.
  #
  # The engine reads the clock when it is made. From then on time moves with #flush and #tick: call one of them at least
  # once an interval, or points without a time of their own end up in an interval that is over.
  #
  # In a forked child the engine is empty and works; the parent's points stay the parent's.
  class Engine
    def initialize(config = nil, **options)
      open(Options.pairs(config ? config.to_h.merge(options) : options))
    end

    # Makes an engine, or lends it to a block and closes it afterwards.
    def self.open(config = nil, **options)
      engine = new(config, **options)
      return engine unless block_given?

      begin
        yield engine
      ensure
        engine.close unless engine.frozen?
      end
    end

    def inspect
      return '#<Pointmill::Engine closed>' if closed?

      ledger = stats
      "#<Pointmill::Engine #{ledger.contexts} contexts, #{ledger.pending} points pending>"
    end
  end

  # A metric that is held: kind, name and tags, looked up once. Made by an Engine.
  class Metric
    def inspect
      "#<Pointmill::Metric #{kind} #{name.inspect} #{tags.inspect}>"
    end
  end
end
