/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/records.h"

#include <string.h>

#define BEGIN G_GINT64_CONSTANT(1000000000)
#define ASKED G_GINT64_CONSTANT(1700000000123456000)

FirnRecord *test_record_new(const char *who)
{
    FirnRecord *record = g_new0(FirnRecord, 1);

    record->head = g_new0(FirnRecordHead, 1);
    record->fd = -1;
    record->head->begin = BEGIN;
    record->head->real_offset = ASKED - BEGIN;
    test_record_add_text(record, "");
    record->head->who = test_record_add_text(record, who);
    return record;
}

void test_record_free(FirnRecord *record)
{
    g_free(record->head);
    g_free(record->targets);
    g_free(record->hooks);
    g_free((char *)(guintptr)record->texts);
    g_free(record);
}

guint test_record_add_text(FirnRecord *record, const char *text)
{
    guint at = record->head->text_length;
    guint length = (guint)strlen(text) + 1;
    char *texts = g_realloc((char *)(guintptr)record->texts, at + length);

    memcpy(texts + at, text, length);
    record->texts = texts;
    record->head->text_length = at + length;
    return at;
}

FirnRecordTarget *test_record_add_target(FirnRecord *record, const char *mountpoint,
                                         const char *type, const char *source)
{
    guint at = record->head->target_count++;

    record->targets = g_renew(FirnRecordTarget, record->targets, at + 1);
    record->targets[at] = (FirnRecordTarget){
        .mountpoint = test_record_add_text(record, mountpoint),
        .type = test_record_add_text(record, type),
        .source = test_record_add_text(record, source),
    };
    return &record->targets[at];
}

FirnRecordHook *test_record_add_hook(FirnRecord *record, const char *path)
{
    guint at = record->head->hook_count++;

    record->hooks = g_renew(FirnRecordHook, record->hooks, at + 1);
    record->hooks[at] = (FirnRecordHook){.path = test_record_add_text(record, path)};
    return &record->hooks[at];
}

gint64 test_record_time(const FirnRecord *record, gint64 microseconds)
{
    return record->head->begin + microseconds * 1000;
}
