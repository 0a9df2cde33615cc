# frozen_string_literal: true

require_relative 'helper'

# Every example of the README runs as it stands.
class TestReadme < Case
  README = File.read(File.expand_path('../README.md', __dir__), encoding: 'UTF-8')
  EXAMPLES = README.scan(/^```ruby\n(.*?)^```/m).flatten

  def test_the_examples_run
    outputs = EXAMPLES.map { |example| run_ruby(example).first }
    assert_match(/\Acheckout.latency \["env:prod", "zone:a"\] 1000 9\d\d\.\d+\n\z/, outputs[0])
    assert_operator outputs.size, :>=, 1
  end
end
