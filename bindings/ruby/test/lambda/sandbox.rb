# frozen_string_literal: true

require 'json'
require 'open3'
require 'tempfile'
require 'zlib'

# Functions under the handler loop, over the small Lambda in bindings/runtime-api, and what they send, read.
module Sandbox
  HERE = __dir__
  API = File.expand_path('../../../runtime-api/runtime_api.py', HERE)
  VERSIONS = ['datadog_lambda:', 'dd_lambda_layer:', 'runtime:'].freeze

  # The report of a run; runtime_api.py says what is in it.
  def invoke(*invocations, env: {}, **scenario)
    passed = ENV.slice('GEM_HOME', 'RUBYLIB', 'POINTMILL_FALLBACK', 'POINTMILL_LIBRARY')
    scenario = {
      env: { 'FUNCTIONS' => HERE, 'DATADOG_HOST' => 'http://127.0.0.1:${PORT}', 'DD_API_KEY' => 'key', **passed, **env },
      invocations: invocations, init_timeout_ms: 120_000, **scenario
    }
    Tempfile.create('scenario') do |file|
      file.write(JSON.generate(scenario))
      file.close
      out, err, status = Open3.capture3('python3', API, file.path, '--', RbConfig.ruby, File.join(HERE, 'runtime.rb'))
      raise err unless status.success?

      return JSON.parse(out)
    end
  end

  # The log lines that are metrics.
  def lines(report)
    report['stdout'].lines.grep(/\A\{"m":/).map { |line| JSON.parse(line) }
  end

  # What has arrived: {[name, tags] => values}, of log lines and requests alike; what changes is cut off the tags.
  def points(report)
    found = Hash.new { |all, key| all[key] = [] }
    lines(report).each { |line| found[[line['m'], tags(line['t'])]] << line['v'] }
    report['requests'].select { |request| request['status'] < 300 }.each do |request|
      body = request['body'].unpack1('m')
      body = Zlib.inflate(body) if request['headers']['content-encoding'] == 'deflate'
      JSON.parse(body)['series'].each do |series|
        found[[series['metric'], tags(series['tags'])]].concat(series['points'].flat_map(&:last))
      end
    end
    found.transform_values(&:sort)
  end

  # {name => how many values}.
  def counts(report)
    points(report).each_with_object(Hash.new(0)) { |((name, _), values), all| all[name] += values.size }
  end

  def tags(list)
    list.map { |tag| VERSIONS.find { |start| tag.start_with?(start) } || tag }.sort
  end
end
