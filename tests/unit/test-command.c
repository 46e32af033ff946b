/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/command.h"
#include "tests/lib/suite.h"

#include <glib.h>

static const char *const colours[] = {"red", "green", NULL};
static const QgaMember point[] = {
    {.name = "x", .type = QGA_TYPE_INT},
    {.name = "y", .type = QGA_TYPE_UINT64, .optional = TRUE},
    {0},
};

static const QgaCommand first_rows[] = {{.name = "guest-b"}, {.name = "guest-d"}};
static const QgaCommand second_rows[] = {{.name = "guest-c"}, {.name = "guest-a"}};

static void count_free(gpointer data)
{
    ++*(guint *)data;
}

START_TEST(test_table)
{
    QgaCommands *commands = qga_commands_new();
    const QgaCommand *const *list;
    gpointer data = NULL;
    guint count, first = 0, second = 0;

    qga_commands_add(commands, first_rows, 2, &first, count_free);
    qga_commands_add(commands, second_rows, 2, &second, NULL);
    ck_assert_ptr_eq(qga_commands_find(commands, "guest-d", &data), &first_rows[1]);
    ck_assert_ptr_eq(data, &first);
    ck_assert_ptr_eq(qga_commands_find(commands, "guest-a", &data), &second_rows[1]);
    ck_assert_ptr_eq(data, &second);
    ck_assert_ptr_nonnull(qga_commands_find(commands, "guest-a", NULL));
    ck_assert_ptr_null(qga_commands_find(commands, "guest-e", &data));
    ck_assert_ptr_null(qga_commands_find(commands, "", &data));
    list = qga_commands_list(commands, &count);
    ck_assert_uint_eq(count, 4);
    for (guint i = 0; i < count; i++)
        ck_assert_int_eq(list[i]->name[6], "abcd"[i]);
    qga_commands_free(commands);
    ck_assert_uint_eq(first, 1);
    ck_assert_uint_eq(second, 0);
}
END_TEST

START_TEST(test_names_of_base64)
{
    static const QgaMember first[] = {{"a", QGA_TYPE_BASE64}, {"b", QGA_TYPE_STRING}, {0}};
    static const QgaMember second[] = {
        {"c", QGA_TYPE_INT}, {"a", QGA_TYPE_BASE64}, {"d", QGA_TYPE_BASE64}, {0}};
    static const QgaCommand rows[] = {{.name = "x", .arguments = first},
                                      {.name = "y", .arguments = second}};
    g_autoptr(QgaCommands) commands = qga_commands_new();
    const char *const *names = qga_commands_base64(commands);

    ck_assert_ptr_null(names[0]);
    qga_commands_add(commands, rows, G_N_ELEMENTS(rows), NULL, NULL);
    names = qga_commands_base64(commands);
    ck_assert(g_strv_contains(names, "a") && g_strv_contains(names, "d"));
    ck_assert_ptr_null(names[2]);
}
END_TEST

START_TEST(test_describe)
{
    static const struct {
        QgaMember member;
        const char *text;
    } cases[] = {
        {{.type = QGA_TYPE_INT}, "int"},
        {{.type = QGA_TYPE_UINT64}, "uint64"},
        {{.type = QGA_TYPE_NUMBER}, "number"},
        {{.type = QGA_TYPE_STRING}, "str"},
        {{.type = QGA_TYPE_BOOL}, "bool"},
        {{.type = QGA_TYPE_BASE64}, "base64"},
        {{.type = QGA_TYPE_ENUM, .values = colours}, "red | green"},
        {{.type = QGA_TYPE_INT_OR_ENUM, .values = colours}, "int | red | green"},
        {{.type = QGA_TYPE_BOOL_OR_ENUM, .values = colours}, "bool | red | green"},
        {{.type = QGA_TYPE_LIST, .element = QGA_TYPE_STRING}, "[str]"},
        {{.type = QGA_TYPE_STRUCT, .members = point}, "{x: int, y?: uint64}"},
        {{.type = QGA_TYPE_LIST, .element = QGA_TYPE_STRUCT, .members = point},
         "[{x: int, y?: uint64}]"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = qga_member_describe(&cases[i].member);

        ck_assert_str_eq(text, cases[i].text);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("command");
    TCase *tests = tcase_create("command");

    tcase_add_test(tests, test_table);
    tcase_add_test(tests, test_names_of_base64);
    tcase_add_test(tests, test_describe);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
