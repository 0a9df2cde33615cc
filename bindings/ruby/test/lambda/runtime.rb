# frozen_string_literal: true

# A handler loop that speaks the AWS Lambda Runtime API, as AWS's own client for Ruby does: loads the function that
# _HANDLER names, asks for invocations, and answers them.
#
#   ruby runtime.rb      with AWS_LAMBDA_RUNTIME_API, _HANDLER ("file.method") and the folder of the file in FUNCTIONS

require 'json'
require 'net/http'

# What a handler gets beside its event; the names are AWS's.
class Context
  attr_reader :aws_request_id, :invoked_function_arn, :log_group_name, :log_stream_name, :function_name, :function_version,
              :memory_limit_in_mb, :deadline_ms

  def initialize(headers)
    @aws_request_id = headers['Lambda-Runtime-Aws-Request-Id']
    @invoked_function_arn = headers['Lambda-Runtime-Invoked-Function-Arn']
    @deadline_ms = headers['Lambda-Runtime-Deadline-Ms'].to_i
    @log_group_name = ENV['AWS_LAMBDA_LOG_GROUP_NAME']
    @log_stream_name = ENV['AWS_LAMBDA_LOG_STREAM_NAME']
    @function_name = ENV['AWS_LAMBDA_FUNCTION_NAME']
    @function_version = ENV['AWS_LAMBDA_FUNCTION_VERSION']
    @memory_limit_in_mb = ENV['AWS_LAMBDA_FUNCTION_MEMORY_SIZE']
  end

  def get_remaining_time_in_millis # rubocop:disable Naming/AccessorMethodName
    [deadline_ms - Process.clock_gettime(Process::CLOCK_REALTIME, :millisecond), 0].max
  end
end

# The API's two ends.
class Runtime
  PATH = '/2018-06-01/runtime'

  def initialize
    host, port = ENV.fetch('AWS_LAMBDA_RUNTIME_API').split(':')
    @http = Net::HTTP.new(host, port.to_i)
    @http.read_timeout = nil
    @http.start
  end

  def run
    file, method = ENV.fetch('_HANDLER').split('.')
    begin
      require File.join(ENV.fetch('FUNCTIONS'), file)
    rescue Exception => e # rubocop:disable Lint/RescueException
      post('/init/error', error(e))
      raise
    end
    loop { invocation(method) }
  end

  private

  def invocation(method)
    got = @http.get("#{PATH}/invocation/next")
    id = got['Lambda-Runtime-Aws-Request-Id']
    begin
      answer = Object.new.send(method, event: JSON.parse(got.body), context: Context.new(got))
      post("/invocation/#{id}/response", JSON.generate(answer))
    rescue SystemExit
      raise
    rescue Exception => e # rubocop:disable Lint/RescueException
      post("/invocation/#{id}/error", error(e))
    end
  end

  def error(error)
    JSON.generate({ errorMessage: error.message, errorType: "Function<#{error.class}>", stackTrace: error.backtrace.first(5) })
  end

  def post(path, body)
    @http.post(PATH + path, body, 'Content-Type' => 'application/json')
  end
end

$stdout.sync = true
Runtime.new.run
