# frozen_string_literal: true

require_relative 'errors'

# The loader: the C extension where there is one, Fiddle over libpointmill.so where there is none. Both have the same
# methods define_engine and define_lambda, which define the same classes with the same methods; everything else in the
# package is written over them.
module Pointmill
  # The extension for this Ruby: a platform gem has one for each minor version, a gem that was compiled here just one.
  # Which of the two ways it is, or nil if POINTMILL_FALLBACK asks for Fiddle.
  def self.load_extension
    return if ENV['POINTMILL_FALLBACK'].to_s != ''

    begin
      # By its path: neither RubyGems nor the load path is asked.
      require_relative "#{RUBY_VERSION[/\A\d+\.\d+/]}/native.so"
    rescue LoadError
      require 'pointmill/native'
    end
    :extension
  end
  private_class_method :load_extension

  KIND = begin
    load_extension
  rescue LoadError => e
    @cause = e
    nil
  end || begin
    require_relative 'fiddle'
    :fiddle
  rescue LoadError => e
    raise e unless @cause

    raise LoadError, "pointmill: no extension for this Ruby (#{@cause.message}) and no shared library (#{e.message}); " \
                     'install the gem for this platform, or name libpointmill.so in POINTMILL_LIBRARY'
  end
  private_constant :KIND
  remove_instance_variable(:@cause) if defined?(@cause)

  VERSION = version.freeze
  autoload :ClientStats, File.join(__dir__, 'client/stats.rb')
end
