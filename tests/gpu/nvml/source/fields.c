/* Figures by number: those that have a key of their own, and `field.NUMBER` for any other.
 *
 * `ret.field.82=4` refuses one of them; it is asked for a card, as `ret.` of a function is.
 */
#include "links.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef struct { unsigned id; nvmlValueType_t type; const char *key; } Field;

static const Field fields[] = {
    { NVML_FI_DEV_MEMORY_TEMP, NVML_VALUE_TYPE_UNSIGNED_INT, "temperature_memory" },
    { NVML_FI_DEV_GET_GPU_RECOVERY_ACTION, NVML_VALUE_TYPE_UNSIGNED_INT, "recovery_action" },
    { NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION, NVML_VALUE_TYPE_UNSIGNED_LONG_LONG, "energy_mj" },
    { NVML_FI_DEV_ENERGY, NVML_VALUE_TYPE_UNSIGNED_LONG_LONG, "energy_mj" },
    { NVML_FI_DEV_POWER_AVERAGE, NVML_VALUE_TYPE_UNSIGNED_INT, "power_mw" },
    { NVML_FI_DEV_POWER_INSTANT, NVML_VALUE_TYPE_UNSIGNED_INT, "power_mw" },
    { NVML_FI_DEV_POWER_CURRENT_LIMIT, NVML_VALUE_TYPE_UNSIGNED_INT, "power_limit_mw" },
    { NVML_FI_DEV_POWER_MIN_LIMIT, NVML_VALUE_TYPE_UNSIGNED_INT, "power_min_mw" },
    { NVML_FI_DEV_POWER_MAX_LIMIT, NVML_VALUE_TYPE_UNSIGNED_INT, "power_max_mw" },
    { NVML_FI_DEV_ECC_CURRENT, NVML_VALUE_TYPE_UNSIGNED_INT, "ecc" },
    { NVML_FI_DEV_ECC_SBE_VOL_TOTAL, NVML_VALUE_TYPE_UNSIGNED_LONG_LONG, "ecc_corrected" },
    { NVML_FI_DEV_ECC_DBE_VOL_TOTAL, NVML_VALUE_TYPE_UNSIGNED_LONG_LONG, "ecc_uncorrected" },
    { NVML_FI_DEV_ECC_SBE_AGG_TOTAL, NVML_VALUE_TYPE_UNSIGNED_LONG_LONG, "ecc_corrected_total" },
    { NVML_FI_DEV_ECC_DBE_AGG_TOTAL, NVML_VALUE_TYPE_UNSIGNED_LONG_LONG, "ecc_uncorrected_total" },
    { NVML_FI_DEV_RETIRED_SBE, NVML_VALUE_TYPE_UNSIGNED_INT, "retired_single" },
    { NVML_FI_DEV_RETIRED_DBE, NVML_VALUE_TYPE_UNSIGNED_INT, "retired_double" },
    { NVML_FI_DEV_RETIRED_PENDING, NVML_VALUE_TYPE_UNSIGNED_INT, "retired_pending" },
    { NVML_FI_DEV_REMAPPED_COR, NVML_VALUE_TYPE_UNSIGNED_INT, "rows_corrected" },
    { NVML_FI_DEV_REMAPPED_UNC, NVML_VALUE_TYPE_UNSIGNED_INT, "rows_uncorrected" },
    { NVML_FI_DEV_REMAPPED_PENDING, NVML_VALUE_TYPE_UNSIGNED_INT, "rows_pending" },
    { NVML_FI_DEV_REMAPPED_FAILURE, NVML_VALUE_TYPE_UNSIGNED_INT, "rows_failed" },
    { NVML_FI_DEV_PCIE_REPLAY_COUNTER, NVML_VALUE_TYPE_UNSIGNED_INT, "pcie_replays" },
    { NVML_FI_DEV_NVLINK_SPEED_MBPS_COMMON, NVML_VALUE_TYPE_UNSIGNED_INT, "nvlink_mbps" },
    { NVML_FI_DEV_NVLINK_GET_SPEED, NVML_VALUE_TYPE_UNSIGNED_INT, "nvlink_mbps" },
    { NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX, NVML_VALUE_TYPE_UNSIGNED_LONG_LONG, "nvlink_tx_kib" },
    { NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_RX, NVML_VALUE_TYPE_UNSIGNED_LONG_LONG, "nvlink_rx_kib" },
};

static nvmlReturn_t read_field(nvmlDevice_t device, nvmlFieldValue_t *value)
{
    char key[64];
    unsigned long long number;
    snprintf(key, sizeof key, "ret.field.%u", value->fieldId);
    if (told(device, key))
        return (nvmlReturn_t)atoi(told(device, key));
    snprintf(key, sizeof key, "field.%u", value->fieldId);
    value->valueType = NVML_VALUE_TYPE_UNSIGNED_LONG_LONG;
    const char *known = key;
    if (value->fieldId == NVML_FI_DEV_NVLINK_LINK_COUNT && !told(device, key)) {
        value->valueType = NVML_VALUE_TYPE_UNSIGNED_INT;
        value->value.uiVal = link_count(device);
        return NVML_SUCCESS;
    }
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i].id == value->fieldId) {
            known = fields[i].key;
            value->valueType = fields[i].type;
        }
    OR_RETURN(tell_long(device, told(device, key) ? key : known, &number));
    value->value.ullVal = number; /* the low half is an unsigned int as well */
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetFieldValues(nvmlDevice_t device, int count, nvmlFieldValue_t *values)
{
    struct timespec time;
    CARD_CALL(device);
    if (count < 0)
        return NVML_ERROR_INVALID_ARGUMENT;
    clock_gettime(CLOCK_REALTIME, &time);
    for (int i = 0; i < count; i++) {
        values[i].timestamp = (long long)time.tv_sec * 1000000 + time.tv_nsec / 1000;
        values[i].latencyUsec = 0;
        values[i].nvmlReturn = read_field(device, &values[i]);
    }
    return NVML_SUCCESS;
}
