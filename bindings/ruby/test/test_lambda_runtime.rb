# frozen_string_literal: true

require_relative 'helper'
require_relative 'lambda/sandbox'

# Whole functions, in both modes.
class TestLambdaRuntime < Case
  include Sandbox

  LOG = {}.freeze # what Ruby's layer does without an extension
  HTTP = { 'POINTMILL_LAMBDA_MODE' => 'http', 'POINTMILL_LAMBDA_FORMAT' => 'distribution_points' }.freeze
  MODES = { log: LOG, http: HTTP }.freeze
  LAYER = 'dd_lambda_layer:'
  POINTS = [['coffee.orders', 1, { size: 'large', env: 'test' }], ['coffee.orders', 2.5, { env: 'test', size: 'large' }],
            ['coffee.price', 4.2, nil], ['café.größe', 3, { '日本' => 'x', emoji: '😀' }]].freeze
  CUSTOM = { ['coffee.orders', [LAYER, 'env:test', 'size:large']] => [1, 2.5], ['coffee.price', [LAYER]] => [4.2],
             ['café.größe', [LAYER, 'emoji:😀', '日本:x']] => [3] }.freeze

  def self.in_both_modes(name, &body)
    MODES.each { |mode, env| define_method("test_#{name}_#{mode}") { instance_exec(env, &body) } }
  end

  def enhanced(name, cold)
    ["aws.lambda.enhanced.#{name}",
     [LAYER, 'functionname:my-test-lambda', 'region:us-east-1', 'account_id:123497598159', 'memorysize:128', "cold_start:#{cold}",
      'runtime:', 'resource:my-test-lambda', 'datadog_lambda:'].sort]
  end

  def outcomes(report)
    report['invocations'].map { |invocation| invocation['outcome'] }
  end

  def close(wanted, got)
    assert_equal wanted.keys.sort, got.keys.sort
    wanted.each { |key, values| values.zip(got[key]) { |a, b| assert_in_delta a, b, a.abs / 129.0, key.inspect } }
  end

  in_both_modes(:cold_and_warm) do |env|
    report = invoke({ event: { points: POINTS } }, { event: { points: POINTS } }, { event: { return: true } }, env: env)
    assert_equal %w[response] * 3, outcomes(report)
    assert_equal([{ 'calls' => 1 }, { 'calls' => 2 }, { 'returned' => true }], report['invocations'].map { |i| JSON.parse(i['body']) })
    close(CUSTOM.transform_values { |values| (values * 2).sort }
                .merge(enhanced('invocations', true) => [1], enhanced('invocations', false) => [1, 1]), points(report))
  end

  in_both_modes(:one_point) do |env|
    report = invoke({ event: { points: POINTS.first(1) } }, env: env)
    assert_equal({ 'coffee.orders' => 1, 'aws.lambda.enhanced.invocations' => 1 }, counts(report))
    assert_equal 1, report['requests'].size unless env.equal?(LOG)
  end

  in_both_modes(:a_thousand_points) do |env|
    report = invoke({ event: { many: 1000 } }, env: env)
    got = points(report).reject { |(name, _), _| name.start_with?('aws.') }
    wanted = Array.new(1000) { |i| [["many.#{i % 20}", [LAYER, "shard:#{i % 20}", 'env:test'].sort], 1 + (i * 0.75)] }
    close(wanted.group_by(&:first).transform_values { |all| all.map(&:last).sort }, got)
    assert_equal 50, got.values.map(&:size).uniq.fetch(0)
  end

  in_both_modes(:an_exception) do |env|
    report = invoke({ event: { points: POINTS, raise: 'no beans' } }, { event: { points: POINTS } }, env: env)
    assert_equal %w[error response], outcomes(report)
    assert_includes report['invocations'][0]['body'], 'no beans'
    assert_includes report['invocations'][0]['body'], 'ArgumentError'
    got = points(report)
    assert_equal [1], got[enhanced('errors', true)]
    close(CUSTOM.transform_values { |values| (values * 2).sort }, got.reject { |(name, _), _| name.start_with?('aws.') })
  end

  in_both_modes(:frozen_and_thawed) do |env|
    report = invoke({ event: { points: POINTS }, freeze_ms: 1500 }, { event: { points: POINTS } }, env: env)
    assert_equal %w[response response], outcomes(report)
    close(CUSTOM.transform_values { |values| (values * 2).sort }, points(report).reject { |(name, _), _| name.start_with?('aws.') })
  end

  def test_lack_of_memory_is_an_error_with_the_forwarders_line
    report = invoke({ event: { points: POINTS, memory: true } }, env: LOG)
    assert_equal ['error'], outcomes(report)
    assert_includes report['stdout'], "from Datadog Lambda Layer: failed to allocate memory (NoMemoryError)\n"
    assert_equal 1, counts(report)['aws.lambda.enhanced.errors']
  end

  in_both_modes(:an_exit) do |env|
    report = invoke({ event: { points: POINTS, exit: 3 } }, env: env)
    assert_equal ['exit'], outcomes(report)
    got = counts(report)
    assert_equal [2, 1], [got['coffee.orders'], got['aws.lambda.enhanced.errors']]
  end

  # The flush before a deadline has a second; a machine that stands still for so long gets further tries.
  { sleeps: { sleep: 60 }, spins: { spin: true } }.each do |name, event|
    define_method("test_a_function_that_times_out_has_sent_its_points_#{name}") do
      [3000, 10_000, 30_000].each do |timeout_ms|
        env = { **HTTP, 'POINTMILL_LAMBDA_DEADLINE_GUARD_MS' => (timeout_ms / 3).to_s }
        report = invoke({ event: { points: POINTS, **event }, timeout_ms: timeout_ms }, { event: {} }, env: env)
        assert_equal %w[timeout response], outcomes(report)
        assert_equal 2, report['inits'].size
        @arrived = counts(report)
        break if @arrived['coffee.orders'].positive?
      end
      assert_equal [2, 1], @arrived.values_at('coffee.orders', 'coffee.price')
    end
  end

  # The thread flushes every ten seconds too, so only the ledger can tell why.
  def test_the_deadline_of_the_context_is_known
    env = { **HTTP, 'POINTMILL_LAMBDA_DEADLINE_GUARD_MS' => '19000' }
    report = invoke({ event: { points: POINTS, until_deadline_flush: true }, timeout_ms: 20_000 }, env: env)
    assert_equal [{ 'deadline_flushes' => 1 }], (report['invocations'].map { |i| JSON.parse(i['body']) })
  end

  def test_points_of_a_failed_flush_are_sent_with_a_later_one
    env = { **HTTP, 'POINTMILL_LAMBDA_FLUSH_TIMEOUT_MS' => '1000' }
    again = { event: { sleep: 0.2 }, until_accepted: 300 }
    report = invoke({ event: { points: POINTS.first(1) } }, again, env: env, intake: { down_for: 1 })
    assert_equal ['response'], outcomes(report).uniq
    assert_equal 1, counts(report)['coffee.orders']
  end

  def test_an_intake_that_hangs_costs_no_more_than_the_budget
    env = { **HTTP, 'POINTMILL_LAMBDA_FLUSH_TIMEOUT_MS' => '500' }
    report = invoke({ event: { points: POINTS.first(1) } }, env: env, intake: { delay_ms: 40_000 })
    assert_equal ['response'], outcomes(report)
    assert_operator report['invocations'][0]['ms'], :<, 20_000
  end

  def test_a_sandbox_that_is_told_to_end_has_nothing_left_to_send
    report = invoke({ event: { points: POINTS } }, env: HTTP, end: 'term')
    assert_equal [2, 1, 1], counts(report).values_at('coffee.orders', 'coffee.price', 'café.größe')
  end

  def test_the_default_of_http_mode_is_sketches
    report = invoke({ event: { points: POINTS } }, env: { 'POINTMILL_LAMBDA_MODE' => 'http' })
    assert_equal [['/api/beta/sketches', 'key']], report['requests'].map { |r| [r['path'], r['headers']['dd-api-key']] }.uniq
  end

  def test_log_lines_are_what_the_forwarder_reads
    report = invoke({ event: { points: POINTS, timed: [['old', 1, 1_215_508_200]] } }, env: LOG)
    all = lines(report)
    assert_equal 6, all.size
    all.each do |line|
      assert_equal %w[e m t v], line.keys.sort
      assert_kind_of Integer, line['e']
      assert line['t'][0].start_with?('dd_lambda_layer:pointmill-ruby'), line['t'][0]
    end
    assert_equal [1_215_508_200], (all.select { |line| line['m'] == 'old' }.map { |line| line['e'] })
    # Points come before the answer, and enhanced metrics in the incumbent's order of tags.
    names = all.find { |line| line['m'].end_with?('invocations') }['t'].map { |tag| tag.split(':').first }
    assert_equal %w[dd_lambda_layer functionname region account_id memorysize cold_start runtime resource datadog_lambda], names
  end
end
