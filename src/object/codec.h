/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The record codec: one attribute set as bytes, the same in a blob, a backup and any database.
 *
 *   u16 version (1), u16 flags (0), u32 count, then count times
 *   { u32 type, u8 kind, u32 length, value }, big-endian, by rising type, no duplicates.
 *
 * BOOL 1 byte (0 or 1), ULONG 8 bytes, BYTES as they are, TEMPLATE a nested { u32 count, rows },
 * MECHANISMS 8 bytes each. Unknown kinds are kept. At most KK_RECORD_MAX bytes, nested to
 * KK_ATTRS_DEPTH. An attribute type must fit 32 bits.
 */
#pragma once

#include "object/attrs.h"

/* The bytes a set would take (more than KK_RECORD_MAX stands for too many). */
size_t kk_record_size(const struct kk_attrs *attrs);

/* The encoded set in secret memory. CKR_DEVICE_MEMORY when it would be too long. */
KK_RV kk_record_encode(const struct kk_attrs *attrs, struct kk_secret **ret_record);

/* CKR_DEVICE_ERROR for anything that is not exactly a record of a version that is known. Which
 * attributes go to secret memory depends on type and class (kk_attr_type_is_secret_of()). */
KK_RV kk_record_decode(struct kk_span record, struct kk_attrs **ret_attrs);
