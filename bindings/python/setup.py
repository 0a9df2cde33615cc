"""Builds the extension over include/pointmill.h, with the engine linked into it.

POINTMILL_STATIC_LIBRARY names libpointmill.a; by default the one in the workspace's target folder. Without the library,
or without a compiler, the package is built without the extension, and loads libpointmill.so through ctypes instead. Where
the variable is set, the extension is wanted: a failure is an error then.
"""

import os
import re
import shutil
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# An sdist brings the header along.
INCLUDE = HERE / "include" if (HERE / "include").exists() else ROOT / "include"
# The rule of `cargo xtask`: what rustc says a program needs that links the archive.
NATIVE_STATIC_LIBS = ["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl", "-lc"]


def version() -> str:
    header = (INCLUDE / "pointmill.h").read_text(encoding="utf-8")
    return re.search(r'POINTMILL_VERSION_STRING "([^"]+)"', header)[1]


def static_library() -> Path:
    target = os.environ.get("CARGO_TARGET_DIR", ROOT / "target")
    default = Path(target) / "release/libpointmill.a"
    return Path(os.environ.get("POINTMILL_STATIC_LIBRARY", default))


class BuildExtension(build_ext):
    def get_export_symbols(self, ext):
        return []


class SourceDistribution(sdist):
    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        # Not among the files: they lie outside of the package.
        Path(base_dir, "include").mkdir(exist_ok=True)
        shutil.copy(INCLUDE / "pointmill.h", Path(base_dir, "include"))


SOURCES = ("client", "convert", "engine", "lambda", "metric", "module", "sketch", "snapshot", "stats")

native = Extension(
    "pointmill._native",
    sources=[f"csrc/{name}.c" for name in SOURCES],
    depends=["csrc/native.h", "csrc/stats.inc", "csrc/exports.map"],
    include_dirs=[os.path.relpath(INCLUDE, HERE)],
    extra_objects=[str(static_library())],
    optional="POINTMILL_STATIC_LIBRARY" not in os.environ,
    define_macros=[("Py_LIMITED_API", "0x030b0000"), ("POINTMILL_STATIC", "1")],
    py_limited_api=True,
    extra_compile_args=["-std=c11", "-O2", "-fno-plt", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror=implicit-function-declaration", "-Wno-missing-field-initializers"],
    # Only the entry point is visible: two libraries in Rust in one process must not see each other's symbols. Stripped:
    # debug information would be most of the wheel.
    extra_link_args=["-Wl,--version-script=csrc/exports.map", "-Wl,--gc-sections", "-Wl,-s", "-Wl,-z,relro,-z,now", *NATIVE_STATIC_LIBS],
)



def buildable() -> bool:
    return not native.optional or static_library().exists()


setup(
    version=version(),
    ext_modules=[native] if buildable() else [],
    cmdclass={"build_ext": BuildExtension, "sdist": SourceDistribution},
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if buildable() else {},
)
