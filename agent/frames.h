/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FRAMES_H
#define AGENT_FRAMES_H

#include <glib.h>

/*
 * Messages between the agent and its worker over a stream socket: a head (FirnFrameHead) and a
 * GVariant in its serial form, and where it is needed a descriptor. Nothing here blocks, and
 * buffers are cleared when they are freed, since they may hold passwords.
 */
typedef struct FirnFrames FirnFrames;

typedef struct {
    guint32 magic;  /* the same at both ends, or they do not speak the same */
    guint32 kind;   /* FIRN_FRAME_ERROR or a FirnTaskKind */
    guint64 serial; /* an answer has that of its request */
    guint64 length; /* bytes of the value that follows */
    guint64 fds;    /* 1: a descriptor was sent with it, which need not have arrived; else 0 */
} FirnFrameHead;

/* The kind of an answer that is an error. */
#define FIRN_FRAME_ERROR 0

/* A message has come; `value` has the type that `types` has for its kind. */
typedef void (*FirnFrameArrived)(FirnFrames *frames, const FirnFrameHead *head, GVariant *value,
                                 gpointer data);
/* The other end is gone, or has sent what is no message. Nothing comes afterwards. */
typedef void (*FirnFrameGone)(FirnFrames *frames, gpointer data);

/* types: for each kind that may come, the type of its value, or NULL; `count` of them, static.
 * Takes the socket, which must not block, and serves it on the main loop. The callbacks may free
 * it. Free with firn_frames_free(). */
FirnFrames *firn_frames_new(int fd, const char *const *types, guint count, FirnFrameArrived arrived,
                            FirnFrameGone gone, gpointer data);
void firn_frames_free(FirnFrames *frames);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnFrames, firn_frames_free)

/* Sends a message; takes a floating `value`, and a copy of the descriptor `fd` (-1: none). Queued
 * where the other end does not read. */
void firn_frames_send(FirnFrames *frames, guint32 kind, guint64 serial, GVariant *value, int fd);

/* Within FirnFrameArrived: the descriptor that came with the message, which the caller closes; -1:
 * none, or there was no room for it (FirnFrameHead.fds). Where nobody takes it, it is closed. */
int firn_frames_take_fd(FirnFrames *frames);

/* Bytes as a value that clears them when it is freed; takes `bytes` (NULL: none). */
GVariant *firn_frames_bytes(guint8 *bytes, gsize length);

#endif
