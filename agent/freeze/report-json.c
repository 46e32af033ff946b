/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/report.h"

#include "agent/freeze/record-read.h"
#include "qga-protocol/json.h"

#include <sys/sysmacros.h>

static void add_text(JsonBuilder *builder, const char *name, const char *text)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_string_value(builder, text);
}

static void add_number(JsonBuilder *builder, const char *name, gint64 value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_int_value(builder, value);
}

/* Leaves out what did not happen. */
static void add_time(JsonBuilder *builder, const char *name, gint64 microseconds)
{
    if (microseconds != FIRN_NEVER)
        add_number(builder, name, microseconds);
}

static void add_outcome(JsonBuilder *builder, const FirnRecord *record, guint target)
{
    const FirnRecordTarget *row = &record->targets[target];
    FirnTargetState state = firn_record_state(record, target);
    g_autofree char *remark = firn_record_remark(record, target);

    add_text(builder, "outcome", firn_target_outcome(state));
    if (remark)
        add_text(builder, "remark", remark);
    if (state == FIRN_TARGET_ELSEWHERE)
        add_text(builder, "namespace", firn_record_text(record, row->whose));
    if (row->error != 0) {
        add_number(builder, "errno", row->error);
        add_text(builder, "error", g_strerror(row->error));
    }
    if (row->thaw_error != 0)
        add_number(builder, "thaw-errno", row->thaw_error);
}

static void add_target(JsonBuilder *builder, const FirnRecord *record, guint target)
{
    const FirnRecordTarget *row = &record->targets[target];
    g_autofree char *number =
        g_strdup_printf("%u:%u", major((dev_t)row->device), minor((dev_t)row->device));

    json_builder_begin_object(builder);
    add_text(builder, "mountpoint", firn_record_text(record, row->mountpoint));
    add_text(builder, "type", firn_record_text(record, row->type));
    add_text(builder, "device", firn_record_text(record, row->source));
    add_text(builder, "device-number", number);
    add_outcome(builder, record, target);
    add_time(builder, "sync-usec", firn_record_length(record, row->sync_begin, row->sync_end));
    add_time(builder, "freeze-usec",
             firn_record_length(record, row->freeze_begin, row->freeze_end));
    add_time(builder, "held-usec", firn_record_held_time(record, target));
    add_time(builder, "sync-begin", firn_record_since(record, row->sync_begin));
    add_time(builder, "sync-end", firn_record_since(record, row->sync_end));
    add_time(builder, "freeze-begin", firn_record_since(record, row->freeze_begin));
    add_time(builder, "freeze-end", firn_record_since(record, row->freeze_end));
    add_time(builder, "thaw-begin", firn_record_since(record, row->thaw_begin));
    add_time(builder, "thaw-end", firn_record_since(record, row->thaw_end));
    json_builder_end_object(builder);
}

static void add_run(JsonBuilder *builder, const FirnHookRun *run)
{
    json_builder_begin_object(builder);
    add_text(builder, "name", run->path);
    add_text(builder, "action", run->thaw ? "thaw" : "freeze");
    add_time(builder, "begin", run->begin);
    add_time(builder, "end", run->end);
    add_number(builder, "status", run->status);
    json_builder_end_object(builder);
}

static void add_runs(JsonBuilder *builder, const FirnRecord *record)
{
    g_autoptr(GArray) runs = firn_record_hook_runs(record);

    json_builder_set_member_name(builder, "hooks");
    json_builder_begin_array(builder);
    for (guint i = 0; i < runs->len; i++)
        add_run(builder, &g_array_index(runs, FirnHookRun, i));
    json_builder_end_array(builder);
}

static void add_head(JsonBuilder *builder, const FirnRecord *record)
{
    const FirnRecordHead *head = record->head;

    add_text(builder, "who", firn_record_text(record, head->who));
    add_number(builder, "started-usec", firn_record_started(record));
    add_time(builder, "resync-begin", firn_record_since(record, head->last_sync_begin));
    add_time(builder, "resync-end", firn_record_since(record, head->last_sync_end));
    add_time(builder, "freeze-begin", firn_record_since(record, head->walk_begin));
    add_time(builder, "freeze-end", firn_record_since(record, head->walk_end));
    add_time(builder, "thaw-begin", firn_record_since(record, head->thaw_begin));
    add_time(builder, "thaw-end", firn_record_since(record, head->thaw_end));
    add_number(builder, "frozen", head->frozen);
    add_number(builder, "thawed", head->thawed);
    add_text(builder, "thaw-reason", firn_end_name(firn_record_end(record)));
    if (head->message[0])
        add_text(builder, "error", head->message);
}

static void add_report(JsonBuilder *builder, const FirnRecord *record)
{
    json_builder_begin_object(builder);
    add_head(builder, record);
    json_builder_set_member_name(builder, "filesystems");
    json_builder_begin_array(builder);
    for (guint i = 0; i < record->head->target_count; i++)
        add_target(builder, record, i);
    json_builder_end_array(builder);
    add_runs(builder, record);
    json_builder_end_object(builder);
}

char *firn_report_json(const GPtrArray *reports)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(JsonNode) root = NULL;
    GString *text = g_string_new(NULL);

    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "reports");
    json_builder_begin_array(builder);
    for (guint i = 0; i < reports->len; i++)
        add_report(builder, g_ptr_array_index(reports, i));
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    root = json_builder_get_root(builder);
    qga_json_append(text, root);
    return g_string_free(text, FALSE);
}
