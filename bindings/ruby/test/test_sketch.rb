# frozen_string_literal: true

require_relative 'helper'

# Sketches: insert, merge, copy, Marshal, bytes.
class TestSketch < Case
  Sketch = Pointmill::Sketch

  def test_what_it_holds
    sketch = Sketch.new(1..1000)
    assert_equal [1000, 1.0, 1000.0, 500_500.0, 500.5], sketch.summary.to_a
    assert_equal [1000, 1000], [sketch.count, sketch.size]
    [0.1, 0.5, 0.9, 0.99].each do |q|
      exact = 1 + (q * 999).round
      assert_in_delta exact, sketch.quantile(q), exact / 129.0
    end
    assert_equal [1000, 1000], [sketch.bins, sketch.bins(:u16)].map { |bins| bins.sum(&:last) }
    assert_includes sketch.inspect, 'count=1000'
    assert_equal [], Sketch.new.bins
    assert_raises(Pointmill::EmptyError) { Sketch.new.quantile(0.5) }
  end

  def test_weights_and_rates
    sketch = Sketch.new
    (sketch << 1).insert(2, n: 3).insert(3, rate: 0.25).insert_interpolated(1, 2, 10)
    assert_equal 1 + 3 + 4 + 10, sketch.count
    [-> { sketch.insert('1') }, -> { sketch.insert(1, n: 1.5) }, -> { sketch.merge(1) }, -> { sketch.bins(5) },
     -> { Sketch.decode(5) }, -> { sketch + 1 }].each { |call| assert_raises(TypeError, &call) }
    [-> { sketch.insert(1, n: 1, rate: 1) }, -> { sketch.insert(1, x: 1) }, -> { sketch.insert }].each do |call|
      assert_raises(ArgumentError, &call)
    end
    assert_raises(Pointmill::NotFiniteError) { sketch.insert(Float::NAN) }
    assert_raises(Pointmill::NotFiniteError) { sketch.insert_many([1, Float::INFINITY]) }
    assert_raises(Pointmill::TooManyError) { sketch.insert(1, n: 1 << 50) }
    assert_raises(RangeError) { sketch.insert(1, n: 1 << 65) }
    assert_raises(Pointmill::InvalidError) { sketch.bins(:u8) }
    assert_equal 18, sketch.count
  end

  def test_merging
    a = Sketch.new(0...500)
    b = Sketch.new(500...1000)
    both = a + b
    assert_equal [500, 500, 1000], [a, b, both].map(&:count)
    a += b
    assert_equal a, both
    refute_equal both, b
    refute_equal a, 1
    assert a.eql?(both) && a.hash == both.hash
    assert_same a, a.merge(a)
    assert_equal 2000, a.count
  end

  def test_copies_have_every_bit_and_a_life_of_their_own
    sketch = Sketch.new([-1.5, 0, 1e-12, 0.1, 0.2, 0.3, 7e200])
    [sketch.dup, sketch.clone, Marshal.load(Marshal.dump(sketch)), Sketch.decode(sketch.encode)].each do |other|
      assert_equal sketch, other
      assert_equal sketch.summary, other.summary
      other.insert(1)
      refute_equal sketch, other
    end
  end

  def test_a_frozen_one_does_not_change
    sketch = Sketch.new([1, 2]).freeze
    [-> { sketch.insert(1) }, -> { sketch << 1 }, -> { sketch.insert_many([1]) }, -> { sketch.merge(sketch) },
     -> { sketch.insert_interpolated(1, 2, 3) }].each { |call| assert_raises(FrozenError, &call) }
    assert_equal 2, sketch.count
    assert_equal 3, (sketch + Sketch.new([1])).count
  end

  def test_bytes
    %i[agent ddsketch_compact ddsketch_proto].each do |format|
      sketch = Sketch.new(1...100)
      bytes = sketch.encode(format)
      assert_equal Encoding::BINARY, bytes.encoding
      assert_equal sketch.bins, Sketch.decode(bytes, format.to_s).bins
      assert_refused(Pointmill::DecodeError, /byte/) { Sketch.decode("\xFF" * 9, format) }
    end
    assert_refused(Pointmill::FormatError, /expected ddsketch_proto, ddsketch_compact, agent, got :nothing/) { Sketch.new.encode(:nothing) }
    assert_refused(Pointmill::InvalidError, /expected u16, u32, got :u8/) { Sketch.new.bins(:u8) }
    assert_refused(ArgumentError, /n: expected a whole number from 0, got -1/) { Sketch.new.insert(1, n: -1) }
    assert_raises(Pointmill::NotFiniteError) { Sketch.key(Float::NAN) }
    assert_equal(-Sketch.key(5), Sketch.key(-5))
  end

  def test_a_derived_class_stays_itself
    mine = Class.new(Sketch).new([1])
    assert_equal mine.class, mine.dup.class
    assert_equal mine.class, mine.class.decode(mine.encode).class unless FALLBACK && mine.class.name.nil?
  end
end
