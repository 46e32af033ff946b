/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/caller.h"

#include <string.h>

void firn_caller_answer(FirnCaller *caller, gint64 count, const GError *error)
{
    FirnCaller told = *caller;

    memset(caller, 0, sizeof *caller);
    if (told.done)
        told.done(count, error, told.data);
}

void firn_caller_refuse(FirnCaller *caller, const char *format, ...)
{
    g_autoptr(GError) error = NULL;
    va_list args;

    va_start(args, format);
    error = g_error_new_valist(G_FILE_ERROR, G_FILE_ERROR_FAILED, format, args);
    va_end(args);
    firn_caller_answer(caller, 0, error);
}
