/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The body of a SoftHSM object file: { u64 type, u64 kind, value } by rising type. Numbers are
 * big-endian, 64 bits wide on every machine.
 *
 *   1 bool         1 byte, 0 or not 0
 *   2 number       u64
 *   3 bytes        u64 length, bytes
 *   4 attributes   u64 length in bytes, then the same again; none of kind 4 inside
 *   5 mechanisms   u64 count, u64 each
 *
 * No byte of it is authenticated: the reader believes nothing.
 */
#include "base/memory.h"
#include "object/attr_type.h"
#include "token/softhsm_internal.h"

#include "base/banned.h"

#define DATE_LEN 8

/* ---- walking ---- */

struct item {
    CK_ATTRIBUTE_TYPE type;
    uint64_t kind;
    struct kk_span value; /* without its length */
};

typedef CK_RV visit_fn(const struct item *item, void *context);

static struct kk_span take_sized(struct kk_reader *reader, size_t unit)
{
    uint64_t count = kk_reader_u64(reader);
    if (count > reader->rest.len / unit) {
        reader->failed = true;
        return KK_SPAN(NULL, 0);
    }
    return kk_reader_take(reader, (size_t)count * unit);
}

/* An attribute of the standard has the kind that the standard gives it. */
static bool is_of_its_kind(const struct item *item)
{
    const struct kk_attr_type *known = kk_attr_type_find(item->type);
    return known == NULL || (uint64_t)kk_attr_data_kind(known->data) == item->kind;
}

static bool take_item(struct kk_reader *reader, struct item *ret_item)
{
    uint64_t type = kk_reader_u64(reader);
    struct item item = {.type = (CK_ATTRIBUTE_TYPE)type, .kind = kk_reader_u64(reader)};
    switch (item.kind) {
    case KK_ATTR_BOOL:
        item.value = kk_reader_take(reader, 1);
        break;
    case KK_ATTR_ULONG:
        item.value = kk_reader_take(reader, 8);
        break;
    case KK_ATTR_BYTES:
    case KK_ATTR_TEMPLATE:
        item.value = take_sized(reader, 1);
        break;
    case KK_ATTR_MECHANISMS:
        item.value = take_sized(reader, 8);
        break;
    default:
        return false;
    }
    *ret_item = item;
    return !reader->failed && type <= UINT32_MAX && is_of_its_kind(&item);
}

static KK_RV walk(struct kk_span body, visit_fn *visit, void *context)
{
    struct kk_reader reader = kk_reader_new(body);
    uint64_t least = 0; /* the lowest type that may come next */
    for (size_t count = 0; reader.rest.len > 0; count++) {
        struct item item;
        KK_ENSURE(count < KK_ATTRS_COUNT_MAX && take_item(&reader, &item), CKR_DEVICE_ERROR);
        KK_ENSURE(item.type >= least, CKR_DEVICE_ERROR);
        KK_TRY(visit(&item, context));
        least = (uint64_t)item.type + 1;
    }
    return CKR_OK;
}

static uint64_t number_of(const struct item *item)
{
    return kk_load_u64(item->value.data);
}

/* ---- what can be said without a key ---- */

/* What an object of a class cannot be without. SoftHSM writes an object many times until it is
 * whole, with empty values and CKA_TOKEN false at first. */
static const struct {
    uint64_t object_class;
    uint64_t key_type; /* CK_UNAVAILABLE_INFORMATION: any */
    CK_ATTRIBUTE_TYPE type;
} material[] = {
    {CKO_SECRET_KEY, UINT64_MAX, CKA_VALUE},
    {CKO_PRIVATE_KEY, CKK_RSA, CKA_MODULUS},
    {CKO_PRIVATE_KEY, CKK_EC, CKA_VALUE},
    {CKO_PRIVATE_KEY, CKK_EC_EDWARDS, CKA_VALUE},
    {CKO_PRIVATE_KEY, CKK_DSA, CKA_VALUE},
    {CKO_PRIVATE_KEY, CKK_DH, CKA_VALUE},
    {CKO_PUBLIC_KEY, CKK_RSA, CKA_MODULUS},
    {CKO_PUBLIC_KEY, CKK_EC, CKA_EC_POINT},
    {CKO_PUBLIC_KEY, CKK_EC_EDWARDS, CKA_EC_POINT},
    {CKO_PUBLIC_KEY, CKK_DSA, CKA_VALUE},
    {CKO_PUBLIC_KEY, CKK_DH, CKA_VALUE},
};

struct head_reading {
    struct kk_softhsm_head head;
    uint64_t key_type;
    bool is_token, has_private;
    unsigned int filled; /* bit per row of material */
};

static CK_RV read_head(const struct item *item, void *context)
{
    struct head_reading *reading = context;
    if (item->type == CKA_CLASS) {
        reading->head.object_class = number_of(item);
    } else if (item->type == CKA_TOKEN) {
        reading->is_token = item->value.data[0] != 0;
    } else if (item->type == CKA_PRIVATE) {
        reading->has_private = true;
        reading->head.is_private = item->value.data[0] != 0;
    } else if (item->type == CKA_KEY_TYPE) {
        reading->key_type = number_of(item);
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(material); i++) {
        if (material[i].type == item->type && item->value.len > 0) {
            reading->filled |= 1u << i;
        }
    }
    return CKR_OK;
}

static bool has_material(const struct head_reading *reading)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(material); i++) {
        bool counts =
            material[i].object_class == reading->head.object_class &&
            (material[i].key_type == UINT64_MAX || material[i].key_type == reading->key_type);
        if (counts && (reading->filled & 1u << i) == 0) {
            return false;
        }
    }
    return true;
}

KK_RV kk_softhsm_head(struct kk_span body, struct kk_softhsm_head *ret_head)
{
    struct head_reading reading = {.head.object_class = UINT64_MAX, .key_type = UINT64_MAX};
    KK_TRY(walk(body, read_head, &reading));
    reading.head.is_whole = reading.head.object_class != UINT64_MAX && reading.is_token &&
                            reading.has_private && has_material(&reading);
    *ret_head = reading.head;
    return CKR_OK;
}

/* ---- decoding ---- */

struct decoding {
    const struct kk_softhsm_keys *keys; /* NULL: nothing is encrypted */
    struct kk_attrs *attrs;
    unsigned int depth;
};

static CK_RV decode_item(const struct item *item, void *context);

static bool is_date(CK_ATTRIBUTE_TYPE type)
{
    return type == CKA_START_DATE || type == CKA_END_DATE;
}

/* SoftHSM's defaults, which are empty, and the dates that it was given are not encrypted. */
static bool is_encrypted(const struct decoding *decoding, CK_ATTRIBUTE_TYPE type, size_t len)
{
    return decoding->keys != NULL && decoding->depth == 0 && len > 0 &&
           !(is_date(type) && len == DATE_LEN) &&
           kk_attrs_flag(decoding->attrs, CKA_PRIVATE, false);
}

static KK_RV put_bytes(struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE type, struct kk_span value)
{
    uint64_t object_class = kk_attrs_number(attrs, CKA_CLASS, CK_UNAVAILABLE_INFORMATION);
    if (kk_attr_type_is_secret_of((CK_OBJECT_CLASS)object_class, type)) {
        return kk_attrs_set_secret(attrs, type, value);
    }
    return kk_attrs_set_bytes(attrs, type, value);
}

static KK_RV decode_bytes(const struct decoding *decoding, const struct item *item)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *plain = NULL;
    if (!is_encrypted(decoding, item->type, item->value.len)) {
        return put_bytes(decoding->attrs, item->type, item->value);
    }
    KK_ENSURE(decoding->keys->master.len > 0, CKR_USER_NOT_LOGGED_IN);
    CK_RV rv = kk_softhsm_decrypt(decoding->keys, item->value, &plain);
    KK_ENSURE(rv != CKR_ENCRYPTED_DATA_INVALID, CKR_DEVICE_ERROR);
    KK_TRY(rv);
    return put_bytes(decoding->attrs, item->type, kk_secret_span(plain));
}

static KK_RV decode_nested(const struct decoding *outer, const struct item *item)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *nested = NULL;
    KK_ENSURE(outer->depth == 0, CKR_DEVICE_ERROR);
    KK_TRY(kk_attrs_new(&nested));
    struct decoding inner = {.attrs = nested, .depth = 1};
    KK_TRY(walk(item->value, decode_item, &inner));
    return kk_attrs_set_template(outer->attrs, item->type, nested);
}

static KK_RV decode_mechanisms(const struct decoding *decoding, const struct item *item)
{
    KK_CLEANUP(kk_freep) uint64_t *values = NULL;
    size_t count = item->value.len / 8;
    KK_TRY(kk_alloc_array(count, sizeof *values, &values));
    for (size_t i = 0; i < count; i++) {
        values[i] = kk_load_u64(item->value.data + 8 * i);
    }
    return kk_attrs_set_mechanisms(decoding->attrs, item->type, values, count);
}

static CK_RV decode_item(const struct item *item, void *context)
{
    struct decoding *decoding = context;
    switch ((enum kk_attr_kind)item->kind) {
    case KK_ATTR_BOOL:
        return kk_attrs_set_flag(decoding->attrs, item->type, item->value.data[0] != 0);
    case KK_ATTR_ULONG:
        return kk_attrs_set_number(decoding->attrs, item->type, number_of(item));
    case KK_ATTR_BYTES:
        return decode_bytes(decoding, item);
    case KK_ATTR_TEMPLATE:
        return decode_nested(decoding, item);
    case KK_ATTR_MECHANISMS:
        break;
    }
    return decode_mechanisms(decoding, item);
}

KK_RV kk_softhsm_decode(struct kk_span body, const struct kk_softhsm_keys *keys,
                        struct kk_attrs **ret_attrs)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = NULL;
    KK_TRY(kk_attrs_new(&attrs));
    struct decoding decoding = {.keys = keys, .attrs = attrs};
    CK_RV rv = walk(body, decode_item, &decoding);
    kk_wipe_stack(); /* the cipher leaves blocks of what it was given there */
    KK_TRY(rv);
    *ret_attrs = KK_STEAL(attrs);
    return CKR_OK;
}

/* ---- encoding ---- */

static void put_head(struct kk_buffer *body, CK_ATTRIBUTE_TYPE type, uint64_t kind)
{
    kk_buffer_put_u64(body, type);
    kk_buffer_put_u64(body, kind);
}

static void put_sized(struct kk_buffer *body, struct kk_span bytes)
{
    kk_buffer_put_u64(body, bytes.len);
    kk_buffer_put_span(body, bytes);
}

/* Dates are encrypted too: SoftHSM's reader expects it, though its writer does not do it. */
static KK_RV encode_bytes(const struct kk_attr *attr, const struct kk_softhsm_keys *keys,
                          struct kk_buffer *body)
{
    struct kk_span value = kk_attr_bytes(attr);
    if (keys == NULL || value.len == 0) {
        put_sized(body, value);
        return CKR_OK;
    }
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer sealed = {0};
    KK_TRY(kk_softhsm_encrypt(keys, value, &sealed));
    put_sized(body, kk_buffer_span(&sealed));
    return CKR_OK;
}

static KK_RV encode_rows(const struct kk_attrs *attrs, const struct kk_softhsm_keys *keys,
                         unsigned int depth, struct kk_buffer *body);

static KK_RV encode_nested(const struct kk_attr *attr, unsigned int depth, struct kk_buffer *body)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer nested = {.wipe = true};
    KK_ENSURE(depth == 0, CKR_ATTRIBUTE_VALUE_INVALID);
    KK_TRY(encode_rows(attr->value.nested, NULL, 1, &nested));
    put_sized(body, kk_buffer_span(&nested));
    return CKR_OK;
}

static KK_RV encode_row(const struct kk_attr *attr, const struct kk_softhsm_keys *keys,
                        unsigned int depth, struct kk_buffer *body)
{
    put_head(body, attr->type, attr->kind);
    switch (attr->kind) {
    case KK_ATTR_BOOL:
        kk_buffer_put_u8(body, attr->value.flag ? 0xff : 0);
        return CKR_OK;
    case KK_ATTR_ULONG:
        kk_buffer_put_u64(body, attr->value.number);
        return CKR_OK;
    case KK_ATTR_BYTES:
        return encode_bytes(attr, keys, body);
    case KK_ATTR_TEMPLATE:
        return encode_nested(attr, depth, body);
    case KK_ATTR_MECHANISMS:
        kk_buffer_put_u64(body, attr->len);
        for (size_t i = 0; i < attr->len; i++) {
            kk_buffer_put_u64(body, attr->value.mechanisms[i]);
        }
        return CKR_OK;
    default:
        return CKR_ATTRIBUTE_VALUE_INVALID;
    }
}

static KK_RV encode_rows(const struct kk_attrs *attrs, const struct kk_softhsm_keys *keys,
                         unsigned int depth, struct kk_buffer *body)
{
    for (size_t i = 0; i < attrs->count; i++) {
        KK_TRY(encode_row(&attrs->rows[i], keys, depth, body));
    }
    return kk_buffer_check(body);
}

KK_RV kk_softhsm_encode(const struct kk_attrs *attrs, const struct kk_softhsm_keys *keys,
                        struct kk_buffer *ret_body)
{
    bool is_private = keys != NULL && kk_attrs_flag(attrs, CKA_PRIVATE, false);
    KK_ENSURE(!is_private || keys->master.len > 0, CKR_USER_NOT_LOGGED_IN);
    ret_body->wipe = true;
    CK_RV rv = encode_rows(attrs, is_private ? keys : NULL, 0, ret_body);
    kk_wipe_stack();
    return rv;
}
