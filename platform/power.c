/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/power.h"

#include "platform/helper.h"
#include "platform/text-file.h"

/* A shutdown is only requested; a suspend's helper may last until the machine wakes up, and writes
 * all of its memory to disk before. */
#define SHUTDOWN_TIMEOUT 60
#define SUSPEND_TIMEOUT 600

#define STATE "/sys/power/state"
#define DISK "/sys/power/disk"

/* The ways to one end. A helper is a program of the system, and its arguments. */
typedef struct {
    const char *logind; /* the method of its D-Bus interface */
    const char *helpers[3][5];
} Way;

static const Way shutdowns[] = {
    [FIRN_SHUTDOWN_POWERDOWN] = {"PowerOff", {{"shutdown", "-h", "-P", "+0"}, {"poweroff"}}},
    [FIRN_SHUTDOWN_HALT] = {"Halt", {{"shutdown", "-h", "-H", "+0"}, {"halt"}}},
    [FIRN_SHUTDOWN_REBOOT] = {"Reboot", {{"shutdown", "-r", "+0"}, {"reboot"}}},
};

static const Way suspends[] = {
    [FIRN_SUSPEND_DISK] = {"Hibernate", {{"systemctl", "hibernate"}, {"pm-hibernate"}}},
    [FIRN_SUSPEND_RAM] = {"Suspend", {{"systemctl", "suspend"}, {"pm-suspend"}}},
    [FIRN_SUSPEND_HYBRID] = {"HybridSleep", {{"systemctl", "hybrid-sleep"}, {"pm-suspend-hybrid"}}},
};

static gboolean exists(const FirnRoots *roots, const char *absolute)
{
    g_autofree char *path = firn_roots_path(roots, absolute);

    return g_file_test(path, G_FILE_TEST_EXISTS);
}

/* Keeps the first failure, which is of the way that should have worked. */
static void note_failure(GError **first, GError *error)
{
    g_info("%s", error->message);
    if (*first)
        g_error_free(error);
    else
        *first = error;
}

static gboolean ask_logind(const FirnRoots *roots, const Way *way, guint timeout, GError **first)
{
    g_autofree char *busctl = NULL;
    GError *error = NULL;

    if (!exists(roots, "/run/systemd/system") || !exists(roots, "/run/dbus/system_bus_socket"))
        return FALSE;
    busctl = firn_helper_find(roots, "busctl");
    if (!busctl)
        return FALSE;
    /* The last argument: do not ask a user for a password. */
    const char *const argv[] = {busctl,
                                "call",
                                "org.freedesktop.login1",
                                "/org/freedesktop/login1",
                                "org.freedesktop.login1.Manager",
                                way->logind,
                                "b",
                                "false",
                                NULL};
    if (firn_helper_run(argv, timeout, NULL, &error))
        return TRUE;
    note_failure(first, error);
    return FALSE;
}

static gboolean ask_helper(const FirnRoots *roots, const char *const helper[5], guint timeout,
                           GError **first)
{
    g_autofree char *program = firn_helper_find(roots, helper[0]);
    const char *argv[6] = {program};
    GError *error = NULL;

    /* systemctl is of no use without its manager. */
    if (!program || (g_str_equal(helper[0], "systemctl") && !exists(roots, "/run/systemd/system")))
        return FALSE;
    for (guint i = 1; i < 5 && helper[i]; i++)
        argv[i] = helper[i];
    if (firn_helper_run(argv, timeout, NULL, &error))
        return TRUE;
    note_failure(first, error);
    return FALSE;
}

static gboolean ask(const FirnRoots *roots, const Way *way, guint timeout, GError **first)
{
    if (ask_logind(roots, way, timeout, first))
        return TRUE;
    for (guint i = 0; i < G_N_ELEMENTS(way->helpers) && way->helpers[i][0]; i++) {
        if (ask_helper(roots, way->helpers[i], timeout, first))
            return TRUE;
    }
    return FALSE;
}

gboolean firn_power_shutdown(const FirnRoots *roots, FirnShutdown mode, GError **error)
{
    g_autoptr(GError) first = NULL;

    if (ask(roots, &shutdowns[mode], SHUTDOWN_TIMEOUT, &first))
        return TRUE;
    g_set_error(error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED,
                "child process has failed to shutdown: %s",
                first ? first->message : "there is neither logind nor a program shutdown");
    return FALSE;
}

static gboolean file_has(const FirnRoots *roots, const char *absolute, const char *word)
{
    g_autofree char *path = firn_roots_path(roots, absolute);

    return firn_text_file_has_word(path, word);
}

static gboolean kernel_offers(const FirnRoots *roots, FirnSuspend mode)
{
    if (mode == FIRN_SUSPEND_RAM)
        return file_has(roots, STATE, "mem");
    if (!file_has(roots, STATE, "disk") || file_has(roots, DISK, "disabled"))
        return FALSE;
    return mode == FIRN_SUSPEND_DISK || file_has(roots, DISK, "suspend");
}

/* The word in brackets, which is in force; NULL when there is none. */
static char *chosen_word(const FirnRoots *roots, const char *absolute)
{
    g_autofree char *path = firn_roots_path(roots, absolute);
    g_autofree char *text = firn_text_file_read(path, NULL);
    g_auto(GStrv) parts = g_strsplit_set(text ? text : "", "[]", 3);

    return g_strv_length(parts) == 3 ? g_strdup(parts[1]) : NULL;
}

static gboolean ask_kernel(const FirnRoots *roots, FirnSuspend mode, GError **error)
{
    g_autofree char *state = firn_roots_path(roots, STATE);
    g_autofree char *disk = firn_roots_path(roots, DISK);
    g_autofree char *before = NULL;
    gboolean done;

    if (mode == FIRN_SUSPEND_RAM)
        return firn_text_file_write(state, "mem", error);
    if (mode == FIRN_SUSPEND_DISK)
        return firn_text_file_write(state, "disk", error);
    before = chosen_word(roots, DISK);
    if (!firn_text_file_write(disk, "suspend", error))
        return FALSE;
    done = firn_text_file_write(state, "disk", error);
    if (before)
        firn_text_file_write(disk, before, NULL);
    return done;
}

gboolean firn_power_suspend(const FirnRoots *roots, FirnSuspend mode, GError **error)
{
    g_autoptr(GError) first = NULL;
    GError *last = NULL;

    if (!kernel_offers(roots, mode)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOSYS,
                    "the requested suspend mode is not supported by the guest");
        return FALSE;
    }
    if (ask(roots, &suspends[mode], SUSPEND_TIMEOUT, &first) || ask_kernel(roots, mode, &last))
        return TRUE;
    g_set_error(error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED, "failed to suspend the guest: %s%s%s",
                first ? first->message : "", first ? "; " : "", last->message);
    g_error_free(last);
    return FALSE;
}
