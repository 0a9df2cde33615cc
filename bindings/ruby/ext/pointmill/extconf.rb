# frozen_string_literal: true

# Builds the extension over pointmill.h, with the engine linked into it.
#
# POINTMILL_STATIC_LIBRARY names libpointmill.a; without it, pkg-config's, the gem's own or the workspace's. Without a
# compiler or without the library nothing is built, and `require "pointmill"` uses libpointmill.so through Fiddle.

require 'mkmf'

HERE = __dir__
# The rule of `cargo xtask`: what rustc says a program needs that links the archive, but for the unwinder.
NATIVE_STATIC_LIBS = %w[-lutil -lrt -lpthread -lm -ldl -lc].freeze
# Ruby's own headers do not pass these; as the system's they need not.
WARNINGS = ['-Wall', '-Wextra', *RbConfig::CONFIG.values_at('rubyhdrdir', 'rubyarchhdrdir').map { |dir| "-isystem #{dir}" }].freeze

def include_dir
  dirs = [File.join(HERE, 'include'), File.join(HERE, '../../../../include')]
  dirs.find { |dir| File.exist?(File.join(dir, 'pointmill.h')) }
end

def static_library
  [ENV['POINTMILL_STATIC_LIBRARY'], *installed, File.join(HERE, 'libpointmill.a'),
   File.join(ENV['CARGO_TARGET_DIR'] || File.join(HERE, '../../../../target'), 'release/libpointmill.a')]
    .compact.find { |path| File.file?(path) }
end

def installed
  dir = IO.popen(%w[pkg-config --variable=libdir pointmill], err: File::NULL, &:read).strip
  dir.empty? ? [] : [File.join(dir, 'libpointmill.a')]
rescue SystemCallError
  []
end

def compiler?
  # Another compiler, for another machine; in the tests, one that is not there.
  $CC = RbConfig::MAKEFILE_CONFIG['CC'] = RbConfig::CONFIG['CC'] = ENV['POINTMILL_CC'] if ENV['POINTMILL_CC']
  # Ruby's own library is there already in every process that loads this; here it may be of another machine.
  $LIBRUBYARG = RbConfig::MAKEFILE_CONFIG['LIBRUBYARG'] = RbConfig::CONFIG['LIBRUBYARG'] = ''
  try_compile('int main(void) { return 0; }')
rescue SystemExit, RuntimeError, SystemCallError
  false
end

# Inside the object where the compiler has it so: a library more to open is a third of what loading the object takes.
def unwinder
  try_link('int main(void) { return 0; }', '-lgcc_eh') ? '-lgcc_eh' : '-lgcc_s'
end

library = static_library
reason = if library.nil? then 'libpointmill.a is not to be found; name it in POINTMILL_STATIC_LIBRARY'
         elsif !compiler? then 'there is no C compiler'
         end
if reason
  warn "pointmill: no extension (#{reason}); libpointmill.so will be used through Fiddle"
  File.write('Makefile', dummy_makefile(HERE).join)
  exit
end

$INCFLAGS << " -I#{include_dir}" if include_dir
$CFLAGS = ['-std=c11 -D_GNU_SOURCE -O2 -g0 -fPIC -fno-plt -fvisibility=hidden -DPOINTMILL_STATIC',
           *WARNINGS, ENV['POINTMILL_CFLAGS']].join(' ')
$warnflags = ''
# Only the entry point is visible: two libraries in Rust in one process must not see each other's symbols.
$DLDFLAGS << " -Wl,--version-script=#{HERE}/exports.map -Wl,--gc-sections -Wl,-s"
$LOCAL_LIBS << " #{library} #{unwinder} #{NATIVE_STATIC_LIBS.join(' ')}"
create_makefile('pointmill/native')
