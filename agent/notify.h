/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_NOTIFY_H
#define AGENT_NOTIFY_H

/*
 * Tells the service manager, as sd_notify(3) describes it: one datagram to the socket that the
 * environment's NOTIFY_SOCKET names ('@' first: an abstract one). state: such as "READY=1". Nothing
 * happens without a manager, and a failure is none of the agent's business.
 */
void firn_notify(const char *state);

#endif
