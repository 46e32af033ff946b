/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/doctor.h"

#include <sys/stat.h>

/* Every place that set a key, and what was passed over there. */
void firn_doctor_check_sources(FirnDoctor *doctor, const FirnConfig *config)
{
    for (guint i = 0; i < config->sources->len; i++)
        firn_doctor_add(doctor, "configuration", FIRN_FINDING_OK, NULL, "from %s",
                        (const char *)config->sources->pdata[i]);
    for (guint i = 0; i < config->warnings->len; i++)
        firn_doctor_add(doctor, "configuration", FIRN_FINDING_FAILURE,
                        "put what is meant into /etc/firn/firn.conf; see firn.conf(5)", "%s",
                        (const char *)config->warnings->pdata[i]);
}

/* Whoever opens a serial line before the agent does may put requests into it, and read replies. */
void firn_doctor_check_line(FirnDoctor *doctor, const FirnConfig *config, const FirnRoots *roots)
{
    g_autofree char *remedy = NULL;
    g_autofree char *path = NULL;
    g_autofree char *name = NULL;
    struct stat status;
    mode_t others = 0007;

    if (config->method != FIRN_METHOD_ISA_SERIAL || !config->path)
        return;
    path = firn_roots_path(roots, config->path);
    if (stat(path, &status) != 0)
        return;
    if (status.st_gid != 0)
        others |= 0070;
    if (status.st_uid == 0 && (status.st_mode & others) == 0)
        return;
    name = g_path_get_basename(config->path);
    remedy = g_strdup_printf("add a udev rule: KERNEL==\"%s\", OWNER=\"root\", GROUP=\"root\", "
                             "MODE=\"0600\"",
                             name);
    firn_doctor_add(doctor, "port", FIRN_FINDING_FAILURE, remedy,
                    "%s may be opened by others than root (mode %04o): they could give the agent "
                    "requests",
                    config->path, status.st_mode & 07777);
}
