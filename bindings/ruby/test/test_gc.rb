# frozen_string_literal: true

require_relative 'everything'
require_relative 'helper'

# The collector may run, and move objects, at any time.
class TestGC < EngineCase
  include Everything

  # In a Ruby of its own, whose heap is small: each object that is made has all of it collected.
  def test_stress
    out, = run_ruby(<<~RUBY)
      require 'pointmill'
      require '#{File.join(__dir__, 'everything')}'
      engine = Pointmill::Engine.new
      engine.tick(Everything::NOW)
      GC.stress = true
      Everything.everything(engine)
      GC.stress = false
      ledger = engine.stats
      puts ledger.recorded, ledger.flushed + ledger.pending
    RUBY
    assert_equal %w[9 9], out.lines(chomp: true)
  end

  # In a child: not every other extension in this process survives it.
  def test_held_objects_survive_when_everything_moves
    skip 'no compaction here' unless GC.respond_to?(:compact)
    assert_equal 0, (in_child do
      held = Array.new(200) { |i| engine.count("name #{i}", ["tag #{i}", "a long tag that lies outside of its object, number #{i}"]) }
      everything(engine)
      move
      held.each_with_index do |metric, i|
        assert_equal ["name #{i}", "tag #{i}"], [metric.name, metric.tags[0]]
        assert_same engine, metric.engine
        metric.record(i)
      end
      snapshot = engine.flush(NOW, all: true)
      assert_equal 200, snapshot.size
      move
      assert_equal (0...200).sum.to_f, snapshot.sum(&:value)
      true
    end)
  end

  def test_calls_between_moves
    skip 'no compaction here' unless GC.respond_to?(:compact)
    assert_equal 0, (in_child do
      20.times { everything(engine) && GC.compact }
      balances(engine)
      true
    end)
  end

  def test_what_is_dropped_is_freed
    skip 'memory of Fiddle is freed as late as Ruby likes' if FALLBACK
    resident = -> { File.read('/proc/self/status')[/VmRSS:\s+(\d+)/, 1].to_i }
    many = lambda do |times|
      times.times do
        snapshot = engine.distribution('m').then { |m| m.record_many((1..500).to_a) && engine.flush(NOW, all: true) }
        20.times { snapshot[0].sketch }
      end
      GC.start
    end
    many.call(1000)
    before = resident.call
    3.times { many.call(1000) }
    # 60,000 sketches of 500 bins would be some 200 MB.
    assert_operator resident.call - before, :<, 60_000
  end

  private

  def move
    GC.verify_compaction_references(toward: :empty, double_heap: true)
  rescue NotImplementedError
    GC.compact
  end
end
