"""What the figures of a card say about its health, with the next step."""

from collections.abc import Iterator

from mixvllm.gpu.inventory import Gpu, Problem


def health_problems(gpu: Gpu) -> Iterator[Problem]:
    """Row remapping and ECC, as NVIDIA's guide to GPU memory error management reads them."""
    if gpu.row_remap_failed:
        yield Problem(
            "row-remap-failed",
            f"card {gpu.index}: a memory row could not be remapped, its spare rows are used up",
            "take the card out of service and have it replaced",
            gpu.index,
        )
    if gpu.row_remap_pending:
        yield Problem(
            "row-remap-pending",
            f"card {gpu.index}: a memory row waits to be remapped",
            f"reset the card before the next run: nvidia-smi --gpu-reset -i {gpu.index}",
            gpu.index,
        )
    if gpu.ecc_uncorrected_errors:
        count = gpu.ecc_uncorrected_errors
        yield Problem(
            "ecc-errors",
            f"card {gpu.index}: {count} uncorrectable memory error{'s' * (count != 1)} since the "
            "driver was loaded",
            f"restart what runs there; nvidia-smi -q -d ECC,ROW_REMAPPER -i {gpu.index} tells more",
            gpu.index,
        )
