/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What repositories may index. The order is part of the stored format.
 */
#include "object/policy.h"

#include "base/banned.h"

/* What clients search by: everything by class, keys by type, label and id, certificates by subject
 * and serial number, data by application. */
const CK_ATTRIBUTE_TYPE kk_index_types[KK_INDEX_COLUMNS] = {
    CKA_CLASS,   CKA_KEY_TYPE,  CKA_LABEL,         CKA_ID,
    CKA_SUBJECT, CKA_UNIQUE_ID, CKA_SERIAL_NUMBER, CKA_APPLICATION,
};

/* The kind, so that a number and the bytes that look like it differ, then the value. */
KK_RV kk_index_value(const struct kk_attr *attr, struct kk_buffer *ret_value)
{
    kk_buffer_put_u8(ret_value, attr->kind);
    switch (attr->kind) {
    case KK_ATTR_BOOL:
        kk_buffer_put_u8(ret_value, attr->value.flag ? 1 : 0);
        break;
    case KK_ATTR_ULONG:
        kk_buffer_put_u64(ret_value, attr->value.number);
        break;
    case KK_ATTR_BYTES:
        kk_buffer_put_span(ret_value, kk_attr_bytes(attr));
        break;
    default: /* templates, lists, what a newer writer made: not searched by column */
        return CKR_ATTRIBUTE_TYPE_INVALID;
    }
    return kk_buffer_check(ret_value);
}
