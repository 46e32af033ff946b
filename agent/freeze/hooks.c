/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/freeze/script.h"
#include "platform/trust.h"

gboolean firn_hooks_is_leftover(const char *name)
{
    static const char *const endings[] = {"~",        ".bak",     ".rpmsave",  ".rpmnew",
                                          ".rpmorig", ".swp",     ".orig",     ".rej",
                                          ".ucf-old", ".ucf-new", ".ucf-dist", ".disabled"};

    if (name[0] == '.' || strstr(name, ".dpkg-") || (name[0] == '#' && g_str_has_suffix(name, "#")))
        return TRUE;
    for (gsize i = 0; i < G_N_ELEMENTS(endings); i++) {
        if (g_str_has_suffix(name, endings[i]))
            return TRUE;
    }
    return FALSE;
}

static gboolean fail_access(const char *path, int cause, GError **error)
{
    g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(cause),
                "can't access fsfreeze hook '%s': %s", path, g_strerror(cause));
    return FALSE;
}

/* What others may change or replace would give them root. */
static gboolean is_safe(const char *path, const struct stat *status, GError **error)
{
    g_autoptr(GError) way = NULL;
    gboolean open = (status->st_mode & (S_IWGRP | S_IWOTH)) != 0;
    g_autofree char *why = NULL;

    if (firn_trust_status(status) && firn_trust_check_way(path, &way))
        return TRUE;
    why = way ? g_strdup(way->message)
              : g_strdup_printf("it %s; make it root's alone ('chown root', 'chmod go-w')",
                                open ? "may be written by others" : "belongs to another user");
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_PERM, "fsfreeze hook '%s' is not safe: %s", path,
                why);
    return FALSE;
}

/* The first line of a script, with what a DOS editor leaves at its end; NULL when the file is none.
 * The kernel looks at no more of it: execve(2). */
static char *read_first_line(const char *path)
{
    char line[256] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    ssize_t length = fd >= 0 ? read(fd, line, sizeof line - 1) : -1;

    if (fd >= 0)
        close(fd);
    if (length < 2 || line[0] != '#' || line[1] != '!')
        return NULL;
    line[strcspn(line, "\n")] = '\0';
    return g_strdup(line + 2);
}

/* "env" finds its argument's program, with the return in its name, as little. */
static gboolean is_ruined(const char *interpreter, const char *line)
{
    g_autofree char *name = g_path_get_basename(interpreter);

    return strchr(interpreter, '\r') || (g_str_equal(name, "env") && g_str_has_suffix(line, "\r"));
}

char *firn_hooks_explain(const char *path)
{
    g_autofree char *line = read_first_line(path);
    g_autofree char *interpreter = NULL;

    if (!line)
        return NULL;
    interpreter = g_strdup(line + strspn(line, " \t"));
    interpreter[strcspn(interpreter, " \t")] = '\0';
    if (is_ruined(interpreter, line))
        return g_strdup_printf("its first line has a DOS line end, which becomes part of its "
                               "interpreter's name: convert it with 'sed -i \"s/\\r$//\" %s'",
                               path);
    if (interpreter[0] == '/' && access(interpreter, F_OK) < 0 && errno == ENOENT)
        return g_strdup_printf("its interpreter %s, which its first line names, is not there: "
                               "install it, or name another",
                               interpreter);
    return NULL;
}

static gboolean can_start(const char *path, GError **error)
{
    g_autofree char *why = firn_hooks_explain(path);

    if (!why)
        return TRUE;
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "fsfreeze hook '%s' cannot be run: %s",
                path, why);
    return FALSE;
}

static int compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static gboolean add_script(GPtrArray *scripts, const char *folder, const char *name, GError **error)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    struct stat status;

    if (firn_hooks_is_leftover(name) || stat(path, &status) < 0 || !S_ISREG(status.st_mode) ||
        !(status.st_mode & 0111))
        return TRUE;
    if (!is_safe(path, &status, error) || !can_start(path, error))
        return FALSE;
    g_ptr_array_add(scripts, g_steal_pointer(&path));
    return TRUE;
}

static char **list_folder(const char *folder, GError **error)
{
    g_autoptr(GPtrArray) scripts = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, error);
    const char *name;

    if (!dir)
        return NULL;
    while ((name = g_dir_read_name(dir))) {
        if (!add_script(scripts, folder, name, error))
            return NULL;
    }
    g_ptr_array_sort(scripts, compare_names);
    g_ptr_array_add(scripts, NULL);
    g_ptr_array_set_free_func(scripts, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&scripts), FALSE);
}

char **firn_hooks_list(const char *path, GError **error)
{
    struct stat status;

    if (!path)
        return g_new0(char *, 1);
    if (stat(path, &status) < 0) {
        fail_access(path, errno, error);
        return NULL;
    }
    if (!is_safe(path, &status, error))
        return NULL;
    if (S_ISDIR(status.st_mode))
        return list_folder(path, error);
    if (access(path, X_OK) < 0) {
        fail_access(path, errno, error);
        return NULL;
    }
    if (!can_start(path, error))
        return NULL;
    return g_strsplit(path, "\n", 1);
}

static const char *hook_reason(const FirnRecord *record)
{
    switch ((FirnEnd)g_atomic_int_get(&record->head->end)) {
    case FIRN_END_NONE:
    case FIRN_END_REQUEST:
        return "request";
    case FIRN_END_DEADLINE:
        return "deadline";
    case FIRN_END_SHUTDOWN:
        return "shutdown";
    case FIRN_END_FAILED:
    case FIRN_END_EMPTY:
    case FIRN_END_CANCELLED:
    case FIRN_END_WALK_TIMEOUT:
    case FIRN_END_DIED:
    case FIRN_ENDS:
    default:
        return "rollback";
    }
}

/* " with output: ..." on one line, or nothing. */
static char *quote(const char *output)
{
    g_autofree char *text = g_strstrip(g_strdup(output));

    for (char *at = text; *at; at++) {
        if (g_ascii_iscntrl(*at))
            *at = ' ';
    }
    return *text ? g_strconcat(": ", text, NULL) : g_strdup("");
}

/* In the packaged agent's words, as far as it has some. */
static void set_failure(const char *path, const char *what, const FirnScript *script, guint timeout,
                        GError **error)
{
    g_autofree char *output = quote(script->output);
    g_autofree char *why = script->failed_errno == ENOENT ? firn_hooks_explain(path) : NULL;

    if (script->timed_out)
        g_set_error(error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED,
                    "fsfreeze hook %s was ended: its '%s' took longer than %u s "
                    "(freeze-hook-timeout)%s",
                    path, what, timeout, output);
    else if (script->failed_errno)
        g_set_error(error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED, "cannot run fsfreeze hook %s: %s",
                    path, why ? why : g_strerror(script->failed_errno));
    else if (WIFSIGNALED(script->status))
        g_set_error(error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED,
                    "fsfreeze hook has terminated abnormally: %s %s, by signal %d%s", path, what,
                    WTERMSIG(script->status), output);
    else
        g_set_error(error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED,
                    "fsfreeze hook has failed with status %d: %s %s%s", WEXITSTATUS(script->status),
                    path, what, output);
}

static int status_of(const FirnScript *script)
{
    if (script->failed_errno)
        return -2;
    return script->timed_out ? -1 : script->status;
}

static gboolean hook_move(FirnRecordHook *hook, FirnHookState from, FirnHookState to)
{
    return firn_record_move(&hook->state, (int)from, (int)to);
}

static gboolean hook_is_at(const FirnRecordHook *hook, FirnHookState state)
{
    return g_atomic_int_get((gint *)(guintptr)&hook->state) == (gint)state;
}

static gboolean hook_freeze(FirnRecord *record, FirnRecordHook *hook, FirnEndCheck check,
                            gpointer data, GError **error)
{
    const char *path = firn_record_text(record, hook->path);
    FirnScript script = {
        .path = path,
        .argument = "freeze",
        .reason = "request",
        .timeout = record->head->hook_timeout,
        .check = check,
        .data = data,
        .hook = hook,
        .from = FIRN_HOOK_PENDING,
        .to = FIRN_HOOK_FREEZING,
    };

    hook->freeze_begin = firn_record_now();
    firn_script_run(&script);
    hook->freeze_end = firn_record_now();
    hook->status = status_of(&script);
    hook_move(hook, FIRN_HOOK_FREEZING, FIRN_HOOK_FROZEN);
    if (script.cancelled || hook->status == 0)
        return !script.cancelled;
    set_failure(path, "freeze", &script, script.timeout, error);
    return FALSE;
}

gboolean firn_hooks_freeze(FirnRecord *record, FirnEndCheck check, gpointer data, GError **error)
{
    gboolean success = TRUE;

    record->head->hooks_begin = firn_record_now();
    for (guint i = 0; i < record->head->hook_count && success; i++)
        success = !check(data) && hook_freeze(record, &record->hooks[i], check, data, error);
    record->head->hooks_end = firn_record_now();
    return success;
}

static void hook_thaw(FirnRecord *record, FirnRecordHook *hook)
{
    const char *path = firn_record_text(record, hook->path);
    g_autoptr(GError) error = NULL;
    FirnScript script = {
        .path = path,
        .argument = "thaw",
        .reason = hook_reason(record),
        .timeout = record->head->hook_timeout,
        .hook = hook,
        .from = FIRN_HOOK_FROZEN,
        .to = FIRN_HOOK_THAWING,
    };

    hook->thaw_begin = firn_record_now();
    firn_script_insist(&script);
    hook->thaw_end = firn_record_now();
    hook->thaw_status = status_of(&script);
    g_atomic_int_set(&hook->state, FIRN_HOOK_THAWED);
    if (hook->thaw_status == 0)
        return;
    set_failure(path, "thaw", &script, script.timeout, &error);
    g_warning("%s", error->message);
}

/* Brings one to its end, however far a process that is dead now has come with it. */
static void hook_settle(FirnRecord *record, FirnRecordHook *hook)
{
    guint timeout = record->head->hook_timeout;

    /* a process that was about to start it finds that, and does not */
    if (hook_move(hook, FIRN_HOOK_PENDING, FIRN_HOOK_THAWED))
        return;
    if (hook_is_at(hook, FIRN_HOOK_FREEZING)) {
        firn_script_await(hook, timeout);
        hook_move(hook, FIRN_HOOK_FREEZING, FIRN_HOOK_FROZEN);
    }
    if (hook_is_at(hook, FIRN_HOOK_FROZEN))
        hook_thaw(record, hook);
    if (hook_is_at(hook, FIRN_HOOK_THAWING)) {
        firn_script_await(hook, timeout);
        g_atomic_int_set(&hook->state, FIRN_HOOK_THAWED);
        hook->thaw_end = firn_record_now();
    }
}

void firn_hooks_thaw(FirnRecord *record)
{
    record->head->thaw_hooks_begin = firn_record_now();
    for (guint i = record->head->hook_count; i-- > 0;)
        hook_settle(record, &record->hooks[i]);
    record->head->thaw_hooks_end = firn_record_now();
}
