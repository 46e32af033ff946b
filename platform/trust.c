/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/trust.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* As many symbolic links as the kernel follows in one path: path_resolution(7). */
#define MOST_LINKS 40

/* A walk: `done` has been looked at ("" for the root), `rest` is to come. */
typedef struct {
    GString *done;
    char *rest;
    guint links;
} Walk;

static gboolean is_trusted(uid_t owner)
{
    return owner == 0 || owner == geteuid();
}

gboolean firn_trust_status(const struct stat *status)
{
    return is_trusted(status->st_uid) && (status->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static gboolean fail_system(const char *path, int cause, GError **error)
{
    g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(cause), "can't access '%s': %s",
                path, g_strerror(cause));
    return FALSE;
}

static gboolean fail_folder(const char *folder, const struct stat *status, GError **error)
{
    if (!is_trusted(status->st_uid))
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_PERM,
                    "the folder '%s' belongs to another user, who could replace what is in it: "
                    "make it root's ('chown root %s'), or use another folder",
                    folder, folder);
    else
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_PERM,
                    "the folder '%s' may be written to by others, who could replace what is in it: "
                    "make it root's alone ('chmod go-w %s'), or use another folder",
                    folder, folder);
    return FALSE;
}

/* Whether the step from a folder to what lies in it is nobody else's to change. */
static gboolean check_step(const char *folder, const struct stat *status, const struct stat *next,
                           GError **error)
{
    gboolean sticky = (status->st_mode & S_ISVTX) && is_trusted(status->st_uid);

    if (firn_trust_status(status) || (sticky && is_trusted(next->st_uid)))
        return TRUE;
    return fail_folder(folder, status, error);
}

/* Takes the next name off the rest; NULL at its end. Free with g_free(). */
static char *walk_next(Walk *walk)
{
    const char *name = walk->rest + strspn(walk->rest, "/");
    gsize length = strcspn(name, "/");
    char *found = length > 0 ? g_strndup(name, length) : NULL;
    char *rest = g_strdup(name + length);

    g_free(walk->rest);
    walk->rest = rest;
    return found;
}

/* Goes on where the symbolic link at `path` leads, from the folder that holds it. */
static gboolean walk_follow(Walk *walk, const char *path, GError **error)
{
    g_autofree char *target = g_file_read_link(path, error);
    char *rest;

    if (!target)
        return FALSE;
    if (++walk->links > MOST_LINKS)
        return fail_system(path, ELOOP, error);
    if (target[0] == '/')
        g_string_truncate(walk->done, 0);
    rest = g_strconcat(target, "/", walk->rest, NULL);
    g_free(walk->rest);
    walk->rest = rest;
    return TRUE;
}

/* One step: from the folder `done` to `name` in it. */
static gboolean walk_step(Walk *walk, const char *name, GError **error)
{
    const char *folder = walk->done->len > 0 ? walk->done->str : "/";
    g_autofree char *path = g_strconcat(walk->done->str, "/", name, NULL);
    struct stat status, next;

    if (g_str_equal(name, "."))
        return TRUE;
    if (g_str_equal(name, "..")) {
        char *slash = strrchr(walk->done->str, '/');

        g_string_truncate(walk->done, slash ? (gsize)(slash - walk->done->str) : 0);
        return TRUE;
    }
    if (lstat(folder, &status) < 0)
        return fail_system(folder, errno, error);
    if (lstat(path, &next) < 0)
        return fail_system(path, errno, error);
    if (!check_step(folder, &status, &next, error))
        return FALSE;
    if (S_ISLNK(next.st_mode))
        return walk_follow(walk, path, error);
    g_string_assign(walk->done, path);
    return TRUE;
}

gboolean firn_trust_check_way(const char *path, GError **error)
{
    Walk walk = {.done = g_string_new(NULL), .rest = g_strdup(path)};
    gboolean trusted = TRUE;

    if (path[0] != '/') {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "'%s' is no absolute path", path);
        trusted = FALSE;
    }
    while (trusted) {
        g_autofree char *name = walk_next(&walk);

        if (!name)
            break;
        trusted = walk_step(&walk, name, error);
    }
    g_string_free(walk.done, TRUE);
    g_free(walk.rest);
    return trusted;
}
