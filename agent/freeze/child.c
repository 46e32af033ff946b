/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/child.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "platform/descriptors.h"

static int compare_ints(gconstpointer a, gconstpointer b)
{
    return *(const int *)a - *(const int *)b;
}

/* The targets' descriptors and `pipe`, sorted; free with g_free(). */
static int *child_list_kept(const FirnRecord *record, int pipe, guint *count)
{
    int *kept = g_new(int, record->head->target_count + 1);

    *count = 0;
    for (guint i = 0; i < record->head->target_count; i++) {
        if (record->fds[i] >= 0)
            kept[(*count)++] = record->fds[i];
    }
    if (pipe >= 0)
        kept[(*count)++] = pipe;
    qsort(kept, *count, sizeof *kept, compare_ints);
    return kept;
}

pid_t firn_child_fork(const FirnRecord *record, int pipe)
{
    guint count;
    g_autofree int *kept = child_list_kept(record, pipe, &count);
    pid_t pid = fork();

    if (pid == 0)
        firn_descriptors_close_but(kept, count);
    return pid;
}

void firn_child_call(const char *name)
{
    int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    prctl(PR_SET_NAME, name);
    if (score < 0)
        return;
    if (write(score, "-1000", 5) < 0) {
        /* it may not: the kernel's choice is as good as any */
    }
    close(score);
}
