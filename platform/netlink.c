/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the kernel fills at most with one part of a dump. */
#define BUFFER_BYTES (64 * 1024)

struct FirnNetlink {
    int fd;
    guint32 sequence;
    char *buffer;
};

static void set_error(GError **error, const char *step, int code)
{
    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code),
                "cannot read the kernel's network tables: %s: %s", step, g_strerror(code));
}

FirnNetlink *firn_netlink_open(GError **error)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    FirnNetlink *netlink;

    if (fd < 0) {
        set_error(error, "socket", errno);
        return NULL;
    }
    netlink = g_new0(FirnNetlink, 1);
    netlink->fd = fd;
    netlink->buffer = g_malloc(BUFFER_BYTES);
    return netlink;
}

void firn_netlink_free(FirnNetlink *netlink)
{
    if (!netlink)
        return;
    close(netlink->fd);
    g_free(netlink->buffer);
    g_free(netlink);
}

static gboolean send_request(FirnNetlink *netlink, guint16 type, GError **error)
{
    struct {
        struct nlmsghdr header;
        struct rtgenmsg body;
    } request = {
        .header.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtgenmsg)),
        .header.nlmsg_type = type,
        .header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
        .header.nlmsg_seq = ++netlink->sequence,
        .body.rtgen_family = AF_UNSPEC,
    };
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

    if (sendto(netlink->fd, &request, request.header.nlmsg_len, 0, (struct sockaddr *)&kernel,
               sizeof(kernel)) < 0) {
        set_error(error, "send", errno);
        return FALSE;
    }
    return TRUE;
}

/* One datagram; its length, or -1 with an error. Only the kernel is listened to. */
static gssize receive(FirnNetlink *netlink, GError **error)
{
    for (;;) {
        struct sockaddr_nl sender = {0};
        struct iovec part = {netlink->buffer, BUFFER_BYTES};
        struct msghdr header = {
            .msg_name = &sender,
            .msg_namelen = sizeof(sender),
            .msg_iov = &part,
            .msg_iovlen = 1,
        };
        gssize length = recvmsg(netlink->fd, &header, 0);

        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0 || header.msg_flags & MSG_TRUNC) {
            set_error(error, "receive", length < 0 ? errno : EMSGSIZE);
            return -1;
        }
        if (sender.nl_pid == 0)
            return length;
    }
}

typedef enum {
    DUMP_MORE,
    DUMP_DONE,
    DUMP_FAILED,
} Dump;

/* One message of the answer to the last request. */
static Dump take_message(const char *message, const struct nlmsghdr *header, FirnNetlinkEach each,
                         gpointer data, GError **error)
{
    struct nlmsgerr reason = {0};

    if (header->nlmsg_type == NLMSG_DONE)
        return DUMP_DONE;
    if (header->nlmsg_type == NLMSG_ERROR) {
        memcpy(&reason, message + NLMSG_HDRLEN,
               MIN(sizeof(reason), header->nlmsg_len - NLMSG_HDRLEN));
        set_error(error, "dump", -reason.error);
        return DUMP_FAILED;
    }
    each(message, header->nlmsg_len, data);
    return DUMP_MORE;
}

gboolean firn_netlink_dump(FirnNetlink *netlink, guint16 request, FirnNetlinkEach each,
                           gpointer data, gboolean *interrupted, GError **error)
{
    Dump dump = DUMP_MORE;

    if (!send_request(netlink, request, error))
        return FALSE;
    while (dump == DUMP_MORE) {
        gssize received = receive(netlink, error);
        const char *at = netlink->buffer;
        gsize left = (gsize)MAX(received, 0);
        struct nlmsghdr header;

        if (received < 0)
            return FALSE;
        while (dump == DUMP_MORE && left >= NLMSG_HDRLEN) {
            memcpy(&header, at, sizeof(header));
            if (header.nlmsg_len < NLMSG_HDRLEN || header.nlmsg_len > left)
                break;
            if (header.nlmsg_seq == netlink->sequence) {
                if (header.nlmsg_flags & NLM_F_DUMP_INTR)
                    *interrupted = TRUE;
                dump = take_message(at, &header, each, data, error);
            }
            at += MIN(NLMSG_ALIGN(header.nlmsg_len), left);
            left -= MIN(NLMSG_ALIGN(header.nlmsg_len), left);
        }
    }
    return dump == DUMP_DONE;
}
