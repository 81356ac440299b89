/* Memory and its health: bytes, ECC, rows, pages. */
#include "figures.h"
#include <stdio.h>
#include <string.h>

/* `memory_total` = `memory_used` + free + `memory_reserved`; version 1 counts what is reserved
 * as used. */
nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory)
{
    CARD_OR_SLICE_CALL(device);
    OR_RETURN(tell_long(device, "memory_total", &memory->total));
    memory->used = number_of(device, "memory_used", 0) + number_of(device, "memory_reserved", 0);
    memory->free = memory->total - memory->used;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t *memory)
{
    CARD_OR_SLICE_CALL(device);
    CHECK_VERSION(memory, nvmlMemory_v2);
    OR_RETURN(tell_long(device, "memory_total", &memory->total));
    memory->used = number_of(device, "memory_used", 0);
    memory->reserved = number_of(device, "memory_reserved", 0);
    memory->free = memory->total - memory->used - memory->reserved;
    return NVML_SUCCESS;
}

FIGURE(unsigned, nvmlDeviceGetMemoryBusWidth, "memory_bus")

/* `bar1_total`, `bar1_used` */
nvmlReturn_t nvmlDeviceGetBAR1MemoryInfo(nvmlDevice_t device, nvmlBAR1Memory_t *bar1)
{
    CARD_OR_SLICE_CALL(device);
    OR_RETURN(tell_long(card_at(device->index), "bar1_total", &bar1->bar1Total));
    bar1->bar1Used = number_of(card_at(device->index), "bar1_used", 0);
    bar1->bar1Free = bar1->bar1Total - bar1->bar1Used;
    return NVML_SUCCESS;
}

/* `ecc`: 1 is on; `ecc_pending`: after the next reset. */
nvmlReturn_t nvmlDeviceGetEccMode(nvmlDevice_t device, nvmlEnableState_t *current,
                                  nvmlEnableState_t *pending)
{
    CARD_CALL(device);
    OR_RETURN(tell_flag(device, "ecc", current));
    *pending = *current;
    return told(device, "ecc_pending") ? tell_flag(device, "ecc_pending", pending) : NVML_SUCCESS;
}

/* `ecc_corrected`, `ecc_uncorrected` since the driver was loaded; `..._total` in the card's life.
 * A card whose ECC is off counts nothing. */
static nvmlReturn_t errors(nvmlDevice_t device, nvmlMemoryErrorType_t type,
                           nvmlEccCounterType_t since, unsigned long long *count)
{
    static const char *const keys[2][2] = { { "ecc_corrected", "ecc_corrected_total" },
                                            { "ecc_uncorrected", "ecc_uncorrected_total" } };
    if (type >= NVML_MEMORY_ERROR_TYPE_COUNT || since >= NVML_ECC_COUNTER_TYPE_COUNT)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (!number_of(device, "ecc", 1))
        return NVML_ERROR_NOT_SUPPORTED;
    return tell_long(device, keys[type][since], count);
}

nvmlReturn_t nvmlDeviceGetTotalEccErrors(nvmlDevice_t device, nvmlMemoryErrorType_t type,
                                         nvmlEccCounterType_t since, unsigned long long *count)
{
    CARD_CALL(device);
    return errors(device, type, since, count);
}

nvmlReturn_t nvmlDeviceGetDetailedEccErrors(nvmlDevice_t device, nvmlMemoryErrorType_t type,
                                            nvmlEccCounterType_t since, nvmlEccErrorCounts_t *counts)
{
    CARD_CALL(device);
    memset(counts, 0, sizeof *counts);
    return errors(device, type, since, &counts->deviceMemory);
}

nvmlReturn_t nvmlDeviceGetMemoryErrorCounter(nvmlDevice_t device, nvmlMemoryErrorType_t type,
                                             nvmlEccCounterType_t since,
                                             nvmlMemoryLocation_t location,
                                             unsigned long long *count)
{
    CARD_CALL(device);
    OR_RETURN(errors(device, type, since, count));
    if (location != NVML_MEMORY_LOCATION_DRAM)
        *count = 0;
    return NVML_SUCCESS;
}

/* `rows_corrected`, `rows_uncorrected`, `rows_pending`, `rows_failed` */
nvmlReturn_t nvmlDeviceGetRemappedRows(nvmlDevice_t device, unsigned *corrected,
                                       unsigned *uncorrected, unsigned *pending, unsigned *failed)
{
    CARD_CALL(device);
    *corrected = (unsigned)number_of(device, "rows_corrected", 0);
    *uncorrected = (unsigned)number_of(device, "rows_uncorrected", 0);
    OR_RETURN(tell(device, "rows_pending", pending));
    return tell(device, "rows_failed", failed);
}

/* `row_banks`: banks by the spare rows that are left, max,high,partial,low,none */
nvmlReturn_t nvmlDeviceGetRowRemapperHistogram(nvmlDevice_t device,
                                               nvmlRowRemapperHistogramValues_t *banks)
{
    CARD_CALL(device);
    const char *text = told(device, "row_banks");
    return text && sscanf(text, "%u,%u,%u,%u,%u", &banks->max, &banks->high, &banks->partial,
                          &banks->low, &banks->none) == 5
               ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
}

/* `retired_single`, `retired_double`: pages, on cards before row remapping */
static nvmlReturn_t retired(nvmlDevice_t device, nvmlPageRetirementCause_t cause, unsigned *room,
                            unsigned long long *addresses, unsigned long long *times)
{
    unsigned count;
    OR_RETURN(tell(device, cause == NVML_PAGE_RETIREMENT_CAUSE_DOUBLE_BIT_ECC_ERROR
                               ? "retired_double" : "retired_single", &count));
    for (unsigned page = 0; page < count && page < *room; page++) {
        if (addresses)
            addresses[page] = 0x10000ull * (page + 1);
        if (times)
            times[page] = 1700000000;
    }
    int fits = count <= *room;
    *room = count;
    return fits ? NVML_SUCCESS : NVML_ERROR_INSUFFICIENT_SIZE;
}

nvmlReturn_t nvmlDeviceGetRetiredPages(nvmlDevice_t device, nvmlPageRetirementCause_t cause,
                                       unsigned *room, unsigned long long *addresses)
{
    CARD_CALL(device);
    return retired(device, cause, room, addresses, NULL);
}

nvmlReturn_t nvmlDeviceGetRetiredPages_v2(nvmlDevice_t device, nvmlPageRetirementCause_t cause,
                                          unsigned *room, unsigned long long *addresses,
                                          unsigned long long *times)
{
    CARD_CALL(device);
    return retired(device, cause, room, addresses, times);
}

FLAG(nvmlDeviceGetRetiredPagesPendingStatus, "retired_pending")
