/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/accounts.h"

#include <check.h>
#include <glib.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static void append(const char *path, const char *line)
{
    FILE *file = fopen(path, "a");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_gt(fputs(line, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static void copy_etc(void)
{
    const char *const argv[] = {"cp", "-a", "/etc", "/home/.etc", NULL};
    g_autoptr(GError) error = NULL;
    struct stat before, after;
    int status = 0;

    ck_assert_msg(g_spawn_sync(NULL, (char **)(gsize)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL,
                               NULL, NULL, &status, &error),
                  "%s", error ? error->message : "");
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(stat("/etc", &before), 0);
    ck_assert_int_eq(mount("/home/.etc", "/etc", NULL, MS_BIND, NULL), 0);
    ck_assert_int_eq(stat("/etc", &after), 0);
    ck_assert_uint_ne(before.st_dev, after.st_dev); /* never go on with the real one */
}

const char *test_accounts_isolate(void)
{
    g_autofree char *numbers = g_strdup_printf(TEST_ACCOUNT ":x:%d:", TEST_ACCOUNT_GID);
    g_autofree char *entry =
        g_strdup_printf(TEST_ACCOUNT ":x:%d:%d::" TEST_ACCOUNT_HOME ":/bin/sh\n", TEST_ACCOUNT_UID,
                        TEST_ACCOUNT_GID);
    g_autofree char *group = g_strconcat(numbers, "\n", NULL);

    if (geteuid() != 0)
        return "only root can have accounts of its own";
    if (unshare(CLONE_NEWNS) != 0)
        return "there are no mount namespaces here";
    ck_assert_int_eq(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    ck_assert_int_eq(mount("tmpfs", "/home", "tmpfs", 0, "mode=0755"), 0);
    copy_etc();
    append("/etc/passwd", entry);
    append("/etc/group", group);
    append("/etc/shadow", TEST_ACCOUNT ":!:19000:0:99999:7:::\n");
    ck_assert_int_eq(mkdir(TEST_ACCOUNT_HOME, 0755), 0);
    ck_assert_int_eq(chown(TEST_ACCOUNT_HOME, TEST_ACCOUNT_UID, TEST_ACCOUNT_GID), 0);
    return NULL;
}

char *test_accounts_password(void)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    ck_assert(g_file_get_contents("/etc/shadow", &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        g_auto(GStrv) fields = g_strsplit(*line, ":", 3);

        if (g_strv_length(fields) == 3 && !strcmp(fields[0], TEST_ACCOUNT))
            return g_strdup(fields[1]);
    }
    ck_abort_msg("/etc/shadow has no " TEST_ACCOUNT);
}
