/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The C_ functions as a call trace sees them: per function its arguments, what each of them is, and
 * so what of it may be written down. The tracer and the replay of `keykist trace` walk this table.
 *
 * An argument is one to three words of the call: a buffer and its length are one argument. A word
 * is a CK_ULONG or a pointer, which are equally long on every platform that there is.
 */
#pragma once

#include "base/macros.h"

/* What an argument is. "Data" is somebody's secret: its length is written, never a byte of it.
 * "Code" is what comes out of a key (a signature, a ciphertext, a wrapped key): its length, and a
 * mark by which one finds the same bytes again. */
enum kk_trace_kind {
    KK_TRACE_ULONG,
    KK_TRACE_BOOL,
    KK_TRACE_SLOT,
    KK_TRACE_SESSION,
    KK_TRACE_OBJECT,
    KK_TRACE_FLAGS, /* detail: enum kk_trace_flags */
    KK_TRACE_USER_TYPE,
    KK_TRACE_MECHANISM_TYPE,
    KK_TRACE_POINTER, /* whether it is NULL */
    KK_TRACE_TEXT,    /* zero-terminated */
    KK_TRACE_NAME,    /* text, length */
    KK_TRACE_LABEL,   /* 32 characters */
    KK_TRACE_VERSION,
    KK_TRACE_INIT_ARGS,
    KK_TRACE_PIN,  /* pointer, length: nothing at all of it */
    KK_TRACE_DATA, /* pointer, length */
    KK_TRACE_CODE, /* pointer, length */
    KK_TRACE_MECHANISM,
    KK_TRACE_PARAMETER,    /* of a message: pointer, length */
    KK_TRACE_TEMPLATE,     /* pointer, count */
    KK_TRACE_OUT_TEMPLATE, /* pointer, count: C_GetAttributeValue */
    KK_TRACE_OUT_DATA,     /* pointer, pointer to length */
    KK_TRACE_OUT_CODE,     /* pointer, pointer to length */
    KK_TRACE_OUT_BYTES,    /* pointer, length: filled to the end */
    KK_TRACE_OUT_LATER,    /* pointer, length: filled when an asynchronous call ends */
    KK_TRACE_OUT_SLOT,
    KK_TRACE_OUT_SESSION,
    KK_TRACE_OUT_OBJECT,
    KK_TRACE_OUT_ULONG,
    KK_TRACE_OUT_FLAGS,      /* detail: enum kk_trace_flags */
    KK_TRACE_OUT_OBJECTS,    /* pointer, room, pointer to count */
    KK_TRACE_OUT_SLOTS,      /* pointer, pointer to count */
    KK_TRACE_OUT_MECHANISMS, /* pointer, pointer to count */
    KK_TRACE_OUT_INFO,       /* detail: enum kk_trace_info */
    KK_TRACE_OUT_LIST,       /* of functions */
    KK_TRACE_OUT_INTERFACES, /* pointer, pointer to count */
    KK_TRACE_OUT_INTERFACE,
    KK_TRACE_OUT_ASYNC,
    KK_TRACE_KIND_COUNT
};

/* Which CKF_ names a number's bits have. */
enum kk_trace_flags {
    KK_TRACE_FLAGS_PLAIN,
    KK_TRACE_FLAGS_SESSION,
    KK_TRACE_FLAGS_WAIT,
    KK_TRACE_FLAGS_INITIALIZE,
    KK_TRACE_FLAGS_SLOT,
    KK_TRACE_FLAGS_TOKEN,
    KK_TRACE_FLAGS_MECHANISM,
    KK_TRACE_FLAGS_MESSAGE,
    KK_TRACE_FLAGS_INTERFACE,
    KK_TRACE_FLAGS_COUNT
};

enum kk_trace_info {
    KK_TRACE_INFO_MODULE,
    KK_TRACE_INFO_SLOT,
    KK_TRACE_INFO_TOKEN,
    KK_TRACE_INFO_MECHANISM,
    KK_TRACE_INFO_SESSION,
    KK_TRACE_INFO_COUNT
};

/* Which structures a message's parameter may be: their lengths alone do not tell it, since the call
 * does not say its mechanism. */
enum kk_trace_message { KK_TRACE_MESSAGE_ANY, KK_TRACE_MESSAGE_AEAD };

#define KK_TRACE_ARGUMENTS_MAX 8 /* of a function */
#define KK_TRACE_WORDS_MAX 10

struct kk_trace_argument {
    const char *name;   /* the standard's; NULL: there are no more */
    const char *length; /* of the word that is its length or count, where there is one */
    uint8_t kind;       /* enum kk_trace_kind */
    uint8_t detail;
    uint8_t words;
};

struct kk_trace_function {
    const char *name;
    struct kk_trace_argument arguments[KK_TRACE_ARGUMENTS_MAX];
    bool takes_back; /* what another function gave: an IV or tag in a parameter is an input */
};

/* In the order of the function lists: KK_FUNCTIONS_3_2 of them. */
extern const struct kk_trace_function kk_trace_functions[];

/* By name; NULL: there is none. */
const struct kk_trace_function *kk_trace_function_find(const char *name, size_t len);
