# frozen_string_literal: true

# The tests run against the installed gem, never against the source folder.
require 'minitest/autorun'
require 'open3'
require 'pointmill'

NOW = 1_700_000_000
FALLBACK = Pointmill.const_source_location(:Library) && true

module Helper
  def balances(engine)
    assert_predicate engine.stats, :balances?
  end

  def only(snapshot)
    assert_equal 1, snapshot.size
    snapshot[0]
  end

  # Raises this class with this text.
  def assert_refused(kind, text, &call)
    error = assert_raises(kind, &call)
    assert_match text, error.message
    error
  end

  # Runs it in a forked child; its status, 0 if it returned true.
  def in_child
    pid = fork do
      status = 1
      begin
        status = yield ? 0 : 2
      rescue Exception => e # rubocop:disable Lint/RescueException
        warn e.full_message
      ensure
        exit! status
      end
    end
    Process.wait2(pid)[1].exitstatus
  end

  # Runs it in a Ruby of its own, with the same package; what it printed, and what it said on stderr.
  def run_ruby(code, env = {}, status: 0, flags: [])
    out, err, ended = Open3.capture3(env, RbConfig.ruby, *flags, '-e', code)
    assert_equal status, ended.exitstatus, err
    [out, err]
  end

  # Waits for a condition, with a limit that only a broken program reaches.
  def wait_until(limit = 60)
    start = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    until yield
      flunk "nothing came of it in #{limit} s" if Process.clock_gettime(Process::CLOCK_MONOTONIC) - start > limit
      sleep 0.01
    end
  end
end

class Case < Minitest::Test
  include Helper
end

# A test with an engine, whose ledger is whole whatever the test did.
class EngineCase < Case
  attr_reader :engine

  def setup
    @engine = Pointmill::Engine.new
    @engine.tick(NOW)
  end

  def teardown
    balances(@engine) unless @engine.closed?
  end
end
