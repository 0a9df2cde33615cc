# frozen_string_literal: true

# What loading adds to a bare start of Ruby, in milliseconds: fresh processes in turns, the median of each, and the median
# of what it takes more than the bare start of the same turn.
#
#   GEM_HOME=… ruby benches/load.rb

require 'fileutils'
require 'open3'
require 'rbconfig'
require 'tmpdir'

ROUNDS = 101
# As in a Lambda layer, whose ruby/lib is on the load path; without it RubyGems looks for the gem and its dependencies.
LIB = File.join(Gem::Specification.find_by_name('pointmill').full_gem_path, 'lib')
PATH = "$LOAD_PATH.unshift '#{LIB}'"
PROGRAMS = {
  'ruby, nothing loaded' => 'print 1',
  'an empty gem: what RubyGems takes' => "require 'pointless'; print 1",
  "require 'pointmill', a gem" => "require 'pointmill'; print 1 if Pointmill::VERSION",
  "require 'pointmill' from the load path" => "#{PATH}; require 'pointmill'; print 1 if Pointmill::VERSION",
  "require 'pointmill/lambda', a gem" => "require 'pointmill/lambda'; print 1 if Datadog::Lambda",
  "require 'pointmill/lambda' from the load path" => "#{PATH}; require 'pointmill/lambda'; print 1 if Datadog::Lambda",
  "require 'pointmill', a gem, and an engine" => "require 'pointmill'; Pointmill::Engine.new.record_count('m', 1); print 1",
  "require 'pointmill/lambda', a gem, and a point" => "require 'pointmill/lambda'; Datadog::Lambda.metric('m', 1, a: 1); print 1",
  "require 'json' and 'time', as the incumbent does among others" => "require 'json'; require 'time'; print 1"
}.freeze

# A gem with one empty file, as RubyGems installs it; alone in its folder, as the one that is measured is in its own. Its
# name stands where that one's does in the list that RubyGems goes through.
def install_empty(home)
  spec = Gem::Specification.new('pointless', '0.1.0') do |one|
    one.summary = 'one empty file'
    one.authors = ['pointmill']
  end
  { "specifications/#{spec.full_name}.gemspec" => spec.to_ruby, "gems/#{spec.full_name}/lib/pointless.rb" => '' }.each do |name, text|
    path = File.join(home, name)
    FileUtils.mkdir_p(File.dirname(path))
    File.write(path, text)
  end
end

def milliseconds(home, name, program)
  start = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  out, status = Open3.capture2({ 'GEM_HOME' => home }, RbConfig.ruby, '-e', program)
  abort "#{name}: #{out}" unless status.success? && out.include?('1')
  (Process.clock_gettime(Process::CLOCK_MONOTONIC) - start) * 1000
end

def median(list)
  list.sort[list.size / 2]
end

times = PROGRAMS.transform_values { [] }
Dir.mktmpdir do |empty|
  install_empty(empty)
  names = PROGRAMS.keys
  (ROUNDS + 1).times do |round|
    names.rotate(round).each do |name|
      program = PROGRAMS.fetch(name)
      taken = milliseconds(program.include?('pointmill') ? ENV.fetch('GEM_HOME') : empty, name, program)
      # The first round only warms the disk's cache.
      times[name] << taken if round.positive?
    end
  end
end

bare = times.values.first
times.each do |name, all|
  warn format('%-65<name>s %7<ms>.2f ms  %+7<more>.2f', name: name, ms: median(all), more: median(all.zip(bare).map { |a, b| a - b }))
end
