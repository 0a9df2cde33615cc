# frozen_string_literal: true

# Writes what the package takes from include/pointmill.h: exceptions, counters, and the declarations for Fiddle.
#
#   ruby scripts/gen.rb           write
#   ruby scripts/gen.rb --check   compare instead; status 1 if anything differs

ROOT = File.expand_path('..', __dir__)
HEADER = File.read(File.join(ROOT, '../../include/pointmill.h'), encoding: 'UTF-8')
MARK = 'Generated from include/pointmill.h by scripts/gen.rb. Do not edit.'

# Codes whose exception has another name than the code.
SPECIAL = { 'INDEX' => 'PastEndError' }.freeze
COUNTERS = {
  'pointmill_engine_stats' => 'Stats', 'pointmill_client_stats' => 'ClientStats', 'pointmill_lambda_stats' => 'LambdaStats'
}.freeze
# Size and alignment of a type of the header, and its letter for String#unpack.
TYPES = {
  'uint32_t' => [4, 4, 'L'], 'int32_t' => [4, 4, 'l'], 'uint64_t' => [8, 8, 'Q'], 'int64_t' => [8, 8, 'q'],
  'double' => [8, 8, 'D'], 'size_t' => [8, 8, 'J'], 'const uint8_t *' => [8, 8, 'J'], 'const char *' => [8, 8, 'J']
}.freeze

def comment(text)
  text.gsub(/\s*\n\s*\*\s?/, ' ').strip
end

def sentence(text)
  "#{text[0].upcase}#{text[1..]}."
end

def constants
  HEADER.scan(/^#define (POINTMILL_\w+) (-?\d+|\(-9223372036854775807 - 1\)|INT64_MIN)$/)
end

def codes
  HEADER.scan(%r{/\*\*((?:(?!\*/).)*?)\*/\s*#define POINTMILL_E_(\w+) (-\d+)$}m).map do |doc, name, number|
    [SPECIAL.fetch(name) { "#{name.split('_').map(&:capitalize).join}Error" }, name, number, comment(doc).delete_prefix('* ').strip]
  end
end

# {struct => [[field, type, doc], ...]} of every struct with fields.
def structs
  HEADER.scan(/^typedef struct (\w+) \{(.*?)\n\} \1;/m).to_h do |name, body|
    fields = body.scan(%r{/\*\*(.*?)\*/\s+(.*?)([a-z_0-9]+)(\[\w+\])?;}m).map do |doc, type, field, array|
      [field, type.strip.delete_prefix('struct ') + array.to_s, comment(doc)]
    end
    [name, fields]
  end
end

def errors
  classes = codes.map do |name, code, number, doc|
    "  #{name} = error[#{number}, 'POINTMILL_E_#{code}'] # #{sentence(doc)}"
  end
  <<~RUBY
    # frozen_string_literal: true

    # The exceptions, one a code of the C header. #{MARK}
    module Pointmill
      # What pointmill raises for a code of the C header.
      class Error < StandardError
        # The code's number and its name in the header.
        CODE = 0
        NAME = ''

        # The code's number.
        def code
          self.class::CODE
        end

        # The code's name in the header, such as POINTMILL_E_NOT_FINITE.
        def name
          self.class::NAME
        end
      end

      # A body for each class would be compiled each time this is loaded, and each new constant makes Ruby look up anew
      # those that are read here.
      a_class = Class
      base = Error
      by_code = {}
      error = lambda do |code, name|
        made = by_code[code] = a_class.new(base)
        made.const_set(:CODE, code)
        made.const_set(:NAME, name)
        made
      end

    #{classes.join("\n")}

      BY_CODE = by_code.freeze
      private_constant :BY_CODE
    end
  RUBY
end

# The method that says whether a ledger balances.
def balances(name, fields)
  lost = fields.grep(/\A(rejected|dropped)_/)
  left, right = {
    'Stats' => [%w[recorded], %w[flushed pending] + lost],
    'ClientStats' => [%w[flushed adopted], %w[accepted queued spooled handed_over skipped dropped]],
    'LambdaStats' => [%w[recorded], %w[pending accepted queued] + lost]
  }.fetch(name)
  sum = "#{left.join(' + ')} == #{right.join(' + ')}".scan(/\S.{0,100}(?=\s|$)/).join("\n        ")
  "    # Whether every point is accounted for; true while no other call is under way.\n    def balances?\n      #{sum}\n    end"
end

# The file of the counters of one struct.
def counters(struct)
  fields = structs.fetch(struct).select { |_, type| type == 'uint64_t' }
  list = fields.map { |field, _, doc| "    :#{field}, # #{doc}" }
  # The last one ends the list: no comma.
  list[-1] = list[-1].sub(', #', ' #')
  <<~RUBY
    # frozen_string_literal: true

    # The type that shows these counters. #{MARK}
    module Pointmill
      #{COUNTERS.fetch(struct)} = Struct.new(
    #{list.join("\n")}
      ) do
    #{balances(COUNTERS.fetch(struct), fields.map(&:first))}
      end
    end
  RUBY
end

# [[field, offset, letter or the nested struct's name], ...] and the size, as a C compiler lays them out.
def layout(name)
  offset = 0
  widest = 1
  fields = structs.fetch(name).map do |field, type, _|
    size, align, letter = TYPES[type] || nested(type)
    offset = (offset + align - 1) / align * align
    widest = [widest, align].max
    placed = [field, offset, letter]
    offset += size
    placed
  end
  [fields, (offset + widest - 1) / widest * widest]
end

def nested(type)
  if (array = type.match(/\Achar\[(\w+)\]\z/))
    length = constants.to_h.fetch(array[1]).to_i
    return [length, 1, "Z#{length}"]
  end
  fields, size = layout(type)
  [size, 8, fields.map { |_, _, letter| letter }.first == 'J' ? 'text' : type]
end

# A parameter's or result's type as Fiddle has it; a pointmill_str by value is its two halves, which every ABI with
# 64-bit registers passes alike.
def fiddle_types(type)
  case type.strip
  when 'void' then ['void']
  when 'double' then ['double']
  when 'int32_t' then ['int32']
  when 'uint32_t' then ['uint32']
  when 'int64_t', 'uint64_t' then ['int64']
  when 'size_t' then ['size']
  when 'struct pointmill_str' then %w[pointer size]
  when 'const char *' then ['pointer']
  when /\*\z/, 'pointmill_send_fn' then ['pointer']
  else raise "no type for #{type.inspect}"
  end
end

def functions
  HEADER.scan(/^(?:POINTMILL_API\s+)?((?:const )?\w+ \*?)(pointmill_\w+)\(([^)]*)\);/m).map do |type, name, parameters|
    given = parameters.strip == 'void' ? [] : parameters.split(',').map { |p| p.strip.sub(/\w+\z/, '').gsub(/\s+/, ' ') }
    [name, fiddle_types(type).first, given.flat_map { |p| fiddle_types(p.strip) }]
  end
end

def declarations
  numbers = constants.reject { |name, _| name =~ /VERSION/ }.map do |name, number|
    "    #{name.delete_prefix('POINTMILL_')} = #{number =~ /-?\d+\z/ ? number : '-(1 << 63)'}"
  end
  layouts = structs.keys.reject { |name| name == 'pointmill_str' }.map do |name|
    fields, size = layout(name)
    "      #{name.delete_prefix('pointmill_')}: [#{size}, {\n" +
      fields.map { |field, offset, letter| "        #{field}: [#{offset}, '#{letter}']" }.join(",\n") + "\n      }]"
  end
  calls = functions.map { |name, returns, takes| "      #{name.delete_prefix('pointmill_')}: [:#{returns}, %i[#{takes.join(' ')}]]" }
  <<~RUBY
    # frozen_string_literal: true

    # The C header for Fiddle. #{MARK}
    module Pointmill
      module Header
    #{numbers.join("\n")}

        # {struct: [size, {field: [offset, letter of String#unpack1]}]}; 'text' is a pointmill_str.
        STRUCTS = {
    #{layouts.join(",\n")}
        }.freeze

        # {function: [result, arguments]}; a text by value is a pointer and a size.
        FUNCTIONS = {
    #{calls.join(",\n")}
        }.freeze
      end
      private_constant :Header
    end
  RUBY
end

def error_types
  classes = codes.map { |name, *| "  class #{name} < Error\n  end" }
  <<~RBS
    # Generated from include/pointmill.h by scripts/gen.rb. Do not edit.
    module Pointmill
      class Error < StandardError
        CODE: Integer
        NAME: String

        def code: () -> Integer
        def name: () -> String
      end

    #{classes.join("\n\n")}
    end
  RBS
end

def counter_types
  types = COUNTERS.map do |struct, name|
    fields = structs.fetch(struct).select { |_, type| type == 'uint64_t' }
    "  class #{name} < Struct[Integer]\n#{fields.map { |field, *| "    attr_reader #{field}: Integer" }.join("\n")}\n    def balances?: () -> bool\n  end"
  end
  "# Generated from include/pointmill.h by scripts/gen.rb. Do not edit.\nmodule Pointmill\n#{types.join("\n\n")}\nend\n"
end

files = {
  'lib/pointmill/errors.rb' => errors, 'lib/pointmill/stats.rb' => counters('pointmill_engine_stats'),
  'lib/pointmill/client/stats.rb' => counters('pointmill_client_stats'),
  'lib/pointmill/lambda/stats.rb' => counters('pointmill_lambda_stats'), 'lib/pointmill/fiddle/header.rb' => declarations,
  'sig/errors.rbs' => error_types, 'sig/counters.rbs' => counter_types
}
stale = files.reject do |name, text|
  path = File.join(ROOT, name)
  File.exist?(path) && File.read(path, encoding: 'UTF-8') == text
end
if ARGV.include?('--check')
  stale.each_key { |name| warn "#{name} is not what the header says; run `ruby scripts/gen.rb` in bindings/ruby and commit it" }
  exit stale.empty?
end
stale.each do |name, text|
  File.write(File.join(ROOT, name), text)
  puts "#{name} written"
end
