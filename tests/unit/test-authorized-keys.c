/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/authorized-keys.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Nobody's numbers: the tests hand them in, no account of this machine is touched. */
#define UID 64242
#define GID 64243

static char *tree;
static FirnUser user;

static char *in_home(const char *name)
{
    return g_build_filename(user.home, name, NULL);
}

static void make_home(void)
{
    tree = test_tree_new();
    user = (FirnUser){.name = g_strdup("ada"), .uid = UID, .gid = GID};
    user.home = g_build_filename(tree, "home", NULL);
    ck_assert_int_eq(g_mkdir(user.home, 0755), 0);
    if (geteuid() == 0)
        ck_assert_int_eq(chown(user.home, UID, GID), 0);
}

static void remove_home(void)
{
    g_free(user.name);
    g_free(user.home);
    test_tree_remove(tree);
}

#define NEED_ROOT                                                                                  \
    if (geteuid() != 0)                                                                            \
    TEST_SKIP("only root can act as another user")

static void make(const char *name, const char *text, mode_t mode, uid_t uid, gid_t gid)
{
    g_autofree char *path = in_home(name);

    if (text)
        ck_assert(g_file_set_contents(path, text, -1, NULL));
    else
        ck_assert_int_eq(g_mkdir(path, 0700), 0);
    ck_assert_int_eq(chmod(path, mode), 0);
    ck_assert_int_eq(lchown(path, uid, gid), 0);
}

static void make_keys(const char *text, mode_t mode)
{
    make(".ssh", NULL, 0700, UID, GID);
    make(".ssh/authorized_keys", text, mode, UID, GID);
}

static void assert_file(const char *name, mode_t mode, uid_t uid, gid_t gid)
{
    g_autofree char *path = in_home(name);
    struct stat status;

    ck_assert_int_eq(lstat(path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, mode);
    ck_assert_uint_eq(status.st_uid, uid);
    ck_assert_uint_eq(status.st_gid, gid);
}

static void assert_text(const char *expected)
{
    g_autofree char *path = in_home(".ssh/authorized_keys");
    g_autofree char *folder = in_home(".ssh");
    g_autofree char *text = NULL;
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);

    ck_assert(g_file_get_contents(path, &text, NULL, NULL));
    ck_assert_str_eq(text, expected);
    ck_assert_str_eq(g_dir_read_name(dir), "authorized_keys"); /* and nothing is left behind */
    ck_assert_ptr_null(g_dir_read_name(dir));
}

static void add(const char *const *keys, gboolean reset)
{
    g_autoptr(GError) error = NULL;

    ck_assert_msg(firn_authorized_keys_add(&user, keys, reset, &error), "%s",
                  error ? error->message : "no error");
    ck_assert_int_eq(setfsuid((uid_t)-1), 0); /* whose rights are back */
    ck_assert_int_eq(setfsgid((gid_t)-1), 0);
}

static void assert_add_fails(const char *cause)
{
    const char *const keys[] = {"ssh-rsa AAAA a", NULL};
    g_autoptr(GError) error = NULL;

    ck_assert(!firn_authorized_keys_add(&user, keys, FALSE, &error));
    ck_assert_msg(strstr(error->message, cause) != NULL, "%s", error->message);
    ck_assert_int_eq(setfsuid((uid_t)-1), 0);
}

static void assert_read_fails(const char *cause)
{
    g_autoptr(GError) error = NULL;

    ck_assert_ptr_null(firn_authorized_keys_read(&user, &error));
    ck_assert_msg(strstr(error->message, cause) != NULL, "%s", error->message);
    ck_assert_int_eq(setfsuid((uid_t)-1), 0);
}

START_TEST(test_creates)
{
    const char *const keys[] = {"ssh-rsa AAAA a", " ssh-rsa BBBB b\t", "ssh-rsa AAAA a", "", NULL};

    NEED_ROOT;
    umask(0);
    add(keys, FALSE);
    assert_text("ssh-rsa AAAA a\nssh-rsa BBBB b\n");
    assert_file(".ssh", 0700, UID, GID);
    assert_file(".ssh/authorized_keys", 0600, UID, GID);
}
END_TEST

START_TEST(test_adds)
{
    const char *const keys[] = {"ssh-rsa AAAA a", "ssh-rsa CCCC c", NULL};

    NEED_ROOT;
    make_keys("# mine\n\n  ssh-rsa AAAA a  \nssh-rsa BBBB b", 0664);
    add(keys, FALSE);
    assert_text("# mine\n\n  ssh-rsa AAAA a  \nssh-rsa BBBB b\nssh-rsa CCCC c\n");
    assert_file(".ssh/authorized_keys", 0644, UID, GID); /* sshd refuses more */
}
END_TEST

START_TEST(test_resets)
{
    const char *const keys[] = {"ssh-rsa CCCC c", NULL};
    const char *const none[] = {NULL};

    NEED_ROOT;
    make_keys("# mine\nssh-rsa AAAA a\n", 0600);
    add(keys, TRUE);
    assert_text("ssh-rsa CCCC c\n");
    add(none, TRUE);
    assert_text("");
    assert_file(".ssh/authorized_keys", 0600, UID, GID);
}
END_TEST

/* Adding what is there does not touch the file. */
START_TEST(test_leaves_alone)
{
    const char *const keys[] = {"ssh-rsa AAAA a", "", NULL};
    g_autofree char *path = in_home(".ssh/authorized_keys");
    struct stat before, after;

    NEED_ROOT;
    make_keys("ssh-rsa AAAA a", 0600);
    ck_assert_int_eq(stat(path, &before), 0);
    add(keys, FALSE);
    ck_assert_int_eq(stat(path, &after), 0);
    ck_assert_uint_eq(before.st_ino, after.st_ino);
    assert_text("ssh-rsa AAAA a");
}
END_TEST

START_TEST(test_removes)
{
    const char *const keys[] = {"ssh-rsa AAAA a", "ssh-rsa XXXX x", "", NULL};
    g_autoptr(GError) error = NULL;

    NEED_ROOT;
    ck_assert(firn_authorized_keys_remove(&user, keys, &error)); /* no folder */
    make_keys("# mine\nssh-rsa AAAA a\n\n ssh-rsa AAAA a\nssh-rsa BBBB b", 0640);
    ck_assert(firn_authorized_keys_remove(&user, keys, &error));
    assert_text("# mine\n\nssh-rsa BBBB b");
    assert_file(".ssh/authorized_keys", 0640, UID, GID);
}
END_TEST

START_TEST(test_reads)
{
    g_auto(GStrv) keys = NULL;

    NEED_ROOT;
    make_keys("# mine\n\nssh-rsa AAAA a \n   \n #x\nfrom=\"a\" ssh-rsa BBBB b", 0600);
    keys = firn_authorized_keys_read(&user, NULL);
    ck_assert_uint_eq(g_strv_length(keys), 2);
    ck_assert_str_eq(keys[0], "ssh-rsa AAAA a");
    ck_assert_str_eq(keys[1], "from=\"a\" ssh-rsa BBBB b");
}
END_TEST

START_TEST(test_missing)
{
    g_autofree char *path = in_home(".ssh/authorized_keys");
    g_autofree char *folder = in_home(".ssh");
    g_autofree char *read_error = g_strdup_printf(
        "failed to read '%s': Failed to open file “%s”: No such file or directory", path, path);
    g_autofree char *add_error =
        g_strdup_printf("failed to create directory '%s': No such file or directory", folder);

    NEED_ROOT;
    assert_read_fails(read_error);
    make(".ssh", NULL, 0700, UID, GID);
    assert_read_fails(read_error);
    g_rmdir(folder);
    g_rmdir(user.home);
    assert_read_fails(read_error);
    assert_add_fails(add_error);
}
END_TEST

/* The error tells whose right is missing, since the agent is root. */
START_TEST(test_file_of_root)
{
    NEED_ROOT;
    make(".ssh", NULL, 0700, UID, GID);
    make(".ssh/authorized_keys", "ssh-ed25519 AAAA\n", 0600, 0, 0);
    assert_read_fails("it is read with the rights of ada");
    assert_add_fails("it is read with the rights of ada");
}
END_TEST

START_TEST(test_folder_is_link)
{
    g_autofree char *folder = in_home(".ssh");
    g_autofree char *victim = g_build_filename(tree, "victim", NULL);
    g_autofree char *file = g_build_filename(victim, "authorized_keys", NULL);

    NEED_ROOT;
    ck_assert_int_eq(g_mkdir(victim, 0777), 0);
    ck_assert_int_eq(symlink(victim, folder), 0);
    assert_add_fails("symbolic link");
    assert_read_fails("symbolic link");
    ck_assert(!g_file_test(file, G_FILE_TEST_EXISTS));
}
END_TEST

START_TEST(test_file_is_link)
{
    g_autofree char *path = in_home(".ssh/authorized_keys");
    g_autofree char *victim = g_build_filename(tree, "victim", NULL);
    g_autofree char *text = NULL;

    NEED_ROOT;
    make(".ssh", NULL, 0700, UID, GID);
    ck_assert(g_file_set_contents(victim, "secret", -1, NULL));
    ck_assert_int_eq(symlink(victim, path), 0);
    assert_add_fails("symbolic link");
    assert_read_fails("symbolic link");
    ck_assert(g_file_get_contents(victim, &text, NULL, NULL));
    ck_assert_str_eq(text, "secret");
}
END_TEST

/* The user, in a process of his own, who swaps the folder with a link. */
static pid_t start_swapping(const char *folder, const char *link)
{
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (setgid(GID) != 0 || setuid(UID) != 0)
        _exit(1);
    while (renameat2(AT_FDCWD, folder, AT_FDCWD, link, RENAME_EXCHANGE) == 0)
        ;
    _exit(1);
}

/* Whenever he does it, what only root may read is not read, and what only root may write stays. */
START_TEST(test_folder_is_swapped)
{
    const char *const keys[] = {"ssh-rsa AAAA a", NULL};
    g_autofree char *folder = in_home(".ssh");
    g_autofree char *link = in_home("link");
    g_autofree char *victim = g_build_filename(tree, "victim", NULL);
    g_autofree char *file = g_build_filename(victim, "authorized_keys", NULL);
    g_autofree char *text = NULL;
    guint done = 0, refused = 0;
    int status;
    pid_t pid;

    NEED_ROOT;
    make_keys("", 0600);
    ck_assert_int_eq(g_mkdir(victim, 0755), 0);
    ck_assert(g_file_set_contents(file, "secret", -1, NULL));
    ck_assert_int_eq(chmod(file, 0600), 0);
    ck_assert_int_eq(symlink(victim, link), 0);
    pid = start_swapping(folder, link);
    while (done < 100 || refused < 100) {
        g_auto(GStrv) read = firn_authorized_keys_read(&user, NULL);

        if (firn_authorized_keys_add(&user, keys, done % 2, NULL))
            done++;
        else
            refused++;
        ck_assert(!read || !g_strv_contains((const char *const *)read, "secret"));
    }
    ck_assert_int_eq(waitpid(pid, &status, WNOHANG), 0); /* it is at it still */
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    ck_assert(g_file_get_contents(file, &text, NULL, NULL));
    ck_assert_str_eq(text, "secret");
}
END_TEST

/* Another's file that a user linked to is read with the user's rights, which means not at all. */
START_TEST(test_file_is_hard_link)
{
    g_autofree char *path = in_home(".ssh/authorized_keys");
    g_autofree char *victim = g_build_filename(tree, "victim", NULL);

    NEED_ROOT;
    make(".ssh", NULL, 0700, UID, GID);
    ck_assert(g_file_set_contents(victim, "secret", -1, NULL));
    ck_assert_int_eq(chmod(victim, 0600), 0);
    ck_assert_int_eq(link(victim, path), 0);
    assert_read_fails("Permission denied");
    assert_add_fails("Permission denied");
}
END_TEST

START_TEST(test_not_a_file)
{
    g_autofree char *path = in_home(".ssh/authorized_keys");

    NEED_ROOT;
    make(".ssh", NULL, 0700, UID, GID);
    ck_assert_int_eq(mkfifo(path, 0666), 0);
    ck_assert_int_eq(chmod(path, 0666), 0);
    assert_read_fails("Invalid argument"); /* and does not wait for a writer */
    g_unlink(path);
    make(".ssh/authorized_keys", NULL, 0700, UID, GID);
    assert_read_fails("Is a directory");
    assert_add_fails("Is a directory");
}
END_TEST

/* What an administrator keeps for a user, who cannot write there. */
START_TEST(test_folder_of_root)
{
    const char *const keys[] = {"ssh-rsa AAAA a", NULL};

    NEED_ROOT;
    make(".ssh", NULL, 0755, 0, 0);
    add(keys, FALSE);
    assert_text("ssh-rsa AAAA a\n");
    assert_file(".ssh/authorized_keys", 0600, UID, GID);
}
END_TEST

START_TEST(test_home_of_root)
{
    const char *const keys[] = {"ssh-rsa AAAA a", NULL};

    NEED_ROOT;
    ck_assert_int_eq(chown(user.home, 0, 0), 0);
    add(keys, FALSE);
    assert_file(".ssh", 0700, UID, GID);
    assert_file(".ssh/authorized_keys", 0600, UID, GID);
}
END_TEST

START_TEST(test_folder_of_others)
{
    NEED_ROOT;
    make(".ssh", NULL, 0755, UID + 1, GID + 1);
    assert_add_fails("Permission denied");
}
END_TEST

/* What is too much to be read again is not written. */
START_TEST(test_too_much)
{
    g_autofree char *large = g_strnfill(9 << 20, 'x');
    const char *const keys[] = {large, NULL};
    g_autoptr(GError) error = NULL;

    NEED_ROOT;
    make_keys("ssh-rsa AAAA a\n", 0600);
    ck_assert(!firn_authorized_keys_add(&user, keys, FALSE, &error));
    ck_assert_msg(strstr(error->message, "File too large") != NULL, "%s", error->message);
    assert_text("ssh-rsa AAAA a\n");
}
END_TEST

START_TEST(test_checks)
{
    const char *const bad[] = {"# comment", " #x", "ssh-rsa AAAA a\nssh-rsa BBBB b",
                               "ssh-rsa AAAA a\n"};
    const char *const good[] = {"ssh-rsa AAAA a", "", "anything", NULL};

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        const char *const keys[] = {"ssh-rsa AAAA a", bad[i], NULL};
        g_autofree char *expected = g_strdup_printf("invalid OpenSSH public key: '%s'", bad[i]);
        g_autoptr(GError) error = NULL;

        ck_assert(!firn_authorized_keys_add(&user, keys, FALSE, &error));
        ck_assert_str_eq(error->message, expected);
        g_clear_error(&error);
        ck_assert(!firn_authorized_keys_remove(&user, keys, &error));
        ck_assert_str_eq(error->message, expected);
    }
    ck_assert(firn_authorized_keys_check(good, NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("authorized-keys");
    TCase *tests = tcase_create("authorized-keys");

    tcase_add_checked_fixture(tests, make_home, remove_home);
    tcase_add_test(tests, test_creates);
    tcase_add_test(tests, test_adds);
    tcase_add_test(tests, test_resets);
    tcase_add_test(tests, test_leaves_alone);
    tcase_add_test(tests, test_removes);
    tcase_add_test(tests, test_reads);
    tcase_add_test(tests, test_missing);
    tcase_add_test(tests, test_file_of_root);
    tcase_add_test(tests, test_folder_is_link);
    tcase_add_test(tests, test_file_is_link);
    tcase_add_test(tests, test_folder_is_swapped);
    tcase_add_test(tests, test_file_is_hard_link);
    tcase_add_test(tests, test_not_a_file);
    tcase_add_test(tests, test_folder_of_root);
    tcase_add_test(tests, test_home_of_root);
    tcase_add_test(tests, test_folder_of_others);
    tcase_add_test(tests, test_too_much);
    tcase_add_test(tests, test_checks);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
