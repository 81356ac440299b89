/* Events: `xid=79,31` are the critical errors of a card, told one by one to every set of events
 * that was registered for it; a scenario that changes appends to the list. */
#include "scenario.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct nvmlEventSet_st { int registered[CARDS]; unsigned told[CARDS]; };

nvmlReturn_t nvmlEventSetCreate(nvmlEventSet_t *set)
{
    MACHINE_CALL();
    *set = calloc(1, sizeof **set);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlEventSetFree(nvmlEventSet_t set)
{
    MACHINE_CALL();
    free(set);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetSupportedEventTypes(nvmlDevice_t device, unsigned long long *types)
{
    CARD_CALL(device);
    *types = nvmlEventTypeXidCriticalError;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceRegisterEvents(nvmlDevice_t device, unsigned long long types,
                                      nvmlEventSet_t set)
{
    CARD_CALL(device);
    if (types & ~(unsigned long long)nvmlEventTypeXidCriticalError)
        return NVML_ERROR_NOT_SUPPORTED;
    set->registered[device->index] = types != nvmlEventTypeNone;
    return NVML_SUCCESS;
}

static int next_of(nvmlEventSet_t set, nvmlDevice_t card, nvmlEventData_t *data)
{
    const char *text = told(card, "xid");
    unsigned number = 0;
    for (char *end; text && *text; text = *end == ',' ? end + 1 : end, number++) {
        unsigned long long xid = strtoull(text, &end, 10);
        if (end == text)
            abort(); /* a scenario that is misread would lie */
        if (number < set->told[card->index])
            continue;
        set->told[card->index]++;
        *data = (nvmlEventData_t){ .device = card, .eventType = nvmlEventTypeXidCriticalError,
                                   .eventData = xid, .gpuInstanceId = 0xFFFFFFFF,
                                   .computeInstanceId = 0xFFFFFFFF };
        return 1;
    }
    return 0;
}

static nvmlReturn_t wait_for(nvmlEventSet_t set, nvmlEventData_t *data, unsigned milliseconds)
{
    const struct timespec tick = { 0, 10 * 1000000 };
    for (unsigned waited = 0;; waited += 10) {
        for (unsigned index = 0; index < CARDS; index++)
            if (set->registered[index] && next_of(set, card_at(index), data))
                return NVML_SUCCESS;
        if (waited >= milliseconds)
            return NVML_ERROR_TIMEOUT;
        nanosleep(&tick, NULL);
        look_again();
    }
}

nvmlReturn_t nvmlEventSetWait_v2(nvmlEventSet_t set, nvmlEventData_t *data, unsigned milliseconds)
{
    MACHINE_CALL();
    return wait_for(set, data, milliseconds);
}

nvmlReturn_t nvmlEventSetWait(nvmlEventSet_t set, nvmlEventData_t *data, unsigned milliseconds)
{
    return nvmlEventSetWait_v2(set, data, milliseconds);
}
