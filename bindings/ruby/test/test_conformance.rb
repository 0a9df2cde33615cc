# frozen_string_literal: true

require_relative 'helper'
require 'json'
require 'open3'

# The shared cases of testdata/conformance; their README says what the fields mean.
class TestConformance < Case
  FOLDER = File.expand_path('../../../testdata/conformance', __dir__)
  FEATURES = ['sketch_bytes'].freeze
  # Debian's TOML gems read neither nan nor inf; Python's standard library does.
  READ = <<~PYTHON
    import json, sys, tomllib
    print(json.dumps([case for path in sys.argv[1:] for case in tomllib.load(open(path, "rb"))["case"]]))
  PYTHON

  def self.read
    files = Dir[File.join(FOLDER, '*.toml')]
    %w[python3 python3.11 python3.12 python3.13].each do |python|
      out, _, status = Open3.capture3(python, '-c', READ, *files)
      return JSON.parse(out, allow_nan: true) if status.success?
    rescue Errno::ENOENT
      next
    end
    raise 'no Python with tomllib (3.11 or later) to read testdata/conformance with'
  end

  CASES = read.select { |one| (one.fetch('needs', []) - FEATURES).empty? }
  CASES.each { |one| define_method("test_#{one['name']}") { run_case(one) } }

  def test_there_are_cases
    assert_operator CASES.size, :>=, 35
  end

  private

  def run_case(one)
    @case = one
    @engine = nil
    @snapshots = []
    @sketches = {}
    one['step'].each_with_index do |step, i|
      step = step.transform_keys(&:to_sym)
      @place = "step #{i}: #{step}"
      send("do_#{step[:op]}", step)
      balances(@engine) if @engine
    end
  end

  # Equal to the last bit; every NaN equals every other.
  def same(wanted, got)
    assert wanted.to_f.nan? && got.nan? || [wanted.to_f].pack('D') == [got.to_f].pack('D'), "#{wanted} != #{got}, #{@place}"
  end

  # The block's result; nil if it failed as the step says it must.
  def call(step)
    return yield unless step[:error]

    error = assert_raises(Pointmill::Error, @place) { yield }
    assert_equal "POINTMILL_E_#{step[:error]}", error.name, @place
    nil
  end

  def engine
    @engine ||= Pointmill::Engine.new(@case.fetch('config', {}))
  end

  def sketch(name)
    @sketches[name || 'main'] ||= Pointmill::Sketch.new
  end

  def values(step)
    range = step[:range] ? (step[:range][0]..step[:range][1]).to_a : []
    (step.key?(:value) ? [step[:value]] : []) + step.fetch(:values, []) + range
  end

  def do_engine(step)
    @engine = call(step) { Pointmill::Engine.new(@case.fetch('config', {})) }
  end

  def do_tick(step)
    engine.tick(step[:now])
  end

  def do_record(step)
    name = step[:name] * step.fetch(:name_times, 1)
    tags = step.fetch(:tags, []).map { |tag| tag * step.fetch(:tag_times, 1) }
    hold = -> { engine.public_send(step[:kind], name, tags) }
    if step[:by] == 'many'
      rejected = call(step) { hold.call.record_many(values(step)) }
      return assert step[:error] || rejected == step.fetch(:rejected, 0), @place
    end
    timed = step.slice(:rate, :at)
    values(step).each do |value|
      if step[:by] == 'name'
        call(step) { engine.public_send("record_#{step[:kind]}", name, value, tags) }
      else
        call(step) { hold.call.record(value, **timed) }
      end
    end
  end

  def do_flush(step)
    take(step, engine.flush(step[:now], all: step.fetch(:all, false)))
  end

  def do_stats(step)
    got = engine.stats.to_h
    assert_equal step[:stats], step[:stats].to_h { |name, _| [name, got.fetch(name.to_sym)] }, @place
  end

  def place(kind, name, tags, interval)
    [kind.to_s, name, tags.sort, interval]
  end

  def take(step, snapshot)
    @snapshots << snapshot
    return unless step[:entries]

    wanted = step[:entries].sort_by { |is| place(is['kind'], is['name'], is.fetch('tags', []), is['interval']) }
    got = snapshot.sort_by { |entry| place(entry.kind, entry.name, entry.tags, entry.interval) }
    assert_equal wanted.map { |is| place(is['kind'], is['name'], is.fetch('tags', []), is['interval']) },
                 got.map { |entry| place(entry.kind, entry.name, entry.tags, entry.interval) }, @place
    wanted.zip(got) { |is, entry| compare_entry(is, entry) }
  end

  def compare_entry(is, entry)
    assert_equal is['points'], entry.points, @place if is['points']
    same(is['value'], entry.value) if is['value']
    return unless entry.summary

    compare_sketch(is, entry.sketch)
    is.fetch('quantiles', []).each { |q, value| same(value, entry.quantile(q)) }
  end

  def compare_sketch(is, sketch)
    summary = sketch.summary
    %w[count min max sum avg].each { |name| same(is[name], summary[name]) if is[name] }
    assert_equal is['bins'], sketch.bins, @place if is['bins']
    is.fetch('quantiles', []).each { |q, value| same(value, sketch.quantile(q)) }
    is.fetch('quantiles_agent', []).each { |q, value| same(value, sketch.quantile_agent(q)) }
  end

  def do_merge(step)
    take(step, Pointmill::Snapshot.merge(@snapshots))
  end

  def do_group_by(step)
    take(step, @snapshots.last.group_by_tags(*step[:keys], merge_intervals: step.fetch(:merge_intervals, false)))
  end

  def do_encode(step)
    options = step[:options].transform_keys(&:to_sym)
    format = options.delete(:format) || :intake
    payloads = call(step) { @snapshots.last.encode(format, **options) }
    return if payloads.nil?

    assert_equal step[:bodies], payloads.map { |payload| payload.body.dup.force_encoding('UTF-8') }, @place if step[:bodies]
    assert_equal step[:bodies_hex], payloads.map { |payload| payload.body.unpack1('H*') }, @place if step[:bodies_hex]
    return unless step[:skipped]

    wanted = step[:skipped].map { |s| [s['cause'], *%w[entries points values].map { |key| s.fetch(key, 0) }] }
    assert_equal wanted.sort, payloads.skipped.map { |s| [s.cause, s.entries, s.points, s.values] }.sort, @place
  end

  def do_insert(step)
    values(step).each { |value| call(step) { sketch(step[:into]).insert(value, **step.slice(:n, :rate)) } }
  end

  def do_interpolate(step)
    call(step) { sketch(step[:into]).insert_interpolated(step[:lower], step[:upper], step[:n]) }
  end

  def do_merge_sketch(step)
    sketch(step[:into]).merge(sketch(step[:from]))
  end

  def do_decode(step)
    decoded = call(step) { Pointmill::Sketch.decode([step[:hex]].pack('H*'), step[:format]) }
    @sketches[step[:into] || 'main'] = decoded if decoded
  end

  def do_sketch(step)
    compare_sketch(step[:is], sketch(step[:sketch]))
  end

  def do_encode_sketch(step)
    bytes = call(step) { sketch(step[:sketch]).encode(step[:format]) }
    assert_equal step[:hex], bytes.unpack1('H*'), @place if bytes
  end

  def do_quantile(step)
    value = call(step) { sketch(step[:sketch]).quantile(step[:q]) }
    same(step[:result], value) if value
  end

  def do_key(step)
    key = call(step) { Pointmill::Sketch.key(step[:value]) }
    assert_equal step[:result], key, @place if key
  end
end
