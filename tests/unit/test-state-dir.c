/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/state-dir.h"
#include "tests/lib/suite.h"

#include <glib/gstdio.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#define MEMORY "/dev/shm"

/* A folder on a tmpfs; NULL where this machine shows none. */
static char *folder;

static void setup(void)
{
    struct statfs status;

    if (statfs(MEMORY, &status) == 0 && status.f_type == TMPFS_MAGIC)
        folder = g_mkdtemp(g_strdup(MEMORY "/firn-state-dir-XXXXXX"));
}

static void teardown(void)
{
    const char *argv[] = {"rm", "-rf", folder, NULL};

    if (folder)
        g_spawn_sync(NULL, (char **)(gpointer)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                     NULL, NULL, NULL);
    g_clear_pointer(&folder, g_free);
}

#define NEEDS_MEMORY                                                                               \
    do {                                                                                           \
        if (!folder)                                                                               \
            TEST_SKIP("%s is no tmpfs that can be written to", MEMORY);                            \
    } while (0)

static void assert_refused(const char *path, const char *cause)
{
    g_autoptr(GError) error = NULL;

    ck_assert_msg(!firn_state_dir_check(path, &error), "%s is taken", path);
    ck_assert_msg(strstr(error->message, path) != NULL, "%s", error->message);
    ck_assert_msg(strstr(error->message, cause) != NULL, "%s", error->message);
    ck_assert_msg(strstr(error->message, "set 'statedir' to a folder below /run") != NULL ||
                      strstr(error->message, "use another folder") != NULL,
                  "%s", error->message);
}

START_TEST(test_a_folder_of_our_own_in_memory_is_taken)
{
    g_autoptr(GError) error = NULL;

    NEEDS_MEMORY;
    ck_assert_msg(firn_state_dir_check(folder, &error), "%s", error ? error->message : "");
    ck_assert_int_eq(g_chmod(folder, 0755), 0);
    ck_assert(firn_state_dir_check(folder, NULL));
}
END_TEST

START_TEST(test_other_filesystems_are_refused)
{
    assert_refused("/proc", "does not lie on a tmpfs or ramfs");
    assert_refused("/proc/self/fd/", "does not lie on a tmpfs or ramfs");
}
END_TEST

START_TEST(test_what_others_may_write_to_is_refused)
{
    static const int modes[] = {0777, 01777, 0770, 0722};

    NEEDS_MEMORY;
    for (gsize i = 0; i < G_N_ELEMENTS(modes); i++) {
        ck_assert_int_eq(g_chmod(folder, modes[i]), 0);
        assert_refused(folder, "may be written to by others");
    }
    assert_refused(MEMORY, "may be written to by others");
}
END_TEST

START_TEST(test_a_folder_that_others_may_replace_is_refused)
{
    g_autofree char *below = NULL;

    NEEDS_MEMORY;
    below = g_build_filename(folder, "state", NULL);
    ck_assert_int_eq(g_mkdir(below, 0700), 0);
    ck_assert(firn_state_dir_check(below, NULL));
    ck_assert_int_eq(g_chmod(folder, 0777), 0);
    assert_refused(below, "could replace");
}
END_TEST

START_TEST(test_a_folder_of_another_user_is_refused)
{
    NEEDS_MEMORY;
    if (getuid() != 0)
        TEST_SKIP("only root can give a folder away");
    ck_assert_int_eq(chown(folder, 65534, 65534), 0);
    assert_refused(folder, "belongs to another user");
}
END_TEST

START_TEST(test_what_is_no_folder_is_refused)
{
    g_autofree char *link = NULL;
    g_autofree char *file = NULL;

    assert_refused("/no/such/folder", "No such file or directory");
    NEEDS_MEMORY;
    link = g_build_filename(folder, "link", NULL);
    file = g_build_filename(folder, "file", NULL);
    ck_assert_int_eq(symlink(".", link), 0);
    ck_assert(g_file_set_contents(file, "", 0, NULL));
    assert_refused(link, "it is a symbolic link");
    assert_refused(file, "Not a directory");
}
END_TEST

START_TEST(test_room_is_told_beforehand)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) dir = NULL;

    NEEDS_MEMORY;
    ck_assert(firn_state_dir_check_room(folder, 65536, NULL));
    ck_assert(!firn_state_dir_check_room(folder, G_GUINT64_CONSTANT(1) << 60, &error));
    ck_assert_msg(strstr(error->message, folder) && strstr(error->message, "has no room"), "%s",
                  error->message);
    dir = g_dir_open(folder, 0, NULL);
    ck_assert_ptr_null(g_dir_read_name(dir));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("state-dir");
    TCase *tests = tcase_create("state-dir");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_a_folder_of_our_own_in_memory_is_taken);
    tcase_add_test(tests, test_other_filesystems_are_refused);
    tcase_add_test(tests, test_what_others_may_write_to_is_refused);
    tcase_add_test(tests, test_a_folder_that_others_may_replace_is_refused);
    tcase_add_test(tests, test_a_folder_of_another_user_is_refused);
    tcase_add_test(tests, test_what_is_no_folder_is_refused);
    tcase_add_test(tests, test_room_is_told_beforehand);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
