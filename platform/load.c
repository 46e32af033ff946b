/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/load.h"

#include "platform/text-file.h"

gboolean firn_load_read(const FirnRoots *roots, FirnLoad *load, GError **error)
{
    g_autofree char *path = firn_roots_path(roots, "/proc/loadavg");
    g_autofree char *text = firn_text_file_read(path, error);
    double *values[] = {&load->minutes1, &load->minutes5, &load->minutes15};
    const char *at = text;

    if (!text)
        return FALSE;
    for (guint i = 0; i < G_N_ELEMENTS(values); i++) {
        char *end;

        *values[i] = g_ascii_strtod(at, &end);
        if (end == at) {
            g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                        "%s does not hold three load averages: '%s'", path, text);
            return FALSE;
        }
        at = end;
    }
    return TRUE;
}
