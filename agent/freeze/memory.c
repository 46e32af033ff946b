/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/memory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14 */
#endif

/* "BEGIN-END PERMS OFFSET DEVICE INODE PATH" of proc_pid_maps(5). Files alone are of interest:
 * everything else is in memory, or in no use. */
static void populate(char *line)
{
    char *at = NULL;
    unsigned long begin = strtoul(line, &at, 16);
    unsigned long end;

    if (!at || *at != '-')
        return;
    end = strtoul(at + 1, &at, 16);
    if (*at != ' ' || at[1] != 'r' || !strchr(at, '/') || strstr(at, "/freeze-state"))
        return;
    madvise((void *)begin, end - begin, MADV_POPULATE_READ);
}

/* No allocation, so that the guard may call it after fork(). */
static void populate_files(void)
{
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    char text[4096];
    gsize length = 0;
    ssize_t got;

    while (fd >= 0 && (got = read(fd, text + length, sizeof text - 1 - length)) > 0) {
        char *line = text;
        char *end;

        length += (gsize)got;
        text[length] = '\0';
        while ((end = strchr(line, '\n'))) {
            *end = '\0';
            populate(line);
            line = end + 1;
        }
        length -= (gsize)(line - text);
        memmove(text, line, length);
        if (length == sizeof text - 1)
            length = 0; /* a longer path than is of interest */
    }
    if (fd >= 0)
        close(fd);
}

void firn_memory_lock(void)
{
    populate_files();
    /* MCL_ONFAULT: else the stacks of all threads would be filled up to their limits */
    mlockall(MCL_CURRENT | MCL_ONFAULT);
}

void firn_memory_unlock(void)
{
    munlockall();
}
