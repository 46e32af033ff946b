/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/prove/truth.h"

#include <check.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

const char *const prove_places[] = {"/mnt/ext4", "/mnt/xfs", "/mnt/btrfs", "/mnt/copy1"};

void prove_truth_init(ProveTruth *truth)
{
    memset(truth, 0, sizeof(*truth));
    for (guint i = 0; i < G_N_ELEMENTS(prove_places); i++) {
        struct stat folder;

        ck_assert_int_eq(stat(prove_places[i], &folder), 0);
        truth->device[i] = folder.st_dev;
    }
}

void prove_truth_reset(ProveTruth *truth)
{
    memset(truth->lost, 0, sizeof(truth->lost));
    truth->most = 0;
    truth->first_thaw = 0;
}

static gboolean is_freeze(const TestTracee *tracee)
{
    return tracee->call == SYS_ioctl && (guint32)tracee->args[1] == (guint32)FIFREEZE;
}

static gboolean is_thaw(const TestTracee *tracee)
{
    return tracee->call == SYS_ioctl && (guint32)tracee->args[1] == (guint32)FITHAW;
}

int prove_truth_place(const ProveTruth *truth, const TestTracee *tracee)
{
    g_autofree char *path = NULL;
    struct stat folder;

    if (!is_freeze(tracee) && !is_thaw(tracee))
        return PROVE_NOWHERE;
    path = g_strdup_printf("/proc/%d/fd/%d", tracee->pid, (int)tracee->args[0]);
    if (stat(path, &folder) != 0)
        return PROVE_NOWHERE;
    for (guint i = 0; i < G_N_ELEMENTS(prove_places); i++) {
        if (truth->device[i] == folder.st_dev)
            return (int)i;
    }
    return PROVE_NOWHERE;
}

guint prove_truth_count(const ProveTruth *truth)
{
    guint count = 0;

    for (guint i = 0; i < PROVE_PLACES; i++)
        count += truth->frozen[i];
    return count;
}

void prove_truth_enter(ProveTruth *truth, const TestTracee *tracee)
{
    int place = is_thaw(tracee) ? prove_truth_place(truth, tracee) : PROVE_NOWHERE;

    if (place != PROVE_NOWHERE && place != PROVE_FOREIGN && truth->first_thaw == 0)
        truth->first_thaw = g_get_monotonic_time();
}

void prove_truth_leave(ProveTruth *truth, const TestTracee *tracee)
{
    int place =
        tracee->injected || tracee->result < 0 ? PROVE_NOWHERE : prove_truth_place(truth, tracee);

    if (place == PROVE_NOWHERE)
        return;
    truth->frozen[place] = is_freeze(tracee);
    truth->most = MAX(truth->most, prove_truth_count(truth));
    if (prove_truth_count(truth) == 0)
        truth->begin = 0;
    else if (truth->begin == 0)
        truth->begin = g_get_monotonic_time();
}

void prove_truth_lose(ProveTruth *truth, const TestTracee *tracee)
{
    int place = prove_truth_place(truth, tracee);

    if (place != PROVE_NOWHERE)
        truth->lost[place] = TRUE;
}
