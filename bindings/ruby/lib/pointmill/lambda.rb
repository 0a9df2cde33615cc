# frozen_string_literal: true

# AWS Lambda: the metrics side of datadog-lambda-rb, by changing one require.
#
#   require 'pointmill/lambda'   # was: require 'datadog/lambda'
#
#   def handler(event:, context:)
#     Datadog::Lambda.wrap(event, context) do
#       Datadog::Lambda.metric('coffee.orders', 1, size: 'large')
#       { statusCode: 200 }
#     end
#   end
#
# The environment variables are those of datadog-lambda-rb and, where it has none, of the other layers. The README says
# where behaviour differs, and why.

# The clock comes first: a slow require must not look like a proactive start.
module Pointmill
  module Lambda
    LOADED_UNIX_MS = Process.clock_gettime(Process::CLOCK_REALTIME, :millisecond)
    private_constant :LOADED_UNIX_MS
  end
end

require_relative 'raw'
require_relative 'lambda/stats'
Pointmill.__send__(:define_lambda)
require_relative 'lambda/slowly'
require_relative 'lambda/invocation'

module Pointmill
  # A cold start does not wait for what a function may not use: that is read when something of it is named.
  unless const_defined?(:Engine, false)
    %i[Client Engine Entry Metric Option Payload Payloads Sketch Skipped Snapshot Stats Summary].each do |name|
      autoload name, File.join(__dir__, 'engine.rb')
    end
  end

  # The metrics of a Lambda function. Datadog::Lambda has the methods that datadog-lambda-rb has too. Nothing here raises
  # into the function but what the function's own block raises.
  module Lambda
    MODES = ['', 'extension', 'log', 'http', 'disabled'].freeze
    CLOSE_MS = 2000
    private_constant :MODES, :CLOSE_MS

    tracer = defined?(Gem) && (Gem.loaded_specs['datadog'] || Gem.loaded_specs['ddtrace'])
    CORE = Core.new(
      [['layer_tag', "pointmill-ruby#{RUBY_VERSION.split('.').first(2).join}_#{VERSION}"], ['library_version', VERSION],
       ['language_version', RUBY_VERSION], ['loaded_unix_ms', LOADED_UNIX_MS.to_s],
       *(tracer ? [['tracer_version', tracer.version.to_s]] : [])]
    )
    private_constant :CORE
    # metric(name, value, time: nil, **tags) records one point of a distribution, with the tags key:value.
    CORE.setup(self, Slowly)

    at_exit { CORE.close(CLOSE_MS) }

    class << self
      # Runs the body of an invocation: counts invocations and errors, and sends the points before the answer goes out.
      # State belongs to the invocation, so several may run at a time. Whatever leaves the block goes on as it is.
      def wrap(_event, context)
        invocation = Invocation.start(context)
        begin
          yield
        rescue Exception => e # rubocop:disable Lint/RescueException
          invocation.failed(e)
          raise
        ensure
          # Also when the block leaves by return, break or throw, which is no error.
          invocation.finish
        end
      end

      # Does nothing but warn, once: there is no tracer here. The block, which would be given the tracer's settings, is not
      # called; call Datadog.configure of the tracer's gem instead.
      def configure_apm
        Slowly.say('Datadog::Lambda.configure_apm does nothing in pointmill, which has no tracer; configure the tracer ' \
                   'with Datadog.configure, or leave the call out')
        nil
      end

      # The distribution of this name and these tags, to be kept: its #record(value) is the fast way.
      def distribution(name, tags = nil)
        CORE.distribution(name, tags)
      end

      # Sends everything that waits, for at most `timeout` seconds, by default the setting flush_timeout_ms; true if all of it
      # has arrived. `wrap` does this at the end of every invocation. What has not arrived is kept for the next flush.
      def flush(timeout: nil)
        timeout_ms = timeout.nil? ? Integer(CORE.setting('flush_timeout_ms')) : (Float(timeout) * 1000).to_i
        done = CORE.flush(timeout_ms).zero?
        Slowly.tell
        done
      end

      # The ledger.
      def stats
        CORE.stats
      end

      # What went wrong last (a look-up of the key, a request, a write), for a line in a log, or nil. It never holds a key.
      def last_failure
        CORE.last_failure
      end

      # Where points go: 'extension', 'log', 'http' or 'disabled'.
      def mode
        MODES[CORE.mode]
      end

      private

      def record_into(face)
        CORE.setup(face, Slowly)
      end
    end
  end
end

module Datadog
  # The metrics side of datadog-lambda-rb: metric, wrap and, for what it is worth, configure_apm.
  module Lambda
    Pointmill::Lambda.__send__(:record_into, self)

    class << self
      def wrap(event, context, &block)
        Pointmill::Lambda.wrap(event, context, &block)
      end

      def configure_apm
        Pointmill::Lambda.configure_apm
      end
    end
  end
end
