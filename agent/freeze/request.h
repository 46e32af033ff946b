/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_REQUEST_H
#define AGENT_FREEZE_REQUEST_H

#include "agent/config.h"
#include "platform/roots.h"

#include <glib.h>

/*
 * What the agent asks of a keeper: all that the keeper needs to know of the configuration, and
 * whose freeze it is. It goes over the socket as lines of text, "KEY VALUE" with the value escaped
 * as g_strescape() does; a keeper passes over keys that it does not know, so that an old keeper
 * and a new agent understand each other.
 */
typedef struct {
    char *root; /* where the system's files are read, "" for the machine itself */
    char *state_dir;
    char *log_file; /* NULL: none */
    gboolean verbose;
    char *who;            /* such as "guest-fsfreeze-freeze" */
    char **mountpoints;   /* NULL: all */
    char *hook;           /* NULL: none; a file or a folder */
    char **exclude;       /* as freeze-exclude; never NULL */
    char **include;       /* never NULL */
    gboolean enabled;     /* freeze-enabled */
    guint freeze_timeout; /* seconds; 0: none */
    guint walk_timeout;
    guint hook_timeout;
    guint sync_timeout;
    gboolean expedite;
    gboolean trace_marker;
    guint report_keep;
} FirnFreezeRequest;

/* Of a configuration; of nothing when that is NULL. mountpoints: NULL for all. Free with
 * firn_freeze_request_free(). */
FirnFreezeRequest *firn_freeze_request_new(const FirnConfig *config, const FirnRoots *roots,
                                           const char *const *mountpoints, const char *who);
void firn_freeze_request_free(FirnFreezeRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnFreezeRequest, firn_freeze_request_free)

/* As lines; free with g_free(). */
char *firn_freeze_request_save(const FirnFreezeRequest *request);
/* Takes over one line, without its end. FALSE when it is no "KEY VALUE" that is known. */
gboolean firn_freeze_request_load_line(FirnFreezeRequest *request, const char *line);

#endif
