# SPDX-License-Identifier: MIT
"""Builds the extension against the libpb-core that pkg-config finds."""
import os
import pathlib
import re
import shlex
import subprocess
import sys

from setuptools import Extension, setup
from setuptools.command.build_py import build_py

HERE = pathlib.Path(__file__).resolve().parent
PTH = "libpb-accelerate.pth"


def version():
    """The version of the library: from the tree around this folder, or of the sdist."""
    header, info = HERE.parents[1] / "libpb/include/pb/version.h", HERE / "PKG-INFO"
    if info.exists():
        return re.search(r"^Version: (.+)$", info.read_text("utf-8"), re.M)[1]
    return re.search(r'^#define PB_VERSION "(.+)"$', header.read_text("utf-8"), re.M)[1]


def pkg_config(*args):
    program = shlex.split(os.environ.get("PKG_CONFIG", "pkg-config"))
    command = [*program, *args, "libpb-core"]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as e:
        sys.exit(f"{command[0]}: {e.strerror}: it is needed to find libpb-core")
    if done.returncode != 0 and "required by" in done.stderr:
        sys.exit(f"{done.stderr.strip()}\nlibpb-core is installed, but not the "
                 "development files of what it needs")
    if done.returncode != 0:
        sys.exit(f"{done.stderr.strip()}\nlibpb-core {VERSION} must be installed first, "
                 "where pkg-config finds it (PKG_CONFIG_PATH)")
    return shlex.split(done.stdout)


def sources(pattern):
    return sorted(str(path) for path in pathlib.Path("src").rglob(pattern))


class BuildPy(build_py):
    """Installs the .pth file, which LIBPB_ACCELERATE needs, beside the package."""

    def run(self):
        super().run()
        self.copy_file(str(HERE / PTH), os.path.join(self.build_lib, PTH))

    def get_outputs(self, include_bytecode=1):
        return [*super().get_outputs(include_bytecode), os.path.join(self.build_lib, PTH)]


if sys.implementation.name != "cpython":
    sys.exit(f"libpb is for CPython, not for {sys.implementation.name}: its extension uses "
             "the inside of Python's own objects")
VERSION = version()
only_describes = {"sdist", "egg_info", "dist_info", "--version", "clean"}
building = not only_describes & set(sys.argv[1:])
flags = {}
if building:
    pkg_config("--print-errors", f"--exact-version={VERSION}")
    folders = [flag[2:] for flag in pkg_config("--libs-only-L")]
    flags = {"extra_compile_args": ["-std=c11", "-fvisibility=hidden",
                                    *pkg_config("--cflags")],
             "extra_link_args": pkg_config("--libs"),
             "runtime_library_dirs": folders}

os.chdir(HERE)
setup(version=VERSION, cmdclass={"build_py": BuildPy},
      ext_modules=[Extension("libpb._core", sources("*.c"), depends=sources("*.h"),
                             include_dirs=["src"], **flags)])
