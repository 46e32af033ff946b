/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/bench/writers.h"

#include "tests/bench/samples.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 4096

typedef struct {
    char *path;
    int fd;
    gint *stop;
    double longest;
    GThread *thread;
} Writer;

struct Writers {
    GPtrArray *all;
    gint stop;
};

static gpointer run(gpointer data)
{
    Writer *writer = data;
    static const char block[BLOCK];

    for (off_t at = 0; !g_atomic_int_get(writer->stop); at = (at + BLOCK) % (4 << 20)) {
        double begin = samples_now(), took;

        if (pwrite(writer->fd, block, BLOCK, at) != BLOCK)
            g_error("cannot write '%s': %s", writer->path, g_strerror(errno));
        took = samples_now() - begin;
        writer->longest = MAX(writer->longest, took);
        g_usleep(1000);
    }
    return NULL;
}

Writers *writers_start(char **mountpoints)
{
    Writers *writers = g_new0(Writers, 1);

    writers->all = g_ptr_array_new();
    for (char **mountpoint = mountpoints; *mountpoint; mountpoint++) {
        Writer *writer = g_new0(Writer, 1);

        writer->path = g_build_filename(*mountpoint, "steady", NULL);
        writer->fd = open(writer->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (writer->fd < 0)
            g_error("cannot make '%s': %s", writer->path, g_strerror(errno));
        writer->stop = &writers->stop;
        writer->thread = g_thread_new("writer", run, writer);
        g_ptr_array_add(writers->all, writer);
    }
    return writers;
}

double writers_stop(Writers *writers)
{
    double longest = 0;

    g_atomic_int_set(&writers->stop, 1);
    for (guint i = 0; i < writers->all->len; i++) {
        Writer *writer = writers->all->pdata[i];

        g_thread_join(writer->thread);
        longest = MAX(longest, writer->longest);
        close(writer->fd);
        g_free(writer->path);
        g_free(writer);
    }
    g_ptr_array_unref(writers->all);
    g_free(writers);
    return longest;
}

void writers_make_dirty(const char *mountpoint, gsize bytes)
{
    g_autofree char *path = g_build_filename(mountpoint, "dirty", NULL);
    g_autofree char *block = g_malloc(1 << 20);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    memset(block, (int)(g_random_int() & 0xff), 1 << 20);
    for (gsize at = 0; at < bytes; at += 1 << 20) {
        if (fd < 0 || pwrite(fd, block, 1 << 20, (off_t)at) != 1 << 20)
            g_error("cannot write '%s': %s", path, g_strerror(errno));
    }
    close(fd);
}
