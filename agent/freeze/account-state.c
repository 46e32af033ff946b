/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/account-state.h"

#include "agent/freeze/journal.h"
#include "agent/freeze/report.h"
#include "platform/pidfd.h"

#include <sys/wait.h>
#include <unistd.h>

static gint64 since(const FirnState *state, gint64 nanoseconds)
{
    return nanoseconds == 0 ? FIRN_NEVER : (nanoseconds - state->head->begin) / 1000;
}

static FirnOutcome outcome_of(FirnTargetState target)
{
    switch (target) {
    case FIRN_TARGET_FREEZING:
        return FIRN_OUTCOME_STUCK;
    case FIRN_TARGET_FROZEN:
    case FIRN_TARGET_THAWING:
    case FIRN_TARGET_THAWED:
        return FIRN_OUTCOME_FROZEN;
    case FIRN_TARGET_UNSUPPORTED:
        return FIRN_OUTCOME_UNSUPPORTED;
    case FIRN_TARGET_FOREIGN:
        return FIRN_OUTCOME_FOREIGN;
    case FIRN_TARGET_HIDDEN:
        return FIRN_OUTCOME_HIDDEN;
    case FIRN_TARGET_FAILED:
        return FIRN_OUTCOME_FAILED;
    case FIRN_TARGET_PENDING:
    default:
        return FIRN_OUTCOME_PENDING;
    }
}

static FirnThawReason reason_of(FirnEnd end)
{
    switch (end) {
    case FIRN_END_REQUEST:
        return FIRN_THAW_REQUEST;
    case FIRN_END_FAILED:
        return FIRN_THAW_FAILED;
    case FIRN_END_EMPTY:
        return FIRN_THAW_EMPTY;
    case FIRN_END_CANCELLED:
        return FIRN_THAW_CANCELLED;
    case FIRN_END_WALK_TIMEOUT:
        return FIRN_THAW_WALK_TIMEOUT;
    case FIRN_END_DEADLINE:
        return FIRN_THAW_DEADLINE;
    case FIRN_END_SHUTDOWN:
        return FIRN_THAW_SHUTDOWN;
    case FIRN_END_DIED:
        return FIRN_THAW_DIED;
    case FIRN_END_NONE:
    default:
        return FIRN_THAW_NONE;
    }
}

static void add_filesystem(FirnAccount *account, const FirnState *state, FirnStateTarget *target)
{
    FirnAccountFilesystem *filesystem = firn_account_add_filesystem(
        account, firn_state_text(state, target->mountpoint), firn_state_text(state, target->type),
        firn_state_text(state, target->source), (dev_t)target->device);

    filesystem->outcome = outcome_of((FirnTargetState)g_atomic_int_get(&target->state));
    filesystem->error = target->error;
    filesystem->thaw_error = target->thaw_error;
    filesystem->sync_begin = since(state, target->sync_begin);
    filesystem->sync_end = since(state, target->sync_end);
    filesystem->freeze_begin = since(state, target->freeze_begin);
    filesystem->freeze_end = since(state, target->freeze_end);
    filesystem->thaw_begin = since(state, target->thaw_begin);
    filesystem->thaw_end = since(state, target->thaw_end);
}

/* As a shell would say it; -1 when it timed out or could not be started. */
static int exit_status(int status)
{
    if (status < 0)
        return -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void add_hooks(FirnAccount *account, const FirnState *state)
{
    guint count = state->head->hook_count;

    for (guint i = 0; i < count; i++) {
        const FirnStateHook *hook = &state->hooks[i];

        if (hook->freeze_begin != 0)
            firn_account_add_hook(account, firn_state_text(state, hook->path), FALSE,
                                  since(state, hook->freeze_begin), since(state, hook->freeze_end),
                                  exit_status(hook->status));
    }
    for (guint i = count; i > 0; i--) {
        const FirnStateHook *hook = &state->hooks[i - 1];

        if (hook->thaw_begin != 0)
            firn_account_add_hook(account, firn_state_text(state, hook->path), TRUE,
                                  since(state, hook->thaw_begin), since(state, hook->thaw_end),
                                  exit_status(hook->thaw_status));
    }
}

FirnAccount *firn_account_of_state(const FirnState *state)
{
    FirnStateHead *head = state->head;
    FirnAccount *account = firn_account_new(firn_state_text(state, head->who),
                                            (head->begin + head->real_offset) / 1000);

    account->resync_begin = since(state, head->last_sync_begin);
    account->resync_end = since(state, head->last_sync_end);
    account->freeze_begin = since(state, head->walk_begin);
    account->freeze_end = since(state, head->walk_end);
    account->thaw_begin = since(state, head->thaw_begin);
    account->thaw_end = since(state, head->thaw_end);
    account->frozen = (guint)g_atomic_int_get(&head->frozen);
    account->thawed = (guint)g_atomic_int_get(&head->thawed);
    account->thaw_reason = reason_of((FirnEnd)g_atomic_int_get(&head->end));
    if (head->message[0])
        account->error = g_strndup(head->message, sizeof head->message);
    for (guint i = 0; i < head->target_count; i++)
        add_filesystem(account, state, &state->targets[i]);
    add_hooks(account, state);
    return account;
}

void firn_account_tell_freeze(FirnState *state)
{
    g_autoptr(FirnAccount) account = firn_account_of_state(state);

    g_atomic_int_set(&state->head->told, (gint)getpid());
    firn_journal_freeze(account);
}

/* Nobody has logged how the freeze went, or one who was killed with the entry in its memory. */
static gboolean is_untold(const FirnState *state)
{
    FirnStateHead *head = state->head;
    int who = g_atomic_int_get(&head->told);

    if (head->walk_end == 0 && !head->message[0])
        return FALSE; /* it did not come to an end */
    return who == 0 || (who != (int)getpid() && !firn_pid_is_running(who));
}

void firn_account_tell_end(const FirnState *state, const char *state_dir)
{
    g_autoptr(FirnAccount) account = firn_account_of_state(state);
    g_autoptr(GError) error = NULL;

    if (is_untold(state))
        firn_journal_freeze(account);
    firn_journal_thaw(account);
    if (!firn_report_store(state_dir, state->head->report_keep, account, &error))
        g_warning("no report of this freeze: %s", error->message);
}
