/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers in words: flags, constants whose prefix depends on where they stand, what the values of
 * attributes are, which structure a mechanism's parameter is. And what of it may be written down:
 * of attributes and members of parameters that are not named here, only the length is.
 */
#pragma once

#include "cryptoki/names.h"
#include "cryptoki/params.h"
#include "trace/calls.h"

/* A bit of a number and its CKF_ name. */
struct kk_trace_flag {
    CK_FLAGS bit;
    const char *name;
};

/* The names of a kind of flags, *ret_count of them. */
const struct kk_trace_flag *kk_trace_flag_names(enum kk_trace_flags kind, size_t *ret_count);

/* The name of `value` that begins with `prefix` ("CKG_MGF1_"): values of one space may mean several
 * things. NULL: there is none. */
const char *kk_trace_word(enum kk_name_space space, const char *prefix, CK_ULONG value);

enum kk_trace_value {
    KK_TRACE_VALUE_SECRET, /* only its length */
    KK_TRACE_VALUE_OPEN,   /* CKA_VALUE: as SECRET, but of certificates and public keys */
    KK_TRACE_VALUE_BOOL,
    KK_TRACE_VALUE_ULONG,
    KK_TRACE_VALUE_WORD, /* a number that has names */
    KK_TRACE_VALUE_TEXT,
    KK_TRACE_VALUE_BYTES,
    KK_TRACE_VALUE_MECHANISMS,
    KK_TRACE_VALUE_NUMBERS,
    KK_TRACE_VALUE_TEMPLATE
};

struct kk_trace_attribute {
    CK_ATTRIBUTE_TYPE type;
    uint8_t value; /* enum kk_trace_value */
    uint8_t space; /* WORD: enum kk_name_space */
    const char *prefix;
};

/* What is known of an attribute; SECRET when nothing is. */
struct kk_trace_attribute kk_trace_attribute(CK_ATTRIBUTE_TYPE type);

/* Whether CKA_VALUE of an object of this class may be read by anybody. */
bool kk_trace_class_is_open(CK_ULONG object_class);

/* The structure of a parameter of this length; NULL when it is raw bytes, or not known. */
const struct kk_param_layout *kk_trace_layout(CK_MECHANISM_TYPE type, size_t len);

/* Whether raw bytes are this mechanism's parameter (an IV, a public value). */
bool kk_trace_takes_bytes(CK_MECHANISM_TYPE type);

/* The structure that comes with each message, by its length; NULL: not known. */
const struct kk_param_layout *kk_trace_message_layout(size_t len);

/* What a member of a parameter is: a number with names, or bytes that may be written down. */
struct kk_trace_member {
    const char *name;
    uint8_t space;
    const char *prefix; /* NULL: a number without names */
    bool is_open;
};

/* What is known of a member by its name; nothing is, with a NULL name. */
struct kk_trace_member kk_trace_member(const char *name);
