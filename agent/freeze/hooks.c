/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/hooks.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/freeze/script.h"

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

/* What others may change would give them root. */
static gboolean is_safe(const char *path, const struct stat *status, GError **error)
{
    gboolean owned = status->st_uid == 0 || status->st_uid == geteuid();

    if (owned && !(status->st_mode & (S_IWGRP | S_IWOTH)))
        return TRUE;
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_PERM,
                "fsfreeze hook '%s' is not safe: it %s; make it root's alone ('chown root', 'chmod "
                "go-w')",
                path, owned ? "may be written by others" : "belongs to another user");
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
    if (!is_safe(path, &status, error))
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
    return g_strsplit(path, "\n", 1);
}

static const char *reason(const FirnState *state)
{
    switch ((FirnEnd)g_atomic_int_get(&state->head->end)) {
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

    if (script->timed_out)
        g_set_error(error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED,
                    "fsfreeze hook %s was ended: its '%s' took longer than %u s "
                    "(freeze-hook-timeout)%s",
                    path, what, timeout, output);
    else if (script->failed_errno)
        g_set_error(error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED, "cannot run fsfreeze hook %s: %s",
                    path, g_strerror(script->failed_errno));
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

/* FALSE when it is not in that state. */
static gboolean move(FirnStateHook *hook, FirnHookState from, FirnHookState to)
{
    int word = g_atomic_int_get(&hook->word);

    return FIRN_HOOK_STATE(word) == from && firn_state_move(&hook->word, word, (int)to);
}

static gboolean run_freeze(FirnState *state, FirnStateHook *hook, GError **error)
{
    const char *path = firn_state_text(state, hook->path);
    FirnScript script = {
        .path = path,
        .argument = "freeze",
        .reason = "request",
        .timeout = state->head->hook_timeout,
        .cancel = &state->head->end,
        .word = &hook->word,
        .from = FIRN_HOOK_PENDING,
        .to = FIRN_HOOK_FREEZING,
    };

    hook->freeze_begin = firn_state_now();
    firn_script_run(&script);
    if (script.taken) { /* somebody ends the freeze already */
        hook->freeze_begin = 0;
        return FALSE;
    }
    hook->freeze_end = firn_state_now();
    hook->status = status_of(&script);
    move(hook, FIRN_HOOK_FREEZING, FIRN_HOOK_FROZEN);
    if (script.cancelled || hook->status == 0)
        return !script.cancelled;
    set_failure(path, "freeze", &script, script.timeout, error);
    return FALSE;
}

gboolean firn_hooks_freeze(FirnState *state, GError **error)
{
    gboolean success = TRUE;

    state->head->hooks_begin = firn_state_now();
    for (guint i = 0; i < state->head->hook_count && success; i++) {
        if (g_atomic_int_get(&state->head->end) != FIRN_END_NONE)
            success = FALSE;
        else
            success = run_freeze(state, &state->hooks[i], error);
    }
    state->head->hooks_end = firn_state_now();
    return success;
}

static void run_thaw(FirnState *state, FirnStateHook *hook)
{
    const char *path = firn_state_text(state, hook->path);
    g_autoptr(GError) error = NULL;
    FirnScript script = {
        .path = path,
        .argument = "thaw",
        .reason = reason(state),
        .timeout = state->head->hook_timeout,
        .word = &hook->word,
        .from = FIRN_HOOK_FROZEN,
        .to = FIRN_HOOK_THAWING,
    };

    hook->thaw_begin = firn_state_now();
    firn_script_insist(&script);
    if (script.taken)
        return;
    hook->thaw_end = firn_state_now();
    hook->thaw_status = status_of(&script);
    if (!move(hook, FIRN_HOOK_THAWING, FIRN_HOOK_THAWED))
        move(hook, FIRN_HOOK_FROZEN, FIRN_HOOK_THAWED); /* it could not be started */
    if (hook->thaw_status == 0)
        return;
    set_failure(path, "thaw", &script, script.timeout, &error);
    g_warning("%s", error->message);
}

static void await_script(const FirnState *state, FirnStateHook *hook)
{
    firn_script_await(FIRN_HOOK_PID(g_atomic_int_get(&hook->word)), state->head->hook_timeout);
}

static gboolean is_at(FirnStateHook *hook, FirnHookState wanted)
{
    return FIRN_HOOK_STATE(g_atomic_int_get(&hook->word)) == wanted;
}

/* Brings one to its end, however far somebody else, who may be dead, has come with it. */
static void settle(FirnState *state, FirnStateHook *hook)
{
    /* not started, and nobody who was about to may do it any more */
    if (move(hook, FIRN_HOOK_PENDING, FIRN_HOOK_THAWED))
        return;
    if (is_at(hook, FIRN_HOOK_FREEZING)) {
        await_script(state, hook);
        move(hook, FIRN_HOOK_FREEZING, FIRN_HOOK_FROZEN);
    }
    if (is_at(hook, FIRN_HOOK_FROZEN))
        run_thaw(state, hook);
    if (is_at(hook, FIRN_HOOK_THAWING)) {
        await_script(state, hook);
        if (move(hook, FIRN_HOOK_THAWING, FIRN_HOOK_THAWED) && hook->thaw_begin)
            hook->thaw_end = firn_state_now();
    }
}

void firn_hooks_thaw(FirnState *state)
{
    state->head->thaw_hooks_begin = firn_state_now();
    for (guint i = state->head->hook_count; i-- > 0;)
        settle(state, &state->hooks[i]);
    state->head->thaw_hooks_end = firn_state_now();
}
