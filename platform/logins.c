/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/logins.h"

#include "platform/text-file.h"

#include <errno.h>
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

/* FALSE where there is no such file. */
static gboolean read_utmp(const char *path, GPtrArray *logins, GHashTable *seen)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct utmp entry;

    if (fd < 0)
        return errno != ENOENT;
    while (read(fd, &entry, sizeof entry) == sizeof entry) {
        if (entry.ut_type != USER_PROCESS || !entry.ut_user[0])
            continue;
        /* The seconds have 32 bits; read without a sign they last until 2106. */
        add_login(logins, seen, g_strndup(entry.ut_user, sizeof entry.ut_user),
                  (gint64)(guint32)entry.ut_tv.tv_sec * G_USEC_PER_SEC + entry.ut_tv.tv_usec);
    }
    close(fd);
    return TRUE;
}

/* A session's file has lines NAME=VALUE, the time in microseconds. */
static void read_session(const char *path, GPtrArray *logins, GHashTable *seen)
{
    g_autofree char *text = firn_text_file_read(path, NULL);
    g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
    const char *user = NULL, *class = "user";
    gint64 since = 0;

    for (char **line = lines; *line; line++) {
        if (g_str_has_prefix(*line, "USER="))
            user = *line + strlen("USER=");
        else if (g_str_has_prefix(*line, "CLASS="))
            class = *line + strlen("CLASS=");
        else if (g_str_has_prefix(*line, "REALTIME="))
            since = g_ascii_strtoll(*line + strlen("REALTIME="), NULL, 10);
    }
    /* Greeters, lock screens, and the managers of users are nobody's login. */
    if (user && *user && g_str_has_prefix(class, "user") && since > 0)
        add_login(logins, seen, g_strdup(user), since);
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
            read_session(path, logins, seen);
    }
    g_ptr_array_sort(logins, by_time); /* a folder has no order */
}

GPtrArray *firn_logins_read(const FirnRoots *roots)
{
    GPtrArray *logins = g_ptr_array_new_with_free_func(free_login);
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    g_autofree char *utmp = firn_roots_path(roots, "/run/utmp");

    if (!read_utmp(utmp, logins, seen))
        read_sessions(roots, logins, seen);
    return logins;
}
