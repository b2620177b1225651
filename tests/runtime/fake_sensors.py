"""Sensors of boards as files and programs beneath a root."""

import sys
import time

from fake_machine import FakeMachine

# One process, as the real one is.
TEGRASTATS = """#!{python}
import os, signal, sys, time
open("{root}/asked", "w").write(" ".join(sys.argv[1:]))
{prelude}
open("{root}/pid", "w").write(str(os.getpid()))
while True:
    print("{line}", flush=True)
    time.sleep({seconds})
"""


class FakeSensors(FakeMachine):
    """A root to fill with sensors."""

    def zone(self, number, name, millidegrees):
        folder = "sys/class/thermal/thermal_zone{}/".format(number)
        self.file(folder + "type", name + "\n")
        self.file(folder + "temp", "{}\n".format(millidegrees))

    def cooling(self, number, name, state):
        folder = "sys/class/thermal/cooling_device{}/".format(number)
        self.file(folder + "type", name + "\n")
        self.file(folder + "cur_state", "{}\n".format(state))

    def cpu_policy(self, number, kilohertz):
        folder = "sys/devices/system/cpu/cpufreq/policy{}/".format(number)
        self.file(folder + "scaling_cur_freq", "{}\n".format(kilohertz))

    def gpu(self, name, hertz, highest, per_mille):
        folder = "sys/class/devfreq/{}/".format(name)
        for file, value in (("cur_freq", hertz), ("max_freq", highest), ("device/load", per_mille)):
            self.file(folder + file, "{}\n".format(value))

    def iio_rail(self, number, name, milliwatts):
        folder = "sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0/"
        self.file("{}rail_name_{}".format(folder, number), name + "\n")
        self.file("{}in_power{}_input".format(folder, number), "{}\n".format(milliwatts))

    def hwmon_rail(self, number, name, millivolts, milliamperes):
        folder = "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1/"
        self.file("{}in{}_label".format(folder, number), name + "\n")
        self.file("{}in{}_input".format(folder, number), "{}\n".format(millivolts))
        self.file("{}curr{}_input".format(folder, number), "{}\n".format(milliamperes))

    def over_current(self, number, events):
        self.file("sys/class/hwmon/hwmon3/oc{}_event_cnt".format(number), "{}\n".format(events))

    def package_throttled(self, times):
        folder = "sys/devices/system/cpu/cpu0/thermal_throttle/"
        self.file(folder + "package_throttle_count", "{}\n".format(times))

    def tegrastats(self, line, seconds=0.05, prelude=""):
        """Let tegrastats print a line every so many seconds."""
        told = {"line": line, "seconds": seconds, "prelude": prelude, "root": self.root}
        self.program("usr/bin/tegrastats", TEGRASTATS.format(python=sys.executable, **told))

    @property
    def tegrastats_pid(self):
        """Of the one that runs or ran; waits until it is there."""
        file = self.root / "pid"
        until = time.monotonic() + 20
        while not (file.is_file() and file.read_text()):
            assert time.monotonic() < until, "tegrastats did not start"
            time.sleep(0.01)
        return int(file.read_text())


def nano_sensors(root):
    """A Nano with JetPack 4."""
    nano = FakeSensors(root)
    for number, (name, value) in enumerate(
        [("AO-therm", 45000), ("CPU-therm", 40500), ("GPU-therm", 40000), ("PMIC-Die", 100000)]
    ):
        nano.zone(number, name, value)
    nano.cooling(0, "pwm-fan", 3)
    nano.cooling(1, "gpu-throttle-alert", 0)
    nano.gpu("57000000.gpu", 921600000, 921600000, 985)
    nano.gpu("700b0000.nvenc", 1, 2, 3)
    nano.cpu_policy(0, 1479000)
    for number, (name, milliwatts) in enumerate(
        [("POM_5V_IN", 5250), ("POM_5V_GPU", 2100), ("POM_5V_CPU", 900)]
    ):
        nano.iio_rail(number, name, milliwatts)
    return nano


def orin_sensors(root):
    """An Orin Nano with JetPack 6, the GPU at rest."""
    orin = FakeSensors(root)
    orin.zone(0, "cpu-thermal", 51000)
    orin.zone(1, "gpu-thermal", 50000)
    orin.zone(2, "cv0-thermal", -256000)
    orin.zone(8, "tj-thermal", 51500)
    orin.cooling(0, "cpufreq-cpu0", 0)
    orin.cooling(6, "devfreq-17000000.gpu", 0)
    orin.cooling(7, "pwm-fan", 2)
    orin.cooling(8, "hot-surface-alert", 1)
    orin.cooling(9, "cpu-throttle-alert", 0)
    orin.gpu("17000000.gpu", 306000000, 1020000000, 0)
    orin.cpu_policy(0, 729600)
    orin.cpu_policy(4, 1728000)
    for number, (name, amperes) in enumerate(
        [("VDD_IN", 1000), ("VDD_CPU_GPU_CV", 200), ("VDD_SOC", 300)], start=1
    ):
        orin.hwmon_rail(number, name, 5000, amperes)
    orin.hwmon_rail(7, "sum of shunt voltages", 1, 1)
    for number in (1, 2, 3):
        orin.over_current(number, 37)
    return orin
