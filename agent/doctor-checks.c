/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/doctor.h"

#include "agent/doctor-child.h"
#include "agent/freeze/hooks.h"
#include "agent/freeze/record.h"
#include "agent/freeze/state-dir.h"
#include "agent/freeze/trace.h"

#include <linux/capability.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OK FIRN_FINDING_OK
#define WARNING FIRN_FINDING_WARNING
#define FAILURE FIRN_FINDING_FAILURE

static char *read_word(const FirnRoots *roots, const char *path)
{
    g_autofree char *file = firn_roots_path(roots, path);
    g_autofree char *text = NULL;

    if (!g_file_get_contents(file, &text, NULL, NULL))
        return NULL;
    return g_strstrip(g_steal_pointer(&text));
}

/* TRUE when the virtio port of that name is there, with or without a link in /dev. */
static gboolean has_virtio_port(const FirnRoots *roots, const char *wanted)
{
    g_autofree char *path = firn_roots_path(roots, "/sys/class/virtio-ports");
    g_autoptr(GDir) ports = g_dir_open(path, 0, NULL);
    const char *port;

    while (ports && (port = g_dir_read_name(ports))) {
        g_autofree char *file = g_strdup_printf("/sys/class/virtio-ports/%s/name", port);
        g_autofree char *name = read_word(roots, file);

        if (name && g_str_equal(name, wanted))
            return TRUE;
    }
    return FALSE;
}

static void report_missing_port(FirnDoctor *doctor, const FirnConfig *config,
                                const FirnRoots *roots)
{
    FirnFindingLevel level = config->retry_path ? WARNING : FAILURE;
    g_autofree char *name = g_path_get_basename(config->path);
    const char *remedy = "name the right device with 'path' in the configuration";

    if (config->method == FIRN_METHOD_VIRTIO_SERIAL && has_virtio_port(roots, name))
        remedy = "the port is in sysfs but has no link in /dev: let udev run, or name "
                 "/dev/vportNpM with 'path'";
    else if (config->method == FIRN_METHOD_VIRTIO_SERIAL)
        remedy = "give the VM a virtio-serial channel named org.qemu.guest_agent.0 (libvirt: "
                 "<channel>, Proxmox: the option 'QEMU Guest Agent'), then stop and start it";
    firn_doctor_add(doctor, "port", level, remedy, "%s is not there: the host cannot reach us",
                    config->path);
}

static void check_device(FirnDoctor *doctor, const FirnConfig *config, const FirnRoots *roots)
{
    g_autofree char *path = firn_roots_path(roots, config->path);
    struct stat status;

    if (stat(path, &status) != 0)
        report_missing_port(doctor, config, roots);
    else if (!S_ISCHR(status.st_mode))
        firn_doctor_add(doctor, "port", FAILURE,
                        "name the right device with 'path' in the configuration",
                        "%s is no character device", config->path);
    else if (access(path, R_OK | W_OK) != 0)
        firn_doctor_add(doctor, "port", FAILURE, "run as root", "%s may not be read and written",
                        config->path);
    else
        firn_doctor_add(doctor, "port", OK, NULL, "%s, method %s", config->path,
                        config->method == FIRN_METHOD_ISA_SERIAL ? "isa-serial" : "virtio-serial");
}

static void check_unix(FirnDoctor *doctor, const FirnConfig *config)
{
    g_autofree char *folder = g_path_get_dirname(config->path);

    if (access(folder, W_OK | X_OK) != 0)
        firn_doctor_add(doctor, "port", FAILURE, "make the folder, or name another path",
                        "no socket can be made at %s: %s", config->path, g_strerror(errno));
    else
        firn_doctor_add(doctor, "port", OK, NULL, "%s, method unix-listen", config->path);
}

static void check_vsock(FirnDoctor *doctor, const FirnConfig *config, const FirnRoots *roots)
{
    g_autofree char *device = firn_roots_path(roots, "/dev/vsock");

    if (access(device, F_OK) != 0)
        firn_doctor_add(doctor, "port", FAILURE,
                        "give the VM a vhost-vsock device, and load vmw_vsock_virtio_transport",
                        "%s, method vsock-listen: /dev/vsock is not there", config->path);
    else
        firn_doctor_add(doctor, "port", OK, NULL, "%s, method vsock-listen", config->path);
}

void firn_doctor_check_port(FirnDoctor *doctor, const FirnConfig *config, const FirnRoots *roots)
{
    if (!config->path)
        firn_doctor_add(doctor, "port", FAILURE, "set 'path' in the configuration",
                        "no path for a listening socket");
    else if (config->method == FIRN_METHOD_UNIX_LISTEN)
        check_unix(doctor, config);
    else if (config->method == FIRN_METHOD_VSOCK_LISTEN)
        check_vsock(doctor, config, roots);
    else
        check_device(doctor, config, roots);
}

/* The effective capabilities, as proc_pid_status(5) shows them. */
static gboolean has_capability(const FirnRoots *roots, guint capability)
{
    g_autofree char *status = read_word(roots, "/proc/self/status");
    const char *line = status ? strstr(status, "\nCapEff:") : NULL;

    return line && (g_ascii_strtoull(line + strlen("\nCapEff:"), NULL, 16) >> capability & 1) != 0;
}

void firn_doctor_check_rights(FirnDoctor *doctor, const FirnRoots *roots)
{
    g_autofree char *enforcing = read_word(roots, "/sys/fs/selinux/enforce");

    if (has_capability(roots, CAP_SYS_ADMIN))
        firn_doctor_add(doctor, "rights", OK, NULL, "CAP_SYS_ADMIN, which freezing needs");
    else
        firn_doctor_add(doctor, "rights", FAILURE, "run as root",
                        "no CAP_SYS_ADMIN: filesystems cannot be frozen");
    if (enforcing && g_str_equal(enforcing, "1"))
        firn_doctor_add(doctor, "rights", OK, NULL,
                        "SELinux is enforcing: a mountpoint that its policy denies fails the "
                        "freeze; look for it with 'ausearch -m avc'");
}

/* What is silent for so long, in seconds, hangs. */
#define PATIENCE 2

typedef struct {
    const char *path;
    guint64 size;
} StateDir;

/* The agent makes the folder when it starts: till then its parent decides. Free with g_free(). */
static char *find_existing(const char *path)
{
    char *found = g_strdup(path);
    struct stat status;

    while (lstat(found, &status) < 0 && errno == ENOENT && strlen(found) > 1) {
        char *parent = g_path_get_dirname(found);

        g_free(found);
        found = parent;
    }
    return found;
}

/* In a child. */
static void examine_state_dir(int out, gpointer data)
{
    const StateDir *folder = data;
    g_autofree char *existing = find_existing(folder->path);
    g_autoptr(GError) error = NULL;

    if (firn_state_dir_check(existing, &error) &&
        firn_state_dir_check_room(existing, folder->size, &error))
        return;
    if (g_str_equal(existing, folder->path))
        firn_doctor_child_say(out, "%s", error->message);
    else
        firn_doctor_child_say(out,
                              "the state directory %s would be made in a folder that will "
                              "not do: %s",
                              folder->path, error->message);
}

/* A freeze is refused where its record cannot be kept. */
void firn_doctor_check_state_dir(FirnDoctor *doctor, const FirnConfig *config,
                                 const FirnRoots *roots)
{
    g_autofree char *path = config->state_dir ? firn_roots_path(roots, config->state_dir) : NULL;
    StateDir folder = {.path = path,
                       .size = firn_record_estimate(doctor->plan ? doctor->plan->count : 0)};
    g_autofree char *said = NULL;
    gboolean hung;

    if (!path)
        return;
    said = g_strchomp(firn_doctor_child_run(examine_state_dir, &folder, PATIENCE, &hung));
    if (hung)
        firn_doctor_add(doctor, "configuration", FAILURE, "set 'statedir' to a folder below /run",
                        "every freeze is refused: the state directory %s hangs when it is opened",
                        config->state_dir);
    else if (said[0])
        firn_doctor_add(doctor, "configuration", FAILURE, NULL, "every freeze is refused: %s",
                        said);
    else
        firn_doctor_add(doctor, "configuration", OK, NULL, "state directory %s", config->state_dir);
}

void firn_doctor_check_configuration(FirnDoctor *doctor, const FirnConfig *config)
{
    if (!config->freeze_enabled)
        firn_doctor_add(doctor, "configuration", WARNING, "remove freeze-enabled=false",
                        "freezing is switched off: the host's request is refused");
    if (config->freeze_timeout == 0)
        firn_doctor_add(doctor, "configuration", WARNING, "set freeze-timeout, in seconds",
                        "freeze-timeout is 0: when the host forgets to thaw, nobody does");
    else
        firn_doctor_add(doctor, "configuration", OK, NULL,
                        "thaws by itself after %u s (freeze-timeout)", config->freeze_timeout);
}

/* A file that is passed over is most often one that was forgotten to be made executable. */
static void check_passed_over(FirnDoctor *doctor, const char *folder, const char *const *scripts)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        if (!g_strv_contains(scripts, path) && !firn_hooks_is_leftover(name))
            firn_doctor_add(doctor, "hooks", WARNING, "chmod +x, or remove it",
                            "%s is no executable: it is passed over", path);
    }
}

/* In a child. */
static void try_hooks(int out, gpointer data)
{
    g_strfreev(firn_hooks_list(data, NULL));
}

void firn_doctor_check_hooks(FirnDoctor *doctor, const FirnConfig *config)
{
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) scripts = NULL;
    gboolean hung;

    if (!config->fsfreeze_hook) {
        firn_doctor_add(doctor, "hooks", OK, NULL, "none configured (fsfreeze-hook)");
        return;
    }
    g_free(firn_doctor_child_run(try_hooks, config->fsfreeze_hook, PATIENCE, &hung));
    if (hung) {
        firn_doctor_add(doctor, "hooks", FAILURE, "see whose server does not answer",
                        "every freeze is given up: %s hangs when it is opened",
                        config->fsfreeze_hook);
        return;
    }
    scripts = firn_hooks_list(config->fsfreeze_hook, &error);
    if (!scripts) {
        firn_doctor_add(doctor, "hooks", FAILURE,
                        "every freeze fails until this is put right, or fsfreeze-hook removed",
                        "%s", error->message);
        return;
    }
    for (char **script = scripts; *script; script++)
        firn_doctor_add(doctor, "hooks", OK, NULL, "%s", *script);
    if (!scripts[0])
        firn_doctor_add(doctor, "hooks", OK, NULL, "%s has no script", config->fsfreeze_hook);
    if (g_file_test(config->fsfreeze_hook, G_FILE_TEST_IS_DIR))
        check_passed_over(doctor, config->fsfreeze_hook, (const char *const *)scripts);
}

void firn_doctor_check_tracing(FirnDoctor *doctor, const FirnConfig *config, const FirnRoots *roots)
{
    g_autofree char *marker = firn_trace_marker_path(roots);

    firn_doctor_add(doctor, "tracing", OK, NULL,
                    firn_trace_has_probes() ? "static probes are built in, provider firn"
                                            : "no static probes: built without sys/sdt.h");
    if (marker)
        firn_doctor_add(doctor, "tracing", OK, NULL, "tracefs is mounted: %s%s", marker,
                        config->trace_marker ? "" : " (trace-marker=true would write to it)");
    else if (config->trace_marker)
        firn_doctor_add(doctor, "tracing", WARNING, "mount -t tracefs tracefs /sys/kernel/tracing",
                        "trace-marker=true, but tracefs is not mounted");
    else
        firn_doctor_add(doctor, "tracing", OK, NULL, "tracefs is not mounted");
}

/* The walk is short only while the kernel's grace periods are. */
void firn_doctor_check_kernel(FirnDoctor *doctor, const FirnConfig *config, const FirnRoots *roots)
{
    g_autofree char *expedited = read_word(roots, "/sys/kernel/rcu_expedited");
    g_autofree char *normal = read_word(roots, "/sys/kernel/rcu_normal");
    g_autofree char *isolated = read_word(roots, "/sys/devices/system/cpu/isolated");
    g_autofree char *nohz_full = read_word(roots, "/sys/devices/system/cpu/nohz_full");
    const char *why = NULL;

    if (config->freeze_expedite == FIRN_EXPEDITE_NEVER)
        why = "freeze-expedite=false";
    else if (!expedited)
        why = "the kernel has no rcu_expedited";
    else if (normal && !g_str_equal(normal, "0"))
        why = "the kernel runs with rcu_normal";
    else if (isolated && isolated[0])
        why = "there are isolated CPUs";
    else if (nohz_full && nohz_full[0] && !g_str_equal(nohz_full, "(null)"))
        why = "there are nohz_full CPUs";
    if (why)
        firn_doctor_add(doctor, "kernel", OK, NULL,
                        "grace periods are not expedited (%s): some 30 ms a filesystem", why);
    else
        firn_doctor_add(doctor, "kernel", OK, NULL,
                        "grace periods are expedited while filesystems are being frozen");
}
