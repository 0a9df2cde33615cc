# frozen_string_literal: true

require_relative 'helper'
require_relative 'intake'
require 'timeout'

# Delivery: a client over a loopback intake and over a block.
class TestClient < Case
  attr_reader :intake

  def setup
    @intake = Intake.new
  end

  def teardown
    @intake.close
  end

  def make(**options)
    Pointmill::Client.new(format: :distribution_points_v1, url: intake.url, api_key: 'k', background: false, **options)
  end

  def books_balance(client)
    s = client.stats
    assert_predicate s, :balances?
    assert client.engine.closed? || client.engine.stats.flushed == s.flushed
  end

  def test_what_is_recorded_arrives
    client = make
    client.engine.distribution('d', ['a:1']).record_many([1, 2, 3])
    client.engine.record_count('c', 1)
    assert_raises(Pointmill::DeliveryDroppedError) { client.flush } # this format has no counts, and says so
    client.engine.record_distribution('d', 4, ['a:1'])
    assert_equal true, client.flush
    assert_equal true, client.flush(all: false, timeout: 0)
    books_balance(client)
    assert_equal [4, 1], [client.stats.accepted, client.stats.skipped_scalar_in_sketch_format]
    assert_includes client.inspect, '4 points accepted'
    assert client.close
    values = intake.series.flat_map { |s| s['points'].flat_map(&:last) }.sort
    [1, 2, 3, 4].zip(values) { |wanted, got| assert_in_delta wanted, got, wanted / 129.0 }
    assert_equal [['d'], ['a:1']], [intake.series.map { |s| s['metric'] }.uniq, intake.series[0]['tags']]
    assert_equal ['/api/v1/distribution_points', 'k'], [intake.requests[0].path, intake.requests[0].headers['dd-api-key']]
  end

  def test_sketches_are_the_default
    Pointmill::Client.open(url: intake.url, api_key: 'k', background: false) do |client|
      client.engine.record_distribution('d', 1)
      assert client.flush
    end
    assert_equal ['/api/beta/sketches'], intake.requests.map(&:path)
  end

  def test_what_cannot_be_delivered_is_kept_or_told
    client = make(retry_base_ms: 1, retry_max_ms: 1)
    intake.status = 503
    client.engine.record_distribution('d', 1)
    assert_equal false, client.flush(timeout: 0.5)
    assert_equal 1, client.stats.queued
    # The last attempt may have been one that the time was too short for.
    20.times { client.last_failure.include?('503') ? break : client.flush(timeout: 0.5) }
    assert_includes client.last_failure, '503'
    intake.status = 403
    assert_refused(Pointmill::DeliveryDroppedError, /403/) { client.flush(timeout: 30) }
    assert_equal 1, client.stats.dropped_forbidden
    intake.status = 202
    client.engine.record_distribution('d', 1)
    assert_equal true, client.close
    books_balance(client)
    assert_raises(Pointmill::ClosedError) { client.flush }
    assert_includes [true, false], client.close
  end

  def test_a_block_instead_of_a_destination
    got = []
    client = Pointmill::Client.new(retry_base_ms: 1, retry_max_ms: 1) do |payload, timeout|
      got << [payload, timeout, Thread.current]
      got.size > 1 ? nil : 503
    end
    client.engine.record_distribution('d', 1)
    assert client.flush(timeout: 30)
    books_balance(client)
    assert_equal 2, got.size
    payload, timeout, thread = got[1]
    assert_equal 1, payload.points
    assert_operator timeout, :<=, 30
    assert_same Thread.current, thread unless FALLBACK
    assert client.close
  end

  def test_a_block_that_raises_is_tried_again
    called = 0
    client = Pointmill::Client.new(retry_base_ms: 1, retry_max_ms: 1) { |_, _| (called += 1) && raise('boom') }
    client.engine.record_distribution('d', 1)
    # A flush may end before its first attempt, if there is little time for it.
    _, err = capture_io { wait_until { client.flush(timeout: 0.2) == false && called.positive? } }
    assert_match(/RuntimeError \(boom\)/, err)
    assert_equal 1, client.stats.queued
    _, = capture_io { assert_raises(Pointmill::DeliveryDroppedError) { client.close(timeout: 0) } }
    assert_equal 1, client.stats.dropped_closed
  end

  def test_what_leaves_the_block_otherwise_goes_on_after_the_flush
    client = Pointmill::Client.new(retry_base_ms: 1, retry_max_ms: 1) { |_, _| raise NotImplementedError, 'not a StandardError' }
    client.engine.record_distribution('d', 1)
    assert_raises(NotImplementedError) { wait_until { client.flush(timeout: 0.2) } }
    assert_equal 1, client.stats.queued
    thrown = Pointmill::Client.new { |_, _| throw :out, 5 }
    thrown.engine.record_distribution('d', 1)
    capture_io { assert_equal 5, catch(:out) { wait_until { thrown.flush(timeout: 0.2) } } } unless FALLBACK
    books_balance(client)
    capture_io { [client, thrown].each { |one| one.close(timeout: 0) rescue nil } } # rubocop:disable Style/RescueModifier
  end

  def test_waiting_can_be_interrupted_and_the_sending_goes_on
    skip 'the library is not left through Fiddle' if FALLBACK
    client = make
    intake.hold
    client.engine.record_distribution('d', 1)
    start = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    assert_raises(Timeout::Error) { Timeout.timeout(0.3) { client.flush(timeout: 120) } }
    assert_operator Process.clock_gettime(Process::CLOCK_MONOTONIC) - start, :<, 60
    assert_equal 0, client.stats.accepted
    intake.release
    wait_until { client.stats.accepted == 1 }
    assert client.close
    books_balance(client)
  end

  def test_a_client_that_is_forgotten_while_it_sends
    skip 'about the extension' if FALLBACK
    intake.delay = 0.5
    run_ruby(<<~RUBY)
      require 'pointmill'
      require 'timeout'
      20.times do
        client = Pointmill::Client.allocate
        client.send(:open, Pointmill::Engine.new, [%w[url #{intake.url}], %w[api_key k], %w[background false]], nil)
        client.engine.record_distribution('d', 1)
        Timeout.timeout(0.02) { client.flush } rescue nil
        client = nil
        GC.start
      end
    RUBY
  end

  def test_other_threads_run_while_one_waits
    client = make
    intake.hold
    client.engine.record_distribution('d', 1)
    waiting = Thread.new { client.flush(timeout: 120) }
    # The intake is a thread of this Ruby, as the one that looks is.
    wait_until { intake.requests.any? }
    assert_predicate waiting, :alive?
    intake.release
    assert waiting.value
    client.close
  end

  def test_the_background_thread_delivers
    client = make(background: true, flush_interval_s: 1, interval_s: 1)
    client.engine.record_distribution('d', 1)
    wait_until { intake.requests.any? }
    assert client.close
  end

  def test_a_forked_child_has_a_client_of_its_own
    client = make(background: true, flush_interval_s: 3600)
    client.engine.record_distribution('parent', 1)
    threads = -> { Dir['/proc/self/task/*'].size }
    status = in_child do
      before = threads.call
      client.engine.record_distribution('child', 1)
      client.flush && client.stats.flushed == 1 && before >= 2
    end
    assert_equal 0, status
    assert client.close
    assert_equal %w[child parent], intake.series.map { |s| s['metric'] }.sort
  end

  def test_a_ruby_that_ends_delivers_first
    run_ruby(<<~RUBY)
      require 'pointmill'
      Pointmill::Client.new(url: '#{intake.url}', api_key: 'k', format: :distribution_points_v1).engine.record_distribution('d', 1)
      GC.start # nothing refers to the client but the list of those that are open
    RUBY
    assert_equal ['d'], intake.series.map { |s| s['metric'] }
  end

  WRONG = [
    [-> { Pointmill::Client.new }, Pointmill::BadValueError, /api_key/],
    [-> { Pointmill::Client.new('x') }, TypeError, /Engine/],
    [-> { Pointmill::Client.new(sight: 'x') }, Pointmill::UnknownOptionError, /site/],
    [-> { Pointmill::Client.new(background: true) { nil } }, ArgumentError, /call flush from a Thread/],
    [-> { Pointmill::Client.new { nil }.flush(timeout: -1) }, ArgumentError, /seconds/],
    [-> { Pointmill::Client.new { nil }.flush(timeout: Float::NAN) }, ArgumentError, /seconds/],
    [-> { Pointmill::Client.new { nil }.dup }, NoMethodError, /initialize_copy/],
    [-> { Pointmill::Client.allocate.stats }, Pointmill::ClosedError, /closed/]
  ].freeze

  def test_bad_input
    WRONG.each { |call, kind, text| assert_refused(kind, text, &call) }
  end

  def test_an_engine_of_ones_own_and_one_that_is_closed
    engine = Pointmill::Engine.new
    client = Pointmill::Client.new(engine, url: intake.url, api_key: 'k', background: false)
    assert_same engine, client.engine
    engine.record_distribution('d', 1)
    assert client.close
    engine.close
    assert_refused(Pointmill::ClosedError, /closed/) { Pointmill::Client.new(engine, url: intake.url, api_key: 'k') }
  end
end
