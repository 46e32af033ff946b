/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/grace-periods.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "platform/text-file.h"

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
    if (is_on(roots, "/sys/kernel/rcu_expedited"))
        return "rcu_expedited is set already";
    return NULL;
}

int firn_grace_periods_open(const FirnRoots *roots, const char **why)
{
    g_autofree char *path = firn_roots_path(roots, "/sys/kernel/rcu_expedited");
    const char *objection = find_objection(roots);
    int fd = objection ? -1 : open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);

    if (!objection && fd < 0)
        objection =
            errno == ENOENT ? "the kernel has no rcu_expedited" : "rcu_expedited cannot be written";
    if (why)
        *why = objection;
    return fd;
}

gboolean firn_grace_periods_expedite(int fd, gboolean on)
{
    return pwrite(fd, on ? "1\n" : "0\n", 2, 0) == 2;
}

gboolean firn_grace_periods_restore(const FirnRoots *roots)
{
    g_autofree char *path = firn_roots_path(roots, "/sys/kernel/rcu_expedited");

    return firn_text_file_write(path, "0\n", NULL);
}
