# frozen_string_literal: true

# What a call costs, in nanoseconds, beside something that does less and what the incumbent does. Each answer is checked.
#
#   GEM_HOME=… ruby benches/calls.rb
#
# The incumbent's gem writes a line of JSON a point; its way is written down here anew from what it emits, and writes to
# /dev/null. A figure is the best of ROUNDS repetitions, less the empty loop.

require 'json'
require 'pointmill/lambda'

ROUNDS = 9
TIMES = 200_000
TAGS = %w[env:prod zone:a].freeze
# As within an invocation, where no thread writes each point: none is begun here.
ENV['DD_FLUSH_IN_THREAD'] = 'false'
NULL = File.open(File::NULL, 'w')

def best(times = TIMES)
  Array.new(ROUNDS) do
    start = Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)
    yield times
    (Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond) - start).fdiv(times)
  end.min
end

def check(wanted, got)
  abort "expected #{wanted}, got #{got}" unless wanted == got
end

# The floor: a method written in Ruby that does nothing, and a Hash that counts by name and tags.
class Floor
  attr_reader :sums

  def initialize
    @sums = Hash.new(0.0)
  end

  def record(value); end

  def add(name, value, tags)
    @sums[[name, tags]] += value
  end
end

# A point as the incumbent writes it.
def put(name, value, time: nil, **tags)
  list = ['dd_lambda_layer:datadog-ruby31']
  tags.each { |key, tag| list << "#{key}:#{tag}" }
  NULL.puts({ e: (time || Time.now).to_i, m: name, t: list, v: value }.to_json)
end

floor = Floor.new
engine = Pointmill::Engine.new
held = engine.distribution('checkout.latency', TAGS)
named = 'checkout.latency'
lambda_held = Pointmill::Lambda.distribution('held', TAGS)
columns = Array.new(1024) { |i| i.to_f }
packed = columns.pack('d*')

loop_ns = best { |n| i = 0; i += 1 while i < n }
rows = [
  ['a method of Ruby that does nothing', best { |n| i = 0; (floor.record(1.5); i += 1) while i < n }],
  ['held metric', best { |n| i = 0; (held.record(1.5); i += 1) while i < n }],
  ['a Hash that sums by name and tags', best { |n| i = 0; (floor.add(named, 1.5, TAGS); i += 1) while i < n }],
  ['by name, 2 tags', best { |n| i = 0; (engine.record_distribution(named, 1.5, TAGS); i += 1) while i < n }],
  ['record_many, an Array of 1,024', best(200) { |n| n.times { held.record_many(columns) } } / 1024],
  ['record_many, a packed String of 1,024', best(200) { |n| n.times { held.record_many(packed) } } / 1024],
  ['a line of JSON, as the incumbent writes it, 2 tags',
   best(20_000) { |n| i = 0; (put('checkout.latency', 1.5, env: 'prod', zone: 'a'); i += 1) while i < n }],
  ['Datadog::Lambda.metric, 2 tags', begin
    # Flushed between rounds: the buffer of log mode holds 65,536 points.
    best(20_000) { |n| i = 0; (Datadog::Lambda.metric('checkout.latency', 1.5, env: 'prod', zone: 'a'); i += 1) while i < n }
  end],
  ['held metric of Pointmill::Lambda', best(20_000) { |n| i = 0; (lambda_held.record(1.5); i += 1) while i < n }]
]

check([ROUNDS * TIMES * 2, ROUNDS * 200 * 2 * 1024], engine.stats.then { |s| [ROUNDS * TIMES * 2, s.recorded - (ROUNDS * TIMES * 2)] })
entry = engine.flush(all: true)[0]
check(engine.stats.recorded, entry.count)
check((ROUNDS * TIMES * 2 * 1.5) + (ROUNDS * 400 * columns.sum), entry.sum.round)
check(ROUNDS * TIMES * 1.5, floor.sums.values.sum)
check(ROUNDS * 20_000 * 2, Pointmill::Lambda.stats.recorded)

warn format('%-55<what>s %8<ns>.1f ns', what: 'the empty loop, taken off below', ns: loop_ns)
rows.each do |what, ns|
  ns -= loop_ns unless what.start_with?('record_many')
  warn format('%-55<what>s %8<ns>.1f ns', what: what, ns: ns)
end
