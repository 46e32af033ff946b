/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/memory.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14 */
#endif

/* Where in the list of mappings one is. */
typedef struct {
    const FirnMemoryFunction *libraries;
    gulong text_end; /* of the last program text that was taken */
} Maps;

static gboolean holds(gulong begin, gulong end, void (*function)(void))
{
    gulong address = (gulong)(guintptr)function;

    return address >= begin && address < end;
}

static gboolean holds_any(gulong begin, gulong end, const FirnMemoryFunction *functions)
{
    for (; *functions; functions++) {
        if (holds(begin, end, *functions))
            return TRUE;
    }
    return FALSE;
}

/* The text of the program, of the C library and of the libraries, each with the constants that the
 * linker has put after it. */
static gboolean is_wanted(Maps *maps, gulong begin, gulong end, gboolean executable)
{
    if (!executable && begin == maps->text_end)
        return TRUE;
    if (!holds(begin, end, (void (*)(void))firn_memory_lock) &&
        !holds(begin, end, (void (*)(void))poll) && !holds_any(begin, end, maps->libraries))
        return FALSE;
    maps->text_end = end;
    return TRUE;
}

/* "BEGIN-END PERMS OFFSET DEVICE INODE PATH" of proc_pid_maps(5). Files alone are of interest:
 * everything else is in memory, or in no use. */
static void populate(char *line, Maps *maps)
{
    char *at = NULL;
    gulong begin = strtoul(line, &at, 16);
    gulong end;

    if (!at || *at != '-')
        return;
    end = strtoul(at + 1, &at, 16);
    if (*at != ' ' || at[1] != 'r' || !strchr(at, '/') || strstr(at, "/freeze-record"))
        return;
    if (is_wanted(maps, begin, end, at[3] == 'x'))
        madvise((void *)begin, end - begin, MADV_POPULATE_READ);
}

/* No allocation, so that the watcher may call it after fork(). */
static void populate_files(const FirnMemoryFunction *libraries)
{
    Maps maps = {.libraries = libraries};
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
            populate(line, &maps);
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

void firn_memory_lock(const FirnMemoryFunction *libraries)
{
    populate_files(libraries);
    /* MCL_ONFAULT: else the stacks of all threads would be filled up to their limits */
    mlockall(MCL_CURRENT | MCL_ONFAULT);
}
