# frozen_string_literal: true

require 'fiddle'

require_relative 'fiddle/header'
require_relative 'fiddle/library'

module Pointmill
  class << self
    private

    def define_engine
      require_relative 'fiddle/engine'
      require_relative 'fiddle/snapshot'
      require_relative 'fiddle/sketch'
      require_relative 'fiddle/client'
    end

    def define_lambda
      require_relative 'fiddle/lambda'
    end
  end
end
