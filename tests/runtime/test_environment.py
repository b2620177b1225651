"""The environment block: parsed from recorded lines, read beneath a fake root."""

import json
import os
import stat

import pytest

from edgedet.runtime import environment

JETSON_CPUINFO = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd07\n"
PC_CPUINFO = (
    "model name\t: AMD EPYC\ncpu MHz\t\t: 2596.130\n\nmodel name\t: AMD EPYC\ncpu MHz\t\t: 2700.5\n"
)


def write(root, path, text):
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def fake_nvidia_smi(folder, body, monkeypatch):
    program = folder / "nvidia-smi"
    program.write_text("#!/bin/sh\n" + body + "\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", "{}{}{}".format(folder, os.pathsep, os.environ["PATH"]))


def test_everything_is_plain_json_and_threads_are_what_was_given():
    described = environment.describe_environment(threads=3)
    assert described["threads"] == 3
    assert described["usable_cores"] >= 1
    assert described["cpu"]
    assert json.loads(json.dumps(described)) == described


def test_a_bare_root_gives_none_and_no_error(tmp_path):
    described = environment.describe_environment(root=str(tmp_path))
    unread = ("governor", "clock_mhz", "power_mode", "board")
    assert [described[key] for key in unread] == [None] * len(unread)


def test_a_pc(tmp_path):
    write(tmp_path, "proc/cpuinfo", PC_CPUINFO)
    write(tmp_path, "etc/os-release", 'NAME=x\nPRETTY_NAME="Debian GNU/Linux 12"\n')
    write(tmp_path, "sys/firmware/acpi/platform_profile", "balanced\n")
    described = environment.describe_environment(root=str(tmp_path))
    assert described["cpu"] == "AMD EPYC"
    assert described["clock_mhz"] == 2700.5
    assert described["power_mode"] == "balanced"
    assert described["os"].startswith("Debian GNU/Linux 12 (")


def test_a_jetson(tmp_path):
    cpu = "sys/devices/system/cpu/cpu0/cpufreq/"
    write(tmp_path, "proc/cpuinfo", JETSON_CPUINFO)
    write(tmp_path, cpu + "scaling_governor", "schedutil\n")
    write(tmp_path, cpu + "scaling_cur_freq", "921600\n")
    write(tmp_path, "sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq", "1479000\n")
    write(tmp_path, "sys/devices/system/cpu/cpufreq/policy0/scaling_governor", "schedutil\n")
    write(tmp_path, "var/lib/nvpmodel/status", "pmode:0001 fmode:fanNull\n")
    write(tmp_path, "proc/device-tree/model", "NVIDIA Jetson Nano Developer Kit\0")
    described = environment.describe_environment(root=str(tmp_path))
    assert described["board"] == "NVIDIA Jetson Nano Developer Kit"
    assert described["governor"] == "schedutil"
    assert described["clock_mhz"] == 1479.0
    assert described["power_mode"] == "nvpmodel 0001"


@pytest.mark.parametrize(
    ("load", "busy"), [((0.0, 1.0, 1.0), False), ((1.0, 0.0, 0.0), True), (None, None)]
)
def test_busy_is_judged_by_the_last_minute(load, busy, monkeypatch):
    def getloadavg():
        if load is None:
            raise OSError
        return load

    monkeypatch.setattr(environment.os, "getloadavg", getloadavg, raising=False)
    monkeypatch.setattr(environment, "usable_cores", lambda: 2)
    described = environment.describe_environment()
    assert described["machine_busy"] is busy


def test_gpus_from_nvidia_smi(tmp_path, monkeypatch):
    body = 'echo "NVIDIA GeForce RTX 3090, 535.54.03, 1695 MHz, 2100 MHz, 350.00 W, P2"'
    fake_nvidia_smi(tmp_path, body, monkeypatch)
    (gpu,) = environment.gpus()
    assert gpu["name"] == "NVIDIA GeForce RTX 3090"
    assert gpu["pstate"] == "P2"


@pytest.mark.parametrize("body", ["echo broken; exit 9", "exec sleep 30"])
def test_no_gpu_when_nvidia_smi_fails_or_hangs(body, tmp_path, monkeypatch):
    fake_nvidia_smi(tmp_path, body, monkeypatch)
    monkeypatch.setattr(environment, "NVIDIA_SMI_TIMEOUT_S", 0.2)
    assert environment.gpus() == []


def test_no_gpu_without_nvidia_smi(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment.gpus() == []


def test_versions_are_of_loaded_packages_only():
    versions = environment.package_versions()
    import numpy

    assert versions["numpy"] == numpy.__version__
    assert "tensorrt" not in versions
