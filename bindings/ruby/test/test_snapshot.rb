# frozen_string_literal: true

require_relative 'helper'
require 'json'

# Snapshots are Enumerable; payloads account for what they leave out.
class TestSnapshot < EngineCase
  def setup
    super
    (1..100).each { |i| engine.record_distribution('d', i, ['route:/a', "host:#{i % 2}"]) }
    engine.record_count('c', 5)
    @snapshot = engine.flush(NOW + 10)
  end

  attr_reader :snapshot

  def test_a_snapshot_is_enumerable
    assert_equal [3, 3, false], [snapshot.size, snapshot.length, snapshot.empty?]
    assert_equal snapshot.map(&:name), Array.new(3) { |i| snapshot[i].name }
    assert_equal snapshot[-1].name, snapshot[2].name
    assert_nil snapshot[3]
    assert_nil snapshot[-4]
    assert_equal 3, snapshot.each.size
    assert_equal %i[count distribution], snapshot.map(&:kind).uniq.sort
    assert_equal snapshot, snapshot.each { |_| nil }
    assert snapshot.frozen?
    assert_includes snapshot.inspect, '3'
  end

  def test_it_needs_no_engine
    engine.close
    GC.start
    assert_equal [99.0, 100.0], snapshot.select { |e| e.kind == :distribution }.map { |e| e.quantile(1) }.sort
  end

  def test_group_by_tags_and_merge
    d = snapshot.group_by_tags('route').find { |e| e.kind == :distribution }
    assert_equal [['route:/a'], 100, 5050.0], [d.tags, d.count, d.sum]
    assert_equal 100, d.sketch.count
    merged = Pointmill::Snapshot.merge(snapshot, snapshot)
    assert_equal({ 'c' => 2, 'd' => 200 }, merged.group_by_tags.to_h { |e| [e.name, e.points] })
    assert_equal merged.map(&:points), Pointmill::Snapshot.merge([snapshot, snapshot]).map(&:points)
    later = Pointmill::Snapshot.merge(snapshot, engine.tap { |e| e.record_count('c', 1) }.flush(NOW + 20, all: true))
    assert_equal [5.0, 1.0], later.group_by_tags.select { |e| e.name == 'c' }.map(&:value)
    assert_equal [6.0], later.group_by_tags(merge_intervals: true).select { |e| e.name == 'c' }.map(&:value)
    assert_refused(TypeError, /Snapshot/) { Pointmill::Snapshot.merge(snapshot, 1) }
    assert_refused(TypeError, /Snapshot/) { Pointmill::Snapshot.merge(1) }
    assert_refused(ArgumentError, /at least one/) { Pointmill::Snapshot.merge }
  end

  def test_quantiles_of_what_has_none
    count = snapshot.find { |e| e.kind == :count }
    assert_equal 5.0, count.value
    assert_nil count.count
    assert_nil count.summary
    assert_raises(Pointmill::NoSketchError) { count.quantile(0.5) }
    assert_raises(Pointmill::NoSketchError) { count.sketch }
    assert_raises(Pointmill::InvalidError) { snapshot.find { |e| e.kind == :distribution }.quantile(Float::NAN) }
  end

  def test_payloads
    payloads = snapshot.encode(:distribution_points_v1, compression: :none, tags: ['env:prod', 'service:s'])
    payload = payloads.first
    assert_equal 1, payloads.size
    assert_equal ['/api/v1/distribution_points', 'application/json'], [payload.path, payload.content_type]
    assert_equal Encoding::BINARY, payload.body.encoding
    series = JSON.parse(payload.body)['series']
    assert_equal ['d'], series.map { |s| s['metric'] }.uniq
    assert_equal ['env:prod', 'service:s'], series[0]['tags'].last(2)
    assert_equal [100, 2], [payload.points, payload.entries]
    assert_equal [['scalar_in_sketch_format', 1]], (payloads.skipped.map { |s| [s.cause, s.points] })
    assert_equal ['zstd'], snapshot.encode.map(&:encoding).uniq
    assert_refused(Pointmill::BadValueError, /one of/) { snapshot.encode('smoke') }
    assert_raises(Pointmill::EncodeError) { snapshot.encode('log_lines', compression: 'zstd') }
  end
end
