/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/trace.h"
#include "tests/lib/suite.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* A tracefs whose marker is a plain file. */
static char *make_tracefs(const char *place)
{
    g_autofree char *tree = g_dir_make_tmp("firn-trace-XXXXXX", NULL);
    g_autofree char *folder = g_build_filename(tree, place, NULL);
    g_autofree char *marker = g_build_filename(folder, "trace_marker", NULL);

    ck_assert_int_eq(g_mkdir_with_parents(folder, 0755), 0);
    ck_assert(g_file_set_contents(marker, "", 0, NULL));
    return g_steal_pointer(&tree);
}

static void remove_tracefs(const char *tree)
{
    const char *argv[] = {"rm", "-rf", tree, NULL};

    g_spawn_sync(NULL, (char **)(gpointer)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
                 NULL, NULL);
}

START_TEST(test_lines)
{
    g_autofree char *tree = make_tracefs("sys/kernel/tracing");
    g_autofree char *marker = g_build_filename(tree, "sys/kernel/tracing/trace_marker", NULL);
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);
    g_autoptr(FirnTrace) trace = firn_trace_open(roots, NULL);
    g_autofree char *text = NULL;

    ck_assert_ptr_nonnull(trace);
    firn_trace_freeze_begin(trace, 2);
    firn_trace_filesystem_begin(trace, "/home");
    firn_trace_filesystem_end(trace, "/home", 95);
    firn_trace_freeze_end(trace, 1, 0);
    firn_trace_deadline(trace, 1);
    firn_trace_thaw_begin(trace, 1);
    firn_trace_thaw_end(trace, 1, 0);
    ck_assert(g_file_get_contents(marker, &text, NULL, NULL));
    ck_assert_str_eq(text, "firn: freeze_begin filesystems=2\n"
                           "firn: filesystem_begin mountpoint=/home\n"
                           "firn: filesystem_end error=95 mountpoint=/home\n"
                           "firn: freeze_end frozen=1 error=0\n"
                           "firn: deadline filesystems=1\n"
                           "firn: thaw_begin filesystems=1\n"
                           "firn: thaw_end thawed=1 error=0\n");
    remove_tracefs(tree);
}
END_TEST

START_TEST(test_long_mountpoint)
{
    g_autofree char *tree = make_tracefs("sys/kernel/debug/tracing");
    g_autofree char *marker = g_build_filename(tree, "sys/kernel/debug/tracing/trace_marker", NULL);
    g_autofree char *mountpoint = g_strnfill(5000, 'x');
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);
    g_autoptr(FirnTrace) trace = firn_trace_open(roots, NULL);
    g_autofree char *text = NULL;
    gsize length;

    ck_assert_ptr_nonnull(trace);
    firn_trace_filesystem_begin(trace, mountpoint);
    ck_assert(g_file_get_contents(marker, &text, &length, NULL));
    ck_assert_uint_lt(length, 1024);
    ck_assert_int_eq(text[length - 1], '\n');
    remove_tracefs(tree);
}
END_TEST

START_TEST(test_no_tracefs)
{
    g_autoptr(FirnRoots) roots = firn_roots_new("/nonexistent");
    g_autoptr(GError) error = NULL;

    ck_assert_ptr_null(firn_trace_open(roots, &error));
    ck_assert_ptr_nonnull(strstr(error->message, "mount tracefs"));
    /* probes alone: nothing to write to */
    firn_trace_freeze_begin(NULL, 1);
    firn_trace_filesystem_end(NULL, "/", 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trace");
    TCase *tests = tcase_create("trace");

    tcase_add_test(tests, test_lines);
    tcase_add_test(tests, test_long_mountpoint);
    tcase_add_test(tests, test_no_tracefs);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
