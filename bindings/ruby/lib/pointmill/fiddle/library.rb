# frozen_string_literal: true

module Pointmill
  # libpointmill.so through Fiddle, for a Ruby without the extension: some twenty times the price of a call. It is the one
  # that POINTMILL_LIBRARY names, or that lies beside these files, or that the system finds.
  #
  # What the library writes lies in memory of Fiddle's, never in a String: while a call is under way the GVL is free, and
  # the collector may move Strings.
  module Library
    H = Header
    TYPES = {
      void: ::Fiddle::TYPE_VOID, pointer: ::Fiddle::TYPE_VOIDP, double: ::Fiddle::TYPE_DOUBLE, int32: ::Fiddle::TYPE_INT,
      uint32: -::Fiddle::TYPE_INT, int64: ::Fiddle::TYPE_LONG_LONG, size: ::Fiddle::TYPE_SIZE_T
    }.freeze
    KINDS = %i[unknown distribution count gauge histogram].freeze

    def self.open
      beside = File.expand_path('../libpointmill.so', __dir__)
      named = ENV['POINTMILL_LIBRARY'].to_s
      path = if named != '' then named
             elsif File.exist?(beside) then beside
             else "libpointmill.so.#{H::ABI_MAJOR}"
             end
      [::Fiddle.dlopen(path), path]
    rescue ::Fiddle::DLError => e
      raise LoadError, e.message
    end
    private_class_method :open

    HANDLE, PATH = open
    FUNCTIONS = Hash.new do |made, name|
      returns, takes = H::FUNCTIONS.fetch(name)
      made[name] = ::Fiddle::Function.new(HANDLE["pointmill_#{name}"], takes.map { |type| TYPES.fetch(type) }, TYPES.fetch(returns))
    end

    module_function

    def call(name, *args)
      FUNCTIONS[name].call(*args)
    end

    # Calls what answers with a status; raises unless it is success.
    def check(name, *args)
      status = call(name, *args)
      raise error(status) unless status.zero?
    end

    # The same for calls whose last argument is a pointmill_error.
    def check_told(name, *args)
      told = Memory.struct(:error)
      status = call(name, *args, told)
      raise error(status, told.read(:error, :detail).force_encoding(Encoding::UTF_8)) unless status.zero?
    end

    def error(code, detail = nil)
      detail = cstring(call(:strerror, code)) if detail.nil? || detail.empty?
      BY_CODE.fetch(code).new(detail)
    end

    # For a call that had a name and tags: says which of them it was.
    def named_error(code, parts)
      return error(code) unless code == H::E_INVALID_NAME

      longest = parts[0].empty? ? parts[0] : parts.max_by(&:bytesize)
      start = longest.byteslice(0, 40).force_encoding(Encoding::UTF_8).scrub('?')
      error(code, "the #{longest.equal?(parts[0]) ? 'name' : 'tag'} #{start.inspect}#{'...' if longest.bytesize > 40} " \
                  "has #{longest.bytesize} bytes; #{cstring(call(:strerror, code))}")
    end

    def value_error(code, value)
      error(code, code == H::E_NOT_FINITE ? "the value is #{value}; record finite values only" : nil)
    end

    def closed(what)
      ClosedError.new("the #{what} has been closed; make a new one")
    end

    def cstring(address)
      ::Fiddle::Pointer.new(address.to_i).to_s.force_encoding(Encoding::UTF_8)
    end

    def utf8(text, what)
      text = text.name if text.is_a?(Symbol)
      unless text.is_a?(String)
        raise TypeError, "#{what}: expected a String or Symbol, got #{text.class} (#{text.inspect}); write .to_s first"
      end

      as_it_is = [Encoding::UTF_8, Encoding::US_ASCII, Encoding::BINARY].include?(text.encoding) || text.ascii_only?
      as_it_is ? text : text.encode(Encoding::UTF_8, invalid: :replace, undef: :replace)
    end

    def array(tags)
      case tags
      when nil then []
      when Array then tags
      when String, Symbol
        raise TypeError, "tags: expected an Array of Strings, got one text (#{tags.inspect}); write it in brackets: [\"env:prod\"]"
      when Hash
        raise TypeError, "tags: expected an Array of Strings, got a Hash (#{tags.inspect}); write tags.map { |k, v| \"\#{k}:\#{v}\" }"
      else
        raise TypeError, "tags: expected an Array of Strings like [\"env:prod\"], got #{tags.inspect}" unless tags.respond_to?(:to_a)

        tags.to_a
      end
    end

    # The name and then the tags, as Strings.
    def parts(name, tags)
      [utf8(name, 'name'), *array(tags).map { |tag| utf8(tag, 'tag') }]
    end

    def number(value, what = 'value')
      return value.to_f if value.is_a?(Numeric)

      raise TypeError, "#{what}: expected a number, got #{value.class} (#{value.inspect}); convert it with Float() first"
    end

    def seconds(time)
      return time.to_i if time.is_a?(Time) || time.is_a?(Integer)

      seconds = number(time, 'at')
      return seconds.floor if seconds.abs <= 9.2e18

      raise RangeError, "at: expected seconds since 1970 or a Time, got #{time.inspect}; is the unit seconds?"
    end

    def now(time)
      time.nil? ? Process.clock_gettime(Process::CLOCK_REALTIME, :second) : seconds(time)
    end

    # Items of 8 bytes, and how many: of a packed String or of anything with to_a.
    def column(object, what, letter)
      if object.is_a?(String)
        return Memory.of(object), object.bytesize / 8 if (object.bytesize % 8).zero?

        raise ArgumentError, "#{what}: #{object.bytesize} bytes are no whole number of 8; pack them with .pack(\"#{letter}*\")"
      end
      if object.nil? || object.is_a?(Hash) || !object.respond_to?(:to_a)
        raise TypeError, "#{what}: expected an Array of numbers or a packed String, got #{object.inspect}"
      end
      items = object.to_a
      items = items.map { |item| letter == 'd' ? number(item, what) : context(item) }
      [Memory.of(items.pack("#{letter}*")), items.size]
    end

    def context(id)
      return id if id.is_a?(Integer)

      raise TypeError, "contexts: expected Integers, got #{id.inspect}; Metric#context has them"
    end

    # A configuration of pairs of texts, lent to a block.
    def config(pairs)
      pointer = Memory.handle(:config_free) { |out| check(:config_new, out) }
      pairs.each { |name, value| check_told(:config_set, pointer, terminated(name), terminated(value)) }
      yield pointer
    end

    # Bytes with a NUL at their end, and none inside.
    def terminated(text)
      raise ArgumentError, 'string contains null byte' if text.include?("\0")

      Memory.of("#{text}\0")
    end

    # The counters of a struct as a Struct.
    def counters(type, struct, name, handle)
      memory = Memory.struct(struct)
      check(name, handle, memory)
      type.new(*memory[8, memory.size - 8].unpack('Q*')).freeze
    end

    # A text that a call writes into a buffer; nil if there is none.
    def written(name, handle)
      size = 1024
      loop do
        buffer = Memory.new(size)
        len = Memory.new(8)
        status = call(name, handle, buffer, size, len)
        return text_of(buffer, len.unpack1('J')) if status.zero?
        raise error(status) unless status == H::E_BUFFER_TOO_SMALL

        size = len.unpack1('J') + 256
      end
    end

    def text_of(buffer, len)
      buffer[0, len].force_encoding(Encoding::UTF_8) unless len.zero?
    end
  end
  private_constant :Library

  # Memory that the library reads and writes.
  class Memory < ::Fiddle::Pointer
    # Zeroed.
    def self.new(size)
      memory = malloc(size.zero? ? 1 : size, ::Fiddle::RUBY_FREE)
      memory[0, size] = "\0" * size unless size.zero?
      memory
    end

    def self.of(bytes)
      memory = malloc(bytes.bytesize + 1, ::Fiddle::RUBY_FREE)
      memory[0, bytes.bytesize] = bytes.b unless bytes.empty?
      memory
    end

    def self.struct(name)
      size, = Header::STRUCTS.fetch(name)
      memory = new(size)
      memory[0, 4] = [size].pack('L')
      memory
    end

    # pointmill_str of each text, and the bytes that they point to behind them.
    def self.texts(parts)
      memory = new((parts.size * 16) + parts.sum(&:bytesize))
      at = parts.size * 16
      parts.each_with_index do |part, i|
        memory[i * 16, 16] = [memory.to_i + at, part.bytesize].pack('JJ')
        memory[at, part.bytesize] = part.b unless part.empty?
        at += part.bytesize
      end
      memory
    end

    # A handle that a block has the library write, freed with its last reference.
    def self.handle(free)
      out = new(8)
      yield out
      ::Fiddle::Pointer.new(out.unpack1('J'), 0, Library::FUNCTIONS[free])
    end

    def unpack1(letter, offset = 0)
      self[offset, letter == 's' ? 2 : 8].unpack1(letter)
    end

    # A field of a struct.
    def read(struct, field)
      offset, letter = Header::STRUCTS.fetch(struct)[1].fetch(field)
      bytes = self[offset, size - offset]
      return bytes.unpack1(letter) unless letter == 'text'

      address, len = bytes.unpack('JJ')
      len.zero? ? +'' : ::Fiddle::Pointer.new(address)[0, len].force_encoding(Encoding::UTF_8)
    end

    def write(struct, field, value)
      offset, letter = Header::STRUCTS.fetch(struct)[1].fetch(field)
      bytes = letter == 'text' ? value : [value].pack(letter)
      self[offset, bytes.bytesize] = bytes
    end
  end
  private_constant :Memory

  abi = Library.call(:abi_version) & 0xffffffff
  if abi >> 16 != Header::ABI_MAJOR || abi & 0xffff < Header::ABI_MINOR
    raise LoadError, "pointmill: written for ABI #{Header::ABI_MAJOR}.#{Header::ABI_MINOR}, " \
                     "#{Library::PATH} has #{abi >> 16}.#{abi & 0xffff}"
  end

  class << self
    # The library's version.
    def version
      Library.cstring(Library.call(:version))
    end

    # {number => [name, text]} of every code.
    def codes
      out = Memory.new(8)
      table = {}
      while Library.call(:code_at, table.size, out).zero?
        code = out.unpack1('l')
        table[code] = %i[code_name strerror].map { |name| Library.cstring(Library.call(name, code)) }
      end
      table
    end

    # Every option of engines and encoders: name, type, default, range and explanation.
    def options
      types = %i[unknown number choice flag text]
      Array.new(Library.call(:config_count)) do |i|
        one = Memory.struct(:option)
        Library.check(:config_option, i, one)
        read = ->(field) { one.read(:option, field) }
        type = types[read[:type]] || :unknown
        default = read[type == :number ? :default_number : :default_text]
        Option.new(read[:name], type, default, read[:min], read[:max], words(i, read[:choices_len]), read[:doc]).freeze
      end
    end

    private

    def words(option, len)
      Array.new(len) do |j|
        word = Memory.new(16)
        Library.check(:config_choice, option, j, word)
        address, bytes = word[0, 16].unpack('JJ')
        ::Fiddle::Pointer.new(address)[0, bytes].force_encoding(Encoding::UTF_8)
      end
    end
  end
end
