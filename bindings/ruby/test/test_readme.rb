# frozen_string_literal: true

require_relative 'helper'

# Every example of the README runs as it stands.
class TestReadme < Case
  README = File.read(File.expand_path('../README.md', __dir__), encoding: 'UTF-8')
  EXAMPLES = README.scan(/^```ruby\n(.*?)^```/m).flatten
  OUTPUTS = [
    /\Acheckout.latency \["env:prod", "zone:a"\] 1000 9\d\d\.\d+\n\z/,
    /"m":"coffee.orders","v":1,.*"size:large"/,
    /\A4000.0\n\z/,
    /\A16\n(0\.99|1\.0)\d*\ntrue\n\z/
  ].freeze

  EXAMPLES.each_with_index do |example, i|
    define_method("test_example_#{i}") do
      skip 'Fiddle is not for Ractors' if FALLBACK && example.include?('Ractor')
      assert_match OUTPUTS.fetch(i), run_ruby(example, flags: ['-W:no-experimental']).first
    end
  end

  def test_there_are_examples
    assert_equal OUTPUTS.size, EXAMPLES.size
  end
end
