/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/finish.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/freeze/account-state.h"
#include "agent/freeze/guard.h"
#include "agent/freeze/hooks.h"
#include "agent/freeze/walk.h"
#include "agent/log.h"
#include "platform/descriptors.h"

#define NOTE_NAME "thawed-early"

static const char *why_early(FirnEnd end)
{
    switch (end) {
    case FIRN_END_DEADLINE:
        return "they had been frozen for freeze-timeout";
    case FIRN_END_SHUTDOWN:
        return "the agent was told to stop";
    case FIRN_END_NONE:
    case FIRN_END_REQUEST:
    case FIRN_END_FAILED:
    case FIRN_END_EMPTY:
    case FIRN_END_CANCELLED:
    case FIRN_END_WALK_TIMEOUT:
    case FIRN_END_DIED:
    default:
        return "nobody was left to guard them";
    }
}

static char *note_text(const FirnState *state)
{
    FirnStateHead *head = state->head;
    g_autoptr(GDateTime) time =
        g_date_time_new_from_unix_local((head->thaw_begin + head->real_offset) / 1000000000);
    g_autofree char *when = time ? g_date_time_format_iso8601(time) : g_strdup("an unknown time");

    return g_strdup_printf("%d filesystems were thawed early at %s because %s: what was copied "
                           "since then is not a consistent snapshot",
                           g_atomic_int_get(&head->frozen), when,
                           why_early((FirnEnd)g_atomic_int_get(&head->end)));
}

static void write_note(const FirnState *state, const char *folder)
{
    g_autofree char *path = g_build_filename(folder, NOTE_NAME, NULL);
    g_autofree char *text = note_text(state);
    g_autoptr(GError) error = NULL;

    g_warning("%s", text);
    if (!g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error))
        g_warning("the host will not be told: %s", error->message);
}

char *firn_finish_take_note(const char *state_dir)
{
    g_autofree char *path = g_build_filename(state_dir, NOTE_NAME, NULL);
    char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return NULL;
    unlink(path);
    return text;
}

static gboolean is_mine(const FirnState *state)
{
    int ender = g_atomic_int_get(&state->head->ender);

    return ender == 0 || ender == (int)getpid();
}

gboolean firn_finish(FirnState *state)
{
    g_autofree char *folder = g_path_get_dirname(state->path);

    if (!is_mine(state))
        return FALSE;
    firn_state_advance(state, FIRN_PHASE_THAW_HOOKS);
    if (g_atomic_int_get(&state->head->early))
        write_note(state, folder);
    firn_hooks_thaw(state);
    if (!is_mine(state))
        return FALSE;
    state->head->finished = firn_state_now();
    firn_account_tell_end(state, folder);
    firn_state_advance(state, FIRN_PHASE_DONE);
    return TRUE;
}

/* The guard, which this was, has closed its streams, and has left a descriptor open on purpose: a
 * hook gets streams, and no hook's child keeps that descriptor. */
static void settle_in(void)
{
    int fd;

    while ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0 && fd <= STDERR_FILENO)
        fcntl(fd, F_SETFD, 0);
    if (fd >= 0)
        close(fd);
    firn_descriptors_keep_private();
}

int firn_finish_main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(FirnState) state = argc == 2 ? firn_state_open_file(argv[1], &error) : NULL;
    const char *log_file;

    prctl(PR_SET_NAME, FIRN_GUARD_NAME);
    umask(077);
    settle_in();
    if (!state || g_atomic_int_get(&state->head->ender) != (gint)getpid()) {
        fprintf(stderr, "firn finish is for firn's own guard process: it ends a freeze\n");
        return EXIT_FAILURE;
    }
    /* a log may lie on what hangs */
    log_file = firn_walk_find_stuck(state) < 0 ? firn_state_text(state, state->head->log_file) : "";
    if (!firn_log_open(*log_file ? log_file : NULL, state->head->verbose != 0, &error))
        g_warning("%s", error->message);
    /* what hangs still removes it when that has returned */
    if (firn_finish(state) && firn_walk_find_stuck(state) < 0)
        firn_state_remove(state);
    firn_log_close();
    return EXIT_SUCCESS;
}
