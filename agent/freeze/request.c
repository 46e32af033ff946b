/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/request.h"

#include <stddef.h>
#include <string.h>

typedef enum {
    KIND_TEXT,
    KIND_LIST, /* a line for each entry; an empty value begins an empty list */
    KIND_NUMBER,
} Kind;

static const struct {
    const char *key;
    Kind kind;
    gsize offset;
} members[] = {
    {"root", KIND_TEXT, offsetof(FirnFreezeRequest, root)},
    {"state-dir", KIND_TEXT, offsetof(FirnFreezeRequest, state_dir)},
    {"log-file", KIND_TEXT, offsetof(FirnFreezeRequest, log_file)},
    {"verbose", KIND_NUMBER, offsetof(FirnFreezeRequest, verbose)},
    {"who", KIND_TEXT, offsetof(FirnFreezeRequest, who)},
    {"mountpoints", KIND_LIST, offsetof(FirnFreezeRequest, mountpoints)},
    {"hook", KIND_TEXT, offsetof(FirnFreezeRequest, hook)},
    {"exclude", KIND_LIST, offsetof(FirnFreezeRequest, exclude)},
    {"include", KIND_LIST, offsetof(FirnFreezeRequest, include)},
    {"enabled", KIND_NUMBER, offsetof(FirnFreezeRequest, enabled)},
    {"freeze-timeout", KIND_NUMBER, offsetof(FirnFreezeRequest, freeze_timeout)},
    {"walk-timeout", KIND_NUMBER, offsetof(FirnFreezeRequest, walk_timeout)},
    {"hook-timeout", KIND_NUMBER, offsetof(FirnFreezeRequest, hook_timeout)},
    {"sync-timeout", KIND_NUMBER, offsetof(FirnFreezeRequest, sync_timeout)},
    {"expedite", KIND_NUMBER, offsetof(FirnFreezeRequest, expedite)},
    {"trace-marker", KIND_NUMBER, offsetof(FirnFreezeRequest, trace_marker)},
    {"report-keep", KIND_NUMBER, offsetof(FirnFreezeRequest, report_keep)},
};

static gpointer request_member(const FirnFreezeRequest *request, guint i)
{
    return (guint8 *)(guintptr)request + members[i].offset;
}

static char **list_or_empty(char **list)
{
    return list ? g_strdupv(list) : g_new0(char *, 1);
}

FirnFreezeRequest *firn_freeze_request_new(const FirnConfig *config, const FirnRoots *roots,
                                           const char *const *mountpoints, const char *who)
{
    FirnFreezeRequest *request = g_new0(FirnFreezeRequest, 1);

    if (!config) {
        request->root = g_strdup("");
        request->exclude = g_new0(char *, 1);
        request->include = g_new0(char *, 1);
        return request;
    }
    request->root = firn_roots_path(roots, "");
    request->state_dir = g_strdup(config->state_dir);
    request->log_file = g_strdup(config->log_file);
    request->verbose = config->verbose;
    request->who = g_strdup(who);
    request->mountpoints = g_strdupv((char **)(guintptr)mountpoints);
    request->hook = g_strdup(config->fsfreeze_hook);
    request->exclude = list_or_empty(config->freeze_exclude);
    request->include = list_or_empty(config->freeze_include);
    request->enabled = config->freeze_enabled;
    request->freeze_timeout = config->freeze_timeout;
    request->walk_timeout = config->freeze_walk_timeout;
    request->hook_timeout = config->freeze_hook_timeout;
    request->sync_timeout = config->freeze_sync_timeout;
    request->expedite = config->freeze_expedite == FIRN_EXPEDITE_AUTO;
    request->trace_marker = config->trace_marker;
    request->report_keep = config->report_keep;
    return request;
}

void firn_freeze_request_free(FirnFreezeRequest *request)
{
    if (!request)
        return;
    for (guint i = 0; i < G_N_ELEMENTS(members); i++) {
        if (members[i].kind == KIND_TEXT)
            g_free(*(char **)request_member(request, i));
        else if (members[i].kind == KIND_LIST)
            g_strfreev(*(char ***)request_member(request, i));
    }
    g_free(request);
}

static void save_text(GString *lines, const char *key, const char *text)
{
    g_autofree char *escaped = g_strescape(text, NULL);

    g_string_append_printf(lines, "%s %s\n", key, escaped);
}

static void save_list(GString *lines, const char *key, char **list)
{
    if (list)
        g_string_append_printf(lines, "%s \n", key);
    /* an empty entry names nothing, and would begin the list anew */
    for (; list && *list; list++) {
        if (**list)
            save_text(lines, key, *list);
    }
}

char *firn_freeze_request_save(const FirnFreezeRequest *request)
{
    GString *lines = g_string_new(NULL);

    for (guint i = 0; i < G_N_ELEMENTS(members); i++) {
        gpointer member = request_member(request, i);

        if (members[i].kind == KIND_LIST)
            save_list(lines, members[i].key, *(char ***)member);
        else if (members[i].kind == KIND_NUMBER)
            g_string_append_printf(lines, "%s %u\n", members[i].key, *(guint *)member);
        else if (*(char **)member)
            save_text(lines, members[i].key, *(char **)member);
    }
    return g_string_free(lines, FALSE);
}

static void load_list(char ***list, const char *value)
{
    guint count;

    if (!*list || !*value) {
        g_strfreev(*list);
        *list = g_new0(char *, 1);
    }
    if (!*value)
        return;
    count = g_strv_length(*list);
    *list = g_renew(char *, *list, count + 2);
    (*list)[count] = g_strcompress(value);
    (*list)[count + 1] = NULL;
}

gboolean firn_freeze_request_load_line(FirnFreezeRequest *request, const char *line)
{
    const char *blank = strchr(line, ' ');
    gsize length = blank ? (gsize)(blank - line) : 0;

    for (guint i = 0; blank && i < G_N_ELEMENTS(members); i++) {
        gpointer member = request_member(request, i);

        if (strlen(members[i].key) != length || strncmp(line, members[i].key, length) != 0)
            continue;
        if (members[i].kind == KIND_LIST) {
            load_list(member, blank + 1);
        } else if (members[i].kind == KIND_NUMBER) {
            *(guint *)member = (guint)g_ascii_strtoull(blank + 1, NULL, 10);
        } else {
            g_free(*(char **)member);
            *(char **)member = g_strcompress(blank + 1);
        }
        return TRUE;
    }
    return FALSE;
}
