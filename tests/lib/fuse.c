/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/fuse.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534
#define REQUEST_MAX (1024 * 1024)
#define ROOT_NODE 1
#define DATA_NODE 2
#define PATIENCE_US (60 * G_USEC_PER_SEC)

static volatile sig_atomic_t server_hangs;

static void server_switch(int signal)
{
    server_hangs = signal == SIGUSR1;
}

static void server_reply(int fd, const struct fuse_in_header *in, int error, const void *body,
                         gsize length)
{
    struct fuse_out_header out = {
        .len = (guint32)(sizeof(out) + length), .error = -error, .unique = in->unique};
    struct iovec parts[] = {{&out, sizeof(out)}, {(void *)(guintptr)body, length}};

    if (writev(fd, parts, 2) < 0) {
        /* the request was interrupted */
    }
}

static struct fuse_attr server_attributes(guint64 node, uid_t owner)
{
    return (struct fuse_attr){.ino = node,
                              .mode = S_IFDIR | 0755,
                              .nlink = 2,
                              .uid = owner,
                              .gid = owner,
                              .blksize = 4096};
}

static void server_begin(int fd, const struct fuse_in_header *in)
{
    const struct fuse_init_in *init = (const void *)(in + 1);
    struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION,
                                .minor = MIN(init->minor, FUSE_KERNEL_MINOR_VERSION),
                                .max_readahead = 65536,
                                .max_background = 12,
                                .congestion_threshold = 12,
                                .max_write = 65536,
                                .time_gran = 1};

    server_reply(fd, in, 0, &out, sizeof(out));
}

static void server_look_up(int fd, const struct fuse_in_header *in, uid_t owner)
{
    struct fuse_entry_out out = {.nodeid = DATA_NODE, .attr = server_attributes(DATA_NODE, owner)};

    if (in->nodeid == ROOT_NODE && !strcmp((const char *)(in + 1), "data"))
        server_reply(fd, in, 0, &out, sizeof(out));
    else
        server_reply(fd, in, ENOENT, NULL, 0);
}

static void server_answer(int fd, const struct fuse_in_header *in, uid_t owner)
{
    struct fuse_attr_out attributes = {.attr = server_attributes(in->nodeid, owner)};
    struct fuse_open_out opened = {0};
    struct fuse_statfs_out numbers = {.st = {.bsize = 4096, .namelen = 255, .frsize = 4096}};

    switch (in->opcode) {
    case FUSE_INIT:
        server_begin(fd, in);
        break;
    case FUSE_LOOKUP:
        server_look_up(fd, in, owner);
        break;
    case FUSE_GETATTR:
        server_reply(fd, in, 0, &attributes, sizeof(attributes));
        break;
    case FUSE_OPEN:
    case FUSE_OPENDIR:
        server_reply(fd, in, 0, &opened, sizeof(opened));
        break;
    case FUSE_STATFS:
        server_reply(fd, in, 0, &numbers, sizeof(numbers));
        break;
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
    case FUSE_FLUSH:
    case FUSE_ACCESS:
        server_reply(fd, in, 0, NULL, 0);
        break;
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
        break; /* no answer is due */
    default:
        server_reply(fd, in, ENOSYS, NULL, 0);
    }
}

G_NORETURN static void server_run(int fd, uid_t owner, gboolean dead)
{
    char *request = g_malloc(REQUEST_MAX);

    for (;;) {
        struct pollfd entry = {.fd = fd, .events = POLLIN};
        const struct fuse_in_header *in = (const void *)request;

        /* what is not taken can be interrupted by whoever waits for it */
        if (server_hangs) {
            g_usleep(20000);
            continue;
        }
        if (poll(&entry, 1, 50) != 1 || server_hangs || read(fd, request, REQUEST_MAX) < 0)
            continue;
        server_answer(fd, in, owner);
        if (dead && in->opcode == FUSE_INIT)
            server_hangs = TRUE;
    }
}

static gboolean is_fuse(const char *folder)
{
    g_autofree char *text = NULL;
    g_autofree char *mount = g_strdup_printf(" %s ", folder);
    g_auto(GStrv) lines = NULL;

    if (!g_file_get_contents("/proc/self/mountinfo", &text, NULL, NULL))
        return FALSE;
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        if (strstr(*line, mount) && strstr(*line, " - fuse"))
            return TRUE;
    }
    return FALSE;
}

TestFuse test_fuse_begin(const char *folder, int flags)
{
    TestFuse fuse = {.folder = folder};
    gboolean private = flags & TEST_FUSE_PRIVATE;
    uid_t owner = private ? NOBODY : 0;
    int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    g_autofree char *options = g_strdup_printf("fd=%d,rootmode=40000,user_id=%d,group_id=%d%s", fd,
                                               owner, owner, private ? "" : ",allow_other");

    ck_assert_msg(fd >= 0, "/dev/fuse: %s", g_strerror(errno));
    g_mkdir_with_parents(folder, 0755);
    fuse.server = fork();
    ck_assert_int_ge(fuse.server, 0);
    if (fuse.server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGUSR1, server_switch);
        signal(SIGUSR2, server_switch);
        if (mount("firn-test", folder, "fuse.firn-test", 0, options) < 0)
            _exit(1);
        server_run(fd, owner, flags & TEST_FUSE_DEAD);
    }
    close(fd);
    for (gint64 end = g_get_monotonic_time() + PATIENCE_US; !is_fuse(folder);) {
        ck_assert_msg(g_get_monotonic_time() < end, "no FUSE on %s", folder);
        g_usleep(5000);
    }
    g_usleep(200000); /* the mount's own first request is answered by then */
    return fuse;
}

void test_fuse_hang(const TestFuse *fuse)
{
    kill(fuse->server, SIGUSR1);
    g_usleep(200000);
}

void test_fuse_go_on(const TestFuse *fuse)
{
    kill(fuse->server, SIGUSR2);
    g_usleep(200000);
}

void test_fuse_end(TestFuse *fuse)
{
    kill(fuse->server, SIGKILL);
    waitpid(fuse->server, NULL, 0);
    umount2(fuse->folder, MNT_DETACH);
}
