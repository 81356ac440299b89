/* Functions that do no more than tell one figure of a card. */
#ifndef FIGURES_H
#define FIGURES_H

#include "scenario.h"

#define FIGURE(type, function, field)                                        \
    nvmlReturn_t function(nvmlDevice_t device, type *figure)                 \
    {                                                                        \
        unsigned number;                                                     \
        CARD_CALL(device);                                                   \
        OR_RETURN(tell(device, field, &number));                             \
        *figure = (type)number;                                              \
        return NVML_SUCCESS;                                                 \
    }
#define LONG_FIGURE(function, field)                                         \
    nvmlReturn_t function(nvmlDevice_t device, unsigned long long *figure)   \
    {                                                                        \
        CARD_CALL(device);                                                   \
        return tell_long(device, field, figure);                             \
    }
#define FLAG(function, field)                                                \
    nvmlReturn_t function(nvmlDevice_t device, nvmlEnableState_t *flag)      \
    {                                                                        \
        CARD_CALL(device);                                                   \
        return tell_flag(device, field, flag);                               \
    }
#define TEXT(function, field)                                                \
    nvmlReturn_t function(nvmlDevice_t device, char *text, unsigned length)  \
    {                                                                        \
        CARD_CALL(device);                                                   \
        return tell_text(device, field, text, length);                       \
    }

/* The PCI address that the scenario has under that key. */
nvmlReturn_t pci_info(nvmlDevice_t device, const char *field, nvmlPciInfo_t *info);

#endif
