# frozen_string_literal: true

require 'json'
require 'socket'
require 'zlib'

# An intake on loopback: keeps what it gets, answers what it is told to.
class Intake
  attr_reader :requests, :url
  attr_accessor :status, :delay

  Request = Struct.new(:path, :headers, :body)

  def initialize(status = 202)
    @requests = []
    @status = status
    @delay = 0
    @held = Queue.new
    @server = TCPServer.new('127.0.0.1', 0)
    @url = "http://127.0.0.1:#{@server.addr[1]}"
    @thread = Thread.new { loop { serve(@server.accept) } }
    @thread.report_on_exception = false
  end

  # From now on answers wait for `release`.
  def hold
    @holding = true
  end

  def release
    @holding = false
    @held.close
  end

  # The series of every request, decompressed.
  def series
    requests.flat_map do |request|
      body = request.headers['content-encoding'] == 'deflate' ? Zlib.inflate(request.body) : request.body
      JSON.parse(body)['series']
    end
  end

  def close
    @thread.kill
    @server.close
  end

  private

  def serve(socket)
    Thread.new do
      while (first = socket.gets)
        answer(socket, first)
      end
    rescue SystemCallError, IOError
      nil
    ensure
      socket.close
    end.report_on_exception = false
  end

  def answer(socket, first)
    headers = {}
    while (line = socket.gets.chomp) != ''
      name, value = line.split(': ', 2)
      headers[name.downcase] = value
    end
    body = socket.read(headers['content-length'].to_i)
    requests << Request.new(first.split[1], headers, body)
    sleep delay
    @held.pop if @holding
    socket.write "HTTP/1.1 #{status} Whatever\r\nContent-Length: 2\r\n\r\n{}"
  end
end
