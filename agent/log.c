/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What a freeze may log while it holds: more pushes the oldest out. */
#define RING_ENTRIES 512
#define MAX_FIELDS 24
#define MAX_VALUE 2048

typedef struct {
    gint64 time; /* microseconds since the epoch */
    GLogLevelFlags level;
    guint count;
    GLogField fields[MAX_FIELDS]; /* keys and values are copies */
} Entry;

/* GLib has one log writer a process, so there is one log. */
static struct {
    GMutex lock;
    char *file;
    int fd; /* of the log file; -1: stderr or the journal */
    gboolean journal;
    gboolean verbose;
    gboolean reopen;
    guint holds;
    GQueue ring; /* of Entry */
    guint lost;
} firn_log = {.fd = -1};

static const char *level_name(GLogLevelFlags level)
{
    if (level & G_LOG_LEVEL_ERROR)
        return "error";
    if (level & G_LOG_LEVEL_CRITICAL)
        return "critical";
    if (level & G_LOG_LEVEL_WARNING)
        return "warning";
    if (level & G_LOG_LEVEL_MESSAGE)
        return "message";
    return level & G_LOG_LEVEL_INFO ? "info" : "debug";
}

static const char *find_message(const GLogField *fields, gsize count)
{
    for (gsize i = 0; i < count; i++) {
        if (!strcmp(fields[i].key, "MESSAGE") && fields[i].length < 0)
            return fields[i].value;
    }
    return "";
}

/* A host's bytes may be in a message: they stay on its line, and no terminal that shows the log
 * takes one for a control character (C0, DEL, or C1 as ISO 6429 has them). */
static void append_message(GString *line, const char *message)
{
    while (*message) {
        gunichar c = g_utf8_get_char_validated(message, -1);
        gboolean valid = c != (gunichar)-1 && c != (gunichar)-2;
        gint length = valid ? g_unichar_to_utf8(c, NULL) : 1;

        for (gint i = 0; i < length; i++, message++) {
            if (!valid || g_unichar_iscntrl(c))
                g_string_append_printf(line, "\\x%02x", (guint8)*message);
            else
                g_string_append_c(line, *message);
        }
    }
}

/* In one write. */
static void write_all(const GString *line)
{
    int fd = firn_log.fd >= 0 ? firn_log.fd : STDERR_FILENO;
    gsize written = 0;

    while (written < line->len) {
        ssize_t n = write(fd, line->str + written, line->len - written);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* a log that cannot be written must not stop the agent */
        written += (gsize)n;
    }
}

/* syslog(3)'s number of it. */
static int priority(GLogLevelFlags level)
{
    if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
        return 3;
    if (level & G_LOG_LEVEL_WARNING)
        return 4;
    if (level & G_LOG_LEVEL_MESSAGE)
        return 5;
    return level & G_LOG_LEVEL_INFO ? 6 : 7;
}

/* A line of the packaged agent's form, or with the prefix that the journal takes off
 * (sd-daemon(3)).
 */
static void write_line(GLogLevelFlags level, gint64 time, const char *message)
{
    g_autoptr(GString) line = g_string_sized_new(160);

    if (firn_log.journal)
        g_string_append_printf(line, "<%d>", priority(level));
    else
        g_string_append_printf(line, "%" G_GINT64_FORMAT ".%06d: %s: ", time / G_USEC_PER_SEC,
                               (int)(time % G_USEC_PER_SEC), level_name(level));
    append_message(line, message);
    g_string_append_c(line, '\n');
    write_all(line);
}

static gboolean has_fields(const GLogField *fields, gsize count)
{
    for (gsize i = 0; i < count; i++) {
        if (g_str_has_prefix(fields[i].key, "FIRN_"))
            return TRUE;
    }
    return FALSE;
}

/*
 * An entry with fields. The journal finds out who sent it, and of which unit, only while the sender
 * lives, and what a freeze has to tell often comes last: so it says its name itself.
 */
static gboolean write_journal(GLogLevelFlags level, const GLogField *fields, gsize count)
{
    GLogField all[MAX_FIELDS + 1] = {{"SYSLOG_IDENTIFIER", "firn", -1}};

    count = MIN(count, MAX_FIELDS);
    memcpy(all + 1, fields, count * sizeof *fields);
    return g_log_writer_journald(level, all, count + 1, NULL) == G_LOG_WRITER_HANDLED;
}

/* Plain messages go by stderr, the unit of which the journal always knows. */
static void write_entry(GLogLevelFlags level, const GLogField *fields, gsize count, gint64 time)
{
    if (!firn_log.journal || !has_fields(fields, count) || !write_journal(level, fields, count))
        write_line(level, time, find_message(fields, count));
}

static void entry_free(gpointer data)
{
    Entry *entry = data;

    for (guint i = 0; i < entry->count; i++) {
        g_free((char *)(guintptr)entry->fields[i].key);
        g_free((gpointer)(guintptr)entry->fields[i].value);
    }
    g_free(entry);
}

static void entry_add_field(Entry *entry, const char *key, gconstpointer value, gsize length)
{
    char *copy = g_malloc(length + 1);

    memcpy(copy, value, length);
    copy[length] = '\0';
    entry->fields[entry->count].key = g_strdup(key);
    entry->fields[entry->count].value = copy;
    entry->fields[entry->count].length = -1;
    entry->count++;
}

static Entry *entry_new(GLogLevelFlags level, const GLogField *fields, gsize count, gint64 time)
{
    Entry *entry = g_new0(Entry, 1);
    g_autofree char *stamp = g_strdup_printf("%" G_GINT64_FORMAT, time);

    entry->time = time;
    entry->level = level;
    /* the journal stamps an entry when it gets it: this says when it was made */
    entry_add_field(entry, "FIRN_TIME_USEC", stamp, strlen(stamp));
    for (gsize i = 0; i < count && entry->count < MAX_FIELDS; i++) {
        gsize length = fields[i].length < 0 ? strlen(fields[i].value) : (gsize)fields[i].length;

        entry_add_field(entry, fields[i].key, fields[i].value, MIN(length, MAX_VALUE));
    }
    return entry;
}

static void hold_entry(GLogLevelFlags level, const GLogField *fields, gsize count, gint64 time)
{
    if (firn_log.ring.length == RING_ENTRIES) {
        entry_free(g_queue_pop_head(&firn_log.ring));
        firn_log.lost++;
    }
    g_queue_push_tail(&firn_log.ring, entry_new(level, fields, count, time));
}

static GLogWriterOutput log_writer(GLogLevelFlags level, const GLogField *fields, gsize count,
                                   gpointer data)
{
    gint64 now = g_get_real_time();

    if (level & (G_LOG_LEVEL_INFO | G_LOG_LEVEL_DEBUG) && !firn_log.verbose)
        return G_LOG_WRITER_HANDLED;
    g_mutex_lock(&firn_log.lock);
    if (firn_log.holds > 0)
        hold_entry(level, fields, count, now);
    else
        write_entry(level, fields, count, now);
    g_mutex_unlock(&firn_log.lock);
    return G_LOG_WRITER_HANDLED;
}

static int open_file(const char *file, GError **error)
{
    int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0600);

    if (fd < 0)
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno),
                    "unable to open specified log file %s: %s", file,
                    errno == ELOOP ? "it is a symbolic link: name the file that is meant"
                                   : g_strerror(errno));
    return fd;
}

gboolean firn_log_open(const char *file, gboolean verbose, GError **error)
{
    static gsize once = 0;
    gboolean held = firn_log.holds > 0;
    int fd = -1;

    if (file && !held) {
        fd = open_file(file, error);
        if (fd < 0)
            return FALSE;
    }
    firn_log.file = g_strdup(file);
    firn_log.fd = fd;
    firn_log.reopen = file && held;
    firn_log.verbose = verbose;
    firn_log.journal = !file && g_log_writer_is_journald(STDERR_FILENO);
    if (g_once_init_enter(&once)) {
        g_log_set_writer_func(log_writer, NULL, NULL);
        g_once_init_leave(&once, 1);
    }
    return TRUE;
}

static void reopen_file(void)
{
    g_autoptr(GError) error = NULL;
    int fd = open_file(firn_log.file, &error);

    if (fd < 0) {
        write_line(G_LOG_LEVEL_WARNING, g_get_real_time(), error->message);
        return;
    }
    if (firn_log.fd >= 0)
        close(firn_log.fd);
    firn_log.fd = fd;
}

void firn_log_reopen(void)
{
    g_mutex_lock(&firn_log.lock);
    if (firn_log.file && firn_log.holds > 0)
        firn_log.reopen = TRUE;
    else if (firn_log.file)
        reopen_file();
    g_mutex_unlock(&firn_log.lock);
}

void firn_log_hold(void)
{
    g_mutex_lock(&firn_log.lock);
    firn_log.holds++;
    g_mutex_unlock(&firn_log.lock);
}

static void write_ring(void)
{
    Entry *entry;

    if (firn_log.lost > 0) {
        g_autofree char *text = g_strdup_printf("%u older log entries were lost", firn_log.lost);

        write_line(G_LOG_LEVEL_WARNING, g_get_real_time(), text);
        firn_log.lost = 0;
    }
    while ((entry = g_queue_pop_head(&firn_log.ring))) {
        write_entry(entry->level, entry->fields, entry->count, entry->time);
        entry_free(entry);
    }
}

void firn_log_release(void)
{
    g_mutex_lock(&firn_log.lock);
    g_assert(firn_log.holds > 0);
    firn_log.holds--;
    if (firn_log.holds == 0) {
        if (firn_log.reopen)
            reopen_file();
        firn_log.reopen = FALSE;
        write_ring();
    }
    g_mutex_unlock(&firn_log.lock);
}

gboolean firn_log_is_verbose(void)
{
    return firn_log.verbose;
}

void firn_log_close(void)
{
    g_mutex_lock(&firn_log.lock);
    write_ring();
    if (firn_log.fd >= 0)
        close(firn_log.fd);
    firn_log.fd = -1;
    firn_log.holds = 0;
    firn_log.journal = FALSE;
    g_clear_pointer(&firn_log.file, g_free);
    g_mutex_unlock(&firn_log.lock);
}
