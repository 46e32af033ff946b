/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/logins.h"

#include "platform/pidfd.h"
#include "platform/text-file.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <utmp.h>

static void free_login(gpointer data)
{
    FirnLogin *login = data;

    g_free(login->user);
    g_free(login);
}

/* Takes `user`. `seen` borrows the names from the logins. */
static void add_login(GPtrArray *logins, GHashTable *seen, char *user, gint64 since)
{
    FirnLogin *login = g_hash_table_lookup(seen, user);

    if (login) {
        login->since = MIN(login->since, since);
        g_free(user);
        return;
    }
    login = g_new0(FirnLogin, 1);
    login->user = user;
    login->since = since;
    g_ptr_array_add(logins, login);
    g_hash_table_insert(seen, login->user, login);
}

static void read_utmp(const char *path, GPtrArray *logins, GHashTable *seen)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct utmp entry;

    if (fd < 0)
        return;
    while (read(fd, &entry, sizeof entry) == sizeof entry) {
        if (entry.ut_type != USER_PROCESS || !entry.ut_user[0])
            continue;
        /* The seconds have 32 bits; read without a sign they last until 2106. */
        add_login(logins, seen, g_strndup(entry.ut_user, sizeof entry.ut_user),
                  (gint64)(guint32)entry.ut_tv.tv_sec * G_USEC_PER_SEC + entry.ut_tv.tv_usec);
    }
    close(fd);
}

/* What counts of a session's file, which has lines NAME=VALUE; unset members are NULL. */
typedef struct {
    const char *user, *class, *state, *leader, *since;
} Session;

static Session session_parse(char **lines)
{
    Session session = {0};
    const struct {
        const char *name;
        const char **value;
    } members[] = {
        {"USER=", &session.user},     {"CLASS=", &session.class},    {"STATE=", &session.state},
        {"LEADER=", &session.leader}, {"REALTIME=", &session.since},
    };

    for (char **line = lines; *line; line++) {
        for (guint i = 0; i < G_N_ELEMENTS(members); i++) {
            if (g_str_has_prefix(*line, members[i].name))
                *members[i].value = *line + strlen(members[i].name);
        }
    }
    return session;
}

/* A session whose leader is dead has ended, whatever processes it has left behind. A tree that has
 * no processes of its own is asked about those of this machine. */
static gboolean leader_lives(const FirnRoots *roots, const char *leader)
{
    guint64 pid = leader ? g_ascii_strtoull(leader, NULL, 10) : 0;
    g_autofree char *folder = firn_roots_path(roots, "/proc");
    g_autofree char *path = NULL;

    if (pid == 0 || pid > G_MAXINT)
        return TRUE; /* nothing can be said */
    if (firn_roots_are_host(roots) || !g_file_test(folder, G_FILE_TEST_EXISTS))
        return firn_pid_is_running((pid_t)pid) && !firn_pid_is_zombie((pid_t)pid);
    path = firn_roots_pathf(roots, "/proc/%d", (int)pid);
    return g_file_test(path, G_FILE_TEST_EXISTS);
}

/* Greeters, lock screens, the managers of users, and sessions that still wait for their user's
 * manager are nobody's login; nor is one that is closing. */
static gboolean session_is_login(const FirnRoots *roots, const Session *session)
{
    static const char *const classes[] = {"user", "user-early", "user-light", "user-early-light",
                                          NULL};

    return session->user && *session->user &&
           g_strv_contains(classes, session->class ? session->class : "user") &&
           g_strcmp0(session->state, "closing") != 0 && leader_lives(roots, session->leader);
}

static void read_session(const FirnRoots *roots, const char *path, GPtrArray *logins,
                         GHashTable *seen)
{
    g_autofree char *text = firn_text_file_read(path, NULL);
    g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
    Session session = session_parse(lines);
    gint64 since = session.since ? g_ascii_strtoll(session.since, NULL, 10) : 0;

    if (since > 0 && session_is_login(roots, &session))
        add_login(logins, seen, g_strdup(session.user), since);
}

static gint by_time(gconstpointer a, gconstpointer b)
{
    const FirnLogin *one = *(const FirnLogin *const *)a;
    const FirnLogin *other = *(const FirnLogin *const *)b;

    if (one->since != other->since)
        return one->since < other->since ? -1 : 1;
    return strcmp(one->user, other->user);
}

static void read_sessions(const FirnRoots *roots, GPtrArray *logins, GHashTable *seen)
{
    g_autofree char *folder = firn_roots_path(roots, "/run/systemd/sessions");
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        /* Beside a session's file there is a pipe NAME.ref. */
        if (!strchr(name, '.') && g_file_test(path, G_FILE_TEST_IS_REGULAR))
            read_session(roots, path, logins, seen);
    }
    g_ptr_array_sort(logins, by_time); /* a folder has no order */
}

GPtrArray *firn_logins_read(const FirnRoots *roots)
{
    GPtrArray *logins = g_ptr_array_new_with_free_func(free_login);
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    g_autofree char *utmp = firn_roots_path(roots, "/run/utmp");

    read_utmp(utmp, logins, seen);
    if (logins->len == 0)
        read_sessions(roots, logins, seen);
    return logins;
}
