/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/target.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static GPtrArray *list(const char *folder)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    GDir *dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir)) != NULL)
        g_ptr_array_add(names, g_strdup(name));
    if (dir)
        g_dir_close(dir);
    g_ptr_array_sort(names, compare);
    return names;
}

/* Runs every file of the corpus through the fuzz target: a TAP line for each. A file that breaks it
 * ends the program, with its name in the last line. */
int main(int argc, char **argv)
{
    g_autoptr(GPtrArray) names = NULL;

    if (argc != 2) {
        fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
        return 2;
    }
    names = list(argv[1]);
    if (names->len == 0) {
        printf("Bail out! no corpus in %s\n", argv[1]);
        return 1;
    }
    printf("1..%u\n", names->len);
    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        g_autofree char *path = g_build_filename(argv[1], name, NULL);
        g_autofree char *bytes = NULL;
        gsize size;

        printf("# %s\n", name);
        fflush(stdout);
        if (!g_file_get_contents(path, &bytes, &size, NULL)) {
            printf("not ok %u - %s: cannot be read\n", i + 1, name);
            return 1;
        }
        LLVMFuzzerTestOneInput((const uint8_t *)bytes, size);
        printf("ok %u - %s\n", i + 1, name);
    }
    return 0;
}
