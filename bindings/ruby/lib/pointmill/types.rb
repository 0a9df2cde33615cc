# frozen_string_literal: true

module Pointmill
  # Count, min, max, sum and avg of a sketch: exact, not from bins. All 0 while it is empty.
  Summary = Struct.new(:count, :min, :max, :sum, :avg)

  # One body, ready to be sent: the route's path, Content-Type, Content-Encoding ('' if it is not compressed), the bytes,
  # and how many points and entries of the snapshot are in it.
  Payload = Struct.new(:path, :content_type, :encoding, :body, :points, :entries)

  # What a format cannot carry, for one cause: the cause in a word and, with its remedy, in a sentence; how many entries
  # are in no payload, with how many points, and how many values were left out of entries that are.
  Skipped = Struct.new(:cause, :detail, :entries, :points, :values)

  # An option of engines, encoders and delivery: type is :number, :choice, :flag or :text.
  Option = Struct.new(:name, :type, :default, :min, :max, :choices, :doc)

  # Options as the C functions take them: pairs of texts.
  module Options
    module_function

    def pairs(options)
      options.map { |name, value| [name.to_s, text(name, value)] }
    end

    def text(name, value)
      case value
      when String then value.encode(Encoding::UTF_8)
      when Symbol, Integer, true, false then value.to_s
      when Float then whole(name, value)
      when Array then value.each { |item| item.is_a?(String) || wrong(name, value) }.join(',')
      else wrong(name, value)
      end
    end

    def whole(name, value)
      value.finite? && value == value.floor ? value.to_i.to_s : wrong(name, value)
    end

    def wrong(name, value)
      raise TypeError, "#{name}: expected a String, a whole number, true, false or an Array of Strings, got #{value.inspect}"
    end
  end
  private_constant :Options
end
