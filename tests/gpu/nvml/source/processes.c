/* Who uses a card: `compute`, `graphics`, `mps`, each `pid:bytes`, with commas between.
 *
 * `pid:bytes:sm:memory:encoder:decoder` tells the load of a process as well, in percent. `-` for
 * bytes is "not available". `long_records=1` is a driver from 535.43 to 535.86, whose third
 * version of these calls has the longer record that became nvmlProcessDetail_v1_t.
 */
#define _GNU_SOURCE
#include "scenario.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SM, MEMORY, ENCODER, DECODER, LOADS };

typedef struct { nvmlProcessDetail_v1_t process; unsigned load[LOADS]; int has_load; } Told;

static const char *parse(const char *text, Told *told_)
{
    char *end;
    *told_ = (Told){ 0 };
    told_->process.pid = (unsigned)strtoul(text, &end, 10);
    told_->process.gpuInstanceId = told_->process.computeInstanceId = 0xFFFFFFFF;
    if (*end++ != ':')
        abort(); /* a scenario that is misread would lie */
    if (*end == '-') {
        told_->process.usedGpuMemory = (unsigned long long)NVML_VALUE_NOT_AVAILABLE;
        end++;
    } else {
        told_->process.usedGpuMemory = strtoull(end, &end, 0);
    }
    for (int i = 0; i < LOADS && *end == ':'; i++) {
        told_->load[i] = (unsigned)strtoul(end + 1, &end, 10);
        told_->has_load = 1;
    }
    return *end == ',' ? end + 1 : end;
}

/* Those of a device; with room for `*count`, which becomes the number there are. */
static void list(nvmlDevice_t device, const char *field, Told *processes, unsigned *count)
{
    unsigned room = *count, number = 0;
    const char *text = told(device, field);
    for (Told one; text && *text; number++) {
        text = parse(text, &one);
        if (device->slice != WHOLE) {
            one.process.gpuInstanceId =
                (unsigned)number_of(device, "gpu_instance", (unsigned)device->slice);
            one.process.computeInstanceId = (unsigned)number_of(device, "compute_instance", 0);
        }
        if (number < room)
            processes[number] = one;
    }
    *count = number;
}

/* A card's own and those of all its slices; NULL when the scenario does not mention any. */
static Told *all(nvmlDevice_t device, const char *field, unsigned *count)
{
    nvmlDevice_t parts[SLICES + 1] = { device };
    unsigned part_count = 1, room = 0;
    for (unsigned i = 0; device->slice == WHOLE && i < SLICES; i++)
        if (slice_at(device, i))
            parts[part_count++] = slice_at(device, i);
    int known = 0;
    for (unsigned i = 0; i < part_count; i++) {
        unsigned number = 0;
        list(parts[i], field, NULL, &number);
        room += number;
        known |= told(parts[i], field) != NULL;
    }
    if (!known)
        return NULL;
    Told *processes = calloc(room + 1, sizeof *processes);
    *count = 0;
    for (unsigned i = 0; i < part_count; i++) {
        unsigned number = room - *count;
        list(parts[i], field, processes + *count, &number);
        *count += number;
    }
    return processes;
}

/* As records of the given length, whose beginnings are all the same. */
static nvmlReturn_t running(nvmlDevice_t device, const char *field, unsigned *room, void *records,
                            size_t length)
{
    unsigned count;
    Told *processes = all(device, field, &count);
    if (!processes)
        return NVML_ERROR_NOT_SUPPORTED;
    int fits = count <= *room && (records || !count);
    for (unsigned i = 0; fits && i < count; i++)
        memcpy((char *)records + i * length, &processes[i].process, length);
    free(processes);
    *room = count;
    return fits ? NVML_SUCCESS : NVML_ERROR_INSUFFICIENT_SIZE;
}

static size_t length_of_v3(void)
{
    return number_of(NULL, "long_records", 0) ? sizeof(nvmlProcessDetail_v1_t)
                                              : sizeof(nvmlProcessInfo_t);
}

#define RUNNING(function, record, field, length)                                             \
    nvmlReturn_t function(nvmlDevice_t device, unsigned *room, record *records)              \
    {                                                                                        \
        CARD_OR_SLICE_CALL(device);                                                          \
        return running(device, field, room, records, length);                                \
    }
#define ALL_VERSIONS(function, field)                                                        \
    RUNNING(function, nvmlProcessInfo_v1_t, field, sizeof(nvmlProcessInfo_v1_t))             \
    RUNNING(function##_v2, nvmlProcessInfo_v2_t, field, sizeof(nvmlProcessInfo_v2_t))        \
    RUNNING(function##_v3, nvmlProcessInfo_t, field, length_of_v3())
ALL_VERSIONS(nvmlDeviceGetComputeRunningProcesses, "compute")
ALL_VERSIONS(nvmlDeviceGetGraphicsRunningProcesses, "graphics")
ALL_VERSIONS(nvmlDeviceGetMPSComputeRunningProcesses, "mps")

nvmlReturn_t nvmlDeviceGetRunningProcessDetailList(nvmlDevice_t device,
                                                   nvmlProcessDetailList_t *list_)
{
    static const char *const fields[] = { "compute", "graphics", "mps" };
    CARD_OR_SLICE_CALL(device);
    CHECK_VERSION(list_, nvmlProcessDetailList_v1);
    if (list_->mode >= sizeof fields / sizeof *fields)
        return NVML_ERROR_INVALID_ARGUMENT;
    return running(device, fields[list_->mode], &list_->numProcArrayEntries, list_->procArray,
                   sizeof(nvmlProcessDetail_v1_t));
}

static unsigned long long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (unsigned long long)time.tv_sec * 1000000 + (unsigned long long)time.tv_nsec / 1000;
}

/* The load of those processes that have one; a card in MIG mode does not tell it. */
static nvmlReturn_t loads(nvmlDevice_t device, unsigned *room, nvmlProcessUtilizationInfo_v1_t *out)
{
    unsigned count = 0, number = 0;
    if (number_of(device, "mig", 0))
        return NVML_ERROR_NOT_SUPPORTED;
    Told *processes = all(device, "compute", &count);
    if (!processes)
        return NVML_ERROR_NOT_SUPPORTED;
    for (unsigned i = 0; i < count; i++) {
        const Told *one = &processes[i];
        if (!one->has_load)
            continue;
        if (out && number < *room)
            out[number] = (nvmlProcessUtilizationInfo_v1_t){
                .timeStamp = now(), .pid = one->process.pid, .smUtil = one->load[SM],
                .memUtil = one->load[MEMORY], .encUtil = one->load[ENCODER],
                .decUtil = one->load[DECODER] };
        number++;
    }
    free(processes);
    int fits = out && number <= *room;
    *room = number;
    return !number ? NVML_ERROR_NOT_FOUND : fits ? NVML_SUCCESS : NVML_ERROR_INSUFFICIENT_SIZE;
}

nvmlReturn_t nvmlDeviceGetProcessUtilization(nvmlDevice_t device,
                                             nvmlProcessUtilizationSample_t *samples,
                                             unsigned *room, unsigned long long since)
{
    (void)since; /* every sample is of this moment */
    CARD_CALL(device);
    unsigned count = *room;
    nvmlProcessUtilizationInfo_v1_t *found = samples ? calloc(count + 1, sizeof *found) : NULL;
    nvmlReturn_t code = loads(device, room, found);
    for (unsigned i = 0; code == NVML_SUCCESS && i < *room; i++)
        samples[i] = (nvmlProcessUtilizationSample_t){
            found[i].pid, found[i].timeStamp, found[i].smUtil, found[i].memUtil,
            found[i].encUtil, found[i].decUtil };
    free(found);
    return code;
}

nvmlReturn_t nvmlDeviceGetProcessesUtilizationInfo(nvmlDevice_t device,
                                                   nvmlProcessesUtilizationInfo_t *info)
{
    CARD_CALL(device);
    CHECK_VERSION(info, nvmlProcessesUtilizationInfo_v1);
    return loads(device, &info->processSamplesCount, info->procUtilArray);
}
