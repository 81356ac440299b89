/* What a card is, and how it fares at the moment. The keys stand beside the functions. */
#include "figures.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TEXT(nvmlDeviceGetSerial, "serial")
TEXT(nvmlDeviceGetVbiosVersion, "vbios")
TEXT(nvmlDeviceGetBoardPartNumber, "part_number")
TEXT(nvmlDeviceGetInforomImageVersion, "inforom")
FIGURE(unsigned, nvmlDeviceGetBoardId, "board")
FIGURE(unsigned, nvmlDeviceGetMultiGpuBoard, "multi_gpu_board")
FIGURE(unsigned, nvmlDeviceGetNumGpuCores, "cores")
FIGURE(unsigned, nvmlDeviceGetModuleId, "module")
FIGURE(unsigned, nvmlDeviceGetIrqNum, "irq")
FIGURE(nvmlBrandType_t, nvmlDeviceGetBrand, "brand")
FIGURE(nvmlDeviceArchitecture_t, nvmlDeviceGetArchitecture, "architecture")
FIGURE(nvmlBusType_t, nvmlDeviceGetBusType, "bus_type")
FIGURE(nvmlComputeMode_t, nvmlDeviceGetComputeMode, "compute_mode")
FIGURE(nvmlPstates_t, nvmlDeviceGetPerformanceState, "pstate")
FIGURE(nvmlPstates_t, nvmlDeviceGetPowerState, "pstate")
FIGURE(nvmlPowerSource_t, nvmlDeviceGetPowerSource, "power_source")
FIGURE(nvmlGpuVirtualizationMode_t, nvmlDeviceGetVirtualizationMode, "virtualization")
FLAG(nvmlDeviceGetPersistenceMode, "persistence")
FLAG(nvmlDeviceGetDisplayMode, "display_mode")
FLAG(nvmlDeviceGetDisplayActive, "display_active")
FLAG(nvmlDeviceGetAccountingMode, "accounting")
FLAG(nvmlDeviceGetPowerManagementMode, "power_management")

FIGURE(unsigned, nvmlDeviceGetPowerUsage, "power_mw")
FIGURE(unsigned, nvmlDeviceGetEnforcedPowerLimit, "power_limit_mw")
FIGURE(unsigned, nvmlDeviceGetPowerManagementLimit, "power_limit_mw")
FIGURE(unsigned, nvmlDeviceGetPowerManagementDefaultLimit, "power_default_mw")
FIGURE(unsigned, nvmlDeviceGetFanSpeed, "fan")
LONG_FIGURE(nvmlDeviceGetTotalEnergyConsumption, "energy_mj")
LONG_FIGURE(nvmlDeviceGetCurrentClocksEventReasons, "throttle")
LONG_FIGURE(nvmlDeviceGetCurrentClocksThrottleReasons, "throttle")
LONG_FIGURE(nvmlDeviceGetSupportedClocksEventReasons, "throttle_supported")
LONG_FIGURE(nvmlDeviceGetSupportedClocksThrottleReasons, "throttle_supported")

FIGURE(unsigned, nvmlDeviceGetCurrPcieLinkGeneration, "pcie_generation")
FIGURE(unsigned, nvmlDeviceGetMaxPcieLinkGeneration, "pcie_max_generation")
FIGURE(unsigned, nvmlDeviceGetGpuMaxPcieLinkGeneration, "pcie_card_generation")
FIGURE(unsigned, nvmlDeviceGetCurrPcieLinkWidth, "pcie_width")
FIGURE(unsigned, nvmlDeviceGetMaxPcieLinkWidth, "pcie_max_width")
FIGURE(unsigned, nvmlDeviceGetPcieLinkMaxSpeed, "pcie_max_speed")
FIGURE(unsigned, nvmlDeviceGetPcieReplayCounter, "pcie_replays")

/* `NVIDIA A100-SXM4-40GB MIG 1g.5gb` for a slice. */
nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char *name, unsigned length)
{
    CARD_OR_SLICE_CALL(device);
    OR_RETURN(tell_text(card_at(device->index), "name", name, length));
    if (device->slice != WHOLE) {
        size_t used = strlen(name);
        snprintf(name + used, length - used, " MIG %s", told(device, "profile"));
    }
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t device, char *uuid, unsigned length)
{
    CARD_OR_SLICE_CALL(device);
    return tell_text(device, "uuid", uuid, length);
}

nvmlReturn_t nvmlDeviceGetIndex(nvmlDevice_t device, unsigned *index)
{
    CARD_OR_SLICE_CALL(device);
    *index = device->slice == WHOLE ? device->index : (unsigned)device->slice;
    return NVML_SUCCESS;
}

/* `minor`: the number of /dev/nvidiaN, by default that of the card. */
nvmlReturn_t nvmlDeviceGetMinorNumber(nvmlDevice_t device, unsigned *minor)
{
    CARD_OR_SLICE_CALL(device);
    *minor = (unsigned)number_of(card_at(device->index), "minor", device->index);
    return NVML_SUCCESS;
}

/* `cc`: 9.0 */
nvmlReturn_t nvmlDeviceGetCudaComputeCapability(nvmlDevice_t device, int *major, int *minor)
{
    CARD_OR_SLICE_CALL(device);
    const char *text = told(card_at(device->index), "cc");
    return text && sscanf(text, "%d.%d", major, minor) == 2 ? NVML_SUCCESS
                                                            : NVML_ERROR_NOT_SUPPORTED;
}

/* `bus`: 00000000:1A:00.0; `pci_id`: device and vendor, 0x233010DE for an H100. */
nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t *info)
{
    CARD_CALL(device);
    return pci_info(device, "bus", info);
}

nvmlReturn_t nvmlDeviceGetPciInfo_v2(nvmlDevice_t device, nvmlPciInfo_t *info)
{
    return nvmlDeviceGetPciInfo_v3(device, info);
}

nvmlReturn_t nvmlDeviceGetPciInfo(nvmlDevice_t device, nvmlPciInfo_t *info)
{
    return nvmlDeviceGetPciInfo_v3(device, info);
}

nvmlReturn_t pci_info(nvmlDevice_t device, const char *field, nvmlPciInfo_t *info)
{
    memset(info, 0, sizeof *info);
    OR_RETURN(tell_text(device, field, info->busId, sizeof info->busId));
    sscanf(info->busId, "%x:%x:%x", &info->domain, &info->bus, &info->device);
    snprintf(info->busIdLegacy, sizeof info->busIdLegacy, "%04X:%02X:%02X.0",
             info->domain & 0xffff, info->bus & 0xff, info->device & 0xff);
    info->pciDeviceId = (unsigned)number_of(device, "pci_id", 0);
    info->pciSubSystemId = (unsigned)number_of(device, "pci_subsystem", 0);
    return NVML_SUCCESS;
}

/* `driver_model`: 0 is WDDM (Windows, and WSL2 behind it). Linux has none. */
nvmlReturn_t nvmlDeviceGetDriverModel_v2(nvmlDevice_t device, nvmlDriverModel_t *current,
                                         nvmlDriverModel_t *pending)
{
    CARD_CALL(device);
    OR_RETURN(tell(device, "driver_model", current));
    *pending = *current;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetDriverModel(nvmlDevice_t device, nvmlDriverModel_t *current,
                                      nvmlDriverModel_t *pending)
{
    return nvmlDeviceGetDriverModel_v2(device, current, pending);
}

/* `temperature`, and `temperature_memory_max`, `_slowdown`, `_shutdown`, `_gpu_max`, `_margin` */
nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t device, nvmlTemperatureSensors_t sensor,
                                      unsigned *degrees)
{
    CARD_CALL(device);
    if (sensor != NVML_TEMPERATURE_GPU)
        return NVML_ERROR_INVALID_ARGUMENT;
    return tell(device, "temperature", degrees);
}

nvmlReturn_t nvmlDeviceGetTemperatureV(nvmlDevice_t device, nvmlTemperature_t *temperature)
{
    CARD_CALL(device);
    CHECK_VERSION(temperature, nvmlTemperature_v1);
    if (temperature->sensorType != NVML_TEMPERATURE_GPU)
        return NVML_ERROR_INVALID_ARGUMENT;
    return tell(device, "temperature", (unsigned *)&temperature->temperature);
}

nvmlReturn_t nvmlDeviceGetTemperatureThreshold(nvmlDevice_t device,
                                               nvmlTemperatureThresholds_t threshold,
                                               unsigned *degrees)
{
    static const char *const keys[] = { "temperature_shutdown", "temperature_slowdown",
                                        "temperature_memory_max", "temperature_gpu_max" };
    CARD_CALL(device);
    if (threshold >= sizeof keys / sizeof *keys)
        return NVML_ERROR_NOT_SUPPORTED;
    return tell(device, keys[threshold], degrees);
}

nvmlReturn_t nvmlDeviceGetMarginTemperature(nvmlDevice_t device, nvmlMarginTemperature_t *margin)
{
    CARD_CALL(device);
    CHECK_VERSION(margin, nvmlMarginTemperature_v1);
    return tell(device, "temperature_margin", (unsigned *)&margin->marginTemperature);
}

/* `fan`: percent, of all `fans` (one, if the scenario does not count them) */
static unsigned fans(nvmlDevice_t device)
{
    return (unsigned)number_of(device, "fans", told(device, "fan") != NULL);
}

nvmlReturn_t nvmlDeviceGetNumFans(nvmlDevice_t device, unsigned *count)
{
    CARD_CALL(device);
    *count = fans(device);
    return *count ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
}

nvmlReturn_t nvmlDeviceGetFanSpeed_v2(nvmlDevice_t device, unsigned fan, unsigned *percent)
{
    CARD_CALL(device);
    if (!fans(device))
        return NVML_ERROR_NOT_SUPPORTED;
    return fan < fans(device) ? tell(device, "fan", percent) : NVML_ERROR_INVALID_ARGUMENT;
}

/* `power_min_mw`, `power_max_mw` */
nvmlReturn_t nvmlDeviceGetPowerManagementLimitConstraints(nvmlDevice_t device, unsigned *least,
                                                          unsigned *most)
{
    CARD_CALL(device);
    OR_RETURN(tell(device, "power_min_mw", least));
    return tell(device, "power_max_mw", most);
}

/* `clock_sm`, `clock_memory`, `clock_video`, and `clock_graphics` where it is not `clock_sm`. */
static nvmlReturn_t clock_of(nvmlDevice_t device, const char *prefix, nvmlClockType_t type,
                             unsigned *mhz)
{
    static const char *const names[] = { "graphics", "sm", "memory", "video" };
    char key[32];
    if (type >= sizeof names / sizeof *names)
        return NVML_ERROR_INVALID_ARGUMENT;
    snprintf(key, sizeof key, "%s_%s", prefix, names[type]);
    if (type == NVML_CLOCK_GRAPHICS && !told(device, key))
        return clock_of(device, prefix, NVML_CLOCK_SM, mhz);
    return tell(device, key, mhz);
}

nvmlReturn_t nvmlDeviceGetClockInfo(nvmlDevice_t device, nvmlClockType_t type, unsigned *mhz)
{
    CARD_CALL(device);
    return clock_of(device, "clock", type, mhz);
}

/* `max_clock_sm` and so on */
nvmlReturn_t nvmlDeviceGetMaxClockInfo(nvmlDevice_t device, nvmlClockType_t type, unsigned *mhz)
{
    CARD_CALL(device);
    return clock_of(device, "max_clock", type, mhz);
}

nvmlReturn_t nvmlDeviceGetMaxCustomerBoostClock(nvmlDevice_t device, nvmlClockType_t type,
                                                unsigned *mhz)
{
    CARD_CALL(device);
    return clock_of(device, "max_clock", type, mhz);
}

nvmlReturn_t nvmlDeviceGetClock(nvmlDevice_t device, nvmlClockType_t type, nvmlClockId_t which,
                                unsigned *mhz)
{
    CARD_CALL(device);
    switch (which) {
    case NVML_CLOCK_ID_CURRENT:
        return clock_of(device, "clock", type, mhz);
    case NVML_CLOCK_ID_CUSTOMER_BOOST_MAX:
        return clock_of(device, "max_clock", type, mhz);
    default:
        return NVML_ERROR_NOT_SUPPORTED;
    }
}

/* A card in MIG mode does not tell its load, and neither do its slices. */
static nvmlReturn_t load(nvmlDevice_t device, const char *field, unsigned *percent)
{
    if (device->slice != WHOLE || number_of(device, "mig", 0))
        return NVML_ERROR_NOT_SUPPORTED;
    return tell(device, field, percent);
}

/* `util_gpu`, `util_memory` */
nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t device, nvmlUtilization_t *rates)
{
    CARD_OR_SLICE_CALL(device);
    OR_RETURN(load(device, "util_memory", &rates->memory));
    return load(device, "util_gpu", &rates->gpu);
}

#define ENGINE_LOAD(function, field)                                                       \
    nvmlReturn_t function(nvmlDevice_t device, unsigned *percent, unsigned *microseconds)   \
    {                                                                                      \
        CARD_OR_SLICE_CALL(device);                                                        \
        *microseconds = 167000;                                                            \
        return load(device, field, percent);                                               \
    }
ENGINE_LOAD(nvmlDeviceGetEncoderUtilization, "util_encoder")
ENGINE_LOAD(nvmlDeviceGetDecoderUtilization, "util_decoder")
ENGINE_LOAD(nvmlDeviceGetJpgUtilization, "util_jpeg")
ENGINE_LOAD(nvmlDeviceGetOfaUtilization, "util_ofa")

/* `pcie_tx_kib`, `pcie_rx_kib`: KiB a second, over the last 20 ms */
nvmlReturn_t nvmlDeviceGetPcieThroughput(nvmlDevice_t device, nvmlPcieUtilCounter_t counter,
                                         unsigned *kib)
{
    CARD_CALL(device);
    if (counter != NVML_PCIE_UTIL_TX_BYTES && counter != NVML_PCIE_UTIL_RX_BYTES)
        return NVML_ERROR_INVALID_ARGUMENT;
    return tell(device, counter == NVML_PCIE_UTIL_TX_BYTES ? "pcie_tx_kib" : "pcie_rx_kib", kib);
}
