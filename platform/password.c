/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/password.h"

#include "platform/helper.h"
#include "platform/user.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

/* PAM and directory servers take their time. */
#define TIMEOUT 60
/* chpasswd's own line is 8 KiB at most. */
#define LENGTH_MAX 4096
/* So many bytes of a password's front or end betray it. */
#define TOLD_MIN 8

gboolean firn_password_check(const char *user, const char *password, gsize length, GError **error)
{
    const char *complaint = NULL;

    if (strpbrk(user, ":\n"))
        complaint = "forbidden characters in username";
    else if (memchr(password, '\n', length) || memchr(password, '\0', length))
        complaint = "forbidden characters in raw password";
    else if (length > LENGTH_MAX)
        complaint = "the password is longer than 4096 bytes";
    if (complaint)
        g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, complaint);
    return complaint == NULL;
}

/* A file in memory, without a name, that holds chpasswd's line; -1 with an error. */
static int make_input(const char *user, const char *password, gsize length, GError **error)
{
    g_autofree char *name = g_strconcat(user, ":", NULL);
    struct iovec line[] = {
        {name, strlen(name)}, {(gpointer)(gsize)password, length}, {(gpointer)(gsize) "\n", 1}};
    gssize size = (gssize)(line[0].iov_len + line[1].iov_len + line[2].iov_len);
    int fd = memfd_create("chpasswd", MFD_CLOEXEC);

    if (fd >= 0 && writev(fd, line, G_N_ELEMENTS(line)) == size && lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(errno),
                "cannot hand the password to chpasswd: %s", g_strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static gboolean run_chpasswd(const char *program, const char *user, const char *password,
                             gsize length, gboolean crypted, GError **error)
{
    const char *const argv[] = {program, crypted ? "-e" : NULL, NULL};
    int input = make_input(user, password, length, error);
    gboolean done;

    if (input < 0)
        return FALSE;
    done = firn_helper_run_input(argv, input, TIMEOUT, NULL, error);
    close(input);
    return done;
}

/* TRUE when the text has the password in it, or as much of one as a long line leaves. */
static gboolean tells(const char *text, const char *password, gsize length)
{
    gsize size = MIN(length, TOLD_MIN);
    g_autofree char *front = g_strndup(password, size);
    gboolean found = length > 0 && (strstr(text, front) || strstr(text, password + length - size));

    explicit_bzero(front, size);
    return found;
}

gboolean firn_password_set(const FirnRoots *roots, const char *user, const char *password,
                           gsize length, gboolean crypted, GError **error)
{
    g_autofree char *program = firn_helper_find(roots, "chpasswd");
    g_autoptr(FirnUser) account = NULL;
    g_autoptr(GError) failure = NULL;

    if (!firn_password_check(user, password, length, error))
        return FALSE;
    account = firn_user_find(user, &failure);
    if (account && !program)
        g_set_error(&failure, G_FILE_ERROR, G_FILE_ERROR_NOENT,
                    "there is no chpasswd; install the package passwd or shadow-utils");
    if (!failure && run_chpasswd(program, user, password, length, crypted, &failure))
        return TRUE;
    /* a program's complaint may repeat its input */
    if (tells(failure->message, password, length))
        g_set_error(error, failure->domain, failure->code,
                    "child process has failed to set user password");
    else
        g_set_error(error, failure->domain, failure->code,
                    "child process has failed to set user password: %s", failure->message);
    return FALSE;
}
