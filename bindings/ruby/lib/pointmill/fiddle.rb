# frozen_string_literal: true

require 'fiddle'

require_relative 'fiddle/header'
require_relative 'fiddle/library'
require_relative 'fiddle/engine'
require_relative 'fiddle/snapshot'
require_relative 'fiddle/sketch'
require_relative 'fiddle/client'
require_relative 'fiddle/lambda'
