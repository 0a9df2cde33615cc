# frozen_string_literal: true

module Pointmill
  module Lambda
    # One invocation, from its start to the flush before its answer. A defect of ours is told, never raised.
    class Invocation
      def self.start(context)
        new(safely { CORE.begin(*described(context)) })
      end

      def self.safely
        yield
      rescue StandardError => e
        Slowly.say("a defect of pointmill: #{e.class}: #{e.message}; please report it")
        nil
      end

      # What CORE.begin takes; a context may be anything, as in a test of the function's.
      def self.described(context)
        [asked(context, :invoked_function_arn), asked(context, :aws_request_id), asked(context, :function_name),
         asked(context, :function_version)].map { |text| text.is_a?(String) ? text.encode(Encoding::UTF_8) : nil } +
          [whole(asked(context, :memory_limit_in_mb), (1 << 32) - 1), deadline(context)]
      end

      def self.deadline(context)
        at = whole(asked(context, :deadline_ms), 1 << 62)
        return at if at.positive?

        left = asked(context, :get_remaining_time_in_millis)
        left.is_a?(Numeric) ? Process.clock_gettime(Process::CLOCK_REALTIME, :millisecond) + left.to_i : 0
      end

      def self.asked(context, name)
        context.public_send(name) if context.respond_to?(name)
      rescue StandardError
        nil
      end

      def self.whole(value, most)
        Integer(value, exception: false).to_i.clamp(0, most)
      end
      private_class_method :described, :deadline, :asked, :whole

      def initialize(token)
        @token = token
        @error = false
      end

      # The block has raised: the invocation fails, whatever the class. The forwarder knows lack of memory by this line,
      # since Lambda does not log that error itself.
      def failed(error)
        @error = true
        return unless error.is_a?(::NoMemoryError)

        $stdout.write("from Datadog Lambda Layer: failed to allocate memory (NoMemoryError)\n")
      rescue StandardError
        nil
      end

      # Ends it, and sends what waits within its time.
      def finish
        Invocation.safely do
          budget_ms = @token ? CORE.end(@token, @error) : 0
          CORE.flush(budget_ms) if budget_ms.positive?
          Slowly.tell
        end
      end
    end
    private_constant :Invocation
  end
end
