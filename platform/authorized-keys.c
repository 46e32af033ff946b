/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/authorized-keys.h"

#include "platform/fs-identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "authorized_keys"
/* Some 10,000 keys. */
#define SIZE_MAX_KEPT (8 * 1024 * 1024)

/* The user's folder, opened, and with whose rights one works in it. */
typedef struct {
    const FirnUser *account;
    int fd;
    gboolean as_root;
    char *path; /* of the folder, for messages */
    char *file; /* of the file */
} Folder;

static void folder_close(Folder *folder)
{
    if (folder->fd >= 0)
        close(folder->fd);
    g_free(folder->path);
    g_free(folder->file);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Folder, folder_close)

/* Nobody but root can change anything in it, so nobody can play tricks there. */
static gboolean is_roots_own(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && status.st_uid == 0 && !(status.st_mode & (S_IWGRP | S_IWOTH));
}

static gboolean take_identity(const FirnUser *account, gboolean as_root, FirnFsIdentity *before,
                              GError **error)
{
    if (as_root)
        return firn_fs_identity_take(0, 0, before, error);
    return firn_fs_identity_take(account->uid, account->gid, before, error);
}

static const char *cause_of(int failure)
{
    if (failure == ELOOP)
        return "it is a symbolic link, which is not followed in a user's folder";
    return g_strerror(failure);
}

/* As root where only root can write, else as the user; -1 with errno or an error. */
static int make_folder(const FirnUser *account, int home, GError **error)
{
    gboolean as_root = is_roots_own(home);
    FirnFsIdentity before;
    int fd = -1, failure;

    if (!take_identity(account, as_root, &before, error))
        return -1;
    if (mkdirat(home, ".ssh", 0700) == 0 || errno == EEXIST)
        fd = openat(home, ".ssh", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    failure = errno;
    if (fd >= 0 && as_root && fchown(fd, account->uid, account->gid) != 0)
        failure = errno;
    firn_fs_identity_restore(&before);
    errno = failure;
    return fd;
}

/* With the user's rights, which a home on a network filesystem may ask for; -1 with errno or an
 * error. */
static int find_folder(const FirnUser *account, int home, GError **error)
{
    FirnFsIdentity before;
    int fd, failure;

    if (!take_identity(account, FALSE, &before, error))
        return -1;
    fd = openat(home, ".ssh", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    failure = errno;
    firn_fs_identity_restore(&before);
    errno = failure;
    return fd;
}

/* The home directory and what leads to it is the administrator's, links included. */
static int open_below_home(const FirnUser *account, gboolean create, GError **error)
{
    int home = open(account->home, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd, failure;

    if (home < 0)
        return -1;
    fd = find_folder(account, home, error);
    if (fd < 0 && errno == ENOENT && create)
        fd = make_folder(account, home, error);
    failure = errno;
    close(home);
    errno = failure;
    return fd;
}

static void set_folder_error(GError **error, int failure, const Folder *folder, gboolean create)
{
    /* openat(2) says ENOTDIR of a link that it does not follow */
    if (failure == ENOTDIR && g_file_test(folder->path, G_FILE_TEST_IS_SYMLINK))
        failure = ELOOP;
    if (create)
        g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(failure),
                    "failed to create directory '%s': %s", folder->path, cause_of(failure));
    else
        g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(failure),
                    "failed to read '%s': Failed to open file “%s”: %s", folder->file, folder->file,
                    cause_of(failure));
}

static gboolean folder_open(Folder *folder, const FirnUser *account, gboolean create,
                            GError **error)
{
    g_autoptr(GError) failure = NULL;

    *folder = (Folder){.account = account};
    folder->path = g_build_filename(account->home, ".ssh", NULL);
    folder->file = g_build_filename(folder->path, FILE_NAME, NULL);
    folder->fd = open_below_home(account, create, &failure);
    if (folder->fd >= 0) {
        folder->as_root = is_roots_own(folder->fd);
        return TRUE;
    }
    if (failure)
        g_propagate_error(error, g_steal_pointer(&failure));
    else
        set_folder_error(error, errno, folder, create);
    return FALSE;
}

static gboolean read_all(int fd, GString *text)
{
    char buffer[16384];
    gssize n;

    while ((n = read(fd, buffer, sizeof buffer)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return FALSE;
        g_string_append_len(text, buffer, n);
        if (text->len > SIZE_MAX_KEPT) {
            errno = EFBIG;
            return FALSE;
        }
    }
    return TRUE;
}

/* The file's text and status; NULL with an error, of G_FILE_ERROR_NOENT when there is none. */
static GString *read_text(const Folder *folder, struct stat *status, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    int fd = openat(folder->fd, FILE_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    const char *step = "Failed to open file";
    g_autofree char *rights = NULL;
    int failure = errno;
    gboolean done = FALSE;

    if (fd >= 0) {
        step = "Error reading file";
        done = fstat(fd, status) == 0;
        if (done && !S_ISREG(status->st_mode)) {
            done = FALSE;
            errno = S_ISDIR(status->st_mode) ? EISDIR : EINVAL;
        }
        done = done && read_all(fd, text);
        failure = errno;
        close(fd);
    }
    if (done)
        return g_steal_pointer(&text);
    rights = failure == EACCES && !folder->as_root
                 ? g_strdup_printf("; it is read with the rights of %s, who has none (chown %s it)",
                                   folder->account->name, folder->account->name)
                 : g_strdup("");
    g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(failure),
                "failed to read '%s': %s “%s”: %s%s", folder->file, step, folder->file,
                cause_of(failure), rights);
    return NULL;
}

static gboolean write_all(int fd, const char *text, gsize length)
{
    while (length > 0) {
        gssize n = write(fd, text, length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return FALSE;
        text += n;
        length -= (gsize)n;
    }
    return TRUE;
}

/* old: the status of the file that is replaced, NULL for none. */
static gboolean fill(const Folder *folder, int fd, const GString *text, const struct stat *old)
{
    mode_t mode = old ? old->st_mode & 0777 & ~(S_IWGRP | S_IWOTH) : 0600;
    uid_t uid = old ? old->st_uid : folder->account->uid;
    gid_t gid = old ? old->st_gid : folder->account->gid;

    if (folder->as_root && fchown(fd, uid, gid) != 0)
        return FALSE;
    return fchmod(fd, mode) == 0 && write_all(fd, text->str, text->len) && fsync(fd) == 0;
}

/* A new file takes the old one's place in one step. */
static gboolean replace(const Folder *folder, const GString *text, const struct stat *old,
                        GError **error)
{
    g_autofree char *name =
        g_strdup_printf("." FILE_NAME ".%08x%08x", g_random_int(), g_random_int());
    int fd = -1, failure;
    gboolean done;

    errno = EFBIG; /* what could not be read again is not written */
    if (text->len <= SIZE_MAX_KEPT)
        fd = openat(folder->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    failure = errno;
    if (fd >= 0) {
        done =
            fill(folder, fd, text, old) && renameat(folder->fd, name, folder->fd, FILE_NAME) == 0;
        failure = errno;
        close(fd);
        if (done)
            return TRUE;
        unlinkat(folder->fd, name, 0);
    }
    g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(failure),
                "failed to write to '%s': %s", folder->file, cause_of(failure));
    return FALSE;
}

/* The line that begins at *at, without white space around it, and as it is; moves *at behind it.
 * NULL at the end; free with g_free(). */
static char *next_line(const GString *text, gsize *at, const char **raw, gsize *raw_length)
{
    const char *start = text->str + *at;
    gsize left = text->len - *at;
    const char *end;

    if (left == 0)
        return NULL;
    end = memchr(start, '\n', left);
    *raw = start;
    *raw_length = end ? (gsize)(end - start) + 1 : left;
    *at += *raw_length;
    return g_strstrip(g_strndup(start, *raw_length));
}

static GHashTable *set_of(const char *const *keys)
{
    GHashTable *set = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (; keys && *keys; keys++) {
        if (**keys) /* libvirt's last one means no empty lines */
            g_hash_table_add(set, g_strstrip(g_strdup(*keys)));
    }
    return set;
}

static GHashTable *set_of_lines(const GString *text)
{
    GHashTable *set = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    const char *raw;
    gsize at = 0, length;
    char *line;

    while ((line = next_line(text, &at, &raw, &length)))
        g_hash_table_add(set, line);
    return set;
}

/* Appends the keys that the text does not have; TRUE when it has changed. */
static gboolean append_keys(GString *text, const char *const *keys)
{
    g_autoptr(GHashTable) known = set_of_lines(text);
    gboolean changed = FALSE;

    g_hash_table_add(known, g_strdup("")); /* an empty key is none */

    for (; keys && *keys; keys++) {
        char *key = g_strstrip(g_strdup(*keys));

        if (!g_hash_table_add(known, key))
            continue;
        if (text->len > 0 && text->str[text->len - 1] != '\n')
            g_string_append_c(text, '\n');
        g_string_append_printf(text, "%s\n", key);
        changed = TRUE;
    }
    return changed;
}

static gboolean add(const Folder *folder, const char *const *keys, gboolean reset, GError **error)
{
    g_autoptr(GError) missing = NULL;
    struct stat status;
    g_autoptr(GString) text = read_text(folder, &status, &missing);
    gboolean exists = text != NULL;
    gboolean changed;

    if (!text && !g_error_matches(missing, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
        g_propagate_error(error, g_steal_pointer(&missing));
        return FALSE;
    }
    if (!text)
        text = g_string_new(NULL);
    if (reset)
        g_string_truncate(text, 0);
    changed = append_keys(text, keys);
    if (exists && !reset && !changed)
        return TRUE;
    return replace(folder, text, exists ? &status : NULL, error);
}

static gboolean remove_keys(const Folder *folder, const char *const *keys, GError **error)
{
    struct stat status;
    g_autoptr(GString) text = read_text(folder, &status, error);
    g_autoptr(GString) rest = g_string_new(NULL);
    g_autoptr(GHashTable) unwanted = set_of(keys);
    const char *raw;
    gsize at = 0, length;
    char *line;

    if (!text)
        return FALSE;
    while ((line = next_line(text, &at, &raw, &length))) {
        if (!g_hash_table_contains(unwanted, line))
            g_string_append_len(rest, raw, (gssize)length);
        g_free(line);
    }
    return rest->len == text->len || replace(folder, rest, &status, error);
}

char **firn_authorized_keys_read(const FirnUser *account, GError **error)
{
    g_auto(Folder) folder = {.fd = -1};
    g_autoptr(GString) text = NULL;
    FirnFsIdentity before;
    struct stat status;
    GPtrArray *keys;
    const char *raw;
    gsize at = 0, length;
    char *line;

    if (!folder_open(&folder, account, FALSE, error) ||
        !take_identity(account, folder.as_root, &before, error))
        return NULL;
    text = read_text(&folder, &status, error);
    firn_fs_identity_restore(&before);
    if (!text)
        return NULL;
    keys = g_ptr_array_new();
    while ((line = next_line(text, &at, &raw, &length))) {
        if (*line && *line != '#')
            g_ptr_array_add(keys, g_steal_pointer(&line));
        g_free(line);
    }
    g_ptr_array_add(keys, NULL);
    return (char **)g_ptr_array_free(keys, FALSE);
}

gboolean firn_authorized_keys_add(const FirnUser *account, const char *const *keys, gboolean reset,
                                  GError **error)
{
    g_auto(Folder) folder = {.fd = -1};
    FirnFsIdentity before;
    gboolean done;

    if (!firn_authorized_keys_check(keys, error) || !folder_open(&folder, account, TRUE, error) ||
        !take_identity(account, folder.as_root, &before, error))
        return FALSE;
    done = add(&folder, keys, reset, error);
    firn_fs_identity_restore(&before);
    return done;
}

/* Nothing to remove keys from is no error. */
static gboolean forgive_missing(GError *failure, GError **error)
{
    if (g_error_matches(failure, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
        g_error_free(failure);
        return TRUE;
    }
    g_propagate_error(error, failure);
    return FALSE;
}

gboolean firn_authorized_keys_remove(const FirnUser *account, const char *const *keys,
                                     GError **error)
{
    g_auto(Folder) folder = {.fd = -1};
    GError *failure = NULL;
    FirnFsIdentity before;
    gboolean done;

    if (!firn_authorized_keys_check(keys, error))
        return FALSE;
    if (!folder_open(&folder, account, FALSE, &failure))
        return forgive_missing(failure, error);
    if (!take_identity(account, folder.as_root, &before, error))
        return FALSE;
    done = remove_keys(&folder, keys, &failure);
    firn_fs_identity_restore(&before);
    return done || forgive_missing(failure, error);
}

gboolean firn_authorized_keys_check(const char *const *keys, GError **error)
{
    for (; keys && *keys; keys++) {
        const char *start = *keys + strspn(*keys, " \t");

        if (*start != '#' && !strchr(*keys, '\n'))
            continue;
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "invalid OpenSSH public key: '%s'",
                    *keys);
        return FALSE;
    }
    return TRUE;
}
