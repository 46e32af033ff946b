/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_RECORDS_H
#define TESTS_LIB_RECORDS_H

#include "agent/freeze/record.h"

/*
 * Records of freezes that did not take place, in memory alone, for those that read records. They
 * are of a freeze that was asked for a second after the clock began, on 2023-11-14 at 22:13:20.123
 * UTC. They have no file: of record.h only what reads a record takes them.
 */

/* Free with test_record_free(), not with firn_record_free(). */
FirnRecord *test_record_new(const char *who);
void test_record_free(FirnRecord *record);

/* Adds a text, for the fields that are texts. */
guint test_record_add_text(FirnRecord *record, const char *text);

/* Adds a filesystem of which nothing has happened, or a hook that has not run. What is returned is
 * good until the next one is added. */
FirnRecordTarget *test_record_add_target(FirnRecord *record, const char *mountpoint,
                                         const char *type, const char *source);
FirnRecordHook *test_record_add_hook(FirnRecord *record, const char *path);

/* A time for a record: so many microseconds after its freeze was asked for. */
gint64 test_record_time(const FirnRecord *record, gint64 microseconds);

#endif
