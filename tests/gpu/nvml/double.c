/* A libnvidia-ml.so.1 that plays a scenario, for tests without a card.
 *
 * The scenario is a text file named by NVML_DOUBLE_SCENARIO and read again whenever it changes:
 *
 *     gpus=2                                how many cards
 *     driver=580.95.05   nvml=13.580.95.05  cuda=13000
 *     *.name=NVIDIA H100                    of every card; `0.name=` of card 0 wins
 *     0.compute=14256:1073741824,777:-      pid:bytes, `-` is "not available"
 *     ret.nvmlDeviceGetName=4               this function returns NVML error 4
 *     1.ret.nvmlDeviceGetName=4             ... for card 1 only; `1.ret.*` for all functions
 *     delay_ms.nvmlDeviceGetName=300        it takes that long; `1.delay_ms.` for card 1
 *
 * A line that comes later wins, `\xNN` is a byte, `#` begins a comment line. What a scenario does
 * not mention is NOT_SUPPORTED. Without a scenario the driver is "not loaded". Every call is
 * appended to the file named by NVML_DOUBLE_CALLS, as `function` or `function card`.
 *
 * -DOLD_DRIVER leaves out the symbols that a driver of the R470 series does not have.
 * Layouts and numbers: nvml.h of CUDA 13, and nvidia-ml-py 13.615 (pynvml.py), which loads this.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { OK = 0, UNINITIALIZED = 1, INVALID = 2, NOT_SUPPORTED = 3, INSUFFICIENT_SIZE = 7,
       NOT_LOADED = 9, VERSION_MISMATCH = 25 };

#define ENTRIES 512
#define TEXT 256
#define CARDS 64
#define ALL ((unsigned)-1)
#define UNKNOWN_BYTES (~0ull)

typedef struct { unsigned index; } Card;
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } MemoryV2;
typedef struct { unsigned gpu, memory; } Utilization;
typedef struct { unsigned version, sensor; int degrees; } Temperature;
typedef struct {
    char bus_id_legacy[16];
    unsigned domain, bus, device, device_id, subsystem_id;
    char bus_id[32];
} PciInfo;
typedef struct { unsigned pid; unsigned long long bytes; unsigned gpu_instance, compute_instance; }
    Process;
typedef struct { Process process; unsigned long long protected_bytes; } LongProcess;

_Static_assert(sizeof(Memory) == 24, "nvmlMemory_t");
_Static_assert(sizeof(MemoryV2) == 40, "nvmlMemory_v2_t");
_Static_assert(sizeof(Temperature) == 12, "nvmlTemperature_v1_t");
_Static_assert(sizeof(PciInfo) == 68, "nvmlPciInfo_t");
_Static_assert(sizeof(Process) == 24, "nvmlProcessInfo_v2_t");
_Static_assert(sizeof(LongProcess) == 32, "the record of R535.43 to R535.86");

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct { char key[TEXT], value[TEXT]; } entries[ENTRIES];
static int entry_count;
static struct stat seen;
static int initialised;
static Card cards[CARDS];

/* The scenario */

static void unescape(char *text)
{
    char *to = text;
    while (*text) {
        unsigned byte;
        if (text[0] == '\\' && text[1] == 'x' && sscanf(text + 2, "%2x", &byte) == 1) {
            *to++ = (char)byte;
            text += 4;
        } else {
            *to++ = *text++;
        }
    }
    *to = 0;
}

static int read_scenario(void)
{
    const char *path = getenv("NVML_DOUBLE_SCENARIO");
    struct stat now;
    if (!path || stat(path, &now))
        return 0;
    if (now.st_ino == seen.st_ino && now.st_size == seen.st_size &&
        now.st_mtim.tv_sec == seen.st_mtim.tv_sec && now.st_mtim.tv_nsec == seen.st_mtim.tv_nsec)
        return 1;
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    char line[2 * TEXT];
    entry_count = 0;
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        char *equals = strchr(line, '=');
        if (line[0] == '#' || !equals)
            continue;
        *equals = 0;
        if (entry_count == ENTRIES || strlen(line) >= TEXT || strlen(equals + 1) >= TEXT)
            abort(); /* a scenario that is cut off would lie */
        strcpy(entries[entry_count].key, line);
        strcpy(entries[entry_count].value, equals + 1);
        unescape(entries[entry_count++].value);
    }
    fclose(file);
    seen = now;
    return 1;
}

static const char *value_of(const char *key)
{
    for (int i = entry_count - 1; i >= 0; i--)
        if (!strcmp(entries[i].key, key))
            return entries[i].value;
    return NULL;
}

/* Copies what is said of a card, or of all (`*.`); 0 when the scenario does not mention it. */
static int told(unsigned card, const char *field, char *out)
{
    char key[TEXT];
    pthread_mutex_lock(&lock);
    const char *value = NULL;
    if (card == ALL) {
        value = value_of(field);
    } else {
        snprintf(key, sizeof key, "%u.%s", card, field);
        value = value_of(key);
        if (!value) {
            snprintf(key, sizeof key, "*.%s", field);
            value = value_of(key);
        }
    }
    if (value)
        snprintf(out, TEXT, "%s", value);
    pthread_mutex_unlock(&lock);
    return value != NULL;
}

static int told_number(unsigned card, const char *field, unsigned long long *out)
{
    char text[TEXT];
    if (!told(card, field, text))
        return NOT_SUPPORTED;
    *out = strtoull(text, NULL, 0);
    return OK;
}

static int told_unsigned(unsigned card, const char *field, unsigned *out)
{
    unsigned long long number;
    int code = told_number(card, field, &number);
    if (code == OK)
        *out = (unsigned)number;
    return code;
}

static int told_text(unsigned card, const char *field, char *out, unsigned size)
{
    char text[TEXT];
    if (!told(card, field, text))
        return NOT_SUPPORTED;
    if (strlen(text) + 1 > size)
        return INSUFFICIENT_SIZE;
    strcpy(out, text);
    return OK;
}

/* What every call does first: be logged, take its time, and perhaps fail. */
static int enter(const char *function, unsigned card, int needs_init)
{
    char field[TEXT], text[TEXT];
    pthread_mutex_lock(&lock);
    int has_scenario = read_scenario();
    const char *calls = getenv("NVML_DOUBLE_CALLS");
    FILE *log = calls ? fopen(calls, "a") : NULL;
    if (log) {
        fprintf(log, card == ALL ? "%s\n" : "%s %u\n", function, card);
        fclose(log);
    }
    pthread_mutex_unlock(&lock);
    if (!has_scenario)
        return NOT_LOADED;
    snprintf(field, sizeof field, "delay_ms.%s", function);
    if (told(card, field, text) || told(ALL, field, text)) {
        long ms = strtol(text, NULL, 10);
        struct timespec time = { ms / 1000, ms % 1000 * 1000000 };
        nanosleep(&time, NULL);
    }
    snprintf(field, sizeof field, "ret.%s", function);
    if (told(card, field, text) || (card != ALL && told(card, "ret.*", text)) ||
        told(ALL, field, text))
        return atoi(text);
    return needs_init && !initialised ? UNINITIALIZED : OK;
}

#define CALL(needs_init)                                      \
    do {                                                      \
        int refused = enter(__func__, ALL, needs_init);       \
        if (refused)                                          \
            return refused;                                   \
    } while (0)

#define CARD_CALL(card)                                       \
    do {                                                      \
        if ((card) < cards || (card) >= cards + CARDS)        \
            return INVALID;                                   \
        int refused = enter(__func__, (card)->index, 1);      \
        if (refused)                                          \
            return refused;                                   \
    } while (0)

/* The library and the system */

int nvmlInitWithFlags(unsigned flags)
{
    (void)flags;
    CALL(0);
    for (unsigned i = 0; i < CARDS; i++)
        cards[i].index = i;
    __sync_fetch_and_add(&initialised, 1);
    return OK;
}

int nvmlShutdown(void)
{
    CALL(1);
    __sync_fetch_and_sub(&initialised, 1);
    return OK;
}

const char *nvmlErrorString(int code)
{
    static char text[64];
    snprintf(text, sizeof text, "Error %d of the double", code);
    return text;
}

int nvmlSystemGetNVMLVersion(char *version, unsigned size)
{
    CALL(0);
    return told_text(ALL, "nvml", version, size);
}

int nvmlSystemGetDriverVersion(char *version, unsigned size)
{
    CALL(1);
    return told_text(ALL, "driver", version, size);
}

int nvmlSystemGetCudaDriverVersion_v2(int *version)
{
    CALL(1);
    return told_unsigned(ALL, "cuda", (unsigned *)version);
}

int nvmlDeviceGetCount_v2(unsigned *count)
{
    CALL(1);
    return told_unsigned(ALL, "gpus", count);
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, Card **card)
{
    unsigned count = 0;
    int code = enter(__func__, index, 1);
    if (code)
        return code;
    told_unsigned(ALL, "gpus", &count);
    if (index >= count || index >= CARDS)
        return INVALID;
    *card = &cards[index];
    return OK;
}

/* A card */

int nvmlDeviceGetName(Card *card, char *name, unsigned size)
{
    CARD_CALL(card);
    return told_text(card->index, "name", name, size);
}

int nvmlDeviceGetUUID(Card *card, char *uuid, unsigned size)
{
    CARD_CALL(card);
    return told_text(card->index, "uuid", uuid, size);
}

int nvmlDeviceGetPciInfo_v3(Card *card, PciInfo *info)
{
    CARD_CALL(card);
    memset(info, 0, sizeof *info);
    int code = told_text(card->index, "bus", info->bus_id, sizeof info->bus_id);
    if (code == OK)
        sscanf(info->bus_id, "%x:%x:%x", &info->domain, &info->bus, &info->device);
    return code;
}

int nvmlDeviceGetCudaComputeCapability(Card *card, int *major, int *minor)
{
    char text[TEXT];
    CARD_CALL(card);
    if (!told(card->index, "cc", text) || sscanf(text, "%d.%d", major, minor) != 2)
        return NOT_SUPPORTED;
    return OK;
}

/* total = used + free + reserved; version 1 counts what is reserved as used. */
int nvmlDeviceGetMemoryInfo(Card *card, Memory *memory)
{
    unsigned long long used = 0, reserved = 0;
    CARD_CALL(card);
    int code = told_number(card->index, "memory_total", &memory->total);
    told_number(card->index, "memory_used", &used);
    told_number(card->index, "memory_reserved", &reserved);
    memory->used = used + reserved;
    memory->free = memory->total - memory->used;
    return code;
}

#ifndef OLD_DRIVER
int nvmlDeviceGetMemoryInfo_v2(Card *card, MemoryV2 *memory)
{
    CARD_CALL(card);
    if (memory->version != (sizeof *memory | 2u << 24))
        return VERSION_MISMATCH;
    memory->used = memory->reserved = 0;
    int code = told_number(card->index, "memory_total", &memory->total);
    told_number(card->index, "memory_used", &memory->used);
    told_number(card->index, "memory_reserved", &memory->reserved);
    memory->free = memory->total - memory->used - memory->reserved;
    return code;
}

int nvmlDeviceGetTemperatureV(Card *card, Temperature *temperature)
{
    CARD_CALL(card);
    if (temperature->version != (sizeof *temperature | 1u << 24))
        return VERSION_MISMATCH;
    return told_unsigned(card->index, "temperature", (unsigned *)&temperature->degrees);
}
#endif

int nvmlDeviceGetTemperature(Card *card, unsigned sensor, unsigned *degrees)
{
    (void)sensor;
    CARD_CALL(card);
    return told_unsigned(card->index, "temperature", degrees);
}

int nvmlDeviceGetUtilizationRates(Card *card, Utilization *rates)
{
    CARD_CALL(card);
    int code = told_unsigned(card->index, "util_memory", &rates->memory);
    return code ? code : told_unsigned(card->index, "util_gpu", &rates->gpu);
}

int nvmlDeviceGetPowerUsage(Card *card, unsigned *milliwatts)
{
    CARD_CALL(card);
    return told_unsigned(card->index, "power_mw", milliwatts);
}

int nvmlDeviceGetEnforcedPowerLimit(Card *card, unsigned *milliwatts)
{
    CARD_CALL(card);
    return told_unsigned(card->index, "power_limit_mw", milliwatts);
}

int nvmlDeviceGetMigMode(Card *card, unsigned *current, unsigned *pending)
{
    CARD_CALL(card);
    *current = 0;
    int code = told_unsigned(card->index, "mig", current);
    *pending = *current;
    return code;
}

int nvmlDeviceGetTotalEccErrors(Card *card, unsigned type, unsigned counter,
                                unsigned long long *count)
{
    CARD_CALL(card);
    if (type != 1 || counter != 0) /* uncorrected, since the driver was loaded */
        return INVALID;
    return told_number(card->index, "ecc_uncorrected", count);
}

int nvmlDeviceGetRemappedRows(Card *card, unsigned *corrected, unsigned *uncorrected,
                              unsigned *pending, unsigned *failed)
{
    CARD_CALL(card);
    *corrected = *uncorrected = 0;
    int code = told_unsigned(card->index, "rows_pending", pending);
    return code ? code : told_unsigned(card->index, "rows_failed", failed);
}

/* Writes `pid:bytes,...` as records of the given length. */
static int processes(Card *card, const char *field, unsigned *room, char *records, size_t length)
{
    char text[TEXT], *rest = text;
    if (!told(card->index, field, text))
        return NOT_SUPPORTED;
    unsigned count = 0;
    for (char *item; (item = strsep(&rest, ",")) && *item; count++) {
        char *bytes = strchr(item, ':') + 1;
        Process process = { (unsigned)atoi(item),
                            *bytes == '-' ? UNKNOWN_BYTES : strtoull(bytes, NULL, 0), ALL, ALL };
        if (records && count < *room) {
            memset(records + count * length, 0, length);
            memcpy(records + count * length, &process, sizeof process);
        }
    }
    int fits = count <= *room;
    *room = count;
    return fits ? OK : INSUFFICIENT_SIZE;
}

int nvmlDeviceGetComputeRunningProcesses_v2(Card *card, unsigned *room, void *records)
{
    CARD_CALL(card);
    return processes(card, "compute", room, records, sizeof(Process));
}

int nvmlDeviceGetGraphicsRunningProcesses_v2(Card *card, unsigned *room, void *records)
{
    CARD_CALL(card);
    return processes(card, "graphics", room, records, sizeof(Process));
}

#ifndef OLD_DRIVER
static size_t record_length(void)
{
    char text[TEXT];
    return told(ALL, "long_records", text) ? sizeof(LongProcess) : sizeof(Process);
}

int nvmlDeviceGetComputeRunningProcesses_v3(Card *card, unsigned *room, void *records)
{
    CARD_CALL(card);
    return processes(card, "compute", room, records, record_length());
}

int nvmlDeviceGetGraphicsRunningProcesses_v3(Card *card, unsigned *room, void *records)
{
    CARD_CALL(card);
    return processes(card, "graphics", room, records, record_length());
}
#endif
