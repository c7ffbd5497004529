/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The record decoder on any bytes: what it takes must encode to the same bytes again, and every
 * attribute of it can be read.
 */
#include <stdlib.h>
#include <string.h>

#include "object/codec.h"
#include "object/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(const struct kk_attrs *attrs)
{
    uint8_t buffer[64];
    for (size_t i = 0; i < attrs->count; i++) {
        CK_ATTRIBUTE length = {attrs->rows[i].type, NULL, 0};
        CK_ATTRIBUTE value = {attrs->rows[i].type, buffer, sizeof buffer};
        memset(buffer, 0, sizeof buffer);
        (void)!kk_policy_get(attrs, &length);
        (void)!kk_policy_get(attrs, &value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kk_attrs *attrs = NULL;
    struct kk_secret *record = NULL;
    if (kk_record_decode(KK_SPAN(data, size), &attrs) != CKR_OK) {
        return 0;
    }
    read_all(attrs);
    bool is_same = kk_record_encode(attrs, &record) == CKR_OK &&
                   kk_span_equal(kk_secret_span(record), KK_SPAN(data, size));
    if (!is_same) {
        abort();
    }
    kk_secret_free(record);
    kk_attrs_free(attrs);
    return 0;
}
