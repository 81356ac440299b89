/* A libnvidia-ml.so.1 that plays a scenario, for tests without a card.
 *
 * The scenario is a text file named by NVML_DOUBLE_SCENARIO and read again whenever it changes:
 *
 *     gpus=2                                how many cards
 *     driver=580.95.05   nvml=13.580.95.05  cuda=13000
 *     *.name=NVIDIA H100                    of every card; `0.name=` of card 0 wins
 *     0.mig.2.uuid=MIG-...                  of its third slice; `*` for the card, the slice, or both
 *     0.compute=14256:1073741824,777:-      pid:bytes, `-` is "not available"
 *     ret.nvmlDeviceGetName=4               this function returns NVML error 4
 *     1.ret.nvmlDeviceGetName=4             ... for card 1 only; `1.ret.*` and `ret.*` are all
 *     1.ret.*=15 after 9                    ... from the tenth such call of this process on
 *     1.ret.nvmlDeviceGetName=crash         the process dies of SIGSEGV
 *     delay_ms.nvmlDeviceGetName=300        it takes that long; `1.delay_ms.` for card 1
 *     global_lock=1                         one call at a time, over all processes, delays included
 *
 * A line that comes later wins, `\xNN` is a byte, `#` begins a comment line. What a scenario does
 * not mention is NOT_SUPPORTED. Without a scenario the driver is "not loaded". Every call is
 * appended to the file named by NVML_DOUBLE_CALLS, as `function`, `function 1` (a card) or
 * `function 1.mig.2`. The keys of figures are told where they are answered.
 */
#define _GNU_SOURCE
#include "scenario.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { KEY = 192 };

typedef struct { const char *key, *value; unsigned line, uses; } Entry;
typedef struct { Entry *entries; size_t count; } Scenario;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Scenario *scenario; /* one that was replaced is kept: another thread may still read it */
static struct stat seen;
static int times_initialised;

static struct nvmlDevice_st cards[CARDS], slices[CARDS][SLICES];

/* Devices */

__attribute__((constructor)) static void number_devices(void)
{
    for (unsigned index = 0; index < CARDS; index++) {
        cards[index] = (struct nvmlDevice_st){ index, WHOLE };
        for (int slice = 0; slice < SLICES; slice++)
            slices[index][slice] = (struct nvmlDevice_st){ index, slice };
    }
}

nvmlDevice_t card_at(unsigned index)
{
    return index < CARDS ? &cards[index] : NULL;
}

/* A slice is there when the scenario has a profile for it. */
nvmlDevice_t slice_at(nvmlDevice_t card, unsigned slice)
{
    if (slice >= SLICES || number_of(card, "mig", 0) == 0)
        return NULL;
    nvmlDevice_t found = &slices[card->index][slice];
    return told(found, "profile") ? found : NULL;
}

unsigned card_count(void)
{
    return (unsigned)number_of(NULL, "gpus", 0);
}

int initialised(int change)
{
    return __sync_add_and_fetch(&times_initialised, change);
}

/* The scenario */

static char *unescaped(char *text)
{
    char *to = text;
    for (char *from = text; *from;) {
        unsigned byte;
        if (from[0] == '\\' && from[1] == 'x' && sscanf(from + 2, "%2x", &byte) == 1) {
            *to++ = (char)byte;
            from += 4;
        } else {
            *to++ = *from++;
        }
    }
    *to = 0;
    return text;
}

static int by_key(const void *one, const void *other)
{
    const Entry *a = one, *b = other;
    int order = strcmp(a->key, b->key);
    return order ? order : (a->line > b->line) - (a->line < b->line);
}

static Scenario *parsed(char *text)
{
    size_t lines = 1;
    for (const char *at = text; *at; at++)
        lines += *at == '\n';
    Scenario *fresh = calloc(1, sizeof *fresh);
    fresh->entries = calloc(lines, sizeof *fresh->entries);
    for (char *line; (line = strsep(&text, "\n"));) {
        char *equals = strchr(line, '=');
        if (line[0] == '#' || !equals)
            continue;
        *equals = 0;
        if (strlen(line) >= KEY)
            abort(); /* a key that is cut off would never be found */
        unsigned number = (unsigned)fresh->count;
        fresh->entries[fresh->count++] = (Entry){ line, unescaped(equals + 1), number, 0 };
    }
    qsort(fresh->entries, fresh->count, sizeof *fresh->entries, by_key);
    return fresh;
}

/* Read again when it changed; 0 when there is none. */
static int read_scenario(void)
{
    const char *path = getenv("NVML_DOUBLE_SCENARIO");
    struct stat now;
    if (!path || stat(path, &now))
        return 0;
    if (scenario && now.st_ino == seen.st_ino && now.st_size == seen.st_size &&
        now.st_mtim.tv_sec == seen.st_mtim.tv_sec && now.st_mtim.tv_nsec == seen.st_mtim.tv_nsec)
        return 1;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &now)) /* it may have been replaced since */
        return 0;
    char *text = malloc((size_t)now.st_size + 1);
    ssize_t size = read(file, text, (size_t)now.st_size);
    text[size > 0 ? size : 0] = 0;
    close(file);
    __atomic_store_n(&scenario, parsed(text), __ATOMIC_RELEASE);
    seen = now;
    return 1;
}

/* The line of a key that comes last. */
static Entry *entry_of(const char *key)
{
    const Scenario *now = __atomic_load_n(&scenario, __ATOMIC_ACQUIRE);
    if (!now)
        return NULL;
    size_t low = 0, high = now->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(now->entries[middle].key, key) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low && !strcmp(now->entries[low - 1].key, key) ? &now->entries[low - 1] : NULL;
}

/* The names that a device goes by, the most telling first: `1.mig.2`, `1.mig.*`, `*.mig.2`, ... */
static int names_of(nvmlDevice_t device, char names[4][24])
{
    if (device->slice == WHOLE) {
        snprintf(names[0], 24, "%u", device->index);
        strcpy(names[1], "*");
        return 2;
    }
    snprintf(names[0], 24, "%u.mig.%d", device->index, device->slice);
    snprintf(names[1], 24, "%u.mig.*", device->index);
    snprintf(names[2], 24, "*.mig.%d", device->slice);
    strcpy(names[3], "*.mig.*");
    return 4;
}

static Entry *entry_for(nvmlDevice_t device, const char *field)
{
    char names[4][24], key[KEY + 32];
    if (!device)
        return entry_of(field);
    int count = names_of(device, names);
    for (int i = 0; i < count; i++) {
        snprintf(key, sizeof key, "%s.%s", names[i], field);
        Entry *entry = entry_of(key);
        if (entry)
            return entry;
    }
    return NULL;
}

const char *told(nvmlDevice_t device, const char *field)
{
    const Entry *entry = entry_for(device, field);
    return entry ? entry->value : NULL;
}

unsigned long long number_of(nvmlDevice_t device, const char *field, unsigned long long otherwise)
{
    const char *text = told(device, field);
    return text ? strtoull(text, NULL, 0) : otherwise;
}

nvmlReturn_t tell_text(nvmlDevice_t device, const char *field, char *out, unsigned size)
{
    const char *text = told(device, field);
    if (!text)
        return NVML_ERROR_NOT_SUPPORTED;
    if (strlen(text) + 1 > size)
        return NVML_ERROR_INSUFFICIENT_SIZE;
    strcpy(out, text);
    return NVML_SUCCESS;
}

nvmlReturn_t tell_long(nvmlDevice_t device, const char *field, unsigned long long *out)
{
    const char *text = told(device, field);
    if (!text)
        return NVML_ERROR_NOT_SUPPORTED;
    *out = strtoull(text, NULL, 0);
    return NVML_SUCCESS;
}

nvmlReturn_t tell(nvmlDevice_t device, const char *field, unsigned *out)
{
    unsigned long long number;
    OR_RETURN(tell_long(device, field, &number));
    *out = (unsigned)number;
    return NVML_SUCCESS;
}

nvmlReturn_t tell_flag(nvmlDevice_t device, const char *field, nvmlEnableState_t *out)
{
    unsigned number;
    OR_RETURN(tell(device, field, &number));
    *out = number ? NVML_FEATURE_ENABLED : NVML_FEATURE_DISABLED;
    return NVML_SUCCESS;
}

/* A call */

static void write_down(const char *function, nvmlDevice_t device)
{
    char line[KEY];
    const char *path = getenv("NVML_DOUBLE_CALLS");
    if (!path)
        return;
    if (!device)
        snprintf(line, sizeof line, "%s\n", function);
    else if (device->slice == WHOLE)
        snprintf(line, sizeof line, "%s %u\n", function, device->index);
    else
        snprintf(line, sizeof line, "%s %u.mig.%d\n", function, device->index, device->slice);
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (file < 0)
        return;
    if (write(file, line, strlen(line)) < 0)
        abort(); /* a call that is not in the log would lie */
    close(file);
}

/* What is arranged for a call, if it is due: `VALUE`, or `VALUE after N` calls. */
static const char *arranged(nvmlDevice_t device, const char *kind, const char *function)
{
    char field[KEY];
    snprintf(field, sizeof field, "%s.%s", kind, function);
    Entry *entry = entry_for(device, field);
    if (!entry)
        return NULL;
    const char *after = strstr(entry->value, " after ");
    unsigned past = __sync_fetch_and_add(&entry->uses, 1);
    return !after || past >= strtoul(after + strlen(" after "), NULL, 10) ? entry->value : NULL;
}

/* The most telling arrangement: of the slice, of its card, of the machine. */
static const char *arrangement(nvmlDevice_t device, const char *kind, const char *function)
{
    const char *value = NULL;
    if (device && device->slice != WHOLE)
        if ((value = arranged(device, kind, function)) || (value = arranged(device, kind, "*")))
            return value;
    if (device) {
        nvmlDevice_t card = &cards[device->index];
        if ((value = arranged(card, kind, function)) || (value = arranged(card, kind, "*")))
            return value;
    }
    value = arranged(NULL, kind, function);
    return value ? value : arranged(NULL, kind, "*");
}

static void take_time(const char *milliseconds)
{
    long ms = strtol(milliseconds, NULL, 10);
    struct timespec time = { ms / 1000, ms % 1000 * 1000000 };
    while (nanosleep(&time, &time))
        ;
}

/* The lock that a driver holds while it is in trouble; a process that dies lets it go. */
static int take_global_lock(void)
{
    char path[4096];
    snprintf(path, sizeof path, "%s.lock", getenv("NVML_DOUBLE_SCENARIO"));
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0 || flock(file, LOCK_EX))
        abort();
    return file;
}

nvmlReturn_t enter(const char *function, nvmlDevice_t device)
{
    pthread_mutex_lock(&lock);
    int has_scenario = read_scenario();
    write_down(function, device);
    pthread_mutex_unlock(&lock);
    if (!has_scenario)
        return NVML_ERROR_DRIVER_NOT_LOADED;
    int held = number_of(NULL, "global_lock", 0) ? take_global_lock() : -1;
    const char *delay = arrangement(device, "delay_ms", function);
    if (delay)
        take_time(delay);
    if (held >= 0)
        close(held);
    const char *code = arrangement(device, "ret", function);
    if (!code)
        return NVML_SUCCESS;
    if (!strncmp(code, "crash", strlen("crash")))
        raise(SIGSEGV);
    return (nvmlReturn_t)atoi(code);
}

void look_again(void)
{
    pthread_mutex_lock(&lock);
    read_scenario();
    pthread_mutex_unlock(&lock);
}

/* A pointer that is no handle is refused, which the real one does not promise. */
nvmlReturn_t enter_card(const char *function, nvmlDevice_t device, int slices_too)
{
    int whole = device >= cards && device < cards + CARDS;
    if (!whole && (device < &slices[0][0] || device >= &slices[0][0] + CARDS * SLICES))
        return NVML_ERROR_INVALID_ARGUMENT;
    OR_RETURN(enter(function, device));
    if (!initialised(0))
        return NVML_ERROR_UNINITIALIZED;
    if (device->index >= card_count())
        return NVML_ERROR_GPU_IS_LOST; /* it was there when the handle was given */
    if (whole)
        return NVML_SUCCESS;
    return slices_too && slice_at(&cards[device->index], (unsigned)device->slice)
               ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
}

/* What the stubs do, of which only the name is known: perhaps their first argument is a device. */
int answer_stub(const char *function, void *first)
{
    nvmlDevice_t device = first;
    int is_card = device >= cards && device < cards + CARDS;
    nvmlReturn_t refused = enter(function, is_card ? device : NULL);
    if (refused != NVML_SUCCESS)
        return refused;
    return initialised(0) ? NVML_ERROR_NOT_SUPPORTED : NVML_ERROR_UNINITIALIZED;
}
