"""The cards as nvitop sees them, in the words of our JSON; what it calls N/A is null."""

import json
import sys

from nvitop import NA, Device


def known(value: object) -> object:
    return None if value is NA else value


def watts(milliwatts: object) -> object:
    return milliwatts / 1000 if isinstance(milliwatts, int | float) else None


def flag(word: object) -> object:
    return {"Enabled": True, "Disabled": False}.get(str(word))


def capability(numbers: object) -> object:
    return "{}.{}".format(*numbers) if isinstance(numbers, tuple) else None


def memory(device: Device) -> dict[str, object]:
    return {
        "total_bytes": known(device.memory_total()),
        "used_bytes": known(device.memory_used()),
        "free_bytes": known(device.memory_free()),
    }


def pids(device: Device) -> dict[str, object]:
    return {str(pid): known(one.gpu_memory()) for pid, one in device.processes().items()}


def seen(device: Device) -> dict[str, object]:
    return {
        "uuid": known(device.uuid()),
        "name": known(device.name()),
        "pci_bus_id": known(device.bus_id()),
        "compute_capability": capability(device.cuda_compute_capability()),
        "memory": memory(device),
        "utilization": {
            "gpu_percent": known(device.gpu_utilization()),
            "memory_percent": known(device.memory_utilization()),
        },
        "temperature_celsius": known(device.temperature()),
        "power_watts": watts(device.power_usage()),
        "power_limit_watts": watts(device.power_limit()),
        "fan_percent": known(device.fan_speed()),
        "clocks": {
            "sm_mhz": known(device.clock_infos().sm),
            "memory_mhz": known(device.clock_infos().memory),
            "max_sm_mhz": known(device.max_clock_infos().sm),
            "max_memory_mhz": known(device.max_clock_infos().memory),
        },
        "persistence_mode": flag(device.persistence_mode()),
        "mig_enabled": flag(device.mig_mode()),
        "ecc_uncorrected_errors": known(device.total_volatile_uncorrected_ecc_errors()),
        "mig_devices": [
            {
                "uuid": known(part.uuid()),
                "gpu_instance": known(part.gpu_instance_id()),
                "compute_instance": known(part.compute_instance_id()),
                "memory": memory(part),
                "pids": pids(part),
            }
            for part in device.mig_devices()
        ],
        "pids": pids(device),
    }


if __name__ == "__main__":
    json.dump([seen(device) for device in Device.all()], sys.stdout)
