# frozen_string_literal: true

# Metrics aggregated in your process: points go in at nanoseconds each, percentiles and Datadog-compatible payloads come
# out.
#
#   require 'pointmill'
#
#   Pointmill::Engine.open do |engine|
#     latency = engine.distribution('checkout.latency', ['env:prod'])
#     latency.record(12.5)
#     engine.flush(all: true).each { |entry| puts "#{entry.name} #{entry.tags} #{entry.quantile(0.99)}" }
#   end
#
# Requiring this starts nothing: no thread, no socket, no file, and no environment variable is read but
# POINTMILL_FALLBACK. `pointmill/lambda` is the part for AWS Lambda and is required on its own.
module Pointmill
end

require_relative 'pointmill/raw'

module Pointmill
  # If Lambda's part came first, all this is read when something of it is named.
  autoload?(:Engine) ? Engine : require_relative('pointmill/engine')
end
