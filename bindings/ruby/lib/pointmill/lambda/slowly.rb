# frozen_string_literal: true

module Pointmill
  module Lambda
    # Calls of Datadog::Lambda.metric that the extension does not take as they are: odd types are mended where it is clear
    # what is meant, and refused, counted and told where it is not. Nothing here raises.
    module Slowly
      BAD_NAME = 1
      BAD_VALUE = 2
      BAD_TIME = 3
      BAD_TAGS = 4
      TOLD_MAX = 100
      private_constant :BAD_NAME, :BAD_VALUE, :BAD_TIME, :BAD_TAGS, :TOLD_MAX

      class << self
        # The drop-in call, with whatever it was given.
        def metric(*args, time: nil, **tags)
          name, value, hash, *more = args
          # What is meant by metric('m', 1, { size: 'large' }) is clear.
          tags = hash.merge(tags) if hash.is_a?(Hash)
          if more.any? || extra?(hash)
            return refuse(BAD_TAGS, "metric #{shown(name)}: expected a name, a value and tags as keywords; the point is dropped")
          end

          taken(name, value, time, tags)
        rescue StandardError, SystemStackError => e
          refuse(BAD_TAGS, "metric #{shown(name)}: #{e.class}; the point is dropped")
        end

        # A point of a held metric, with whatever it was given.
        def held(name, tags, value, time)
          taken(name, value, time, tags)
        rescue StandardError, SystemStackError => e
          refuse(BAD_VALUE, "metric #{shown(name)}: #{e.class}; the point is dropped")
        end

        # A point that the library has refused and counted.
        def refused(name, value, status)
          _, text = Pointmill.codes.fetch(status, ['', "status #{status}"])
          say("metric #{shown(name)}, value #{shown(value)}: #{text}")
        end

        # Tells what the library has to warn of.
        def tell
          CORE.warnings&.each_line(chomp: true) { |line| say(line) }
        end

        # A warning on stderr; each text once, and not without end.
        def say(text)
          told = (Ractor.current[:pointmill_told] ||= {})
          return if told.size >= TOLD_MAX || told.key?(text)

          told[text] = true
          $stderr.write("pointmill: #{text}\n")
        rescue StandardError
          nil
        end

        private

        def extra?(hash)
          !hash.nil? && !hash.is_a?(Hash)
        end

        def taken(name, value, time, tags)
          unless (name.is_a?(String) || name.is_a?(Symbol)) && !name.empty?
            return refuse(BAD_NAME, "the metric name #{shown(name)} is no String or empty; the point is dropped")
          end

          number = number_of(value)
          if number.nil?
            return refuse(BAD_VALUE, "metric #{shown(name)}: the value #{shown(value)} is no number; the point is dropped")
          end

          seconds = seconds_of(time) unless time.nil?
          if seconds.nil? && !time.nil?
            return refuse(BAD_TIME, "metric #{shown(name)}: the time #{shown(time)} is no Time; the point is dropped")
          end

          tags = tags.map { |key, tag| "#{text(key)}:#{text(tag)}" } if tags.is_a?(Hash)
          status = CORE.metric_at(name, number, seconds, tags)
          refused(name, value, status) unless status.zero?
        end

        def refuse(cause, text)
          CORE.refused(cause)
          say(text)
        end

        # The incumbent takes Numerics only; a String that is a number is clear enough.
        def number_of(value)
          case value
          when Numeric then Float(value)
          when String then Float(value, exception: false)
          end
        rescue StandardError
          nil
        end

        def seconds_of(time)
          seconds = time.to_i if time.is_a?(Numeric) || !time.respond_to?(:to_str) && time.respond_to?(:to_i)
          seconds if seconds.is_a?(Integer) && seconds.abs < 1 << 62
        rescue StandardError
          nil
        end

        def text(object)
          text = object.to_s
          return text.dup.force_encoding(Encoding::UTF_8).scrub('?') if text.encoding == Encoding::BINARY

          text.encode(Encoding::UTF_8, invalid: :replace, undef: :replace).scrub('?')
        end

        def shown(object)
          shown = object.inspect
          shown.length <= 80 ? shown : "#{shown[0, 77]}..."
        rescue StandardError, SystemStackError
          'of some class'
        end
      end
    end
    private_constant :Slowly
  end
end
