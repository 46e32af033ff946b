/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/request.h"
#include "tests/lib/suite.h"

#include <string.h>

/* Takes over what was saved, line for line, as a keeper does. */
static FirnFreezeRequest *load(const char *lines)
{
    FirnFreezeRequest *request = firn_freeze_request_new(NULL, NULL, NULL, NULL);
    g_auto(GStrv) parts = g_strsplit(lines, "\n", -1);
    guint count = g_strv_length(parts);

    ck_assert_str_eq(parts[count - 1], ""); /* the last line has its end too */
    for (guint i = 0; i + 1 < count; i++)
        ck_assert_msg(firn_freeze_request_load_line(request, parts[i]), "%s", parts[i]);
    return request;
}

static FirnFreezeRequest *pass_on(const FirnFreezeRequest *request)
{
    g_autofree char *lines = firn_freeze_request_save(request);

    return load(lines);
}

/* All bytes but NUL, as names of files have them. */
static char *odd_text(void)
{
    char *text = g_malloc(256);

    for (guint i = 0; i < 255; i++)
        text[i] = (char)(i + 1);
    text[255] = '\0';
    return text;
}

static void assert_lists_eq(char **one, char **other)
{
    ck_assert((one == NULL) == (other == NULL));
    if (one)
        ck_assert(g_strv_equal((const char *const *)one, (const char *const *)other));
}

static void assert_eq(const FirnFreezeRequest *one, const FirnFreezeRequest *other)
{
    ck_assert_pstr_eq(one->root, other->root);
    ck_assert_pstr_eq(one->state_dir, other->state_dir);
    ck_assert_pstr_eq(one->log_file, other->log_file);
    ck_assert_pstr_eq(one->who, other->who);
    ck_assert_pstr_eq(one->hook, other->hook);
    assert_lists_eq(one->mountpoints, other->mountpoints);
    assert_lists_eq(one->exclude, other->exclude);
    assert_lists_eq(one->include, other->include);
    ck_assert_int_eq(one->verbose, other->verbose);
    ck_assert_int_eq(one->enabled, other->enabled);
    ck_assert_int_eq(one->expedite, other->expedite);
    ck_assert_int_eq(one->trace_marker, other->trace_marker);
    ck_assert_uint_eq(one->freeze_timeout, other->freeze_timeout);
    ck_assert_uint_eq(one->walk_timeout, other->walk_timeout);
    ck_assert_uint_eq(one->hook_timeout, other->hook_timeout);
    ck_assert_uint_eq(one->sync_timeout, other->sync_timeout);
    ck_assert_uint_eq(one->report_keep, other->report_keep);
}

START_TEST(the_configuration_arrives_at_the_keeper)
{
    g_autoptr(FirnConfig) config = firn_config_new();
    g_autoptr(FirnRoots) roots = firn_roots_new("/tree");
    static const char *const mountpoints[] = {"/a", "/b", NULL};
    g_autoptr(FirnFreezeRequest) request =
        firn_freeze_request_new(config, roots, mountpoints, "guest-fsfreeze-freeze-list");
    g_autoptr(FirnFreezeRequest) loaded = pass_on(request);

    assert_eq(request, loaded);
    ck_assert_str_eq(loaded->root, "/tree");
    ck_assert_str_eq(loaded->state_dir, config->state_dir);
    ck_assert_uint_eq(loaded->freeze_timeout, config->freeze_timeout);
    ck_assert_uint_eq(loaded->walk_timeout, config->freeze_walk_timeout);
    ck_assert_int_eq(loaded->enabled, config->freeze_enabled);
}
END_TEST

START_TEST(any_bytes_of_a_name_arrive)
{
    g_autoptr(FirnFreezeRequest) request = firn_freeze_request_new(NULL, NULL, NULL, NULL);
    g_autoptr(FirnFreezeRequest) loaded = NULL;
    g_autofree char *odd = odd_text();
    const char *names[] = {odd, " ", "\n", "\\n", "ends in blank ", odd, NULL};

    request->state_dir = g_strdup(odd);
    request->hook = g_strdup("\nfreeze\n");
    request->mountpoints = g_strdupv((char **)(guintptr)names);
    request->freeze_timeout = G_MAXUINT;
    loaded = pass_on(request);
    assert_eq(request, loaded);
    ck_assert_str_eq(loaded->mountpoints[5], odd);
}
END_TEST

START_TEST(an_empty_list_differs_from_none)
{
    g_autoptr(FirnFreezeRequest) request = firn_freeze_request_new(NULL, NULL, NULL, NULL);
    g_autoptr(FirnFreezeRequest) none = pass_on(request);
    g_autoptr(FirnFreezeRequest) empty = NULL;

    ck_assert_ptr_null(none->mountpoints);
    request->mountpoints = g_new0(char *, 1);
    empty = pass_on(request);
    ck_assert_ptr_nonnull(empty->mountpoints);
    ck_assert_ptr_null(empty->mountpoints[0]);
}
END_TEST

/* Another version's, or no line of a request at all. */
START_TEST(lines_that_are_not_known_are_passed_over)
{
    static const char *const lines[] = {
        "", " ", "later-key 3", "walk-timeout", "walk-time 9", "freeze", "WHO x", " who x"};
    g_autoptr(FirnFreezeRequest) request = firn_freeze_request_new(NULL, NULL, NULL, NULL);
    g_autoptr(FirnFreezeRequest) before = firn_freeze_request_new(NULL, NULL, NULL, NULL);

    for (gsize i = 0; i < G_N_ELEMENTS(lines); i++)
        ck_assert_msg(!firn_freeze_request_load_line(request, lines[i]), "'%s'", lines[i]);
    assert_eq(request, before);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("freeze-request");
    TCase *tests = tcase_create("freeze-request");

    tcase_add_test(tests, the_configuration_arrives_at_the_keeper);
    tcase_add_test(tests, any_bytes_of_a_name_arrive);
    tcase_add_test(tests, an_empty_list_differs_from_none);
    tcase_add_test(tests, lines_that_are_not_known_are_passed_over);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
