/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_NVME_SMART_H
#define PLATFORM_NVME_SMART_H

#include <glib.h>

/* NVM Express Base Specification, "SMART / Health Information", log page 02h. */
#define FIRN_NVME_SMART_BYTES 512

/* The page's 16-byte counters, in their order. */
typedef enum {
    FIRN_NVME_DATA_UNITS_READ,
    FIRN_NVME_DATA_UNITS_WRITTEN,
    FIRN_NVME_HOST_READ_COMMANDS,
    FIRN_NVME_HOST_WRITE_COMMANDS,
    FIRN_NVME_CONTROLLER_BUSY_TIME,
    FIRN_NVME_POWER_CYCLES,
    FIRN_NVME_POWER_ON_HOURS,
    FIRN_NVME_UNSAFE_SHUTDOWNS,
    FIRN_NVME_MEDIA_ERRORS,
    FIRN_NVME_ERROR_LOG_ENTRIES,
    FIRN_NVME_COUNTERS,
} FirnNvmeCounter;

typedef struct {
    guint critical_warning;
    guint temperature; /* Kelvin */
    guint available_spare, available_spare_threshold, percentage_used;
    struct {
        guint64 low, high;
    } counters[FIRN_NVME_COUNTERS];
} FirnNvmeSmart;

/* page: FIRN_NVME_SMART_BYTES as the drive gives them. */
FirnNvmeSmart firn_nvme_smart_parse(const guint8 *page);

/* Asks the drive of a node such as "/dev/nvme0n1" and waits for it, for a second at most where the
 * kernel can still stop the command. FALSE where it does not answer. */
gboolean firn_nvme_smart_read(const char *node, FirnNvmeSmart *smart);

#endif
