/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PKCS#11 URIs (RFC 7512): "pkcs11:token=prod;object=web;type=private?pin-source=file:/run/pin".
 * Read into parts, and written for a token or an object.
 */
#pragma once

#include "base/bytes.h"

/* The attributes of the RFC; those from PIN_SOURCE on belong behind the question mark. */
enum kk_uri_part {
    KK_URI_TOKEN,
    KK_URI_MANUFACTURER,
    KK_URI_SERIAL,
    KK_URI_MODEL,
    KK_URI_LIBRARY_MANUFACTURER,
    KK_URI_LIBRARY_VERSION,
    KK_URI_LIBRARY_DESCRIPTION,
    KK_URI_OBJECT,
    KK_URI_TYPE,
    KK_URI_ID,
    KK_URI_SLOT_MANUFACTURER,
    KK_URI_SLOT_DESCRIPTION,
    KK_URI_SLOT_ID,
    KK_URI_PIN_SOURCE,
    KK_URI_PIN_VALUE,
    KK_URI_MODULE_NAME,
    KK_URI_MODULE_PATH,
    KK_URI_PART_COUNT
};

/* A value, decoded; NULL: the URI has none. A zero byte stands behind it, and none in it, but for
 * an id, which is any bytes. */
struct kk_uri_value {
    char *text;
    size_t len;
};

struct kk_uri {
    struct kk_uri_value parts[KK_URI_PART_COUNT];
};

/* What is wrong with a URI, for a message. */
struct kk_uri_why {
    char text[160];
};

/* Whether it begins as one. */
bool kk_uri_is(const char *text);

/* Zero-initialised *uri gets the parts; kk_uri_clear() frees them, wiped, also after a failure.
 * CKR_DATA_INVALID: it is none, *ret_why says why; CKR_HOST_MEMORY. Attributes that the RFC does
 * not have are refused before the question mark (they would say which object is meant) and passed
 * over behind it. */
KK_RV kk_uri_parse(const char *text, struct kk_uri *uri, struct kk_uri_why *ret_why);
void kk_uri_clear(struct kk_uri *uri);

/* The attribute's name in a URI. */
const char *kk_uri_name(enum kk_uri_part part);

/* "private" for CKO_PRIVATE_KEY ..., the words of type=; NULL: the RFC has none. */
const char *kk_uri_type(CK_OBJECT_CLASS object_class);

/* Writing: kk_uri_begin(), then parts, which are left out when they are empty. */
void kk_uri_begin(struct kk_buffer *out);
void kk_uri_put(struct kk_buffer *out, enum kk_uri_part part, struct kk_span value);
