/* The library and the machine: `driver`, `nvml`, `cuda`, `gpus`; handles. */
#include "scenario.h"
#include <stdio.h>
#include <string.h>

nvmlReturn_t nvmlInitWithFlags(unsigned flags)
{
    (void)flags;
    OR_RETURN(enter(__func__, NULL));
    initialised(1);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlInit_v2(void)
{
    OR_RETURN(enter(__func__, NULL));
    initialised(1);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlInit(void)
{
    return nvmlInit_v2();
}

nvmlReturn_t nvmlShutdown(void)
{
    MACHINE_CALL();
    initialised(-1);
    return NVML_SUCCESS;
}

const char *nvmlErrorString(nvmlReturn_t code)
{
    static __thread char text[64];
    snprintf(text, sizeof text, "Error %d of the double", code);
    return text;
}

nvmlReturn_t nvmlSystemGetNVMLVersion(char *version, unsigned length)
{
    OR_RETURN(enter(__func__, NULL)); /* answers before nvmlInit, too */
    return tell_text(NULL, "nvml", version, length);
}

nvmlReturn_t nvmlSystemGetDriverVersion(char *version, unsigned length)
{
    MACHINE_CALL();
    return tell_text(NULL, "driver", version, length);
}

nvmlReturn_t nvmlSystemGetCudaDriverVersion_v2(int *version)
{
    OR_RETURN(enter(__func__, NULL));
    return tell(NULL, "cuda", (unsigned *)version);
}

nvmlReturn_t nvmlSystemGetCudaDriverVersion(int *version)
{
    return nvmlSystemGetCudaDriverVersion_v2(version);
}

/* The command line's first word, from /proc as the real one has it. */
nvmlReturn_t nvmlSystemGetProcessName(unsigned pid, char *name, unsigned length)
{
    char path[32];
    MACHINE_CALL();
    snprintf(path, sizeof path, "/proc/%u/cmdline", pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return NVML_ERROR_NOT_FOUND;
    size_t size = fread(name, 1, length - 1, file);
    fclose(file);
    name[size] = 0;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetCount_v2(unsigned *count)
{
    MACHINE_CALL();
    return tell(NULL, "gpus", count);
}

nvmlReturn_t nvmlDeviceGetCount(unsigned *count)
{
    return nvmlDeviceGetCount_v2(count);
}

nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned index, nvmlDevice_t *device)
{
    if (index >= CARDS)
        return NVML_ERROR_INVALID_ARGUMENT;
    OR_RETURN(enter(__func__, card_at(index)));
    if (!initialised(0))
        return NVML_ERROR_UNINITIALIZED;
    if (index >= card_count())
        return NVML_ERROR_INVALID_ARGUMENT;
    *device = card_at(index);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetHandleByIndex(unsigned index, nvmlDevice_t *device)
{
    return nvmlDeviceGetHandleByIndex_v2(index, device);
}

static int is(nvmlDevice_t device, const char *field, const char *wanted)
{
    const char *text = told(device, field);
    return text && !strcasecmp(text, wanted);
}

static nvmlReturn_t find(const char *field, const char *wanted, nvmlDevice_t *device)
{
    for (unsigned index = 0; index < card_count() && index < CARDS; index++) {
        nvmlDevice_t card = card_at(index);
        if (is(card, field, wanted)) {
            *device = card;
            return NVML_SUCCESS;
        }
        for (unsigned slice = 0; slice < SLICES; slice++) {
            nvmlDevice_t part = slice_at(card, slice);
            if (part && is(part, field, wanted)) {
                *device = part;
                return NVML_SUCCESS;
            }
        }
    }
    return NVML_ERROR_NOT_FOUND;
}

nvmlReturn_t nvmlDeviceGetHandleByUUID(const char *uuid, nvmlDevice_t *device)
{
    MACHINE_CALL();
    return find("uuid", uuid, device);
}

nvmlReturn_t nvmlDeviceGetHandleBySerial(const char *serial, nvmlDevice_t *device)
{
    MACHINE_CALL();
    return find("serial", serial, device);
}

/* `0000:1A:00.0`, `1A:00.0` and the eight digits of the scenario are one card. */
nvmlReturn_t nvmlDeviceGetHandleByPciBusId_v2(const char *bus, nvmlDevice_t *device)
{
    unsigned domain, number, slot;
    char full[32];
    MACHINE_CALL();
    if (sscanf(bus, "%x:%x:%x", &domain, &number, &slot) != 3) {
        domain = 0;
        if (sscanf(bus, "%x:%x", &number, &slot) != 2)
            return NVML_ERROR_INVALID_ARGUMENT;
    }
    snprintf(full, sizeof full, "%08X:%02X:%02X.0", domain, number, slot);
    return find("bus", full, device);
}

nvmlReturn_t nvmlDeviceGetHandleByPciBusId(const char *bus, nvmlDevice_t *device)
{
    return nvmlDeviceGetHandleByPciBusId_v2(bus, device);
}

nvmlReturn_t nvmlUnitGetCount(unsigned *count)
{
    MACHINE_CALL();
    *count = 0; /* S-class systems only */
    return NVML_SUCCESS;
}
