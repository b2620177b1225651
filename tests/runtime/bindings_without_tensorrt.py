"""TensorRT's real Python bindings, imported without TensorRT.

A bindings wheel is 1 MB and asks its libraries for a dozen functions. Libraries of the right names
in which these functions return 0 are enough to import it and to look at every class.
"""

import re
import subprocess
import zipfile

FUNCTIONS = re.compile(
    r"create\w+_INTERNAL|get\w*(Registry|Version)$|initLib\w+|_ZN\d+nv(uff|caffe)\w+"
)


def unpack(wheel, folder):
    """Unpack the wheel, make its libraries beside it, and return the folder that holds both."""
    with zipfile.ZipFile(str(wheel)) as archive:
        archive.extractall(str(folder))
    (extension,) = folder.glob("tensorrt*/*.so")
    libraries = folder / "libraries"
    libraries.mkdir()
    source = libraries / "functions.s"
    source.write_text("".join(_function(name) for name in _undefined(extension)) + _NOTE)
    for name in _needed(extension):
        output = ["-o", str(libraries / name), str(source)]
        subprocess.run(["gcc", "-shared", "-nostdlib", "-Wl,-soname," + name, *output], check=True)
    return folder


_NOTE = '.section .note.GNU-stack,"",@progbits\n'


def _function(name):
    return ".globl {0}\n.type {0},@function\n.text\n{0}: xor %eax,%eax\n ret\n".format(name)


def _undefined(extension):
    lines = _output("nm", "-D", "--undefined-only", str(extension)).splitlines()
    names = {line.split()[-1] for line in lines if line.strip()}
    return sorted(name for name in names if FUNCTIONS.match(name))


def _needed(extension):
    found = re.findall(r"NEEDED.*\[(.*)\]", _output("readelf", "-d", "-W", str(extension)))
    return [name for name in found if name.startswith("libnv")]


def _output(*command):
    ran = subprocess.run(command, stdout=subprocess.PIPE, universal_newlines=True, check=True)
    return ran.stdout
