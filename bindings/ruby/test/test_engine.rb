# frozen_string_literal: true

require_relative 'helper'
require 'bigdecimal'

# The engine's face: held metrics, names, columns, time, the ledger.
class TestEngine < EngineCase
  KINDS = %i[distribution count gauge histogram].freeze

  def test_a_held_metric_records_and_says_what_it_is
    latency = engine.distribution('latency', ['b:2', :'a:1'])
    [1, 2.5, BigDecimal('1.5'), 1/2r, 1 << 70, -0.0].each { |value| assert_nil latency.record(value) }
    entry = only(engine.flush(NOW, all: true))
    assert_equal [:distribution, 'latency', ['a:1', 'b:2'], NOW], [entry.kind, entry.name, entry.tags, entry.interval]
    assert_equal [6, 5.5 + 2.0**70, -0.0, 2.0**70], [entry.count, entry.sum, entry.min, entry.max]
    assert_nil entry.value
    assert_equal 10, entry.interval_s
    assert_equal ['latency', ['b:2', 'a:1'], :distribution], [latency.name, latency.tags, latency.kind]
    assert_same engine, latency.engine
    assert_operator latency.context, :<, 1 << 53
    assert_includes latency.inspect + entry.inspect, 'latency'
    assert latency.frozen? && latency.name.frozen? && latency.tags.all?(&:frozen?)
  end

  def test_every_kind_has_a_held_and_a_named_way
    KINDS.each do |kind|
      engine.public_send(kind, 'm', ['a:1']).record(1)
      engine.public_send("record_#{kind}", 'm', 2, ['a:1'])
      engine.public_send("record_#{kind}", :m, 3, %i[a:1], rate: 1, at: NOW)
      entry = only(engine.flush(NOW, all: true))
      assert_equal [kind, 3], [entry.kind, entry.points]
      assert_equal %i[count gauge].include?(kind), entry.summary.nil?
    end
  end

  def test_tags_come_in_anything_that_is_a_list
    require 'set'
    [[], nil, ['a'], [:a], Set['a'], ['a'].each, ['a'] * 200].each do |tags|
      engine.record_count('m', 1, tags)
      assert_includes [[], ['a']], only(engine.flush(NOW, all: true)).tags
    end
    assert_equal %w[a b], engine.count('m', %w[a b].each).tags
  end

  def test_times_and_rates
    metric = engine.count('m')
    metric.record(1, rate: 0.5)
    metric.record(1, at: NOW - 20)
    metric.record(1, at: Time.at(NOW - 0.5)) # the second before
    metric.record(1, at: NOW - 0.5)
    metric.record(1, rate: 0.5, at: NOW - 20.0)
    metric.record(1, rate: nil, at: nil)
    entries = engine.flush(Time.at(NOW), all: true).map { |entry| [entry.interval, entry.value] }
    assert_equal [[NOW - 20, 3.0], [NOW - 10, 2.0], [NOW, 3.0]], entries
  end

  def test_many_values_in_every_shape
    metric = engine.distribution('m')
    assert_equal 0, metric.record_many((0...10).to_a)
    assert_equal 0, metric.record_many((0...10).map(&:to_f).pack('d*'))
    assert_equal 0, metric.record_many("#{'x' * 8}#{(0...10).map(&:to_f).pack('d*')}"[8..]) # a view that lies inside another
    assert_equal 0, metric.record_many(([1.0] * 5000).pack('d*'))
    assert_equal 0, metric.record_many([1] * 5000)
    assert_equal 0, metric.record_many(0...10)
    assert_equal 0, metric.record_many([])
    assert_equal 0, metric.record_many('')
    assert_equal 2, metric.record_many([1.0, Float::NAN, Float::INFINITY])
    entry = only(engine.flush(NOW, all: true))
    assert_equal [10_041, 10_181.0], [entry.count, entry.sum]
  end

  def test_columns
    a = engine.count('a')
    b = engine.count('b')
    contexts = [a.context, b.context, a.context, 1 << 52]
    assert_equal 1, engine.record_batch(contexts, [1, 2, 4, 8])
    assert_equal 1, engine.record_batch([-1], [1])
    assert_equal 1, engine.record_batch(contexts.pack('Q*'), [1.0, 2.0, 4.0, 8.0].pack('d*'))
    assert_equal({ 'a' => 10.0, 'b' => 4.0 }, engine.flush(NOW, all: true).to_h { |e| [e.name, e.value] })
    assert_refused(ArgumentError, /2 contexts and 1 values/) { engine.record_batch([1, 2], [3]) }
  end

  def test_a_metric_that_rested_too_long_is_asked_for_again
    Pointmill::Engine.open(idle_flushes: 1) do |engine|
      engine.tick(NOW)
      metric = engine.count('m', ['a:1'])
      5.times { |i| engine.flush(NOW + (10 * i)) }
      assert_equal 0, engine.stats.contexts
      metric.record(1)
      metric.record(2, at: NOW + 40)
      5.times { |i| engine.flush(NOW + 50 + (10 * i)) }
      assert_equal 0, metric.record_many([4, 8])
      assert_equal 12, only(engine.flush(NOW + 100)).value
      balances(engine)
    end
  end

  WRONG = [
    [->(e) { e.count('m').record('5') }, TypeError, /got String \("5"\); convert it with Float\(\)/],
    [->(e) { e.count('m').record(nil) }, TypeError, /got NilClass/],
    [->(e) { e.count('m').record(true) }, TypeError, /got TrueClass/],
    [->(e) { e.count('m').record(Time.now) }, TypeError, /number/],
    [->(e) { e.count('m').record(Complex(1, 1)) }, RangeError, /1\+1i/],
    [->(e) { e.count('m').record(Float::NAN) }, Pointmill::NotFiniteError, /NaN/],
    [->(e) { e.count('m').record(-Float::INFINITY) }, Pointmill::NotFiniteError, /-Infinity/],
    [->(e) { e.count('m').record(10**400) }, Pointmill::NotFiniteError, /Infinity/],
    [->(e) { e.record_count('m', Float::NAN) }, Pointmill::NotFiniteError, /NaN/],
    [->(e) { e.count('m').record }, ArgumentError, /wrong number/],
    [->(e) { e.count('m').record(1, 2) }, ArgumentError, /wrong number/],
    [->(e) { e.count('m').record(rate: 1) }, ArgumentError, /wrong number/],
    [->(e) { e.count('m').record(1, tags: []) }, ArgumentError, /tags/],
    [->(e) { e.count('m').record(1, at: 'now') }, TypeError, /at: expected a number/],
    [->(e) { e.count('m').record(1, at: Float::NAN) }, RangeError, /seconds/],
    [->(e) { e.count('m').record(1, at: NOW * 1000) }, Pointmill::TooNewError, /unit/],
    [->(e) { e.count('m').record(1, at: 5) }, Pointmill::TooOldError, /past_max_s/],
    [->(e) { e.count('m').record(1, rate: 'x') }, TypeError, /rate/],
    [->(e) { e.count('m', { env: 'prod' }) }, TypeError, /tags.map/],
    [->(e) { e.record_count('m', 1, { env: 'prod' }) }, TypeError, /tags.map/],
    [->(e) { e.count('m', 'env:prod') }, TypeError, /brackets/],
    [->(e) { e.record_count('m', 1, 'env:prod') }, TypeError, /brackets/],
    [->(e) { e.count('m', 5) }, TypeError, /Array of Strings/],
    [->(e) { e.count('m', ['a', 5]) }, TypeError, /tag: expected a String or Symbol, got Integer/],
    [->(e) { e.record_count('m', 1, ['a', nil]) }, TypeError, /got NilClass/],
    [->(e) { e.count(5) }, TypeError, /name: expected a String or Symbol/],
    [->(e) { e.count('') }, Pointmill::InvalidNameError, /the name "" has 0 bytes/],
    [->(e) { e.record_count('n' * 10_000, 1) }, Pointmill::InvalidNameError, /10000 bytes/],
    [->(e) { e.record_count('m', 1, ['t' * 1000]) }, Pointmill::InvalidNameError, /the tag "tttt/],
    [->(e) { e.record_count('m', 1, ['t' * 1000], rate: 0.5) }, Pointmill::InvalidNameError, /the tag "tttt/],
    [->(e) { e.record_count('m', 1, [], rate: 'x') }, TypeError, /rate/],
    [->(e) { e.record_count('m', 1, [], x: 1) }, ArgumentError, /x/],
    [->(e) { e.record_count('m') }, ArgumentError, /expected name, value and then tags/],
    [->(e) { e.record_count('m', 1, [], 2) }, ArgumentError, /expected name, value and then tags/],
    [->(e) { e.count('m').record_many('1234567') }, ArgumentError, /7 bytes/],
    [->(e) { e.count('m').record_many([1, 'x']) }, TypeError, /values: expected a number/],
    [->(e) { e.count('m').record_many(nil) }, TypeError, /Array of numbers/],
    [->(e) { e.count('m').record_many({ a: 1 }) }, TypeError, /Array of numbers/],
    [->(e) { e.record_batch(['1'], [1]) }, TypeError, /contexts: expected Integers/],
    [->(_) { Pointmill::Engine.new(intervals: 5) }, Pointmill::UnknownOptionError, /interval_s/],
    [->(_) { Pointmill::Engine.new(interval_s: 0) }, Pointmill::BadValueError, /interval_s/],
    [->(_) { Pointmill::Engine.new(interval_s: 1.5) }, TypeError, /interval_s/],
    [->(_) { Pointmill::Engine.new(interval_s: "1\0") }, ArgumentError, /null byte/],
    [->(_) { Pointmill::Engine.new(contexts_max: 1 << 20, arena_bytes: 1 << 20) }, Pointmill::ArenaTooSmallError, /raise it/],
    [->(_) { Pointmill::Metric.new }, NoMethodError, /new/],
    [->(_) { Pointmill::Snapshot.new }, NoMethodError, /new/],
    [->(e) { e.tick('x') }, TypeError, /number/],
    [->(e) { e.dup }, NoMethodError, /initialize_copy/]
  ].freeze

  WRONG.each_with_index do |(call, kind, text), i|
    define_method("test_bad_input_names_cause_and_remedy_#{i}") { assert_refused(kind, text) { call.call(engine) } }
  end

  def test_what_the_engine_refuses_is_counted
    [-> { engine.record_count('n' * 10_000, 1) }, -> { engine.record_count('n' * 10_000, 1, rate: 0.5) },
     -> { engine.record_count('n' * 10_000, 1, at: NOW) }, -> { engine.record_count('m', Float::NAN) }].each do |call|
      assert_raises(Pointmill::Error, &call)
    end
    ledger = engine.stats
    assert_equal [4, 3, 1], [ledger.recorded, ledger.rejected_invalid_name, ledger.rejected_not_finite]
  end

  # [what is given, the text that arrives, how many were mended]
  TEXTS = [
    ['métrique.日本 😀', 'métrique.日本 😀', 0],
    ['a,b|c', 'a,b|c', 0],
    ["caf\xE9".dup.force_encoding('ISO-8859-1'), 'café', 0],
    ['plain'.encode('ISO-8859-1'), 'plain', 0],
    ['größe'.encode('UTF-16LE'), 'größe', 0],
    ['größe'.encode('UTF-32BE'), 'größe', 0],
    ['größe'.b, 'größe', 0],
    ['plain'.encode('US-ASCII'), 'plain', 0],
    ["a\xFFb".b, "a\uFFFDb", 1],
    ["a\xFFb", "a\uFFFDb", 1],
    ["\xD8\x00".dup.force_encoding('UTF-16BE'), "\uFFFD", 0], # half a surrogate pair
    ["a\0b", "a\0b", 0]
  ].freeze

  def test_texts_of_every_encoding
    TEXTS.each do |given, wanted, mended|
      Pointmill::Engine.open do |engine|
        engine.tick(NOW)
        [given.dup, given.dup.freeze].each do |text|
          engine.record_count(text, 1, [text])
          engine.count(text, [text]).record(1)
        end
        entry = only(engine.flush(NOW, all: true))
        assert_equal [wanted, [wanted], 4.0], [entry.name, entry.tags, entry.value], given.inspect
        assert_equal mended.positive?, engine.stats.utf8_mended.positive?, given.inspect
        assert_equal Encoding::UTF_8, entry.name.encoding
      end
    end
  end

  def test_a_held_metric_keeps_its_own_texts
    name = +'m'
    tags = [+'a:1']
    metric = engine.count(name, tags)
    name << 'x'
    tags[0] << 'x'
    tags << 'b'
    assert_equal ['m', ['a:1']], [metric.name, metric.tags]
  end

  def test_a_closed_engine_says_so
    metric = engine.count('m')
    2.times { assert_nil engine.close }
    assert engine.closed?
    assert_includes engine.inspect, 'closed'
    [-> { metric.record(1) }, -> { metric.record(1, at: NOW) }, -> { metric.record_many([1]) },
     -> { metric.record_many([1.0] * 5000) }, -> { engine.record_count('m', 1) }, -> { engine.record_count('m', 1, at: NOW) },
     -> { engine.count('m') }, -> { engine.record_batch([1], [1]) }, -> { engine.flush }, -> { engine.tick },
     -> { engine.stats }].each { |call| assert_refused(Pointmill::ClosedError, /closed/, &call) }
  end

  def test_an_engine_that_was_never_made_is_a_closed_one
    engine = Pointmill::Engine.allocate
    assert engine.closed?
    assert_raises(Pointmill::ClosedError) { engine.record_count('m', 1) }
    assert_raises(TypeError) { @engine.send(:initialize) }
  end

  def test_closing_while_others_flush_and_record_is_safe
    20.times do
      engine = Pointmill::Engine.new(contexts_max: 64)
      metric = engine.distribution('m')
      values = ([1.0] * 20_000).pack('d*')
      threads = Array.new(3) do
        Thread.new do
          loop do
            metric.record_many(values)
            engine.flush(all: true)
          end
        rescue Pointmill::ClosedError
          nil
        end
      end
      Thread.pass
      engine.close
      threads.each { |thread| assert thread.join(60) }
    end
  end

  def test_threads_lose_nothing
    metric = engine.count('m')
    threads = Array.new(4) { Thread.new { 10_000.times { metric.record(1) } } }
    snapshots = Array.new(20) { engine.flush(NOW, all: true) }
    threads.each(&:join)
    snapshots << engine.flush(NOW, all: true)
    assert_equal 40_000, snapshots.sum { |snapshot| snapshot.sum(&:value) }
  end

  def test_other_threads_run_while_one_computes
    values = ([1.0] * 4_000_000).pack('d*')
    metric = engine.distribution('m')
    # How often this thread has run between the call's start and its end. Always, but for a machine that stands still; with
    # the GVL kept it happens too, when Ruby's time slice ends just there, in a third of the cases.
    seen = (1..20).count do
      inside = ended = false
      worker = Thread.new do
        inside = true
        metric.record_many(values)
        ended = true
      end
      Thread.pass until inside
      before = ended
      worker.join
      !before
    end
    assert_operator seen, :>=, 14
  end

  def test_a_thread_that_is_killed_inside_a_call_leaves_the_engine_whole
    values = ([1.0] * 200_000).pack('d*')
    metric = engine.distribution('m')
    50.times do
      worker = Thread.new { loop { metric.record_many(values) && engine.flush(NOW, all: true) } }
      sleep 0.001
      worker.kill.join
    end
    balances(engine)
    engine.close
  end

  def test_an_engine_can_be_derived_from
    mine = Class.new(Pointmill::Engine) { attr_accessor :tag }
    mine.open({ 'interval_s' => '20' }) do |engine|
      engine.tag = 'x'
      engine.tick(NOW)
      engine.count('m').record(1)
      assert_equal 20, only(engine.flush(NOW, all: true)).interval_s
    end
  end

  def test_an_engine_without_arguments_uses_the_clock
    Pointmill::Engine.open do |engine|
      engine.tick
      engine.count('m').record(1)
      assert_in_delta Time.now.to_i, only(engine.flush(all: true)).interval, 60
      assert_empty engine.flush
    end
  end

  def test_options_are_listed
    options = Pointmill.options.to_h { |option| [option.name, option] }
    assert_equal :number, options['interval_s'].type
    assert_includes options['format'].choices, 'sketches'
    assert_equal 'intake', options['format'].default
    assert(options.each_value.all? { |option| option.doc != '' })
  end

  def test_every_code_has_its_exception_and_every_exception_its_code
    codes = Pointmill.codes.reject { |number, _| number.zero? }.transform_values(&:first)
    classes = Pointmill.constants.map { |name| Pointmill.const_get(name) }
                       .select { |constant| constant.is_a?(Class) && constant < Pointmill::Error }
    assert_equal codes, classes.to_h { |error| [error::CODE, error::NAME] }
    error = assert_raises(Pointmill::NotFiniteError) { engine.count('m').record(Float::NAN) }
    assert_equal [-20, 'POINTMILL_E_NOT_FINITE'], [error.code, error.name]
  end
end

# What a call costs besides time.
class TestAllocations < EngineCase
  def allocated
    yield # the first time may fill caches
    before = GC.stat(:total_allocated_objects)
    1000.times { yield }
    GC.stat(:total_allocated_objects) - before
  end

  def test_recording_allocates_nothing
    skip 'Fiddle allocates' if FALLBACK
    metric = engine.distribution('m', ['a:1'])
    tags = %w[a:1 b:2].freeze
    assert_operator allocated { metric.record(1.5) }, :<, 10
    assert_operator allocated { engine.record_distribution('m', 1.5, tags) }, :<, 10
    assert_operator allocated { engine.record_count(:m, 1) }, :<, 10
  end
end
