# frozen_string_literal: true

# What loading adds to a bare start of Ruby, in milliseconds: fresh processes in turns, the median of each.
#
#   GEM_HOME=… ruby benches/load.rb

require 'open3'
require 'rbconfig'

ROUNDS = 31
# As in a Lambda layer, whose ruby/lib is on the load path; without it RubyGems looks for the gem and its dependencies.
LIB = File.join(Gem::Specification.find_by_name('pointmill').full_gem_path, 'lib')
PROGRAMS = {
  'ruby, nothing loaded' => 'print 1',
  "require 'pointmill' from the load path" => "$LOAD_PATH.unshift '#{LIB}'; require 'pointmill'; print 1 if Pointmill::VERSION",
  "require 'pointmill', a gem" => "require 'pointmill'; print 1 if Pointmill::VERSION",
  "require 'pointmill', a gem, and an engine" => "require 'pointmill'; Pointmill::Engine.new.record_count('m', 1); print 1",
  "require 'pointmill/lambda' and a point" => "require 'pointmill/lambda'; Datadog::Lambda.metric('m', 1, a: 1); print 1",
  "require 'json' and 'time', as the incumbent does among others" => "require 'json'; require 'time'; print 1"
}.freeze

times = PROGRAMS.transform_values { [] }
(ROUNDS + 1).times do |round|
  PROGRAMS.each do |name, program|
    start = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    out, status = Open3.capture2(RbConfig.ruby, '-e', program)
    abort "#{name}: #{out}" unless status.success? && out.include?('1')
    # The first round only warms the disk's cache.
    times[name] << ((Process.clock_gettime(Process::CLOCK_MONOTONIC) - start) * 1000) if round.positive?
  end
end

bare = times.values.first.sort[ROUNDS / 2]
times.each do |name, all|
  median = all.sort[ROUNDS / 2]
  warn format('%-65<name>s %7<ms>.2f ms  %+7<more>.2f', name: name, ms: median, more: median - bare)
end
