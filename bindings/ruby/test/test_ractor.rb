# frozen_string_literal: true

require_relative 'helper'

# Ractors run at the same time, without each other's GVL.
class TestRactor < Case
  def setup
    skip 'Fiddle is not for Ractors' if FALLBACK
  end

  def ractors(code)
    out, = run_ruby("require 'pointmill'\n#{code}", flags: ['-W:no-experimental'])
    out
  end

  def test_ractors_record_into_one_engine
    out = ractors(<<~'RUBY')
      engine = Pointmill::Engine.new
      held = Ractor.make_shareable(engine.count('held', ['a:1']))
      tags = Ractor.make_shareable(%w[a:1 b:2])
      p Ractor.shareable?(engine), engine.frozen?
      workers = Array.new(4) do
        Ractor.new(engine, held, tags) do |engine, held, tags|
          20_000.times { held.record(1); engine.record_count('named', 2, tags) }
          begin
            held.record(Float::NAN)
          rescue Pointmill::NotFiniteError
            :refused
          end
        end
      end
      taken = Array.new(50) { engine.flush(all: true) }
      p workers.map(&:take)
      taken << engine.flush(all: true)
      sums = taken.flat_map(&:to_a).group_by(&:name).transform_values { |entries| entries.sum(&:value) }
      p sums, engine.stats.rejected_not_finite
      begin
        engine.close
      rescue FrozenError => e
        puts e.message
      end
    RUBY
    assert_equal ['true', 'true', '[:refused, :refused, :refused, :refused]', '{"held"=>80000.0, "named"=>160000.0}', '4',
                  'a frozen engine may be shared with other Ractors; it is freed with its last reference'],
                 out.sub('{"named"=>160000.0, "held"=>80000.0}', '{"held"=>80000.0, "named"=>160000.0}').lines(chomp: true)
  end

  def test_an_engine_each_and_sketches_by_message
    out = ractors(<<~'RUBY')
      workers = Array.new(3) do |i|
        Ractor.new(i) do |i|
          Pointmill::Engine.open(contexts_max: 100) do |engine|
            engine.distribution('m').record_many((1..(100 * (i + 1))).to_a)
            snapshot = engine.flush(all: true)
            Ractor.yield snapshot
            snapshot[0].sketch
          end
        end
      end
      snapshots = workers.map(&:take)
      p snapshots.map { |s| Ractor.shareable?(s) }, Pointmill::Snapshot.merge(snapshots)[0].count
      p workers.map(&:take).inject(:+).count
    RUBY
    assert_equal "[true, true, true]\n600\n600\n", out
  end

  def test_a_client_belongs_to_the_main_ractor
    out = ractors(<<~'RUBY')
      p(Ractor.new { Pointmill::Client.new(api_key: 'k') rescue $!.message }.take)
    RUBY
    assert_match(/main Ractor.*make_shareable/, out)
  end
end
