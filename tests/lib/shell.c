/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/shell.h"

#include <sched.h>
#include <string.h>
#include <sys/mount.h>

gboolean test_shell(char **why, const char *format, ...)
{
    g_autofree char *script = NULL;
    g_autofree char *errors = NULL;
    const char *argv[] = {"/bin/sh", "-ec", NULL, NULL};
    va_list args;
    int status = -1;

    va_start(args, format);
    script = g_strdup_vprintf(format, args);
    va_end(args);
    argv[2] = script;
    if (!g_spawn_sync(NULL, (char **)(gpointer)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL,
                      NULL, &errors, &status, NULL))
        errors = g_strdup("cannot start a shell");
    if (why && status != 0)
        *why = g_strdelimit(g_strstrip(g_steal_pointer(&errors)), "\n", ' ');
    return status == 0;
}

gboolean test_private_mounts(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", "", MS_REC | MS_PRIVATE, NULL) == 0;
}

gboolean test_private_network(void)
{
    return unshare(CLONE_NEWNET) == 0;
}
