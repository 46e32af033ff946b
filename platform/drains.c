/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/drains.h"

#include <errno.h>
#include <glib-unix.h>
#include <unistd.h>

/* Each is a descriptor. */
#define DRAINS_MAX 64

typedef struct {
    FirnDrains *drains;
    int fd;
    GSource *source;
    GList link; /* in the queue */
} Drain;

struct FirnDrains {
    GQueue open; /* of Drain, oldest first */
};

static void drain_free(Drain *drain)
{
    g_queue_unlink(&drain->drains->open, &drain->link);
    g_source_destroy(drain->source);
    g_source_unref(drain->source);
    close(drain->fd);
    g_free(drain);
}

/* One read a turn: whoever writes without end gets no more than a turn of the main loop. */
static gboolean drain_ready(gint fd, GIOCondition condition, gpointer data)
{
    char buffer[16 * 1024];
    gssize length = read(fd, buffer, sizeof(buffer));

    if (length > 0 || (length < 0 && (errno == EAGAIN || errno == EINTR)))
        return G_SOURCE_CONTINUE;
    drain_free(data);
    return G_SOURCE_REMOVE;
}

FirnDrains *firn_drains_new(void)
{
    FirnDrains *drains = g_new0(FirnDrains, 1);

    g_queue_init(&drains->open);
    return drains;
}

void firn_drains_free(FirnDrains *drains)
{
    if (!drains)
        return;
    while (drains->open.head)
        drain_free(drains->open.head->data);
    g_free(drains);
}

void firn_drains_add(FirnDrains *drains, int fd)
{
    Drain *drain = g_new0(Drain, 1);

    if (drains->open.length == DRAINS_MAX)
        drain_free(drains->open.head->data);
    drain->drains = drains;
    drain->fd = fd;
    drain->source = g_unix_fd_source_new(fd, G_IO_IN | G_IO_HUP | G_IO_ERR);
    g_source_set_priority(drain->source, G_PRIORITY_LOW);
    g_source_set_callback(drain->source, G_SOURCE_FUNC(drain_ready), drain, NULL);
    g_source_attach(drain->source, NULL);
    drain->link.data = drain;
    g_queue_push_tail_link(&drains->open, &drain->link);
}

guint firn_drains_count(const FirnDrains *drains)
{
    return drains->open.length;
}
