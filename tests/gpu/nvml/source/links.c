/* The ways between cards: NUMA nodes, PCIe, NVLink, peer access. */
#include "figures.h"
#include "links.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* `numa`: the node, and the only one whose memory is near */
nvmlReturn_t nvmlDeviceGetNumaNodeId(nvmlDevice_t device, unsigned *node)
{
    CARD_CALL(device);
    return tell(device, "numa", node);
}

static void set_bit(unsigned long *set, unsigned words, unsigned long bit)
{
    const unsigned long width = 8 * sizeof *set;
    if (bit / width < words)
        set[bit / width] |= 1ul << bit % width;
}

nvmlReturn_t nvmlDeviceGetMemoryAffinity(nvmlDevice_t device, unsigned words, unsigned long *nodes,
                                         nvmlAffinityScope_t scope)
{
    unsigned node;
    (void)scope;
    CARD_CALL(device);
    OR_RETURN(tell(device, "numa", &node));
    memset(nodes, 0, words * sizeof *nodes);
    set_bit(nodes, words, node);
    return NVML_SUCCESS;
}

/* `cpus`: 0-31,64-95 */
static nvmlReturn_t cpus(nvmlDevice_t device, unsigned words, unsigned long *set)
{
    const char *text = told(device, "cpus");
    if (!text)
        return NVML_ERROR_NOT_SUPPORTED;
    memset(set, 0, words * sizeof *set);
    for (char *end; *text; text = *end == ',' ? end + 1 : end) {
        unsigned long first = strtoul(text, &end, 10), last = first;
        if (*end == '-')
            last = strtoul(end + 1, &end, 10);
        for (; first <= last; first++)
            set_bit(set, words, first);
    }
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetCpuAffinity(nvmlDevice_t device, unsigned words, unsigned long *set)
{
    CARD_CALL(device);
    return cpus(device, words, set);
}

nvmlReturn_t nvmlDeviceGetCpuAffinityWithinScope(nvmlDevice_t device, unsigned words,
                                                 unsigned long *set, nvmlAffinityScope_t scope)
{
    (void)scope;
    CARD_CALL(device);
    return cpus(device, words, set);
}

/* What is said of a pair, `0.topology.1=PIX`, from either side. */
static const char *told_pair(nvmlDevice_t one, nvmlDevice_t other, const char *field)
{
    char key[64];
    snprintf(key, sizeof key, "%s.%u", field, other->index);
    const char *text = told(one, key);
    if (text)
        return text;
    snprintf(key, sizeof key, "%s.%u", field, one->index);
    return told(other, key);
}

/* `0.topology.1`; else `topology_near` on one NUMA node, and `topology_far` beyond it. In the
 * words of nvidia-smi: PIX PXB PHB NODE SYS. */
static nvmlReturn_t path(nvmlDevice_t one, nvmlDevice_t other, nvmlGpuTopologyLevel_t *level)
{
    static const struct { const char *word; nvmlGpuTopologyLevel_t level; } words[] = {
        { "PIX", NVML_TOPOLOGY_SINGLE }, { "PXB", NVML_TOPOLOGY_MULTIPLE },
        { "PHB", NVML_TOPOLOGY_HOSTBRIDGE }, { "NODE", NVML_TOPOLOGY_NODE },
        { "SYS", NVML_TOPOLOGY_SYSTEM } };
    int near = number_of(one, "numa", 0) == number_of(other, "numa", 0);
    const char *word = told_pair(one, other, "topology");
    if (!word)
        word = told(NULL, near ? "topology_near" : "topology_far");
    if (!word)
        return NVML_ERROR_NOT_SUPPORTED;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(words[i].word, word)) {
            *level = words[i].level;
            return NVML_SUCCESS;
        }
    abort(); /* a word that nobody knows */
}

nvmlReturn_t nvmlDeviceGetTopologyCommonAncestor(nvmlDevice_t one, nvmlDevice_t other,
                                                 nvmlGpuTopologyLevel_t *level)
{
    CARD_CALL(one);
    return path(one, other, level);
}

nvmlReturn_t nvmlDeviceGetTopologyNearestGpus(nvmlDevice_t device, nvmlGpuTopologyLevel_t wanted,
                                              unsigned *room, nvmlDevice_t *found)
{
    unsigned count = 0;
    CARD_CALL(device);
    for (unsigned index = 0; index < card_count(); index++) {
        nvmlGpuTopologyLevel_t level;
        nvmlDevice_t other = card_at(index);
        if (other == device)
            continue;
        OR_RETURN(path(device, other, &level));
        if (level != wanted)
            continue;
        if (found && count < *room)
            found[count] = other;
        count++;
    }
    int fits = !found || count <= *room;
    *room = count;
    return fits ? NVML_SUCCESS : NVML_ERROR_INSUFFICIENT_SIZE;
}

nvmlReturn_t nvmlDeviceOnSameBoard(nvmlDevice_t one, nvmlDevice_t other, int *same)
{
    CARD_CALL(one);
    const char *board = told(one, "board"), *others = told(other, "board");
    *same = one == other || (board && others && !strcmp(board, others));
    return NVML_SUCCESS;
}

/* `nvlink`: where the links go, one after the other: the number of a card, `s` a switch, `-` is
 * not in use; `18s` are eighteen and `4x1` are four to card 1. Also `nvlink_version`,
 * `nvlink_mbps` of a link, and `nvlink_switch`, the PCI address of the switch. */
enum { NOWHERE = -1, SWITCH = -2, NO_LINK = -3 };

static int remote(nvmlDevice_t device, unsigned link)
{
    const char *text = told(device, "nvlink");
    unsigned passed = 0;
    while (text && *text) {
        char *end;
        unsigned long times = 1, number = 0;
        int to;
        if (*text >= '0' && *text <= '9') {
            number = strtoul(text, &end, 10);
            to = (int)number;
            if (*end == 'x') {
                times = number;
                to = (int)strtoul(end + 1, &end, 10);
            } else if (*end == 's' || *end == '-') {
                times = number;
                to = *end++ == 's' ? SWITCH : NOWHERE;
            }
        } else {
            to = *text == 's' ? SWITCH : NOWHERE;
            end = (char *)text + 1;
        }
        passed += (unsigned)times;
        if (link < passed)
            return to;
        text = *end == ',' ? end + 1 : end;
    }
    return NO_LINK;
}

/* A card without NVLink, and a link that a card does not have. */
static nvmlReturn_t check_link(nvmlDevice_t device, unsigned link)
{
    if (remote(device, 0) == NO_LINK)
        return NVML_ERROR_NOT_SUPPORTED;
    return link < NVML_NVLINK_MAX_LINKS && remote(device, link) != NO_LINK
               ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
}

unsigned link_count(nvmlDevice_t device)
{
    unsigned count = 0;
    while (remote(device, count) != NO_LINK)
        count++;
    return count;
}

nvmlReturn_t nvmlDeviceGetNvLinkState(nvmlDevice_t device, unsigned link, nvmlEnableState_t *active)
{
    CARD_CALL(device);
    OR_RETURN(check_link(device, link));
    *active = remote(device, link) == NOWHERE ? NVML_FEATURE_DISABLED : NVML_FEATURE_ENABLED;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetNvLinkVersion(nvmlDevice_t device, unsigned link, unsigned *version)
{
    CARD_CALL(device);
    OR_RETURN(check_link(device, link));
    return tell(device, "nvlink_version", version);
}

nvmlReturn_t nvmlDeviceGetNvLinkCapability(nvmlDevice_t device, unsigned link,
                                           nvmlNvLinkCapability_t capability, unsigned *result)
{
    CARD_CALL(device);
    OR_RETURN(check_link(device, link));
    if (capability >= NVML_NVLINK_CAP_COUNT)
        return NVML_ERROR_INVALID_ARGUMENT;
    *result = capability == NVML_NVLINK_CAP_P2P_SUPPORTED ||
              capability == NVML_NVLINK_CAP_SYSMEM_ACCESS ||
              capability == NVML_NVLINK_CAP_P2P_ATOMICS ||
              capability == NVML_NVLINK_CAP_SYSMEM_ATOMICS || capability == NVML_NVLINK_CAP_VALID;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetNvLinkRemoteDeviceType(nvmlDevice_t device, unsigned link,
                                                 nvmlIntNvLinkDeviceType_t *type)
{
    CARD_CALL(device);
    OR_RETURN(check_link(device, link));
    int to = remote(device, link);
    *type = to == NOWHERE ? NVML_NVLINK_DEVICE_TYPE_UNKNOWN
          : to == SWITCH  ? NVML_NVLINK_DEVICE_TYPE_SWITCH : NVML_NVLINK_DEVICE_TYPE_GPU;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetNvLinkRemotePciInfo_v2(nvmlDevice_t device, unsigned link,
                                                 nvmlPciInfo_t *info)
{
    CARD_CALL(device);
    OR_RETURN(check_link(device, link));
    int to = remote(device, link);
    if (to == NOWHERE)
        return NVML_ERROR_NOT_SUPPORTED;
    return to == SWITCH ? pci_info(device, "nvlink_switch", info)
                        : pci_info(card_at((unsigned)to), "bus", info);
}

nvmlReturn_t nvmlDeviceGetNvLinkRemotePciInfo(nvmlDevice_t device, unsigned link,
                                              nvmlPciInfo_t *info)
{
    return nvmlDeviceGetNvLinkRemotePciInfo_v2(device, link, info);
}

/* `nvlink_errors`: of every counter of every link */
nvmlReturn_t nvmlDeviceGetNvLinkErrorCounter(nvmlDevice_t device, unsigned link,
                                             nvmlNvLinkErrorCounter_t counter,
                                             unsigned long long *count)
{
    CARD_CALL(device);
    OR_RETURN(check_link(device, link));
    if (counter >= NVML_NVLINK_ERROR_COUNT)
        return NVML_ERROR_INVALID_ARGUMENT;
    *count = number_of(device, "nvlink_errors", 0);
    return NVML_SUCCESS;
}

static int linked(nvmlDevice_t one, nvmlDevice_t other)
{
    for (unsigned link = 0; link < link_count(one); link++) {
        int to = remote(one, link);
        if (to == (int)other->index || (to == SWITCH && remote(other, 0) == SWITCH))
            return 1;
    }
    return 0;
}

/* Over NVLink always; otherwise `0.p2p.1` or `p2p` of the machine, a number of
 * nvmlGpuP2PStatus_t: 0 is yes, 1 the chipset does not, 2 the card does not. */
nvmlReturn_t nvmlDeviceGetP2PStatus(nvmlDevice_t one, nvmlDevice_t other,
                                    nvmlGpuP2PCapsIndex_t capability, nvmlGpuP2PStatus_t *status)
{
    CARD_CALL(one);
    if (capability >= NVML_P2P_CAPS_INDEX_UNKNOWN)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (linked(one, other) && capability != NVML_P2P_CAPS_INDEX_PCI) {
        *status = NVML_P2P_STATUS_OK;
        return NVML_SUCCESS;
    }
    const char *text = told_pair(one, other, "p2p");
    if (!text && !(text = told(NULL, "p2p")))
        return NVML_ERROR_NOT_SUPPORTED;
    *status = capability == NVML_P2P_CAPS_INDEX_NVLINK ? NVML_P2P_STATUS_NOT_SUPPORTED
                                                       : (nvmlGpuP2PStatus_t)atoi(text);
    return NVML_SUCCESS;
}

/* `fabric`: the state of the NVSwitch fabric, 3 is ready; `fabric_clique` */
static nvmlReturn_t fabric(nvmlDevice_t device, unsigned char *cluster, nvmlReturn_t *status,
                           unsigned *clique, nvmlGpuFabricState_t *state)
{
    unsigned number;
    OR_RETURN(tell(device, "fabric", &number));
    *state = (nvmlGpuFabricState_t)number;
    *status = NVML_SUCCESS;
    *clique = (unsigned)number_of(device, "fabric_clique", 0);
    memset(cluster, 0, NVML_GPU_FABRIC_UUID_LEN);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetGpuFabricInfo(nvmlDevice_t device, nvmlGpuFabricInfo_t *info)
{
    CARD_CALL(device);
    return fabric(device, info->clusterUuid, &info->status, &info->cliqueId, &info->state);
}

/* `fabric_health`: the mask; `fabric_summary` */
nvmlReturn_t nvmlDeviceGetGpuFabricInfoV(nvmlDevice_t device, nvmlGpuFabricInfoV_t *info)
{
    CARD_CALL(device);
    if (info->version != nvmlGpuFabricInfo_v2 && info->version != nvmlGpuFabricInfo_v3)
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    info->healthMask = (unsigned)number_of(device, "fabric_health", 0);
    if (info->version == nvmlGpuFabricInfo_v3)
        info->healthSummary = (unsigned char)number_of(device, "fabric_summary", 0);
    return fabric(device, info->clusterUuid, &info->status, &info->cliqueId, &info->state);
}
