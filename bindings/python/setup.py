"""Builds the extension over include/pointmill.h, with the engine linked into it.

POINTMILL_STATIC_LIBRARY names libpointmill.a; by default the one in the workspace's target folder. Without a compiler
or without the library the package is built without the extension, and loads libpointmill.so through ctypes instead.
"""

import os
import re
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# The rule of `cargo xtask`: what rustc says a program needs that links the archive.
NATIVE_STATIC_LIBS = ["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl", "-lc"]


def version() -> str:
    header = (ROOT / "include/pointmill.h").read_text(encoding="utf-8")
    return re.search(r'POINTMILL_VERSION_STRING "([^"]+)"', header)[1]


def static_library() -> Path:
    target = os.environ.get("CARGO_TARGET_DIR", ROOT / "target")
    default = Path(target) / "release/libpointmill.a"
    return Path(os.environ.get("POINTMILL_STATIC_LIBRARY", default))


class BuildExtension(build_ext):
    """Strips the object: debug information would be most of the wheel."""

    def build_extension(self, ext):
        ext.extra_objects = [str(static_library())]
        super().build_extension(ext)

    def get_export_symbols(self, ext):
        return []


SOURCES = ("client", "convert", "engine", "lambda", "metric", "module", "sketch", "snapshot", "stats")

native = Extension(
    "pointmill._native",
    sources=[f"csrc/{name}.c" for name in SOURCES],
    depends=["csrc/native.h", "csrc/stats.inc"],
    include_dirs=[os.path.relpath(ROOT / "include", HERE)],
    define_macros=[("Py_LIMITED_API", "0x030b0000"), ("POINTMILL_STATIC", "1")],
    py_limited_api=True,
    extra_compile_args=["-std=c11", "-O2", "-fno-plt", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror=implicit-function-declaration", "-Wno-missing-field-initializers"],
    # Only the entry point is visible: two libraries in Rust in one process must not see each other's symbols.
    extra_link_args=["-Wl,--exclude-libs,ALL", "-Wl,--gc-sections", "-Wl,-s", "-Wl,-z,relro,-z,now", *NATIVE_STATIC_LIBS],
)

setup(
    version=version(),
    ext_modules=[native],
    cmdclass={"build_ext": BuildExtension},
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
