# frozen_string_literal: true

require_relative 'helper'
require 'json'

# Datadog::Lambda.metric with whatever it is called with: it never raises, and nothing valid is lost.
class TestLambda < Case
  LAYER = "dd_lambda_layer:pointmill-ruby#{RUBY_VERSION.split('.').first(2).join}_"

  # Runs it in a Ruby of its own, in log mode; what was logged, what else was printed, what was said on stderr.
  def run_lambda(code, env = {}, flags: [], status: 0)
    head = "require 'pointmill/lambda'\nL = Pointmill::Lambda\ndef metric(...) = Datadog::Lambda.metric(...)\n"
    out, err = run_ruby(head + code, { 'DD_FLUSH_TO_LOG' => 'true', **env }, flags: flags, status: status)
    lines = out.lines(chomp: true).partition { |line| line.start_with?('{"m":') }
    [lines[0].map { |line| JSON.parse(line) }, lines[1], err]
  end

  # The examples of the specification that are about Ruby: arguments, second, tags behind the layer's, value.
  VECTORS = [
    ['"m1", 100, time: Time.utc(2008, 7, 8, 9, 10), "t.b": "v2"', 1_215_508_200, ['t.b:v2'], 100],
    ['"m1", 100, time: Time.utc(2008, 7, 8, 9, 11), "t.b": "v2"', 1_215_508_260, ['t.b:v2'], 100],
    ['"m1", 42, time: Time.utc(2023, 1, 7, 12, 30), env: "dev"', 1_673_094_600, ['env:dev'], 42]
  ].freeze

  def test_the_vectors
    metrics, = run_lambda(VECTORS.map { |arguments, *| "metric(#{arguments})" }.join("\n"))
    assert_equal VECTORS.map { |_, *rest| rest }, (metrics.map { |line| [line['e'], line['t'].drop(1), line['v']] })
    metrics.each { |line| assert line['t'][0].start_with?(LAYER) }
  end

  # [call, value, tags]
  TAKEN = [
    ['metric("m", 1)', 1, []],
    ['metric("m", 1.5, a: "1", b: :two)', 1.5, ['a:1', 'b:two']],
    ['metric("m", 1, b: 1, a: nil)', 1, ['b:1', 'a:']],
    ['metric("m", 1, time: nil, yes: true, no: false)', 1, ['yes:true', 'no:false']],
    ['metric("m", 1, "with space": "x|y,z")', 1, ['with space:x|y,z']],
    ['metric("m", 1, "text" => "key")', 1, ['text:key']],
    ['metric("m", 1, { a: 1 })', 1, ['a:1']],
    ['metric("m", 1, { a: 1 }, b: 2)', 1, ['a:1', 'b:2']],
    ['metric(:m, 1)', 1, []],
    ['metric("m", "5")', 5, []],
    ['metric("m", 1/4r)', 0.25, []],
    ['require "bigdecimal"; metric("m", BigDecimal("1.10"))', 1.1, []],
    ['metric("m", 1 << 70)', 2**70, []],
    ['metric("m", -0.0)', 0, []],
    ['metric("m", 1, f: 1.5, a: [1], t: Struct.new(:x).new(1).to_a)', 1, ['f:1.5', 'a:[1]', 't:[1]']],
    ['metric("m", 1, emoji: "😀", "日本": "x")', 1, ['emoji:😀', '日本:x']],
    ['metric("m", 1, l: "caf\xE9".dup.force_encoding("ISO-8859-1"))', 1, ['l:café']],
    ['metric("m", 1, l: "größe".encode("UTF-16LE"))', 1, ['l:größe']],
    ['metric("m", 1, l: "größe".b)', 1, ['l:größe']],
    ['metric("m", 1, l: "a\xFFb".b)', 1, ['l:a?b']],
    ['metric("m".encode("UTF-16LE"), 1)', 1, []],
    ['metric("m", 1, l: "x" * 90)', 1, ["l:#{'x' * 90}"]],
    ['metric("m", 1, **Array.new(40) { |i| [:"k#{i}", i] }.to_h)', 1, Array.new(40) { |i| "k#{i}:#{i}" }],
    ['metric("m", 1, **Array.new(20) { |i| [:"k#{i}", "v" * 80] }.to_h)', 1, Array.new(20) { |i| "k#{i}:#{'v' * 80}" }]
  ].freeze

  def test_what_is_valid_is_written
    metrics, rest, err = run_lambda("#{TAKEN.map(&:first).join("\n")}\nL.flush")
    assert_equal TAKEN.size, metrics.size, err
    TAKEN.zip(metrics) do |(call, value, tags), line|
      assert_equal ['m', value, tags], [line['m'], line['v'], line['t'].drop(1)], call
      assert line['t'][0].start_with?(LAYER)
      assert_in_delta Time.now.to_i, line['e'], 120
    end
    assert_empty rest
    assert_empty err
  end

  # [call, counter]
  REFUSED = [
    ['metric(nil, 1)', 'rejected_bad_name'], ['metric("", 1)', 'rejected_bad_name + L.stats.rejected_invalid_name'],
    ['metric(5, 1)', 'rejected_bad_name'], ['metric()', 'rejected_bad_name'], ['metric("m")', 'rejected_bad_value'],
    ['metric("m", "oops")', 'rejected_bad_value'], ['metric("m", nil)', 'rejected_bad_value'], ['metric("m", true)', 'rejected_bad_value'],
    ['metric("m", [1])', 'rejected_bad_value'], ['metric("m", Complex(1, 1))', 'rejected_bad_value'],
    ['metric("m", Float::NAN)', 'rejected_not_finite'], ['metric("m", -Float::INFINITY, a: 1)', 'rejected_not_finite'],
    ['metric("m", 10**400)', 'rejected_not_finite'], ['metric("n" * 10_000, 1)', 'rejected_invalid_name'],
    ['metric("m", 1, time: "yesterday")', 'rejected_bad_time'], ['metric("m", 1, time: Float::NAN)', 'rejected_bad_time'],
    ['metric("m", 1, 2)', 'rejected_bad_tags'], ['metric("m", 1, {}, 2)', 'rejected_bad_tags']
  ].freeze

  def test_what_is_not_valid_is_refused_counted_and_told
    calls = REFUSED.map do |call, counter|
      count = "L.stats.then { |s| [s.recorded, s.#{counter.sub('L.stats', 's')}] }"
      "before = #{count}; 2.times { #{call} }; p #{count}.zip(before).map { |a, b| a - b }"
    end
    metrics, rest, err = run_lambda("#{calls.join("\n")}\nmetric('good', 1)")
    assert_equal(['good'], metrics.map { |line| line['m'] })
    REFUSED.zip(rest) { |(call, _), counted| assert_equal '[2, 2]', counted, call }
    # Each text once, though every call was made twice, and three texts come of two calls each.
    assert_equal err.lines.uniq, err.lines
    assert_equal REFUSED.size - 3, err.lines.size, err
  end

  def test_times
    _, rest, = run_lambda(<<~'RUBY')
      require 'date'
      metric('m', 1, time: 1_700_000_000)
      metric('m', 1, time: 1_700_000_000.75)
      metric('m', 1, time: Time.at(1_700_000_000, 999_999, :usec))
      metric('m', 1, time: Time.at(0))
      puts L.stats.rejected_bad_time
    RUBY
    assert_equal ['0'], rest
  end

  def test_objects_that_raise_do_not_reach_the_function
    _, rest, = run_lambda(<<~'RUBY')
      class Bad
        def to_s = raise('boom')
        def inspect = raise('boom')
        def to_i = raise('boom')
      end
      class Worse < Numeric
        def to_f = raise('boom')
        def inspect = inspect
      end
      metric('m', Bad.new)
      metric('m', Worse.new)
      metric('m', 1, a: Bad.new)
      metric('m', 1, time: Bad.new)
      metric(Bad.new, 1)
      metric(Bad.new, Bad.new, Bad.new, Bad.new => 1)
      s = L.stats
      puts s.recorded, s.rejected_bad_name + s.rejected_bad_value + s.rejected_bad_time + s.rejected_bad_tags
    RUBY
    assert_equal %w[6 6], rest
  end

  CONTEXT = <<~'RUBY'
    Context = Struct.new(:invoked_function_arn, :function_name, :function_version, :memory_limit_in_mb, :aws_request_id, :deadline_ms)
    ARN = 'arn:aws:lambda:us-east-1:172597598159:function:ruby-test'
    def context(qualifier = '')
      Context.new(ARN + qualifier, 'Ruby-test', '1', '128', 'r', (Time.now.to_f * 1000).to_i + 3000)
    end
  RUBY

  def test_wrapping
    metrics, rest, err = run_lambda(CONTEXT + <<~'RUBY')
      p(Datadog::Lambda.wrap({ a: 1 }, context(':my-alias')) { metric('inside', 1); 5 })
      p(Datadog::Lambda.wrap({}, context(':$Latest')) { :latest })
      p(Datadog::Lambda.wrap({}, context(':007')) { :version })
      p(Datadog::Lambda.wrap({}, nil) { :none })
      Odd = Class.new do
        def invoked_function_arn = 'bad:arn'
        def memory_limit_in_mb = 'lots'
        def deadline_ms = raise('boom')
        def function_name = 5
      end
      p(Datadog::Lambda.wrap({}, Odd.new) { :odd })
      def thrown = catch(:out) { Datadog::Lambda.wrap({}, nil) { throw :out, :thrown } }
      def returned = Datadog::Lambda.wrap({}, nil) { return :returned }
      p thrown, returned, [1].each { |_| Datadog::Lambda.wrap({}, nil) { break } }
      puts L.stats.invocations, L.stats.invocations_open
    RUBY
    assert_equal %w[5 :latest :version :none :odd :thrown :returned], rest.first(7)
    assert_equal %w[8 0], rest.last(2)
    tags = metrics.select { |line| line['m'].end_with?('invocations') }.map { |line| line['t'] }
    version = Pointmill::VERSION
    common = ['functionname:Ruby-test', 'region:us-east-1', 'account_id:172597598159', 'memorysize:128']
    ruby = ["runtime:Ruby #{RUBY_VERSION}"]
    assert_equal [*common, 'cold_start:true', *ruby, 'resource:Ruby-test:my-alias', "datadog_lambda:#{version}", 'executedversion:1'],
                 tags[0].drop(1)
    assert_equal [*common, 'cold_start:false', *ruby, 'resource:Ruby-test:Latest', "datadog_lambda:#{version}"], tags[1].drop(1)
    assert_includes tags[2], 'resource:Ruby-test:007'
    assert_equal ["#{LAYER}#{version}"], tags.map(&:first).uniq
    assert_empty(metrics.select { |line| line['m'].end_with?('errors') })
    assert_match(/arn/, err)
  end

  def test_an_exception_is_raised_as_it_is_and_counted_once
    metrics, rest, = run_lambda(<<~'RUBY')
      mine = KeyError.new('mine')
      [mine, NotImplementedError.new, Interrupt.new, SystemExit.new, NoMemoryError.new].each do |error|
        Datadog::Lambda.wrap({}, nil) { raise error }
      rescue Exception => e
        p e.equal?(error)
      end
    RUBY
    assert_equal ['true'] * 5, rest.grep(/true/)
    assert_equal 1, rest.grep(/failed to allocate memory/).size
    names = metrics.map { |line| line['m'][/\w+\z/] }
    assert_equal %w[invocations errors] * 5, names
  end

  def test_enhanced_metrics_can_be_switched_off
    metrics, = run_lambda("Datadog::Lambda.wrap({}, nil) { metric('m', 1) }", { 'DD_ENHANCED_METRICS' => 'false' })
    assert_equal(['m'], metrics.map { |line| line['m'] })
  end

  def test_what_is_held_and_modes
    metrics, rest, = run_lambda(<<~'RUBY')
      held = L.distribution('held', ['a:1'])
      held.record(2)
      held.record(3, at: Time.at(1_700_000_000))
      held.record('4', at: 1_700_000_001)
      [['x', nil], [Float::NAN, nil], [1, 'x'], [1, Float::INFINITY]].each { |value, at| held.record(value, at: at) }
      puts L.mode, L.flush, L.flush(timeout: 1), L.last_failure.inspect
      s = L.stats
      p [s.rejected_bad_value, s.rejected_not_finite, s.rejected_bad_time, s.recorded, s.balances?]
    RUBY
    assert_equal([['held', 2, 'a:1'], ['held', 3, 'a:1'], ['held', 4, 'a:1']], metrics.map { |line| [line['m'], line['v'], line['t'].last] })
    assert_equal([1_700_000_000, 1_700_000_001], metrics.drop(1).map { |line| line['e'] })
    assert_equal ['log', 'true', 'true', 'nil', '[1, 1, 2, 7, true]'], rest
    # Ruby's layer has no way by HTTP; here it has one, for who asks.
    assert_equal ['log'], run_lambda('puts L.mode', { 'DD_FLUSH_TO_LOG' => 'false', 'DD_API_KEY' => 'k' })[1]
    assert_equal ['http'], run_lambda('puts L.mode', { 'POINTMILL_LAMBDA_MODE' => 'http', 'DD_API_KEY' => 'k' })[1]
  end

  def test_configure_apm_warns_once_and_calls_nothing
    _, rest, err = run_lambda('2.times { p(Datadog::Lambda.configure_apm { |c| abort }) }')
    assert_equal %w[nil nil], rest
    assert_equal 1, err.lines.size
    assert_match(/no tracer.*Datadog.configure/, err)
  end

  def test_invocations_at_the_same_time_do_not_mix
    metrics, rest, = run_lambda(<<~'RUBY')
      ready = Queue.new
      go = Queue.new
      threads = Array.new(4) do |n|
        Thread.new do
          Datadog::Lambda.wrap({}, nil) do
            ready << n
            go.pop
            metric('m', n)
            raise ArgumentError if n == 3
          end
        rescue ArgumentError
          nil
        end
      end
      4.times { ready.pop }
      4.times { go << 1 }
      threads.each(&:join)
      puts L.stats.invocations, L.stats.invocations_open
    RUBY
    names = metrics.map { |line| line['m'] }.tally
    assert_equal [0, 1, 2, 3], metrics.select { |line| line['m'] == 'm' }.map { |line| line['v'] }.sort
    assert_equal [1, 4], names.values_at('aws.lambda.enhanced.errors', 'aws.lambda.enhanced.invocations')
    assert_equal %w[4 0], rest
  end

  def test_a_forked_child_has_its_own_points
    metrics, = run_lambda(<<~'RUBY')
      metric('parent', 1)
      Process.wait(fork { metric('child', 1) })
      L.flush
    RUBY
    assert_equal %w[child parent], metrics.map { |line| line['m'] }.sort
  end

  def test_what_was_not_flushed_is_written_at_the_end
    assert_equal(['last'], run_lambda("metric('last', 1)")[0].map { |line| line['m'] })
  end

  def test_ractors_record_too
    skip 'Fiddle is not for Ractors' if FALLBACK
    metrics, rest, err = run_lambda(<<~'RUBY', flags: ['-W:no-experimental'])
      workers = Array.new(3) do |i|
        Ractor.new(i) do |i|
          100.times { Datadog::Lambda.metric('m', i, a: 1) }
          Datadog::Lambda.metric('m', 'no number', b: [1])
          Datadog::Lambda.metric('odd', 1/3r, b: [1])
        end
      end
      workers.each(&:take)
      puts L.stats.rejected_bad_value
    RUBY
    assert_equal({ 'm' => 300, 'odd' => 3 }, metrics.map { |line| line['m'] }.tally)
    assert_equal ['3'], rest
    assert_equal 3, err.lines.size
  end

  def test_the_drop_in_call_allocates_no_more_than_its_keywords
    skip 'Fiddle allocates' if FALLBACK
    _, rest, = run_lambda(<<~'RUBY')
      call = -> { Datadog::Lambda.metric('m', 1.5, size: 'large', env: :test) }
      2.times { call.call }
      before = GC.stat(:total_allocated_objects)
      1000.times { call.call }
      puts GC.stat(:total_allocated_objects) - before
    RUBY
    # The Hash that Ruby makes of the keywords, and the literal 'large' and 'm'.
    assert_operator rest[0].to_i, :<=, 3010
  end

  def test_requiring_it_is_light
    out, = run_ruby(<<~'RUBY')
      loaded = $LOADED_FEATURES.dup
      require 'pointmill/lambda'
      puts ($LOADED_FEATURES - loaded).grep_v(/pointmill/)
      puts Dir['/proc/self/task/*'].size
    RUBY
    assert_match(/\A\d\n\z/, out) unless FALLBACK
  end

  # A cold start does not wait for the rest of the package, and whoever names something of it has it.
  def test_the_rest_is_read_when_it_is_named
    names = %w[Client ClientStats Engine Entry Metric Option Payload Payloads Sketch Skipped Snapshot Stats Summary]
    out, err = run_ruby(<<~RUBY, flags: ['-w'])
      require 'pointmill/lambda'
      puts $LOADED_FEATURES.grep(%r{pointmill/(client|engine|sketch|snapshot|types)})
      %w[#{names.join(' ')}].each do |name|
        Process.wait(fork { exit!(Pointmill.const_get(name).is_a?(Class) && Pointmill::Engine.new.stats.recorded.zero? ? 0 : 1) })
        puts name unless $?.success?
      end
      require 'pointmill'
      puts Pointmill::Sketch.new([1]).count, Pointmill.options.size
    RUBY
    assert_equal "1\n#{Pointmill.options.size}\n", out
    assert_empty err
  end

  def test_the_options_are_told_by_this_part_alone
    out, = run_ruby("require 'pointmill/lambda'; puts Pointmill.options.size, Pointmill.codes.size, Pointmill::VERSION")
    assert_equal [Pointmill.options.size, Pointmill.codes.size, Pointmill::VERSION].join("\n"), out.chomp
  end
end
