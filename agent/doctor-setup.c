/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/doctor.h"

#include <string.h>
#include <sys/stat.h>

/* What firn-generator makes of the configuration, see packaging/firn-generator.in. */
#define BINDING "/run/systemd/generator/firn.service.d/channel.conf"

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

/* The unit of a device's path, as systemd-escape --path makes it (systemd.unit(5)). */
static char *device_unit(const char *path)
{
    GString *unit = g_string_new(NULL);

    for (const char *at = path + strspn(path, "/"); *at; at++) {
        if (*at == '/')
            g_string_append_c(unit, '-');
        else if (g_ascii_isalnum(*at) || strchr(":_.", *at))
            g_string_append_c(unit, *at);
        else
            g_string_append_printf(unit, "\\x%02x", (guint8)*at);
    }
    g_string_append(unit, ".device");
    return g_string_free(unit, FALSE);
}

/* A service that is still bound to the channel of before waits for a device that may never come. */
void firn_doctor_check_unit(FirnDoctor *doctor, const FirnConfig *config, const FirnRoots *roots)
{
    gboolean device =
        config->method == FIRN_METHOD_VIRTIO_SERIAL || config->method == FIRN_METHOD_ISA_SERIAL;
    g_autofree char *file = firn_roots_path(roots, BINDING);
    g_autofree char *text = NULL;
    g_autofree char *unit = NULL;
    g_autofree char *wanted = NULL;

    if (!config->path || !g_file_get_contents(file, &text, NULL, NULL))
        return;
    unit = device_unit(config->path);
    wanted = g_strdup_printf("\nBindsTo=%s\n", unit);
    if (device && !config->retry_path && strstr(text, wanted))
        return;
    firn_doctor_add(doctor, "port", FIRN_FINDING_WARNING,
                    "systemctl daemon-reload, then systemctl restart firn",
                    "the service is bound to another device than %s", config->path);
}
