"""How cards are connected: NVLinks, what both hang on, and whether they may read each other."""

from typing import Final

from mixvllm.gpu.nvml.binding import pynvml
from mixvllm.gpu.nvml.door import FAULTS, Handle, Why, text, value_or_why

SWITCH: Final = "switch"  # the other end of a link that leads to all cards
_READ: Final = 0  # NVML_P2P_CAPS_INDEX_READ, which the binding has as a tuple

# nvml.h: nvmlGpuTopologyLevel_t, in the words of `nvidia-smi topo -m`
_PATHS: Final = {
    pynvml.NVML_TOPOLOGY_INTERNAL: "PIX",  # two chips of one board
    pynvml.NVML_TOPOLOGY_SINGLE: "PIX",
    pynvml.NVML_TOPOLOGY_MULTIPLE: "PXB",
    pynvml.NVML_TOPOLOGY_HOSTBRIDGE: "PHB",
    pynvml.NVML_TOPOLOGY_NODE: "NODE",
    pynvml.NVML_TOPOLOGY_SYSTEM: "SYS",
}


def nvlinks(handle: Handle) -> dict[str, int] | None:
    """Active links of a card by where they lead: the bus id of a card, or SWITCH.

    None: the driver does not tell. A card without NVLink has none.
    """
    found: dict[str, int] = {}
    for link in range(pynvml.NVML_NVLINK_MAX_LINKS):
        try:
            active = pynvml.nvmlDeviceGetNvLinkState(handle, link)
        except (pynvml.NVMLError_NotSupported, pynvml.NVMLError_InvalidArgument):
            break  # no NVLink, or no more of them
        except FAULTS:
            return None
        if active:
            end = _other_end(handle, link)
            if end is None:
                return None
            found[end] = found.get(end, 0) + 1
    return found


def _other_end(handle: Handle, link: int) -> str | None:
    kind = value_or_why(lambda: pynvml.nvmlDeviceGetNvLinkRemoteDeviceType(handle, link))
    if kind == pynvml.NVML_NVLINK_DEVICE_TYPE_SWITCH:
        return SWITCH
    try:
        remote = pynvml.nvmlDeviceGetNvLinkRemotePciInfo(handle, link)
    except FAULTS:
        return None
    return text(lambda: remote.busId)


def path(first: Handle, second: Handle) -> str | None:
    """The nearest thing that both hang on."""
    level = value_or_why(lambda: pynvml.nvmlDeviceGetTopologyCommonAncestor(first, second))
    return None if isinstance(level, Why) else _PATHS.get(level)


def peer_access(first: Handle, second: Handle) -> bool | None:
    """Whether one may read the other's memory."""
    status = value_or_why(lambda: pynvml.nvmlDeviceGetP2PStatus(first, second, _READ))
    return None if isinstance(status, Why) else status == pynvml.NVML_P2P_STATUS_OK
