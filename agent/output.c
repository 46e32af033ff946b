/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/output.h"

#include <errno.h>
#include <sys/uio.h>

/* Lines that one writev() takes together. */
#define BATCH 64

struct FirnOutput {
    GQueue lines;  /* of GString */
    gsize written; /* bytes of the first line that are gone already */
    gsize queued;  /* bytes still to go */
    gsize full_at;
};

FirnOutput *firn_output_new(gsize full_at)
{
    FirnOutput *output = g_new0(FirnOutput, 1);

    g_queue_init(&output->lines);
    output->full_at = full_at;
    return output;
}

static void line_free(gpointer line)
{
    g_string_free(line, TRUE);
}

void firn_output_clear(FirnOutput *output)
{
    g_queue_clear_full(&output->lines, line_free);
    output->written = 0;
    output->queued = 0;
}

void firn_output_free(FirnOutput *output)
{
    if (!output)
        return;
    firn_output_clear(output);
    g_free(output);
}

void firn_output_push(FirnOutput *output, GString *line)
{
    if (line->len == 0) {
        line_free(line);
        return;
    }
    output->queued += line->len;
    g_queue_push_tail(&output->lines, line);
}

gboolean firn_output_is_empty(const FirnOutput *output)
{
    return output->queued == 0;
}

gboolean firn_output_is_begun(const FirnOutput *output)
{
    return output->written > 0;
}

gboolean firn_output_is_full(const FirnOutput *output)
{
    return output->queued >= output->full_at;
}

static void drop_written(FirnOutput *output, gsize count)
{
    output->queued -= count;
    output->written += count;
    while (output->lines.length > 0) {
        GString *first = g_queue_peek_head(&output->lines);

        if (output->written < first->len)
            return;
        output->written -= first->len;
        line_free(g_queue_pop_head(&output->lines));
    }
}

static int fill_batch(const FirnOutput *output, struct iovec *batch)
{
    gsize skip = output->written;
    int count = 0;

    for (GList *item = output->lines.head; item && count < BATCH; item = item->next) {
        const GString *line = item->data;

        batch[count].iov_base = line->str + skip;
        batch[count].iov_len = line->len - skip;
        skip = 0;
        count++;
    }
    return count;
}

gboolean firn_output_write(FirnOutput *output, int fd)
{
    struct iovec batch[BATCH];

    while (output->queued > 0) {
        ssize_t n = writev(fd, batch, fill_batch(output, batch));

        if (n > 0)
            drop_written(output, (gsize)n);
        else if (n == 0 || errno == EAGAIN)
            return TRUE;
        else if (errno != EINTR)
            return FALSE;
    }
    return TRUE;
}
