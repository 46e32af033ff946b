/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_VM_LIB_COMMAND_LINE_H
#define TESTS_VM_LIB_COMMAND_LINE_H

#include "tests/vm/lib/guest.h"

/* QEMU's command line for a guest with these options, whose sockets and files are in `folder`: the
 * program and its arguments, ends with NULL. Free with g_ptr_array_unref(). */
GPtrArray *test_guest_command_line(const TestGuestOptions *options, const char *folder);

#endif
