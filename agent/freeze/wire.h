/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_WIRE_H
#define AGENT_FREEZE_WIRE_H

#include <glib.h>

/*
 * The socket between agent and keeper: lines of text, "WORD" or "WORD VALUE". The end of the file
 * says that all processes of the other side are gone.
 *
 * agent to keeper: the request's lines (request.h), then
 *   freeze          to freeze
 *   message TEXT    why the agent killed the keeper that was to freeze, for the report
 *   resume          to end, or to go on holding, what killed processes have left
 *   thaw            guest-fsfreeze-thaw: ends whatever goes on
 *   stop            the agent is told to stop: the same
 * keeper to agent:
 *   at TEXT         what the keeper does that may hang, before `ready`
 *   ready           from here on the watcher sees to all time-outs
 *   frozen N        the answer to `freeze`; also said to an agent that comes later
 *   failed TEXT     the other answer
 *   thawed N        the answer to `thaw` and `stop`
 *   unthawed TEXT   the other answer
 *   hangs TEXT      the answer for now: the thaw goes on
 *   stuck TEXT      the FIFREEZE of that filesystem hangs: no other freeze until the end of the
 * file done            the report is written: nothing more will be said
 */
typedef struct {
    int fd;
    GString *input;
} FirnWire;

/* Takes the descriptor and makes it non-blocking. Free with firn_wire_free(), which closes it. */
FirnWire *firn_wire_new(int fd);
void firn_wire_free(FirnWire *wire);

/* Takes over what has come; FALSE at the end of the file. Does not block. */
gboolean firn_wire_read(FirnWire *wire);
/* The next whole line without its end, or NULL; free with g_free(). */
char *firn_wire_line(FirnWire *wire);

/* Writes all of it; waits up to 10 seconds for room. FALSE when nobody takes it. */
gboolean firn_wire_send(FirnWire *wire, const char *lines);
/* Sends one line; the value is escaped. value: NULL for none. */
gboolean firn_wire_say(FirnWire *wire, const char *word, const char *value);
gboolean firn_wire_say_number(FirnWire *wire, const char *word, guint number);

/* The value of a line, unescaped, when its word is that one; else NULL. Free with g_free(). */
char *firn_wire_value(const char *line, const char *word);

#endif
