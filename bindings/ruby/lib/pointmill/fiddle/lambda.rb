# frozen_string_literal: true

module Pointmill
  module Lambda
    # The one object of a process, through Fiddle.
    class Core
      def self.new(pairs)
        config = Memory.handle(:lambda_config_free) { |out| Library.check(:lambda_config_new, Header::LAMBDA_RUBY, out) }
        Library.check(:lambda_config_process_env, config)
        pairs.each do |name, value|
          Library.check_told(:lambda_config_set, config, Library.terminated(name), Memory.of(value), value.bytesize)
        end
        core = allocate
        handle = Memory.handle(:lambda_free) { |out| Library.check_told(:lambda_new, config, out) }
        core.instance_variable_set(:@handle, handle)
        core.freeze
      end

      # face.metric records into this object from now on.
      def setup(face, slowly)
        face.define_singleton_method(:metric) do |*args, **tags|
          slowly.metric(*args, **tags)
          nil
        end
        self
      end

      def metric_at(name, value, at, tags)
        parts = Library.parts(name, tags)
        at = Header::LAMBDA_NOW if at.nil?
        Library.call(:lambda_metric_at, @handle, Memory.texts(parts), parts.size, Library.number(value), at, 0)
      end

      def refused(cause)
        Library.check(:lambda_rejected, @handle, cause, 1)
      end

      def distribution(name, tags = nil)
        parts = Library.parts(name, tags)
        out = Memory.new(8)
        status = Library.call(:lambda_context, @handle, Memory.texts(parts), parts.size, out)
        raise Library.named_error(status, parts) unless status.zero?

        Metric.__send__(:of, @handle, out.unpack1('Q'), parts)
      end

      def begin(arn, request_id, function_name, function_version, memory_mb, deadline_unix_ms)
        one = Memory.struct(:lambda_invocation)
        texts = Memory.texts([arn, request_id, function_name, function_version].map { |text| text.is_a?(String) ? text : '' })
        %i[invoked_function_arn request_id function_name function_version].each_with_index do |field, i|
          one.write(:lambda_invocation, field, texts[i * 16, 16])
        end
        one.write(:lambda_invocation, :memory_mb, memory_mb)
        one.write(:lambda_invocation, :deadline_unix_ms, deadline_unix_ms)
        token = Memory.new(8)
        Library.check(:lambda_begin, @handle, one, token)
        token.unpack1('Q')
      end

      def end(token, error)
        result = Memory.struct(:lambda_result)
        { error: error ? 1 : 0, batch_item_failures: -1, time_to_first_byte_ms: -1.0 }.each do |field, value|
          result.write(:lambda_result, field, value)
        end
        budget_ms = Memory.new(8)
        Library.check(:lambda_end, @handle, token, result, budget_ms)
        budget_ms.unpack1('Q')
      end

      def flush(timeout_ms)
        Library.call(:lambda_flush, @handle, timeout_ms)
      end

      def close(timeout_ms)
        Library.call(:lambda_close, @handle, timeout_ms)
      end

      def restored
        Library.check(:lambda_restored, @handle)
      end

      def stats
        Library.counters(LambdaStats, :lambda_stats, :lambda_stats_get, @handle)
      end

      def mode
        out = Memory.new(8)
        Library.check(:lambda_mode, @handle, out)
        out.unpack1('L')
      end

      def warnings
        Library.written(:lambda_warnings, @handle)
      end

      def setting(name)
        text = Memory.new(16)
        Library.check(:lambda_setting, @handle, name, text)
        address, len = text[0, 16].unpack('JJ')
        len.zero? ? +'' : ::Fiddle::Pointer.new(address)[0, len].force_encoding(Encoding::UTF_8)
      end

      def last_failure
        Library.written(:lambda_last_failure, @handle)
      end
    end
    private_constant :Core

    # A distribution that is held, through Fiddle.
    class Metric
      class << self
        undef_method :new

        private

        def of(handle, context, parts)
          metric = allocate
          metric.instance_variable_set(:@handle, handle)
          metric.instance_variable_set(:@context, context)
          metric.instance_variable_set(:@name, parts.first)
          metric.instance_variable_set(:@tags, parts.drop(1))
          metric.freeze
        end
      end

      # Records one point, now or at a time. Never raises for what it is given.
      def record(value, at: nil)
        unless at.nil? && (value.is_a?(Integer) || value.is_a?(Float))
          Slowly.held(@name, @tags, value, at)
          return
        end

        status = Library.call(:lambda_record, @handle, @context, value.to_f)
        Slowly.refused(@name, value, status) unless status.zero?
      end
    end
  end
end
