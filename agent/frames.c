/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/frames.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Tells that both ends speak the same; "FRN1". */
#define MAGIC 0x464e5231
/* A request of a client has 64 MiB at most, an answer what exec-output-max lets be. */
#define LENGTH_MAX ((guint64)1 << 31)

/* Bytes that are cleared when they are freed. */
typedef struct {
    gsize length;
    guint8 *data;
    int fd; /* that goes with the first of them; -1: none */
} Buffer;

struct FirnFrames {
    int fd;
    const char *const *types;
    guint count;
    FirnFrameArrived arrived;
    FirnFrameGone gone;
    gpointer data;
    GSource *in_source, *out_source;
    FirnFrameHead head; /* of the message that comes */
    gsize got;          /* bytes of it, head and value */
    Buffer *value;      /* once the head is complete */
    int value_fd;       /* what came with it; -1: none */
    GQueue unsent;      /* of Buffer */
    gsize sent;         /* bytes of the first of them */
    gboolean reading;   /* a callback may run: it is freed after it */
    gboolean dead;
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static Buffer *buffer_new(gsize length)
{
    Buffer *buffer = g_new(Buffer, 1);

    buffer->length = length;
    buffer->fd = -1;
    buffer->data = g_try_malloc(MAX(length, 1));
    if (buffer->data)
        return buffer;
    g_free(buffer);
    return NULL;
}

static void buffer_free(gpointer data)
{
    Buffer *buffer = data;

    if (!buffer)
        return;
    explicit_bzero(buffer->data, buffer->length);
    g_free(buffer->data);
    close_fd(&buffer->fd);
    g_free(buffer);
}

static void drop_source(GSource **source)
{
    if (*source)
        g_source_destroy(*source);
    g_clear_pointer(source, g_source_unref);
}

static GSource *frames_watch(FirnFrames *frames, GIOCondition condition, GUnixFDSourceFunc ready)
{
    GSource *source = g_unix_fd_source_new(frames->fd, condition);

    g_source_set_callback(source, G_SOURCE_FUNC(ready), frames, NULL);
    g_source_set_can_recurse(source, TRUE); /* cheaper, see platform/watch.h */
    g_source_attach(source, NULL);
    return source;
}

/* Hands on a complete message. FALSE when it is none, or nobody wants another. */
static gboolean frames_deliver(FirnFrames *frames)
{
    const GVariantType *type = G_VARIANT_TYPE(frames->types[frames->head.kind]);
    Buffer *buffer = g_steal_pointer(&frames->value);
    FirnFrameHead head = frames->head;
    g_autoptr(GVariant) value = g_variant_ref_sink(
        g_variant_new_from_data(type, buffer->data, buffer->length, FALSE, buffer_free, buffer));

    frames->got = 0;
    if (!g_variant_is_normal_form(value))
        return FALSE;
    frames->arrived(frames, &head, value, frames->data);
    close_fd(&frames->value_fd);
    return !frames->dead;
}

static gboolean frames_head_is_right(const FirnFrames *frames)
{
    const FirnFrameHead *head = &frames->head;

    return head->magic == MAGIC && head->kind < frames->count && frames->types[head->kind] &&
           head->length <= LENGTH_MAX;
}

/* Where the next bytes go, and how many are wanted there. */
static gsize frames_wanted(FirnFrames *frames, guint8 **place)
{
    gsize in_value;

    if (frames->got < sizeof frames->head) {
        *place = (guint8 *)&frames->head + frames->got;
        return sizeof frames->head - frames->got;
    }
    in_value = frames->got - sizeof frames->head;
    *place = frames->value->data + in_value;
    return frames->value->length - in_value;
}

/* After bytes have come. FALSE when they are wrong or `frames` is gone. */
static gboolean frames_took(FirnFrames *frames, gsize length)
{
    frames->got += length;
    if (frames->got == sizeof frames->head) {
        if (!frames_head_is_right(frames))
            return FALSE;
        frames->value = buffer_new((gsize)frames->head.length);
        if (!frames->value)
            return FALSE;
    }
    if (frames->got >= sizeof frames->head &&
        frames->got - sizeof frames->head == frames->value->length)
        return frames_deliver(frames);
    return TRUE;
}

static void frames_end(FirnFrames *frames)
{
    drop_source(&frames->in_source);
    drop_source(&frames->out_source);
    frames->gone(frames, frames->data);
}

static void frames_destroy(FirnFrames *frames)
{
    close(frames->fd);
    buffer_free(frames->value);
    close_fd(&frames->value_fd);
    g_queue_clear_full(&frames->unsent, buffer_free);
    g_free(frames);
}

/* Room for one descriptor in a message (cmsg(3)). */
typedef union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr head; /* for its alignment */
} Control;

/* As read(2) does, and takes a descriptor where one comes. */
static gssize frames_receive(FirnFrames *frames, guint8 *place, gsize wanted)
{
    struct iovec room = {place, wanted};
    Control control;
    struct msghdr message = {.msg_iov = &room,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    gssize length = recvmsg(frames->fd, &message, MSG_CMSG_CLOEXEC);
    struct cmsghdr *head = length > 0 ? CMSG_FIRSTHDR(&message) : NULL;

    if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS) {
        close_fd(&frames->value_fd);
        memcpy(&frames->value_fd, CMSG_DATA(head), sizeof(int));
    }
    return length;
}

static gboolean frames_readable(gint fd, GIOCondition condition, gpointer data)
{
    FirnFrames *frames = data;
    guint8 *place;
    gsize wanted = frames_wanted(frames, &place);
    gssize length = frames_receive(frames, place, wanted);
    gboolean dead;

    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return G_SOURCE_CONTINUE;
    frames->reading = TRUE;
    if ((length <= 0 || !frames_took(frames, (gsize)length)) && !frames->dead)
        frames_end(frames);
    frames->reading = FALSE;
    dead = frames->dead;
    if (dead)
        frames_destroy(frames);
    return dead ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

static void message_add_fd(struct msghdr *message, Control *control, int fd)
{
    memset(control, 0, sizeof *control);
    message->msg_control = control->bytes;
    message->msg_controllen = sizeof control->bytes;
    control->head = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control->head), &fd, sizeof fd);
}

/* FALSE when nothing more can be sent now. */
static gboolean frames_send_some(FirnFrames *frames)
{
    Buffer *first = g_queue_peek_head(&frames->unsent);
    struct iovec rest;
    struct msghdr message = {.msg_iov = &rest, .msg_iovlen = 1};
    Control control;
    gssize length;

    if (!first)
        return FALSE;
    rest = (struct iovec){first->data + frames->sent, first->length - frames->sent};
    if (first->fd >= 0 && frames->sent == 0)
        message_add_fd(&message, &control, first->fd);
    length = sendmsg(frames->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (length < 0)
        return errno == EINTR;
    frames->sent += (gsize)length;
    if (frames->sent == first->length) {
        buffer_free(g_queue_pop_head(&frames->unsent));
        frames->sent = 0;
    }
    return TRUE;
}

/* A broken connection is for the reading side to find out. */
static gboolean frames_writable(gint fd, GIOCondition condition, gpointer data)
{
    FirnFrames *frames = data;

    while (frames_send_some(frames))
        continue;
    if (!g_queue_is_empty(&frames->unsent) && !(condition & (G_IO_HUP | G_IO_ERR)))
        return G_SOURCE_CONTINUE;
    drop_source(&frames->out_source);
    return G_SOURCE_REMOVE;
}

FirnFrames *firn_frames_new(int fd, const char *const *types, guint count, FirnFrameArrived arrived,
                            FirnFrameGone gone, gpointer data)
{
    FirnFrames *frames = g_new0(FirnFrames, 1);

    frames->fd = fd;
    frames->value_fd = -1;
    frames->types = types;
    frames->count = count;
    frames->arrived = arrived;
    frames->gone = gone;
    frames->data = data;
    g_queue_init(&frames->unsent);
    frames->in_source = frames_watch(frames, G_IO_IN | G_IO_HUP | G_IO_ERR, frames_readable);
    return frames;
}

void firn_frames_free(FirnFrames *frames)
{
    if (!frames)
        return;
    drop_source(&frames->in_source);
    drop_source(&frames->out_source);
    frames->dead = TRUE;
    if (!frames->reading)
        frames_destroy(frames);
}

void firn_frames_send(FirnFrames *frames, guint32 kind, guint64 serial, GVariant *value, int fd)
{
    g_autoptr(GVariant) kept = g_variant_ref_sink(value);
    FirnFrameHead head = {MAGIC, kind, serial, g_variant_get_size(kept), fd >= 0};
    Buffer *buffer = buffer_new(sizeof head + (gsize)head.length);

    g_assert(buffer);
    memcpy(buffer->data, &head, sizeof head);
    g_variant_store(kept, buffer->data + sizeof head);
    if (fd >= 0)
        buffer->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    g_queue_push_tail(&frames->unsent, buffer);
    while (frames_send_some(frames))
        continue;
    if (!g_queue_is_empty(&frames->unsent) && !frames->out_source && frames->in_source)
        frames->out_source = frames_watch(frames, G_IO_OUT, frames_writable);
}

int firn_frames_take_fd(FirnFrames *frames)
{
    int fd = frames->value_fd;

    frames->value_fd = -1;
    return fd;
}

GVariant *firn_frames_bytes(guint8 *bytes, gsize length)
{
    Buffer *buffer = g_new(Buffer, 1);

    *buffer = (Buffer){length, bytes ? bytes : g_malloc0(1), -1};
    return g_variant_new_from_data(G_VARIANT_TYPE_BYTESTRING, buffer->data, length, TRUE,
                                   buffer_free, buffer);
}
