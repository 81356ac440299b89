"""The one door to NVML: nothing but this package imports ``pynvml`` (nvidia-ml-py).

It runs in processes of its own (:mod:`mixvllm.gpu.collector`) and starts light: dataclasses
alone would cost a seventh of what the binding costs. Calls block for as long as the driver
likes; others put a limit on that.
"""
