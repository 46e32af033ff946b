/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_CHANNEL_H
#define AGENT_CHANNEL_H

#include "agent/config.h"

/*
 * The way bytes come and go: one client at a time, over a serial port or accepted from a listening
 * socket. Nothing here blocks.
 */
typedef struct FirnChannel FirnChannel;

/* What the channel tells, all from the main loop. */
typedef struct {
    void (*bytes)(const char *bytes, gsize length, gpointer data);
    void (*eof)(gpointer data);  /* the client sends no more, but may still read */
    void (*left)(gpointer data); /* the client is gone: the next byte is another one's */
    /* the client may be gone, or its request may have come before the word of it: half a request is
     * to be forgotten, replies may wait; FALSE when half a reply is out, so that it must be gone */
    gboolean (*cut)(gpointer data);
    void (*drained)(gpointer data);                   /* the output is not full any more */
    void (*lost)(const GError *error, gpointer data); /* nothing will ever come again */
} FirnChannelEvents;

/*
 * Opens what the configuration says. activated: a listening socket to take instead, or -1. Fails
 * when it cannot be opened, but for a device that --retry-path waits for. Free with
 * firn_channel_free().
 */
FirnChannel *firn_channel_open(const FirnConfig *config, int activated,
                               const FirnChannelEvents *events, gpointer data, GError **error);
void firn_channel_free(FirnChannel *channel);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnChannel, firn_channel_free)

/* Queues a line for the client and takes it; with no client it is dropped. */
void firn_channel_send(FirnChannel *channel, GString *line);
/* TRUE when the client does not read: no more replies should be made. `drained` tells the end. */
gboolean firn_channel_is_full(const FirnChannel *channel);

/* Stops and goes on reading; a client that leaves is noticed all the same. */
void firn_channel_set_reading(FirnChannel *channel, gboolean reading);

/* After `eof`: every reply was queued, so the client may go once it has them. */
void firn_channel_finish(FirnChannel *channel);

#endif
