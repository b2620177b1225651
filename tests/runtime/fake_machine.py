"""Machines out of recorded answers: files beneath a root, and programs that say what was said."""

import json
import stat

PYTHON = """#!/bin/sh
answer="{root}/answers/$3"
if [ -f "$answer.json" ]; then printf '%s' "$4"; cat "$answer.json"; exit 0; fi
if [ -f "$answer.signal" ]; then kill -"$(cat "$answer.signal")" $$; fi
if [ -f "$answer.error" ]; then cat "$answer.error" >&2; exit 1; fi
echo "ModuleNotFoundError: No module named '${{3%%.*}}'" >&2; exit 1
"""
L4T = "# R32 (release), REVISION: 7.1, GCID: 29818004, BOARD: t210ref, EABI: aarch64\n"
NVPMODEL = "< POWER_MODEL ID=0 NAME=MAXN >\n< POWER_MODEL ID=1 NAME=5W >\n< PM_CONFIG DEFAULT=0 >\n"
A57 = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd07\n"
NANO_LIBRARIES = "usr/lib/aarch64-linux-gnu"
NANO_PYTHON = {"python": "3.6.9", "executable": "/usr/bin/python3"}
DIST = "/usr/lib/python3/dist-packages"
GSTREAMER = "  Video I/O:\n    FFMPEG:   YES\n    GStreamer:                   YES (1.14.5)\n"


class FakeMachine:
    """A root to fill."""

    def __init__(self, root):
        self.root = root
        self.program("usr/bin/python3", PYTHON.format(root=root))

    def file(self, path, text=""):
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return target

    def link(self, path, leads_to):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(leads_to)

    def program(self, path, text):
        target = self.file(path, text)
        target.chmod(target.stat().st_mode | stat.S_IXUSR)

    def says(self, path, text, code=0):
        """Let a program print `text` whatever it is asked."""
        said = self.file("answers/{}.out".format(path.rpartition("/")[2]), text)
        self.program(path, "#!/bin/sh\ncat '{}'\nexit {}\n".format(said, code))

    def module(self, name, version, place=DIST, **told):
        """Let Python import `name`."""
        told = dict({"version": version, "path": [place]}, **told)
        told.setdefault("file", "{}/{}/__init__.py".format(place, name))
        self.file("answers/{}.json".format(name), json.dumps(told))

    def broken(self, name, error):
        """Let the import of `name` raise."""
        self.file("answers/{}.error".format(name), error)

    def crashes(self, name, signal):
        """Let the import of `name` end its process."""
        self.file("answers/{}.signal".format(name), signal)

    def library(self, folder, stem, version):
        """Put a library with its usual links."""
        full = "{}.{}".format(stem, version)
        self.file("{}/{}".format(folder, full))
        self.link("{}/{}".format(folder, stem), full)
        if "." in version:
            self.link("{}/{}.{}".format(folder, stem, version.partition(".")[0]), full)


def jetson_nano(root):
    """A 4 GB Nano with JetPack 4.6.1, as it comes: everything there, zram, clocks free."""
    nano = FakeMachine(root)
    nano.file("proc/device-tree/model", "NVIDIA Jetson Nano Developer Kit\0")
    nano.file("etc/nv_tegra_release", L4T)
    nano.file("etc/os-release", 'PRETTY_NAME="Ubuntu 18.04.6 LTS"\n')
    nano.file("etc/nvpmodel.conf", NVPMODEL)
    nano.file("var/lib/nvpmodel/status", "pmode:0000 fmode:fanNull\n")
    nano.file("proc/cpuinfo", A57)
    memory = (
        "MemTotal: 4059216 kB\nMemAvailable: 2913512 kB\nSwapTotal: 2029600 kB\nSwapFree: 9 kB\n"
    )
    nano.file("proc/meminfo", memory)
    nano.file("proc/swaps", "Filename Type Size Used Priority\n/dev/zram0 partition 507400 0 5\n")
    for end, hertz in (("min", 76800000), ("max", 921600000)):
        nano.file("sys/class/devfreq/57000000.gpu/{}_freq".format(end), "{}\n".format(hertz))
    nano.library(NANO_LIBRARIES, "libnvinfer.so", "8.2.1")
    nano.library(NANO_LIBRARIES, "libcudnn.so", "8.2.1")
    nano.library("usr/local/cuda-10.2/targets/aarch64-linux/lib", "libcudart.so", "10.2.300")
    nano.library(NANO_LIBRARIES + "/tegra", "libcuda.so", "1.1")
    nano.link("usr/local/cuda", "/usr/local/cuda-10.2")
    nano.link("usr/local/cuda-10.2/lib64", "targets/aarch64-linux/lib")
    lines = ["\tlibnvinfer.so.8 (libc6,AArch64) => /{}/libnvinfer.so.8".format(NANO_LIBRARIES)]
    lines += ["\tlibcudnn.so.8 (libc6,AArch64) => /{}/libcudnn.so.8".format(NANO_LIBRARIES)]
    lines += ["\tlibcuda.so.1 (libc6,AArch64) => /{}/tegra/libcuda.so.1".format(NANO_LIBRARIES)]
    lines += ["\tlibcudart.so.10.2 (libc6,AArch64) => /usr/local/cuda/lib64/libcudart.so.10"]
    nano.says("sbin/ldconfig", "4 libs found\n" + "\n".join(lines) + "\n")
    nano.module("sys", "", **NANO_PYTHON)
    nano.module("numpy", "1.13.3")
    nano.module("cv2", "4.1.1", build=GSTREAMER)
    used = ["/{}/libnvinfer.so.8.2.1".format(NANO_LIBRARIES)]
    nano.module("tensorrt", "8.2.1.8", libraries=used)
    nano.module("pycuda", "2022.1")
    return nano


def rtx_desktop(root):
    """A PC with one RTX 3090 and the TensorRT of pip."""
    pc = FakeMachine(root)
    packages = "/opt/venv/lib/python3.11/site-packages"
    pc.file("etc/os-release", 'PRETTY_NAME="Ubuntu 22.04.4 LTS"\n')
    pc.file("proc/cpuinfo", "model name\t: AMD Ryzen 9\n")
    pc.file("proc/meminfo", "MemTotal: 65000000 kB\nMemAvailable: 60000000 kB\nSwapTotal: 0 kB\n")
    pc.file("sys/firmware/acpi/platform_profile", "balanced\n")
    pc.says("usr/bin/nvidia-smi", "NVIDIA GeForce RTX 3090, 550.54.15, 24576 MiB, 8.6\n")
    pc.library(packages.lstrip("/") + "/tensorrt_libs", "libnvinfer.so", "10.3.0")
    pc.library(packages.lstrip("/") + "/nvidia/cuda_runtime/lib", "libcudart.so", "12")
    pc.library("usr/lib/x86_64-linux-gnu", "libcuda.so", "550.54.15")
    pc.says(
        "sbin/ldconfig", "\tlibcuda.so.1 (libc6,x86-64) => /usr/lib/x86_64-linux-gnu/libcuda.so\n"
    )
    pc.module("sys", "", python="3.11.7", executable="/opt/venv/bin/python", path=[packages])
    pc.module("numpy", "2.1.0", packages)
    pc.module("cv2", "4.10.0", packages, build="    GStreamer:                   NO\n")
    providers = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    pc.module("onnxruntime", "1.20.0", packages, providers=providers)
    used = [packages + "/tensorrt_libs/libnvinfer.so.10"]
    pc.module("tensorrt", "10.3.0", packages, libraries=used)
    pc.module("cuda.bindings", "12.6.0", packages)
    return pc
