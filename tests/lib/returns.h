/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_RETURNS_H
#define TESTS_LIB_RETURNS_H

/* Fails the test when the reply line returns something else than the row of the request's command
 * says. Errors, and requests that no row is of, are fine. */
void test_returns_check(const char *request, const char *line);

#endif
