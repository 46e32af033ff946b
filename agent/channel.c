/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/channel.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/output.h"
#include "agent/transport.h"
#include "platform/watch.h"

#define CHUNK (64 * 1024)
/* Replies made ahead of a client that does not read; one reply may be larger. */
#define OUTPUT_FULL (256 * 1024)
/* How long the answer to a request waits for the word that its host is there. */
#define EARLY_MS 200
/* How often a missing device is tried again, and accepting after the descriptors ran out. */
#define RETRY_MS 1000

struct FirnChannel {
    const FirnConfig *config;
    FirnChannelEvents events;
    gpointer data;

    int listener;      /* -1 for serial methods */
    gboolean own_path; /* the listener's path is ours to remove */
    int fd;            /* the client or the device; -1 when there is none */
    FirnOutput *output;
    gboolean reading;
    gboolean at_eof;    /* the client sends no more */
    gboolean finishing; /* every reply is queued */
    gboolean gathering; /* replies to the bytes at hand are sent together */
    gboolean mute;      /* the client takes no more: replies are dropped */

    guint accept_source;
    guint in_source;
    GIOCondition in_condition;
    guint out_source;
    guint dormant_source; /* while no host is there */
    int dormant;          /* its epoll descriptor, or -1 */
    gint64 last_read;     /* when bytes came, in microseconds of the monotonic clock */
    guint timer;
    char chunk[CHUNK];
};

static void update(FirnChannel *channel);
static void device_missing(FirnChannel *channel);
static void write_out(FirnChannel *channel);

static void clear_source(guint *source)
{
    if (*source)
        g_source_remove(*source);
    *source = 0;
}

static void end_dormancy(FirnChannel *channel)
{
    clear_source(&channel->dormant_source);
    clear_source(&channel->timer);
    if (channel->dormant >= 0)
        close(channel->dormant);
    channel->dormant = -1;
}

static void unwatch(FirnChannel *channel)
{
    clear_source(&channel->in_source);
    clear_source(&channel->out_source);
}

/* What the client left behind must not reach the next one. */
static void forget_client(FirnChannel *channel)
{
    firn_output_clear(channel->output);
    channel->at_eof = FALSE;
    channel->finishing = FALSE;
    channel->mute = FALSE;
    channel->events.left(channel->data);
}

static void close_fd(FirnChannel *channel)
{
    unwatch(channel);
    close(channel->fd);
    channel->fd = -1;
    forget_client(channel);
}

/* The device is gone: unplugged, or the other end of its line hung up. */
static void device_lost(FirnChannel *channel, int code)
{
    g_autoptr(GError) error = NULL;

    close_fd(channel);
    if (channel->config->retry_path) {
        g_message("channel '%s' is lost (%s): waiting for it", channel->config->path,
                  g_strerror(code));
        device_missing(channel);
        return;
    }
    g_set_error(&error, G_FILE_ERROR, g_file_error_from_errno(code),
                "channel '%s' is lost: %s (--retry-path waits for it to come back)",
                channel->config->path, g_strerror(code));
    channel->events.lost(error, channel->data);
}

/* A tty that hung up never comes back. It reads as end of file, as a port without a host does, but
 * it polls as failed; asked anew, for the hang-up may have come after the read was due. */
static gboolean is_hung_up(int fd)
{
    struct pollfd entry = {.fd = fd};

    return poll(&entry, 1, 0) > 0 && (entry.revents & (POLLERR | POLLNVAL)) != 0;
}

/* Hands on what was read, and keeps no copy: it may hold a password. */
static void take_bytes(FirnChannel *channel, ssize_t n)
{
    channel->last_read = g_get_monotonic_time();
    channel->gathering = TRUE;
    channel->events.bytes(channel->chunk, (gsize)n, channel->data);
    explicit_bzero(channel->chunk, (gsize)n);
    channel->gathering = FALSE;
    if (channel->fd < 0 || firn_output_is_empty(channel->output))
        return;
    write_out(channel);
    update(channel);
}

/* The bytes of a host and the word that it is there come by different queues, and either may be
 * first: whoever sent a request just now may not be gone but new, and gets the reply. */
static gboolean may_be_early(FirnChannel *channel)
{
    return g_get_monotonic_time() - channel->last_read < EARLY_MS * 1000 &&
           !firn_output_is_begun(channel->output) && channel->events.cut(channel->data);
}

static gboolean on_nobody_came(gpointer data)
{
    FirnChannel *channel = data;

    channel->timer = 0;
    forget_client(channel);
    return G_SOURCE_REMOVE;
}

/* Something about the port has changed: look whether a host is there. */
static gboolean on_dormant(int dormant, GIOCondition condition, gpointer data)
{
    FirnChannel *channel = data;
    struct epoll_event event;
    gboolean gone;
    ssize_t n;

    epoll_wait(dormant, &event, 1, 0); /* what was told is not told again */
    do
        n = read(channel->fd, channel->chunk, CHUNK);
    while (n < 0 && errno == EINTR);
    gone = n == 0 && is_hung_up(channel->fd);
    if (n == 0 && !gone)
        return G_SOURCE_CONTINUE;
    end_dormancy(channel);
    if (n > 0)
        take_bytes(channel, n);
    else if (gone)
        device_lost(channel, EIO);
    else if (errno != EAGAIN)
        device_lost(channel, errno);
    update(channel);
    return G_SOURCE_REMOVE;
}

/*
 * A virtio port without a host reads as end of file and polls as hung up all the time, but the
 * kernel wakes who waits for it whenever a host comes, sends or unplugs it (port_fops_poll() and
 * handle_control_message() of drivers/char/virtio_console.c). Edge-triggered epoll reports just
 * those wakings, so that waiting costs nothing. It reports once at the start, too: nothing that
 * came before is missed.
 */
static void device_dormant(FirnChannel *channel)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET};
    int code;

    unwatch(channel);
    if (may_be_early(channel))
        channel->timer = g_timeout_add(EARLY_MS, on_nobody_came, channel);
    else
        forget_client(channel);
    channel->dormant = epoll_create1(EPOLL_CLOEXEC);
    if (channel->dormant < 0 ||
        epoll_ctl(channel->dormant, EPOLL_CTL_ADD, channel->fd, &event) < 0) {
        code = errno;
        end_dormancy(channel);
        device_lost(channel, code);
        return;
    }
    channel->dormant_source = firn_watch_fd(channel->dormant, G_IO_IN, on_dormant, channel);
}

static void at_end(FirnChannel *channel)
{
    if (channel->listener >= 0) {
        channel->at_eof = TRUE;
        update(channel);
        channel->events.eof(channel->data);
    } else if (is_hung_up(channel->fd)) {
        device_lost(channel, EIO);
    } else {
        device_dormant(channel);
    }
}

static void on_failed(FirnChannel *channel, int code)
{
    if (channel->listener < 0) {
        device_lost(channel, code);
        return;
    }
    close_fd(channel);
    update(channel);
}

static gboolean on_readable(int fd, GIOCondition condition, gpointer data)
{
    FirnChannel *channel = data;
    gboolean reads = (channel->in_condition & G_IO_IN) != 0;
    ssize_t n;

    if (!reads && channel->listener >= 0) {
        on_failed(channel, EPIPE); /* hung up while not being read */
        return G_SOURCE_CONTINUE;
    }
    n = read(fd, channel->chunk, CHUNK);
    if (n > 0)
        take_bytes(channel, n);
    else if (n == 0)
        at_end(channel);
    else if (errno != EAGAIN && errno != EINTR)
        on_failed(channel, errno);
    return G_SOURCE_CONTINUE;
}

static void write_out(FirnChannel *channel)
{
    gboolean was_full = firn_output_is_full(channel->output);

    if (!firn_output_write(channel->output, channel->fd)) {
        /* Whether the client is gone altogether is for the reading side to find out: what it sent
         * before is still done. */
        g_debug("the client takes no replies: %s", g_strerror(errno));
        firn_output_clear(channel->output);
        channel->mute = TRUE;
    }
    if (was_full && !firn_output_is_full(channel->output))
        channel->events.drained(channel->data);
}

static gboolean on_writable(int fd, GIOCondition condition, gpointer data)
{
    FirnChannel *channel = data;

    write_out(channel);
    if (channel->finishing && firn_output_is_empty(channel->output))
        close_fd(channel);
    update(channel);
    return G_SOURCE_CONTINUE;
}

static gboolean on_retry_accept(gpointer data)
{
    FirnChannel *channel = data;

    channel->timer = 0;
    update(channel);
    return G_SOURCE_REMOVE;
}

static gboolean on_acceptable(int listener, GIOCondition condition, gpointer data)
{
    FirnChannel *channel = data;
    struct sockaddr_storage peer = {0};
    socklen_t size = sizeof(peer);
    int fd = accept4(listener, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0 && !firn_transport_takes_peer(&peer, channel->config->vsock_peer)) {
        g_warning("refused a vsock client that is not the one of vsock-peer");
        close(fd);
    } else if (fd >= 0) {
        if (channel->fd >= 0)
            close_fd(channel);
        channel->fd = fd;
    } else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
        g_warning("cannot accept a client: %s", g_strerror(errno));
        channel->timer = g_timeout_add(RETRY_MS, on_retry_accept, channel);
    }
    update(channel);
    return G_SOURCE_CONTINUE;
}

/* A client that sends no more and only waits for a command gives way to the next one: it may be
 * gone, and a thaw may be what the next one wants. */
static gboolean wants_accept(const FirnChannel *channel)
{
    if (channel->listener < 0 || channel->timer)
        return FALSE;
    return channel->fd < 0 || (channel->at_eof && firn_output_is_empty(channel->output));
}

static void update_input(FirnChannel *channel)
{
    GIOCondition condition = G_IO_HUP | G_IO_ERR;

    if (channel->fd < 0)
        return;
    if (channel->reading && !channel->at_eof)
        condition |= G_IO_IN;
    if (channel->in_source && channel->in_condition == condition)
        return;
    clear_source(&channel->in_source);
    channel->in_condition = condition;
    channel->in_source = firn_watch_fd(channel->fd, condition, on_readable, channel);
}

/* Brings what is polled in line with the state. */
static void update(FirnChannel *channel)
{
    gboolean dormant = channel->listener < 0 && (channel->timer || channel->dormant_source);

    if (dormant)
        return;
    update_input(channel);
    if (channel->fd >= 0 && !firn_output_is_empty(channel->output)) {
        if (!channel->out_source)
            channel->out_source = firn_watch_fd(channel->fd, G_IO_OUT, on_writable, channel);
    } else {
        clear_source(&channel->out_source);
    }
    if (!wants_accept(channel))
        clear_source(&channel->accept_source);
    else if (!channel->accept_source)
        channel->accept_source = firn_watch_fd(channel->listener, G_IO_IN, on_acceptable, channel);
}

static gboolean on_retry_open(gpointer data)
{
    FirnChannel *channel = data;
    g_autoptr(GError) error = NULL;

    channel->fd = firn_transport_open_device(channel->config->path, &error);
    if (channel->fd < 0)
        return G_SOURCE_CONTINUE;
    g_message("channel '%s' is there", channel->config->path);
    channel->timer = 0;
    update(channel);
    return G_SOURCE_REMOVE;
}

static void device_missing(FirnChannel *channel)
{
    channel->timer = g_timeout_add(RETRY_MS, on_retry_open, channel);
}

static gboolean open_device(FirnChannel *channel, GError **error)
{
    GError *problem = NULL;

    channel->fd = firn_transport_open_device(channel->config->path, &problem);
    if (channel->fd >= 0)
        return TRUE;
    if (channel->config->retry_path && firn_transport_may_retry(problem)) {
        g_warning("%s: trying again until it is there", problem->message);
        g_error_free(problem);
        device_missing(channel);
        return TRUE;
    }
    g_propagate_error(error, problem);
    return FALSE;
}

static gboolean open_channel(FirnChannel *channel, int activated, GError **error)
{
    const char *path = channel->config->path;

    if (activated >= 0) {
        channel->listener = activated;
        return TRUE;
    }
    switch (channel->config->method) {
    case FIRN_METHOD_UNIX_LISTEN:
        channel->listener = firn_transport_listen_unix(path, error);
        channel->own_path = channel->listener >= 0;
        return channel->listener >= 0;
    case FIRN_METHOD_VSOCK_LISTEN:
        channel->listener = firn_transport_listen_vsock(path, error);
        return channel->listener >= 0;
    case FIRN_METHOD_VIRTIO_SERIAL:
    case FIRN_METHOD_ISA_SERIAL:
    default:
        return open_device(channel, error);
    }
}

FirnChannel *firn_channel_open(const FirnConfig *config, int activated,
                               const FirnChannelEvents *events, gpointer data, GError **error)
{
    FirnChannel *channel = g_new0(FirnChannel, 1);

    channel->config = config;
    channel->events = *events;
    channel->data = data;
    channel->listener = -1;
    channel->fd = -1;
    channel->dormant = -1;
    channel->reading = TRUE;
    channel->output = firn_output_new(OUTPUT_FULL);
    if (!open_channel(channel, activated, error)) {
        firn_channel_free(channel);
        return NULL;
    }
    update(channel);
    return channel;
}

void firn_channel_free(FirnChannel *channel)
{
    if (!channel)
        return;
    unwatch(channel);
    end_dormancy(channel);
    clear_source(&channel->accept_source);
    clear_source(&channel->timer);
    if (channel->fd >= 0) {
        firn_output_write(channel->output, channel->fd); /* what still goes without waiting */
        close(channel->fd);
    }
    if (channel->listener >= 0)
        close(channel->listener);
    if (channel->own_path)
        unlink(channel->config->path);
    firn_output_free(channel->output);
    g_free(channel);
}

void firn_channel_send(FirnChannel *channel, GString *line)
{
    gboolean was_empty = firn_output_is_empty(channel->output);

    if (channel->fd < 0 || channel->mute) {
        g_string_free(line, TRUE);
        return;
    }
    firn_output_push(channel->output, line);
    if (channel->gathering)
        return;
    if (was_empty && !firn_output_write(channel->output, channel->fd)) {
        firn_output_clear(channel->output);
        channel->mute = TRUE;
    }
    update(channel);
}

gboolean firn_channel_is_full(const FirnChannel *channel)
{
    return firn_output_is_full(channel->output);
}

void firn_channel_set_reading(FirnChannel *channel, gboolean reading)
{
    channel->reading = reading;
    update(channel);
}

void firn_channel_finish(FirnChannel *channel)
{
    if (channel->fd < 0 || !channel->at_eof)
        return;
    channel->finishing = TRUE;
    if (firn_output_is_empty(channel->output)) {
        close_fd(channel);
        update(channel);
    }
}
