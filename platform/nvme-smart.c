/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/nvme-smart.h"

#include <fcntl.h>
#include <linux/nvme_ioctl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COUNTERS_AT 32 /* offset of the first counter in the page */
#define GET_LOG_PAGE 0x02
#define SMART_LOG 0x02
#define ALL_NAMESPACES 0xffffffffu
#define TIMEOUT_MS 1000

static guint64 little_endian(const guint8 *bytes, guint count)
{
    guint64 value = 0;

    while (count-- > 0)
        value = value << 8 | bytes[count];
    return value;
}

FirnNvmeSmart firn_nvme_smart_parse(const guint8 *page)
{
    FirnNvmeSmart smart = {
        .critical_warning = page[0],
        .temperature = (guint)little_endian(page + 1, 2),
        .available_spare = page[3],
        .available_spare_threshold = page[4],
        .percentage_used = page[5],
    };

    for (guint i = 0; i < FIRN_NVME_COUNTERS; i++) {
        smart.counters[i].low = little_endian(page + COUNTERS_AT + i * 16, 8);
        smart.counters[i].high = little_endian(page + COUNTERS_AT + i * 16 + 8, 8);
    }
    return smart;
}

gboolean firn_nvme_smart_read(const char *node, FirnNvmeSmart *smart)
{
    guint8 page[FIRN_NVME_SMART_BYTES] = {0};
    struct nvme_passthru_cmd command = {
        .opcode = GET_LOG_PAGE,
        .nsid = ALL_NAMESPACES,
        .addr = (guint64)(guintptr)page,
        .data_len = sizeof(page),
        .cdw10 = SMART_LOG | (sizeof(page) / 4 - 1) << 16, /* the length in words, less one */
        .timeout_ms = TIMEOUT_MS,
    };
    int fd = open(node, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    int status;

    if (fd < 0)
        return FALSE;
    status = ioctl(fd, NVME_IOCTL_ADMIN_CMD, &command);
    close(fd);
    if (status != 0)
        return FALSE;
    *smart = firn_nvme_smart_parse(page);
    return TRUE;
}
