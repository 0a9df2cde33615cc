#!/bin/sh
# Installs what the tests need and the machine lacks. Says what is missing where it cannot.
set -eu

missing=
need() { # need PROGRAM PACKAGE…
    program=$1
    shift
    command -v "$program" >/dev/null 2>&1 || missing="$missing $*"
}
need cc gcc libc6-dev
need c++ g++
need cmake cmake
need make make
need pkg-config pkg-config
need valgrind valgrind
need nm binutils
need node nodejs
need npm npm
need zopfli zopfli
need chromium chromium
# AWS's runtime interface client for Node is linked with it.
[ -n "$(find /usr/lib* -maxdepth 2 -name libcurl.so.4 2>/dev/null)" ] || missing="$missing libcurl4"
need mvn maven
[ -n "$(find "${JAVA_HOME:-/usr/lib/jvm}"/ -path "*/include/jni.h" 2>/dev/null | head -n 1)" ] ||
    missing="$missing openjdk-17-jdk-headless"
node=$(command -v node || echo /usr/bin/node)
[ -e "${node%/bin/node}/include/node/uv.h" ] || missing="$missing libnode-dev"
need gem ruby
ruby -rrbconfig -e 'exit File.exist?(RbConfig::CONFIG["rubyhdrdir"] + "/ruby.h")' >/dev/null 2>&1 || missing="$missing ruby-dev"
need python3 python3
# Debian's python3 has venv, but not what it needs to make one; headers are for the extension.
python3 -c 'import ensurepip, sysconfig, os; assert os.path.exists(sysconfig.get_path("include") + "/Python.h")' \
    >/dev/null 2>&1 || missing="$missing python3-venv python3-dev"

if ! command -v cargo >/dev/null 2>&1; then
    echo "setup: cargo is missing; install Rust (rustup), the version is in rust-toolchain.toml" >&2
    exit 1
fi
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "setup: please install:$missing" >&2
    exit 1
fi
echo "== installing$missing"
apt-get update -qq
# shellcheck disable=SC2086 # a list of packages
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
