/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/grace-periods.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "platform/text-file.h"

/* A call that fails once need not leave the whole machine with the switch on. */
#define TRIES 3

/* TRUE when a list of processors names any; a kernel without the feature says "(null)". */
static gboolean has_processors(const FirnRoots *roots, const char *file)
{
    g_autofree char *path = firn_roots_path(roots, file);
    g_autofree char *text = firn_text_file_read(path, NULL);

    return text && g_ascii_isdigit(text[0]);
}

/* TRUE when the file is there and says anything but 0. */
static gboolean is_on(const FirnRoots *roots, const char *file)
{
    g_autofree char *path = firn_roots_path(roots, file);
    g_autofree char *text = firn_text_file_read(path, NULL);

    return text && strcmp(text, "0") != 0;
}

static const char *find_objection(const FirnRoots *roots)
{
    if (is_on(roots, "/sys/kernel/rcu_normal"))
        return "rcu_normal is set";
    if (has_processors(roots, "/sys/devices/system/cpu/isolated"))
        return "processors are isolated";
    if (has_processors(roots, "/sys/devices/system/cpu/nohz_full"))
        return "processors run without ticks (nohz_full)";
    return NULL;
}

/* What the switch says; -1 when it cannot be read, though it is tried again. */
static int read_switch(int fd)
{
    char text[16];

    for (int i = 0; i < TRIES; i++) {
        ssize_t got = pread(fd, text, sizeof text - 1, 0);

        if (got <= 0)
            continue;
        text[got] = '\0';
        return atoi(text);
    }
    return -1;
}

/* As read_switch(). */
static gboolean write_switch(int fd, int value)
{
    char text[16];
    int length = snprintf(text, sizeof text, "%d\n", value);

    for (int i = 0; i < TRIES; i++) {
        if (pwrite(fd, text, (gsize)length, 0) == length)
            return TRUE;
    }
    return FALSE;
}

/* Does not wait for others, but goes on when it fails for another reason than their lock. */
static gboolean lock_switch(int fd, int operation)
{
    for (int i = 0; i < TRIES; i++) {
        if (flock(fd, operation | LOCK_NB) == 0)
            return TRUE;
        if (errno == EWOULDBLOCK)
            return FALSE;
    }
    return FALSE;
}

int firn_grace_periods_open(const FirnRoots *roots, const char **why)
{
    g_autofree char *path = firn_roots_path(roots, "/sys/kernel/rcu_expedited");
    const char *objection = find_objection(roots);
    int fd = objection ? -1 : open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
    int now = fd >= 0 ? read_switch(fd) : 0;

    if (!objection && fd < 0)
        objection =
            errno == ENOENT ? "the kernel has no rcu_expedited" : "rcu_expedited cannot be written";
    if (!objection && now != 0 && now != FIRN_GRACE_PERIODS_MARK) {
        objection = "rcu_expedited is set already";
        close(fd);
        fd = -1;
    }
    if (why)
        *why = objection;
    return fd;
}

gboolean firn_grace_periods_expedite(int fd)
{
    int now;

    /* whoever has it alone at this moment is switching it off */
    if (!lock_switch(fd, LOCK_SH))
        return FALSE;
    now = read_switch(fd);
    if (now != 0 && now != FIRN_GRACE_PERIODS_MARK) /* somebody's own, since it was opened */
        return FALSE;
    return write_switch(fd, FIRN_GRACE_PERIODS_MARK);
}

void firn_grace_periods_restore(int fd)
{
    /* fails where somebody else has a shared lock, and lets go of ours all the same */
    if (lock_switch(fd, LOCK_EX) && read_switch(fd) == FIRN_GRACE_PERIODS_MARK &&
        !write_switch(fd, 0))
        return; /* the lock goes with the descriptor */
    flock(fd, LOCK_UN);
}

void firn_grace_periods_reclaim(const FirnRoots *roots, gboolean hanging)
{
    g_autofree char *path = firn_roots_path(roots, "/sys/kernel/rcu_expedited");
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);

    if (fd < 0)
        return;
    if (read_switch(fd) == FIRN_GRACE_PERIODS_MARK) {
        if (hanging)
            write_switch(fd, 0);
        else
            firn_grace_periods_restore(fd);
    }
    close(fd);
}
