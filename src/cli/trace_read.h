/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading lines of a call trace (docs/design/trace.md). Whatever a line holds, the worst is that it
 * is not understood.
 */
#pragma once

#include "base/bytes.h"
#include "trace/calls.h"

enum kk_trace_node_kind {
    KK_NODE_NULL,
    KK_NODE_NUMBER,    /* number */
    KK_NODE_WORDS,     /* text: CKF_A|CKF_B|0x10, or a mechanism's name with a child, or true */
    KK_NODE_TEXT,      /* bytes */
    KK_NODE_HEX,       /* bytes */
    KK_NODE_LENGTH,    /* <7 bytes>, <7 bytes #mark>: number, text is the mark */
    KK_NODE_AT_NULL,   /* <7 bytes at NULL>: number */
    KK_NODE_ROOM,      /* <room 7>, <room>: number */
    KK_NODE_OTHER,     /* <pointer>, <secret>, <unreadable>: text */
    KK_NODE_LIST,      /* [...] */
    KK_NODE_STRUCTURE, /* {...} */
};

/* A value. Nodes lie in one array; 0 is none. */
struct kk_trace_node {
    enum kk_trace_node_kind kind;
    struct kk_span name; /* of the member; empty in a list of values */
    struct kk_span text; /* as it is written */
    uint64_t number;
    size_t bytes_at; /* TEXT, HEX: where they are in the line's bytes */
    size_t bytes_len;
    size_t child; /* the first */
    size_t next;
};

/* One call. What it points to is the line and the structure itself. */
struct kk_trace_line {
    unsigned long pid;
    const struct kk_trace_function *function;
    struct kk_trace_node *nodes;
    size_t node_count;
    size_t arguments; /* the first */
    size_t results;
    struct kk_span code; /* "CKR_OK", or a number */
    uint64_t nanoseconds;
    struct kk_buffer bytes;
};

/* Whether the line is for people (#, empty) and no call. */
bool kk_trace_line_is_remark(struct kk_span line);

/* CKR_DATA_INVALID: it is no line of a trace. CKR_HOST_MEMORY. `line` has no line end. */
KK_RV kk_trace_line_read(struct kk_span line, struct kk_trace_line *ret_line);
void kk_trace_line_clear(struct kk_trace_line *line);

/* The node of that name among `first` and those behind it; NULL: there is none. */
const struct kk_trace_node *kk_trace_node_find(const struct kk_trace_line *line, size_t first,
                                               const char *name);

/* What a TEXT or HEX node holds. */
struct kk_span kk_trace_node_bytes(const struct kk_trace_line *line,
                                   const struct kk_trace_node *node);
