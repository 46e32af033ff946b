/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/roots.h"

struct FirnRoots {
    char *prefix;
};

FirnRoots *firn_roots_new(const char *prefix)
{
    FirnRoots *roots = g_new0(FirnRoots, 1);

    roots->prefix = g_strdup(prefix ? prefix : "");
    return roots;
}

void firn_roots_free(FirnRoots *roots)
{
    if (!roots)
        return;
    g_free(roots->prefix);
    g_free(roots);
}

char *firn_roots_path(const FirnRoots *roots, const char *absolute)
{
    return g_strconcat(roots->prefix, absolute, NULL);
}

char *firn_roots_pathf(const FirnRoots *roots, const char *format, ...)
{
    g_autofree char *absolute = NULL;
    va_list args;

    va_start(args, format);
    absolute = g_strdup_vprintf(format, args);
    va_end(args);
    return firn_roots_path(roots, absolute);
}

gboolean firn_roots_are_host(const FirnRoots *roots)
{
    return roots->prefix[0] == '\0';
}
