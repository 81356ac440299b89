/* MIG: a card in slices. `mig=1`, and of every slice `0.mig.2.profile=1g.10gb`, `.uuid`,
 * `.memory_total` and so on, `.gpu_instance` (its own number otherwise), `.compute_instance` (0),
 * `.multiprocessors`. Processes of a slice are told for the card, too. */
#include "scenario.h"
#include <stdio.h>
#include <string.h>

nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t device, unsigned *current, unsigned *pending)
{
    CARD_CALL(device);
    OR_RETURN(tell(device, "mig", current));
    *pending = (unsigned)number_of(device, "mig_pending", *current);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMaxMigDeviceCount(nvmlDevice_t device, unsigned *count)
{
    CARD_CALL(device);
    OR_RETURN(tell(device, "mig", count)); /* a card without MIG does not tell */
    *count = SLICES;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t device, unsigned index,
                                                 nvmlDevice_t *slice)
{
    unsigned mode;
    CARD_CALL(device);
    OR_RETURN(tell(device, "mig", &mode));
    if (!mode)
        return NVML_ERROR_NOT_SUPPORTED;
    *slice = slice_at(device, index);
    return *slice ? NVML_SUCCESS : NVML_ERROR_NOT_FOUND;
}

nvmlReturn_t nvmlDeviceIsMigDeviceHandle(nvmlDevice_t device, unsigned *is_slice)
{
    CARD_OR_SLICE_CALL(device);
    *is_slice = device->slice != WHOLE;
    return NVML_SUCCESS;
}

#define SLICE_CALL(device)                                     \
    do {                                                       \
        CARD_OR_SLICE_CALL(device);                            \
        if ((device)->slice == WHOLE)                          \
            return NVML_ERROR_INVALID_ARGUMENT;                \
    } while (0)

nvmlReturn_t nvmlDeviceGetDeviceHandleFromMigDeviceHandle(nvmlDevice_t slice, nvmlDevice_t *device)
{
    SLICE_CALL(slice);
    *device = card_at(slice->index);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetGpuInstanceId(nvmlDevice_t slice, unsigned *id)
{
    SLICE_CALL(slice);
    *id = (unsigned)number_of(slice, "gpu_instance", (unsigned)slice->slice);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetComputeInstanceId(nvmlDevice_t slice, unsigned *id)
{
    SLICE_CALL(slice);
    *id = (unsigned)number_of(slice, "compute_instance", 0);
    return NVML_SUCCESS;
}

/* `1c.2g.20gb` is one of two compute slices of a slice of two sevenths. */
nvmlReturn_t nvmlDeviceGetAttributes_v2(nvmlDevice_t slice, nvmlDeviceAttributes_t *attributes)
{
    unsigned compute = 0, gpu = 0;
    SLICE_CALL(slice);
    const char *profile = told(slice, "profile");
    if (sscanf(profile, "%uc.%ug.", &compute, &gpu) != 2) {
        sscanf(profile, "%ug.", &gpu);
        compute = gpu;
    }
    memset(attributes, 0, sizeof *attributes);
    attributes->gpuInstanceSliceCount = gpu;
    attributes->computeInstanceSliceCount = compute;
    attributes->sharedCopyEngineCount = gpu;
    attributes->multiprocessorCount = (unsigned)number_of(slice, "multiprocessors", 0);
    attributes->memorySizeMB = number_of(slice, "memory_total", 0) >> 20;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetAttributes(nvmlDevice_t slice, nvmlDeviceAttributes_t *attributes)
{
    return nvmlDeviceGetAttributes_v2(slice, attributes);
}
