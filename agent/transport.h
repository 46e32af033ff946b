/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_TRANSPORT_H
#define AGENT_TRANSPORT_H

#include <sys/socket.h>

#include "agent/config.h"

/*
 * File descriptors that bytes come from: serial devices opened, sockets bound or taken over from
 * the service manager. All are non-blocking and close-on-exec.
 */

/*
 * Opens a serial port (virtio port, UART, or a pty that stands in for one), a tty in raw mode.
 * Returns -1 with an error that tells the remedy.
 */
int firn_transport_open_device(const char *path, GError **error);

/* TRUE for an error that may pass when the device comes (back). */
gboolean firn_transport_may_retry(const GError *error);

/*
 * A listening socket at `path`. A socket that nobody listens on any more is replaced; one that
 * answers, or any other file, is not.
 */
int firn_transport_listen_unix(const char *path, GError **error);

/* A listening vsock socket; address: "CID:PORT", see vsock(7); CID -1 is VMADDR_CID_ANY. */
int firn_transport_listen_vsock(const char *address, GError **error);

/*
 * Whether a client at that address is served: over vsock only the context `wanted`, or any for
 * VMADDR_CID_ANY (vsock(7)); all others have been let in by the socket's permissions.
 */
gboolean firn_transport_takes_peer(const struct sockaddr_storage *peer, guint wanted);

/*
 * The listening socket that systemd handed over (sd_listen_fds(3)), -1 without error when there is
 * none. method: set to what the socket is.
 */
int firn_transport_activated(FirnMethod *method, GError **error);

#endif
