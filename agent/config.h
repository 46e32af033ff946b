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
 * What the configuration file and the command line say. Every key of the group [general] is a long
 * option of the same name. Times are in seconds, sizes in bytes. Strings and lists belong to the
 * configuration; an unset path is NULL.
 */
typedef struct {
    /* the packaged agent's own keys */
    gboolean daemonize;
    FirnMethod method;
    char *path;
    char *log_file;
    char *pid_file;
    char *fsfreeze_hook; /* NULL: no hooks; a file or a folder */
    char *state_dir;
    gboolean verbose;
    gboolean retry_path;
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
    guint64 exec_output_max;  /* bytes of output kept of one process, both streams together */
    char **interface_exclude; /* globs of interface names to leave out */
} FirnConfig;

#endif
