# frozen_string_literal: true

# `gem build` in a folder that `cargo xtask ruby` lays out: this one, the header and the licence. With
# POINTMILL_PLATFORM_GEM=1 it is the gem for this machine, with the objects that lie in lib/pointmill.

Gem::Specification.new do |spec|
  header = ['ext/pointmill/include/pointmill.h', '../../include/pointmill.h'].map { |path| File.join(__dir__, path) }
  header = File.read(header.find { |path| File.exist?(path) }, encoding: 'UTF-8')
  compiled = ENV['POINTMILL_PLATFORM_GEM'] == '1'

  spec.name = 'pointmill'
  spec.version = header[/POINTMILL_VERSION_STRING "([^"]+)"/, 1]
  spec.summary = 'Metrics aggregated in your process: Datadog-compatible distributions, percentiles on the spot'
  spec.authors = ['pointmill']
  spec.license = 'Apache-2.0'
  spec.required_ruby_version = '>= 3.1'
  files = %w[README.md LICENSE sig/**/*.rbs lib/**/*.rb]
  if compiled
    minors = Dir[File.join(__dir__, 'lib/pointmill/*/native.so')].map { |path| path[%r{(\d+\.\d+)/native}, 1] }
    spec.platform = ENV['POINTMILL_ARCH'] ? "#{ENV['POINTMILL_ARCH']}-linux" : Gem::Platform.local
    # A Ruby that is newer than the newest object uses Fiddle.
    raise 'no lib/pointmill/*/native.so to pack' if minors.empty?

    files += %w[lib/pointmill/*/native.so lib/pointmill/libpointmill.so]
  else
    spec.extensions = ['ext/pointmill/extconf.rb']
    files += %w[ext/**/*.{c,h,map,rb}]
  end
  spec.files = Dir.chdir(__dir__) { Dir[*files] }.sort
  spec.metadata = { 'rubygems_mfa_required' => 'true' }
end
