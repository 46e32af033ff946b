/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_MEMORY_H
#define TESTS_LIB_MEMORY_H

#include <glib.h>

/* TRUE when the writable memory of a process, which may be this one, holds a text. It is given
 * backwards, so that the search does not find what is searched for. */
gboolean test_memory_holds(int pid, const char *backwards);

#endif
