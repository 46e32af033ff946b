/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/file.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char *tree;

static void make_tree(void)
{
    tree = test_tree_new();
    test_tree_write(tree, "/file", "0123456789");
}

static void remove_tree(void)
{
    test_tree_remove(tree);
}

/* Opens and closes as the agent's worker does. */
static gint64 files_open(FirnFiles *files, const char *path, const char *mode, GError **error)
{
    FirnFile *file = NULL;

    if (firn_files_check_room(files, path, mode, error))
        file = firn_file_open(path, mode, error);
    return file ? firn_files_add(files, file) : 0;
}

static gboolean files_close(FirnFiles *files, gint64 handle, GError **error)
{
    FirnFile *file = firn_files_take(files, handle, error);

    return file && firn_file_close(file, error);
}

static gint64 open_handle(FirnFiles *files, const char *name, const char *mode)
{
    g_autofree char *path = g_build_filename(tree, name, NULL);
    g_autoptr(GError) error = NULL;
    gint64 handle = files_open(files, path, mode, &error);

    ck_assert_msg(handle > 0, "%s", error ? error->message : "no error");
    return handle;
}

static FirnFile *open_file(FirnFiles *files, const char *name, const char *mode)
{
    return firn_files_find(files, open_handle(files, name, mode), NULL);
}

static void assert_read(FirnFile *file, gsize count, const char *expected, gboolean at_end)
{
    char buffer[64] = "";
    g_autoptr(GError) error = NULL;
    gboolean eof;

    ck_assert_int_eq(firn_file_read(file, buffer, count, &eof, &error), (gssize)strlen(expected));
    ck_assert_str_eq(buffer, expected);
    ck_assert_int_eq(eof, at_end);
}

static void assert_write(FirnFile *file, const char *text)
{
    ck_assert_int_eq(firn_file_write(file, text, strlen(text), NULL), (gssize)strlen(text));
}

static void assert_content(const char *name, const char *expected)
{
    g_autofree char *slash = g_strconcat("/", name, NULL);
    g_autofree char *text = test_tree_read(tree, slash);

    ck_assert_str_eq(text, expected);
}

static void assert_position(FirnFile *file, gint64 expected)
{
    ck_assert_int_eq(firn_file_seek(file, 0, SEEK_CUR, NULL), expected);
}

/* The end is told only by a read that runs into it. */
START_TEST(test_read)
{
    g_autoptr(FirnFiles) files = firn_files_new(10);
    FirnFile *file = open_file(files, "file", "r");

    assert_read(file, 0, "", FALSE);
    assert_read(file, 4, "0123", FALSE);
    assert_read(file, 6, "456789", FALSE);
    assert_read(file, 6, "", TRUE);
    ck_assert_int_eq(firn_file_seek(file, -2, SEEK_END, NULL), 8);
    assert_read(file, 6, "89", TRUE);
    ck_assert_int_eq(firn_file_seek(file, 100, SEEK_SET, NULL), 100);
    assert_read(file, 6, "", TRUE);
}
END_TEST

START_TEST(test_modes)
{
    g_autoptr(FirnFiles) files = firn_files_new(20);
    FirnFile *file;

    file = open_file(files, "file", "r+");
    assert_read(file, 2, "01", FALSE);
    assert_write(file, "AB");
    assert_read(file, 2, "45", FALSE);
    assert_content("file", "01AB456789");
    file = open_file(files, "file", "a+");
    assert_position(file, 0);
    assert_read(file, 2, "01", FALSE);
    assert_write(file, "XY");
    assert_position(file, 12);
    assert_read(file, 2, "", TRUE);
    ck_assert_int_eq(firn_file_seek(file, 1, SEEK_SET, NULL), 1);
    assert_write(file, "Z");
    assert_position(file, 13);
    assert_content("file", "01AB456789XYZ");
    file = open_file(files, "file", "ab");
    assert_write(file, "!");
    assert_content("file", "01AB456789XYZ!");
    file = open_file(files, "file", "w+b");
    assert_write(file, "new");
    ck_assert_int_eq(firn_file_seek(file, 0, SEEK_SET, NULL), 0);
    assert_read(file, 9, "new", TRUE);
    open_file(files, "file", "wb");
    assert_content("file", "");
    open_file(files, "made", "a");
    assert_content("made", "");
}
END_TEST

START_TEST(test_every_mode)
{
    const char *const good[] = {"r",   "rb", "w",   "wb",  "a",  "ab",  "r+", "rb+",
                                "r+b", "w+", "wb+", "w+b", "a+", "ab+", "a+b"};
    const char *const bad[] = {"", "zz", "rw", "re", "rx", "r ", "+", "b", "r+b+", "rb+b", "R"};
    g_autoptr(FirnFiles) files = firn_files_new(20);

    for (guint i = 0; i < G_N_ELEMENTS(good); i++)
        ck_assert(files_close(files, open_handle(files, "file", good[i]), NULL));
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *expected = g_strdup_printf("invalid file open mode '%s'", bad[i]);
        g_autoptr(GError) error = NULL;

        ck_assert_int_eq(files_open(files, "/nonexistent", bad[i], &error), 0);
        ck_assert_str_eq(error->message, expected);
    }
}
END_TEST

START_TEST(test_new_file_mode)
{
    g_autoptr(FirnFiles) files = firn_files_new(20);
    g_autofree char *path = g_build_filename(tree, "fresh", NULL);
    struct stat status;

    umask(027);
    open_file(files, "fresh", "w");
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0640);
}
END_TEST

START_TEST(test_handles)
{
    g_autoptr(FirnFiles) files = firn_files_new(2);
    g_autoptr(FirnFiles) later = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(tree, "file", NULL);
    g_autofree char *gone = NULL;
    gint64 first = open_handle(files, "file", "r");
    gint64 second = open_handle(files, "file", "r");

    ck_assert_int_gt(second, first);
    ck_assert_int_lt(second, 1LL << 53);
    ck_assert_int_eq(files_open(files, path, "r", &error), 0);
    ck_assert_ptr_nonnull(strstr(error->message, "(mode: 'r'): Too many open files"));
    g_clear_error(&error);
    ck_assert(files_close(files, first, NULL));
    ck_assert(!files_close(files, first, &error));
    gone = g_strdup_printf("handle '%" G_GINT64_FORMAT "' has not been found", first);
    ck_assert_str_eq(error->message, gone);
    /* numbers are not used again, neither by this one nor by the next */
    ck_assert_int_gt(open_handle(files, "file", "r"), second);
    g_usleep(1000);
    later = firn_files_new(2);
    ck_assert_int_gt(open_handle(later, "file", "r"), second + 1);
}
END_TEST

START_TEST(test_errors)
{
    g_autoptr(FirnFiles) files = firn_files_new(20);
    g_autoptr(GError) error = NULL;
    FirnFile *file;
    gboolean eof;
    char byte;

    ck_assert_int_eq(files_open(files, "/nonexistent", "r", &error), 0);
    ck_assert_str_eq(error->message,
                     "failed to open file '/nonexistent' (mode: 'r'): No such file or directory");
    g_clear_error(&error);
    file = open_file(files, "file", "r");
    ck_assert_int_eq(firn_file_write(file, "x", 1, &error), -1);
    ck_assert_str_eq(error->message, "failed to write to file: Bad file descriptor");
    g_clear_error(&error);
    ck_assert_int_eq(firn_file_write(file, "", 0, &error), 0);
    ck_assert_int_eq(firn_file_seek(file, -1, SEEK_SET, &error), -1);
    ck_assert_str_eq(error->message, "failed to seek file: Invalid argument");
    g_clear_error(&error);
    file = open_file(files, "file", "w");
    ck_assert_int_eq(firn_file_read(file, &byte, 1, &eof, &error), -1);
    ck_assert_str_eq(error->message, "failed to read file: Bad file descriptor");
    g_clear_error(&error);
    file = open_file(files, "", "r"); /* the folder itself */
    ck_assert_int_eq(firn_file_read(file, &byte, 1, &eof, &error), -1);
    ck_assert_str_eq(error->message, "failed to read file: Is a directory");
}
END_TEST

/* Nothing that could block does. */
START_TEST(test_fifo)
{
    g_autoptr(FirnFiles) files = firn_files_new(20);
    g_autofree char *path = g_build_filename(tree, "fifo", NULL);
    g_autofree char *large = g_malloc0(1024 * 1024);
    g_autoptr(GError) error = NULL;
    char buffer[16];
    FirnFile *reader, *writer;
    gboolean eof;

    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(files_open(files, path, "w", &error), 0);
    ck_assert_ptr_nonnull(strstr(error->message, "No such device or address"));
    g_clear_error(&error);
    reader = open_file(files, "fifo", "r");
    assert_read(reader, 4, "", TRUE); /* nobody writes */
    writer = open_file(files, "fifo", "a");
    ck_assert_int_eq(firn_file_read(reader, buffer, sizeof buffer, &eof, &error), -1);
    ck_assert_str_eq(error->message, "failed to read file: Resource temporarily unavailable");
    g_clear_error(&error);
    assert_write(writer, "abc");
    assert_read(reader, 10, "abc", FALSE); /* what is there, not an error */
    ck_assert_int_lt(firn_file_write(writer, large, 1024 * 1024, NULL), 1024 * 1024);
    ck_assert_int_eq(firn_file_write(writer, large, 1024 * 1024, &error), -1);
    ck_assert_str_eq(error->message, "failed to write to file: Resource temporarily unavailable");
    ck_assert_int_eq(firn_file_seek(reader, 0, SEEK_CUR, NULL), -1);
}
END_TEST

/* A write that fails behind a part tells of the part; the next one brings the error. */
START_TEST(test_part_written)
{
    const char bytes[8192] = "";
    struct rlimit limit = {6000, RLIM_INFINITY};
    g_autoptr(FirnFiles) files = firn_files_new(10);
    FirnFile *file = open_file(files, "new", "w");
    g_autoptr(GError) error = NULL;

    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_int_eq(firn_file_write(file, bytes, 4096, &error), 4096);
    ck_assert_int_eq(firn_file_write(file, bytes, 8192, &error), 6000 - 4096);
    ck_assert_int_eq(firn_file_write(file, bytes, 1, &error), -1);
    ck_assert_str_eq(error->message, "failed to write to file: File too large");
}
END_TEST

/* A record of a device is read whole, and what was not wanted yet comes with the next read. The
 * kernel's log gives one record a read, and loses what does not fit. */
START_TEST(test_records)
{
    g_autoptr(FirnFiles) files = firn_files_new(10);
    gint64 handle = files_open(files, "/dev/kmsg", "r", NULL);
    FirnFile *file = firn_files_find(files, handle, NULL);
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *mark = g_strdup_printf("firn-test-%d", (int)getpid());
    g_autofree char *line = g_strdup_printf("<7>%s end\n", mark);
    int log = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
    gboolean eof;

    if (!file || log < 0)
        TEST_SKIP("the kernel's log cannot be used here");
    ck_assert_int_ge(firn_file_seek(file, 0, SEEK_END, NULL), 0);
    ck_assert_int_eq(write(log, line, strlen(line)), (ssize_t)strlen(line));
    close(log);
    for (;;) {
        char piece[11];
        gssize length = firn_file_read(file, piece, sizeof piece, &eof, NULL);

        if (length < 0) /* there is no more now; EPIPE: records were overwritten */
            break;
        g_string_append_len(text, piece, length);
    }
    ck_assert_ptr_nonnull(strstr(text->str, mark));
    ck_assert_ptr_nonnull(strstr(text->str, " end\n"));
}
END_TEST

/* Nobody finds a file that an earlier request still works on. */
START_TEST(test_busy)
{
    g_autoptr(FirnFiles) files = firn_files_new(10);
    gint64 handle = open_handle(files, "file", "r");
    FirnFile *file = firn_files_find(files, handle, NULL);
    g_autoptr(GError) error = NULL;

    firn_file_set_busy(file, TRUE);
    ck_assert_ptr_null(firn_files_find(files, handle, &error));
    ck_assert_ptr_nonnull(strstr(error->message, "is busy: an earlier request to '"));
    ck_assert_ptr_null(firn_files_take(files, handle, NULL));
    firn_file_set_busy(file, FALSE);
    ck_assert_ptr_eq(firn_files_find(files, handle, NULL), file);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("file");
    TCase *tests = tcase_create("file");

    tcase_add_checked_fixture(tests, make_tree, remove_tree);
    tcase_add_test(tests, test_read);
    tcase_add_test(tests, test_modes);
    tcase_add_test(tests, test_every_mode);
    tcase_add_test(tests, test_new_file_mode);
    tcase_add_test(tests, test_handles);
    tcase_add_test(tests, test_errors);
    tcase_add_test(tests, test_fifo);
    tcase_add_test(tests, test_part_written);
    tcase_add_test(tests, test_records);
    tcase_add_test(tests, test_busy);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
