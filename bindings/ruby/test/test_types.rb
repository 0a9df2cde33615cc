# frozen_string_literal: true

require_relative 'helper'
require 'pointmill/lambda'
begin
  require 'rbs'
rescue LoadError
  warn 'types are not checked: the gem rbs, which comes with Ruby, is not installed'
end

# The signatures in sig/ are RBS that is consistent, and they are about what is there.
class TestTypes < Case
  SIG = File.expand_path('../sig', __dir__)

  def setup
    skip 'needs the gem rbs' unless defined?(RBS)
    loader = RBS::EnvironmentLoader.new
    loader.add(path: Pathname(SIG))
    @environment = RBS::Environment.from_loader(loader).resolve_type_names
    @builder = RBS::DefinitionBuilder.new(env: @environment)
  end

  def ours
    @environment.class_decls.keys.select { |name| name.to_s.start_with?('::Pointmill', '::Datadog') }
  end

  def test_they_are_valid
    code = "load Gem.bin_path('rbs', 'rbs')"
    _, err, status = Open3.capture3(RbConfig.ruby, '-e', code, '--', '-I', SIG, 'validate', '--silent')
    assert status.success?, err
    assert_operator ours.size, :>, 40
  end

  # Methods of a definition that are written down for that very class or module.
  def own(definition, name)
    definition.methods.select { |_, method| method.defined_in == name }
  end

  def visible(object, singleton)
    inherited = singleton ? object.singleton_methods(false) : object.instance_methods(false)
    inherited.reject { |name| name.start_with?('_') && name != :_dump && name != :_load }
  end

  def test_they_say_what_is_there
    ours.each do |name|
      object = Object.const_get(name.to_s)
      next if object.is_a?(Class) && object < Struct

      wanted = own(@builder.build_instance(name), name).reject { |_, m| m.private? }.keys
      missing = wanted - object.instance_methods - [:initialize]
      assert_empty missing, "#{name} lacks what sig/ promises"
      unsaid = visible(object, false) - @builder.build_instance(name).methods.keys
      assert_empty unsaid - [:handle, :record_context, :ask], "sig/ says nothing of these methods of #{name}"
    end
  end

  def test_the_methods_of_modules_and_classes_too
    ours.each do |name|
      object = Object.const_get(name.to_s)
      next if object.is_a?(Class) && object < Struct

      singleton = @builder.build_singleton(name)
      missing = own(singleton, name).reject { |_, m| m.private? }.keys.reject { |method| object.respond_to?(method, true) }
      assert_empty missing, "#{name} lacks what sig/ promises"
      # What Fiddle's half needs of itself is no one's business.
      unsaid = object.singleton_methods(false) - singleton.methods.keys - %i[of summary_at of_bytes payload]
      assert_empty unsaid, "sig/ says nothing of these methods of #{name}"
    end
  end

  # Every call of a small program is held against the signatures.
  def test_calls_are_of_these_types
    program = <<~'RUBY'
      require 'rbs/test/setup' # first: it looks at classes as they are defined
      require 'pointmill'
      engine = Pointmill::Engine.new(interval_s: 10)
      metric = engine.distribution('m', ['a:1', :b])
      metric.record(1, rate: 0.5, at: Time.now)
      metric.record_many([1, 2.5])
      engine.record_count(:c, 1, nil)
      engine.record_batch([metric.context], [1])
      engine.tick
      snapshot = engine.flush(all: true)
      snapshot.each { |e| [e.kind, e.name, e.tags, e.interval, e.count, e.min, e.value, e.inspect] }
      snapshot.group_by_tags('a').encode(:log_lines, compression: 'none').each(&:body)
      sketch = snapshot.find(&:summary).sketch
      (sketch + sketch).insert(1, n: 2)
      [sketch.bins, sketch.encode, sketch.summary, sketch.quantile(0.5), sketch == 1, sketch.inspect]
      Pointmill::Sketch.decode(sketch.encode)
      client = Pointmill::Client.new { |payload, timeout| 200 }
      client.engine.record_distribution('d', 1)
      p [client.flush, client.stats.accepted, client.last_failure, client.close]
      p engine.stats.recorded, Pointmill.options.size, engine.close
    RUBY
    env = { 'RBS_TEST_OPT' => "-I #{SIG}", 'RBS_TEST_TARGET' => 'Pointmill::*', 'RBS_TEST_LOGLEVEL' => 'error',
            'RBS_TEST_RAISE' => 'true', 'RBS_TEST_UNCHECKED_CLASSES' => 'Pointmill::Header' }
    out, = run_ruby(program, env)
    assert_match(/\[true, 1, nil, true\]\n\d+\n\d+\nnil/, out)
  end
end
