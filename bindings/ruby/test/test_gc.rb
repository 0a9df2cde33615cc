# frozen_string_literal: true

require_relative 'helper'

# The collector may run, and move objects, at any time.
class TestGC < EngineCase
  def everything(engine)
    metric = engine.distribution("m#{rand(3)}", ["a:#{rand(3)}", 'größe'.encode('UTF-16LE')])
    metric.record(rand)
    metric.record(1/3r, rate: 0.5, at: Time.at(NOW))
    metric.record_many([1, 2.5, 1/3r])
    engine.record_count("c#{rand(3)}", 1, ["a:#{rand(3)}", :sym, 'caf\xE9'.dup.force_encoding('ISO-8859-1')] * 10)
    engine.record_batch([metric.context] * 3, [1.0, 2.0, 3.0].pack('d*'))
    snapshot = engine.flush(NOW, all: true)
    entry = snapshot.find { |e| e.kind == :distribution }
    entry.inspect
    sketch = entry.sketch + Pointmill::Sketch.decode(entry.sketch.encode)
    sketch.bins
    snapshot.group_by_tags('a').encode(:log_lines, compression: :none, tags: ["x:#{rand(3)}"])
    Pointmill::Snapshot.merge(snapshot, snapshot).map(&:tags)
    begin
      engine.count('n' * 10_000, ['x'])
    rescue Pointmill::InvalidNameError => e
      e.message
    end
    [metric, sketch]
  end

  def stressed
    GC.stress = true
    yield
  ensure
    GC.stress = false
  end

  def test_stress
    stressed { everything(engine) }
    balances(engine)
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
