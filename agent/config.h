/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_CONFIG_H
#define AGENT_CONFIG_H

#include <glib.h>

typedef enum {
    FIRN_METHOD_VIRTIO_SERIAL,
    FIRN_METHOD_ISA_SERIAL,
    FIRN_METHOD_UNIX_LISTEN,
    FIRN_METHOD_VSOCK_LISTEN,
} FirnMethod;

typedef enum {
    FIRN_EXPEDITE_AUTO,  /* expedite grace periods unless the kernel is set up against it */
    FIRN_EXPEDITE_NEVER, /* freeze-expedite=false */
} FirnExpedite;

/*
 * What the configuration files and the command line say. Every key of the group [general] is a long
 * option of the same name. Times are in seconds, sizes in bytes. Strings and lists belong to the
 * configuration; an unset path is NULL.
 */
typedef struct {
    /* the packaged agent's own keys */
    gboolean daemonize;
    FirnMethod method;
    char *path;
    char *log_file;
    char *pid_file;      /* the default one is written by a daemon only */
    char *fsfreeze_hook; /* NULL: no hooks; a file or a folder */
    char *state_dir;
    gboolean verbose;
    gboolean retry_path;
    guint vsock_peer;  /* the context (CID) that vsock-listen serves; VMADDR_CID_ANY: any */
    char **block_rpcs; /* never NULL */
    char **allow_rpcs; /* never NULL; empty: all */

    /* the freeze */
    gboolean freeze_enabled;
    char **freeze_exclude;     /* mountpoint globs, filesystem types or devices; never NULL */
    char **freeze_include;     /* empty: all */
    guint freeze_timeout;      /* 600; 0: none */
    guint freeze_walk_timeout; /* 60 */
    guint freeze_hook_timeout; /* 30, of each script */
    guint freeze_sync_timeout; /* 30, cap for syncing before the walk */
    FirnExpedite freeze_expedite;
    gboolean trace_marker;
    guint report_keep; /* how many freezes the report remembers */

    /* commands */
    guint task_timeout;       /* 10, seconds until a task on files is given up; at least 1 */
    guint64 exec_output_max;  /* bytes of output kept of one process, both streams together */
    char **interface_exclude; /* globs of interface names to leave out */

    /* where it comes from: texts for the log and the doctor; never NULL */
    GPtrArray *sources;  /* each place that set a key, with these keys: "/etc/x (verbose)" */
    GPtrArray *warnings; /* what was passed over in files of the packaged agent */
} FirnConfig;

#define FIRN_DEFAULT_PID_FILE "/run/firn/firn.pid"
#define FIRN_HOOK_FOLDER "/etc/firn/fsfreeze-hook.d"

/* For tests: a folder to take for "/" where the system's files are read. */
#define FIRN_ROOT_VARIABLE "FIRN_ROOT"

/* What the command line asks for. */
typedef enum {
    FIRN_ACTION_RUN,
    FIRN_ACTION_DUMP,     /* -D: print the configuration */
    FIRN_ACTION_HELP,     /* -h */
    FIRN_ACTION_VERSION,  /* -V */
    FIRN_ACTION_COMMANDS, /* -b help: list the commands' names */
} FirnAction;

/* The defaults. Free with firn_config_free(). */
FirnConfig *firn_config_new(void);
void firn_config_free(FirnConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnConfig, firn_config_free)

/*
 * Reads a GKeyFile's group [general]. An unknown group, key or value is an error that names file
 * and key and says what would be right; in /etc/qemu/qemu-ga.conf, which is the packaged agent's,
 * an unknown group or key is a warning. A key that the file has replaces what `config` had, except
 * that block-rpcs is added to.
 */
gboolean firn_config_load(FirnConfig *config, const char *file, GError **error);

/*
 * The configuration files, then the command line over them, key by key; blocked commands add up.
 * The files are the one given by -c, or by the environment's QGA_CONF, or else all of these that
 * exist: /etc/qemu/qemu-ga.conf, /etc/sysconfig/qemu-ga, /etc/default/qemu-guest-agent,
 * /etc/firn/firn.conf. Only a file that -c names has to exist. argv: as main() got it. Hooks are
 * those in /etc/firn/fsfreeze-hook.d where that folder exists and no file was named.
 */
gboolean firn_config_parse(FirnConfig *config, int argc, char **argv, FirnAction *action,
                           GError **error);

/* The exit status of a process that does not start for this error: EX_CONFIG (78, sysexits.h) for a
 * mistake in the configuration, which a restart does not mend, else EXIT_FAILURE. */
int firn_config_exit_status(const GError *error);

/*
 * Makes it fit to run with: the method's default path, absolute paths. Fails where a path is
 * missing, unless `activated` says that a listening socket was handed over.
 */
gboolean firn_config_settle(FirnConfig *config, gboolean activated, GError **error);

/* The configuration as a file's text, keys in a fixed order; free with g_free(). */
char *firn_config_dump(const FirnConfig *config);
/* The text of --help; free with g_free(). */
char *firn_config_help(const char *program);

const char *firn_method_name(FirnMethod method);

#define FIRN_CONFIG_ERROR (firn_config_error_quark())
GQuark firn_config_error_quark(void);

#endif
