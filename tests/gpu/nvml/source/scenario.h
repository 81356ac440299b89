/* What the scenario says, for the files that answer with it. The format is told in scenario.c. */
#ifndef SCENARIO_H
#define SCENARIO_H

#define NVML_NO_UNVERSIONED_FUNC_DEFS
#include <nvml.h>
#include <stddef.h>

enum { CARDS = 64, SLICES = 7, WHOLE = -1 };

/* A card, or one of its MIG slices. */
struct nvmlDevice_st { unsigned index; int slice; };

nvmlDevice_t card_at(unsigned index);
nvmlDevice_t slice_at(nvmlDevice_t card, unsigned slice);

/* What is said of a device (NULL: of the machine); NULL when the scenario does not mention it. */
const char *told(nvmlDevice_t device, const char *field);
unsigned long long number_of(nvmlDevice_t device, const char *field, unsigned long long otherwise);

/* The same as the answer of a call: NOT_SUPPORTED when the scenario does not mention it. */
nvmlReturn_t tell_text(nvmlDevice_t device, const char *field, char *out, unsigned size);
nvmlReturn_t tell_long(nvmlDevice_t device, const char *field, unsigned long long *out);
nvmlReturn_t tell(nvmlDevice_t device, const char *field, unsigned *out);
nvmlReturn_t tell_flag(nvmlDevice_t device, const char *field, nvmlEnableState_t *out);

/* What every call does first: be logged, take its time, and perhaps fail. */
nvmlReturn_t enter(const char *function, nvmlDevice_t device);
nvmlReturn_t enter_card(const char *function, nvmlDevice_t device, int slices_too);
void look_again(void); /* at the scenario, within a call that waits */
int initialised(int change);
unsigned card_count(void);

#define OR_RETURN(call)                                        \
    do {                                                       \
        nvmlReturn_t refused = (call);                         \
        if (refused != NVML_SUCCESS)                           \
            return refused;                                    \
    } while (0)

#define MACHINE_CALL()                                         \
    do {                                                       \
        OR_RETURN(enter(__func__, NULL));                      \
        if (!initialised(0))                                   \
            return NVML_ERROR_UNINITIALIZED;                   \
    } while (0)
#define CARD_CALL(device) OR_RETURN(enter_card(__func__, device, 0))
#define CARD_OR_SLICE_CALL(device) OR_RETURN(enter_card(__func__, device, 1))

#define CHECK_VERSION(record, wanted)                          \
    do {                                                       \
        if ((record)->version != (wanted))                     \
            return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;       \
    } while (0)

#endif
