/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QGA_PROTOCOL_SCHEMA_H
#define QGA_PROTOCOL_SCHEMA_H

#include <glib.h>

/* The types of the guest agent's published QAPI schema that arguments and replies have. */
typedef enum {
    QGA_TYPE_END = 0, /* ends a list of members */
    QGA_TYPE_INT,     /* exactly the int64 range, digits alone */
    QGA_TYPE_UINT64,  /* exactly the uint64 range */
    QGA_TYPE_NUMBER,  /* any JSON number; of replies alone */
    QGA_TYPE_STRING,  /* UTF-8 without NUL */
    QGA_TYPE_BOOL,
    QGA_TYPE_ENUM,        /* one of `values` */
    QGA_TYPE_BASE64,      /* a string of base64; whitespace in it is allowed */
    QGA_TYPE_LIST,        /* of `element`; of structs with `members` */
    QGA_TYPE_STRUCT,      /* with `members` */
    QGA_TYPE_INT_OR_ENUM, /* alternates: a whole number, or one of `values` */
    QGA_TYPE_BOOL_OR_ENUM,
} QgaType;

/* One member of a command's arguments, or of a struct; or what a command returns, without a name. A
 * list of members ends with {0}. */
typedef struct QgaMember QgaMember;
struct QgaMember {
    const char *name;
    QgaType type;
    gboolean optional;
    QgaType element;           /* of QGA_TYPE_LIST: STRING, INT or STRUCT */
    const QgaMember *members;  /* of STRUCT, and of LIST of STRUCT */
    const char *const *values; /* of ENUM and the alternates, ends with NULL */
    /* of the alternates: the schema's name of the type, such as "GuestFileWhence", which the error
     * for a value of neither kind tells; NULL: "integer" or "boolean" */
    const char *type_name;
};

/* The type as the protocol reference shows it, such as "[str]"; free with g_free(). */
char *qga_member_describe(const QgaMember *member);

/* The place of `text` in `values`, which ends with NULL; -1: it is not there. */
int qga_member_index(const char *const *values, const char *text);

#endif
