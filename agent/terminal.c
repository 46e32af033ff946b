/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_OF_NO_TERMINAL 100

/* A small system may have no locales at all, and a terminal that takes UTF-8 none the less. */
static gboolean named_utf8(void)
{
    static const char *const variables[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (gsize i = 0; i < G_N_ELEMENTS(variables); i++) {
        const char *name = g_getenv(variables[i]);
        g_autofree char *lower = name && *name ? g_ascii_strdown(name, -1) : NULL;

        if (lower)
            return strstr(lower, ".utf-8") || strstr(lower, ".utf8");
    }
    return FALSE;
}

gboolean firn_terminal_is_utf8(void)
{
    locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    gboolean utf8;

    if (!locale)
        return named_utf8();
    utf8 = g_str_equal(nl_langinfo_l(CODESET, locale), "UTF-8");
    freelocale(locale);
    return utf8;
}

guint firn_terminal_width(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return WIDTH_OF_NO_TERMINAL;
    return size.ws_col;
}

static void drop(int *argc, char **argv, int at, int count)
{
    for (int i = at; i + count <= *argc; i++)
        argv[i] = argv[i + count];
    *argc -= count;
}

gboolean firn_terminal_take_flag(int *argc, char **argv, const char *flag)
{
    gboolean found = FALSE;

    for (int i = 1; i < *argc && strcmp(argv[i], "--") != 0;) {
        if (strcmp(argv[i], flag) == 0) {
            drop(argc, argv, i, 1);
            found = TRUE;
        } else {
            i++;
        }
    }
    return found;
}

gboolean firn_terminal_take_option(int *argc, char **argv, const char *name, const char **value,
                                   GError **error)
{
    gsize length = strlen(name);

    for (int i = 1; i < *argc && strcmp(argv[i], "--") != 0;) {
        if (strncmp(argv[i], name, length) == 0 && argv[i][length] == '=') {
            *value = argv[i] + length + 1;
            drop(argc, argv, i, 1);
        } else if (strcmp(argv[i], name) != 0) {
            i++;
        } else if (i + 1 < *argc) {
            *value = argv[i + 1];
            drop(argc, argv, i, 2);
        } else {
            g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s needs a value", name);
            return FALSE;
        }
    }
    return TRUE;
}
