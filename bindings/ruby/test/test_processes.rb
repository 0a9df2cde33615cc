# frozen_string_literal: true

require_relative 'helper'
require 'fileutils'
require 'tmpdir'

# Forks, pre-fork servers, and what requiring the package does not do.
class TestProcesses < EngineCase
  def test_a_forked_child_begins_empty_and_the_parent_keeps_its_points
    metric = engine.count('m', ['a:1'])
    metric.record(1)
    status = in_child do
      metric.record(10) # made before the fork, valid after it
      engine.record_count('m', 100, ['a:1'])
      engine.flush(NOW, all: true).map(&:value) == [110.0] && engine.stats.recorded == 2
    end
    assert_equal 0, status
    metric.record(2)
    assert_equal [3.0], engine.flush(NOW, all: true).map(&:value)
  end

  # As Puma and Unicorn do it: the application, with its metrics, is loaded before the workers are forked.
  def test_a_pre_fork_server_counts_every_request_once
    requests = engine.count('requests')
    requests.record(1)
    read, write = IO.pipe
    statuses = Array.new(4) do
      in_child do
        1000.times { requests.record(1) }
        write.puts engine.flush(NOW, all: true).sum(&:value).to_i
      rescue SystemCallError
        false
      else
        true
      end
    end
    write.close
    assert_equal [0] * 4, statuses
    assert_equal ["1000\n"] * 4, read.readlines
    assert_equal [1.0], engine.flush(NOW, all: true).map(&:value)
  end

  def test_a_sketch_crosses_the_border_of_a_process
    read, write = IO.pipe(binmode: true)
    assert_equal 0, (in_child do
      child = Pointmill::Engine.new
      child.distribution('m').record_many(1..600)
      Marshal.dump(child.flush(all: true)[0].sketch, write)
      true
    end)
    write.close
    assert_equal 600, Marshal.load(read).count
  end

  def test_requiring_it_has_no_side_effects
    out, = run_ruby(<<~'RUBY')
      before = [Dir['/proc/self/fd/*'].size, ENV.to_h, Dir['/proc/self/task/*'].size, Thread.list.size]
      loaded = $LOADED_FEATURES.dup
      require 'pointmill'
      after = [Dir['/proc/self/fd/*'].size, ENV.to_h, Dir['/proc/self/task/*'].size, Thread.list.size]
      p before == after
      puts ($LOADED_FEATURES - loaded).grep_v(/pointmill/), $LOADED_FEATURES.grep(%r{/pointmill/(client/|lambda)})
    RUBY
    lines = out.lines(chomp: true)
    assert_equal 'true', lines.shift
    assert_empty lines unless FALLBACK
  end

  def test_the_object_shows_only_its_entry_point
    skip 'about the extension' if FALLBACK
    object = $LOADED_FEATURES.grep(%r{pointmill/.*native\.so}).fetch(0)
    symbols, = Open3.capture2('nm', '-D', '--defined-only', object)
    assert_equal ['Init_native'], symbols.lines.map { |line| line.split.last }
    needed, = Open3.capture2('readelf', '-d', object)
    assert_empty needed.scan(/NEEDED.*\[(.*?)\]/).flatten.grep(/ruby|pointmill/)
  end

  def test_without_extension_and_without_library_it_says_what_to_do
    skip 'about the extension' if FALLBACK
    Dir.mktmpdir do |dir|
      FileUtils.cp_r(File.dirname(Pointmill.const_source_location(:VERSION)[0], 2), dir)
      FileUtils.rm(Dir[File.join(dir, 'lib/pointmill/**/*.so')])
      flags = ['--disable-gems', '-I', File.join(dir, 'lib')]
      _, err = run_ruby("require 'pointmill'", { 'POINTMILL_LIBRARY' => '/nowhere.so' }, status: 1, flags: flags)
      assert_match(%r{no extension for this Ruby \(.*native.*\).*/nowhere.so.*POINTMILL_LIBRARY}m, err)
    end
  end
end
