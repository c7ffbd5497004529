/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parameters by the layouts of cryptoki/params.h, attributes by the dictionary of types.
 */
#include "structures.h"

#include <string.h>

#include "object/attr_type.h"

#define ATTRIBUTES_MAX 12

CK_OBJECT_HANDLE make_handle(struct input *input, const struct known_handles *known)
{
    uint8_t choice = input_u8(input);
    if (known->count > 0 && choice < 240) {
        return known->handles[choice % known->count];
    }
    return choice < 250 ? choice - 240u : (CK_ULONG)input_u64(input);
}

/* A length that somebody may take for right. */
static CK_ULONG odd_length(struct input *input)
{
    static const CK_ULONG top = ~(~0UL >> 1);
    const CK_ULONG odd[] = {0,          1,          7,       8,   17,       4096, 0x7fffffff,
                            0x80000000, 0xffffffff, top / 2, top, ~0UL - 1, ~0UL};
    return odd[input_below(input, sizeof odd / sizeof odd[0])];
}

static size_t usual_length(struct input *input)
{
    static const size_t usual[] = {0, 1, 8, 12, 16, 16, 16, 20, 24, 32, 32, 64, 65, 128, 256};
    uint8_t choice = input_u8(input);
    return choice < 200 ? usual[choice % (sizeof usual / sizeof usual[0])] : choice;
}

static void put_ulong(uint8_t *at, CK_ULONG value)
{
    memcpy(at, &value, sizeof value);
}

static void put_pointer(uint8_t *at, const void *value)
{
    memcpy(at, &value, sizeof value);
}

/* Numbers that the standard gives a meaning somewhere, or any. */
static CK_ULONG make_number(struct input *input)
{
    static const CK_ULONG numbers[] = {
        0,
        1,
        2,
        3,
        4,
        8,
        16,
        32,
        96,
        128,
        256,
        CKM_SHA_1,
        CKM_SHA256,
        CKM_SHA384,
        CKG_MGF1_SHA1,
        CKG_MGF1_SHA256,
        CKD_NULL,
        CKD_SHA1_KDF,
        CKD_SHA256_KDF_SP800,
        CKM_SHA3_256,
    };
    uint8_t choice = input_u8(input);
    return choice < 220 ? numbers[choice % (sizeof numbers / sizeof numbers[0])]
                        : (CK_ULONG)input_u64(input);
}

static void fill(struct input *input, const struct kk_param_layout *layout, uint8_t *self,
                 const struct known_handles *known, int depth);

/* Members that one length measures get one length. */
static bool shares_length(const struct kk_param_layout *layout, const struct kk_param_field *field)
{
    size_t count = 0;
    for (size_t i = 0; i < layout->count; i++) {
        const struct kk_param_field *other = &layout->fields[i];
        count += other->kind >= KK_FIELD_POINTER && other->kind != KK_FIELD_NESTED &&
                 other->length_offset == field->length_offset;
    }
    return count > 1;
}

/* Bytes behind a pointer, and how many the structure says there are. A lie is never longer than
 * what lies there, for that would be the caller's own fault. */
static void fill_pointer(struct input *input, const struct kk_param_layout *layout,
                         const struct kk_param_field *field, uint8_t *self,
                         const struct known_handles *known, int depth)
{
    bool in_bits = field->kind == KK_FIELD_POINTER_BITS;
    bool shares = shares_length(layout, field);
    size_t len = shares ? 16 : usual_length(input);
    size_t unit = 1;
    if (field->kind == KK_FIELD_ARRAY && depth > 0) {
        unit = field->nested->size;
        len %= 4;
    } else if (field->kind == KK_FIELD_TEMPLATE) {
        CK_ULONG count = 0;
        put_pointer(self + field->offset, make_template(input, 0, &count));
        put_ulong(self + field->length_offset, count);
        return;
    }
    uint8_t *bytes = guarded_bytes(input, len * unit);
    if (!shares && input_rarely(input, 16)) {
        put_pointer(self + field->offset, NULL);
        put_ulong(self + field->length_offset, odd_length(input));
        return;
    }
    put_pointer(self + field->offset, bytes);
    put_ulong(self + field->length_offset, in_bits ? len * 8 : len);
    for (size_t i = 0; unit > 1 && i < len; i++) {
        fill(input, field->nested, bytes + i * unit, known, depth - 1);
    }
}

static void fill_variant(struct input *input, const struct kk_param_layout *layout,
                         const struct kk_param_field *field, uint8_t *self,
                         const struct known_handles *known, int depth)
{
    const struct kk_param_variant *variant = field->variants;
    if (variant == NULL || variant->layout == NULL || depth == 0 || input_rarely(input, 4)) {
        fill_pointer(input, layout, field, self, known, 0);
        return;
    }
    size_t skip = input_u8(input) % 4;
    while (skip-- > 0 && variant[1].layout != NULL) {
        variant++;
    }
    uint8_t *bytes = guarded(variant->layout->size);
    fill(input, variant->layout, bytes, known, depth - 1);
    put_ulong(self + field->type_offset, variant->type);
    put_pointer(self + field->offset, bytes);
    put_ulong(self + field->length_offset, variant->layout->size);
}

static void fill_one(struct input *input, const struct kk_param_field *field, uint8_t *self,
                     const struct known_handles *known, int depth)
{
    bool none = input_rarely(input, 8) || depth == 0;
    if (field->kind == KK_FIELD_STRUCT) {
        fill(input, field->nested, self + field->offset, known, depth);
    } else if (field->kind == KK_FIELD_NESTED) {
        uint8_t *nested = none ? NULL : guarded(field->nested->size);
        put_pointer(self + field->offset, nested);
        if (nested != NULL) {
            fill(input, field->nested, nested, known, depth - 1);
        }
    } else if (field->kind == KK_FIELD_MECHANISM) {
        CK_MECHANISM *mechanism = none ? NULL : guarded(sizeof *mechanism);
        put_pointer(self + field->offset, mechanism);
        if (mechanism != NULL) {
            mechanism->mechanism = make_number(input);
            make_param(input, KK_PARAM_BYTES, known, mechanism);
        }
    } else if (field->kind == KK_FIELD_HANDLE) {
        put_ulong(self + field->offset, make_handle(input, known));
    } else if (field->kind == KK_FIELD_TEXT) {
        char *text = none ? NULL : guarded(4);
        put_pointer(self + field->offset, text);
        if (text != NULL) {
            memcpy(text, "utf", 4);
        }
    } else {
        put_ulong(self + field->offset, 0);
    }
}

/* By kind: how a member is filled that is neither a plain number nor plain bytes. */
static void fill_field(struct input *input, const struct kk_param_layout *layout,
                       const struct kk_param_field *field, uint8_t *self,
                       const struct known_handles *known, int depth)
{
    switch ((enum kk_param_kind)field->kind) {
    case KK_FIELD_ULONG:
        put_ulong(self + field->offset, make_number(input));
        break;
    case KK_FIELD_BOOL:
        self[field->offset] = input_u8(input) % 3;
        break;
    case KK_FIELD_BYTES:
        input_bytes(input, self + field->offset, field->size);
        break;
    case KK_FIELD_POINTER:
    case KK_FIELD_POINTER_BITS:
    case KK_FIELD_POINTER_NONCE:
    case KK_FIELD_POINTER_MAYBE:
    case KK_FIELD_ARRAY:
    case KK_FIELD_TEMPLATE:
        fill_pointer(input, layout, field, self, known, depth);
        break;
    case KK_FIELD_VARIANT:
        fill_variant(input, layout, field, self, known, depth);
        break;
    case KK_FIELD_ULONG_POINTER:
    case KK_FIELD_HANDLE_POINTER: {
        CK_ULONG *number = guarded_bytes(input, sizeof *number);
        *number %= 64;
        put_pointer(self + field->offset, number);
        break;
    }
    case KK_FIELD_POINTER_FIXED:
        put_pointer(self + field->offset, guarded_bytes(input, field->size));
        break;
    case KK_FIELD_POINTER_INDIRECT:
    case KK_FIELD_POINTER_OUTER:
        put_pointer(self + field->offset, guarded(GUARDED_MAX));
        break;
    case KK_FIELD_LENGTH: /* set with what it measures */
        break;
    case KK_FIELD_HANDLE:
    case KK_FIELD_STRUCT:
    case KK_FIELD_POINTER_OPEN:
    case KK_FIELD_TEXT:
    case KK_FIELD_NESTED:
    case KK_FIELD_MECHANISM:
        fill_one(input, field, self, known, depth);
        break;
    }
}

static void fill(struct input *input, const struct kk_param_layout *layout, uint8_t *self,
                 const struct known_handles *known, int depth)
{
    memset(self, 0, layout->size);
    for (size_t i = 0; i < layout->count; i++) {
        fill_field(input, layout, &layout->fields[i], self, known, depth);
    }
}

/* Where ulIvLen is 0 the bits count, so they must not be a lie; and tags are of a usual length. */
static void settle_gcm(struct input *input, uint8_t *bytes)
{
    static const CK_ULONG tags[] = {128, 96, 32, 120, 104};
    CK_GCM_PARAMS *gcm = (CK_GCM_PARAMS *)(void *)bytes;
    gcm->ulIvBits = gcm->pIv != NULL ? gcm->ulIvLen * 8 : 0;
    if (!input_rarely(input, 8)) {
        gcm->ulTagBits = tags[input_below(input, 5)];
    }
}

/* A length that could be a pointer is taken for one: it must not be one to nowhere. */
static void settle_pbkd2(CK_PKCS5_PBKD2_PARAMS2 *pbkd2)
{
    pbkd2->ulPasswordLen %= 0x10000;
}

static CK_ULONG own_hash(struct input *input, CK_MECHANISM_TYPE *ret_hash)
{
    static const CK_ULONG mgfs[] = {CKG_MGF1_SHA1, CKG_MGF1_SHA256, CKG_MGF1_SHA512};
    static const CK_MECHANISM_TYPE hashes[] = {CKM_SHA_1, CKM_SHA256, CKM_SHA512};
    size_t at = input_below(input, 3);
    *ret_hash = hashes[at];
    return mgfs[at];
}

static void settle_oaep(struct input *input, CK_RSA_PKCS_OAEP_PARAMS *oaep)
{
    oaep->mgf = own_hash(input, &oaep->hashAlg);
    oaep->source = CKZ_DATA_SPECIFIED;
}

/* Where random numbers would hardly ever be right: made right, most times. */
static void settle(struct input *input, enum kk_param_shape shape, void *bytes)
{
    if (input_rarely(input, 4)) {
        return;
    }
    if (shape == KK_PARAM_RSA_PKCS_OAEP) {
        settle_oaep(input, bytes);
    } else if (shape == KK_PARAM_RSA_PKCS_PSS) {
        CK_RSA_PKCS_PSS_PARAMS *pss = bytes;
        pss->mgf = own_hash(input, &pss->hashAlg);
        pss->sLen = input_u8(input) % 33;
    } else if (shape == KK_PARAM_RSA_AES_KEY_WRAP) {
        CK_RSA_AES_KEY_WRAP_PARAMS *wrap = bytes;
        wrap->ulAESKeyBits = 256;
        if (wrap->pOAEPParams != NULL) {
            settle_oaep(input, wrap->pOAEPParams);
        }
    } else if (shape == KK_PARAM_ECDH1_DERIVE) {
        CK_ECDH1_DERIVE_PARAMS *ecdh = bytes;
        ecdh->kdf = input_u8(input) % 2 == 0 ? CKD_NULL : CKD_SHA256_KDF;
        ecdh->pPublicData = guarded_bytes(input, 32);
        ecdh->ulPublicDataLen = 32;
        if (ecdh->kdf == CKD_NULL) {
            ecdh->ulSharedDataLen = 0;
        }
    }
}

/* The raw bytes of mechanisms without a structure are IVs: 16, 8 or 4 of them. */
static size_t iv_length(struct input *input)
{
    uint8_t choice = input_u8(input);
    return choice < 200 ? 16 : choice < 220 ? 8 : choice < 235 ? 4 : usual_length(input);
}

void make_param(struct input *input, enum kk_param_shape shape, const struct known_handles *known,
                CK_MECHANISM *ret_mechanism)
{
    const struct kk_param_layout *layout = kk_param_layout(shape);
    size_t len = layout != NULL ? layout->size : iv_length(input);
    bool is_odd = input_rarely(input, 24);
    if (is_odd) {
        len = input_u8(input);
        len += layout != NULL && len == layout->size; /* its pointers would be anywhere */
        layout = NULL;
    } else if (shape == KK_PARAM_NONE) {
        len = 0;
    } else if (shape == KK_PARAM_ULONG || shape == KK_PARAM_HANDLE) {
        len = sizeof(CK_ULONG);
    }
    uint8_t *bytes = guarded_bytes(input, len);
    if (layout != NULL) {
        fill(input, layout, bytes, known, 3);
        settle(input, shape, bytes);
        if (shape == KK_PARAM_GCM) {
            settle_gcm(input, bytes);
        } else if (shape == KK_PARAM_PKCS5_PBKD2_PARAMS2) {
            settle_pbkd2((CK_PKCS5_PBKD2_PARAMS2 *)(void *)bytes);
        }
    } else if (shape == KK_PARAM_ULONG && !is_odd) {
        put_ulong(bytes, make_number(input));
    } else if (shape == KK_PARAM_HANDLE && !is_odd) {
        put_ulong(bytes, make_handle(input, known));
    }
    ret_mechanism->pParameter = len == 0 ? NULL : bytes;
    ret_mechanism->ulParameterLen = len;
    if (input_rarely(input, 48)) {
        ret_mechanism->pParameter = NULL;
        ret_mechanism->ulParameterLen = odd_length(input);
    }
}

static void make_ulong_value(struct input *input, CK_ATTRIBUTE_TYPE type, CK_ATTRIBUTE *ret)
{
    static const CK_ULONG lengths[] = {16, 24, 32, 1, 8, 64, 0, 20};
    static const CK_KEY_TYPE types[] = {
        CKK_AES,  CKK_GENERIC_SECRET, CKK_RSA,           CKK_EC,
        CKK_DES3, CKK_EC_EDWARDS,     CKK_EC_MONTGOMERY, CKK_SHA256_HMAC};
    CK_ULONG value = make_number(input);
    uint8_t choice = input_u8(input);
    if (type == CKA_CLASS) {
        value = choice % 9;
    } else if (type == CKA_KEY_TYPE) {
        value = types[choice % 8];
    } else if (type == CKA_VALUE_LEN) {
        value = choice < 250 ? lengths[choice % 8] : odd_length(input);
    } else if (type == CKA_MODULUS_BITS) {
        value = 512 + choice % 4 * 128; /* more takes too long */
    }
    ret->ulValueLen = sizeof value;
    ret->pValue = guarded(sizeof value);
    memcpy(ret->pValue, &value, sizeof value);
}

static void make_bytes_value(struct input *input, CK_ATTRIBUTE_TYPE type, CK_ATTRIBUTE *ret)
{
    static const uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    static const uint8_t ed25519[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
    static const uint8_t f4[] = {1, 0, 1};
    struct {
        const uint8_t *bytes;
        size_t len;
    } known = {NULL, 0};
    if (type == CKA_EC_PARAMS) {
        known.bytes = input_u8(input) % 2 == 0 ? p256 : ed25519;
        known.len = known.bytes == p256 ? sizeof p256 : sizeof ed25519;
    } else if (type == CKA_PUBLIC_EXPONENT) {
        known.bytes = f4;
        known.len = sizeof f4;
    }
    if (known.bytes != NULL && !input_rarely(input, 8)) {
        ret->pValue = guarded(known.len);
        memcpy(ret->pValue, known.bytes, known.len);
        ret->ulValueLen = known.len;
        return;
    }
    ret->ulValueLen = usual_length(input);
    ret->pValue = guarded_bytes(input, ret->ulValueLen);
}

static void make_list_value(struct input *input, CK_ATTRIBUTE *ret)
{
    static const CK_MECHANISM_TYPE some[] = {CKM_AES_CBC, CKM_AES_GCM, CKM_SHA256_HMAC, CKM_ECDSA};
    size_t count = input_below(input, 4);
    CK_MECHANISM_TYPE *list = guarded(count * sizeof *list);
    for (size_t i = 0; i < count; i++) {
        list[i] = some[input_below(input, 4)];
    }
    ret->pValue = list;
    ret->ulValueLen = count * sizeof *list;
}

static void spoil(struct input *input, CK_ATTRIBUTE *attribute)
{
    uint8_t how = input_u8(input) % 4;
    if (how == 0) {
        attribute->pValue = NULL;
        attribute->ulValueLen = odd_length(input);
    } else if (how == 1 && attribute->ulValueLen > 0) {
        attribute->ulValueLen--;
    } else if (how == 2) {
        attribute->ulValueLen = 0;
    } else {
        attribute->type = (CK_ATTRIBUTE_TYPE)input_u64(input);
    }
}

void make_attribute(struct input *input, int depth, CK_ATTRIBUTE_TYPE type, CK_ATTRIBUTE *ret)
{
    const struct kk_attr_type *row = kk_attr_type_find(type);
    *ret = (CK_ATTRIBUTE){.type = type};
    enum kk_attr_data data = row != NULL ? row->data : KK_DATA_BYTES;
    if (data == KK_DATA_BOOL) {
        ret->pValue = guarded(1);
        ret->ulValueLen = 1;
        *(CK_BBOOL *)ret->pValue = input_u8(input) % 4 != 0;
    } else if (data == KK_DATA_ULONG) {
        make_ulong_value(input, type, ret);
    } else if (data == KK_DATA_ULONG_LIST) {
        make_list_value(input, ret);
    } else if (data == KK_DATA_TEMPLATE && depth > 0) {
        CK_ULONG count = 0;
        ret->pValue = make_template(input, depth - 1, &count);
        ret->ulValueLen = count * sizeof(CK_ATTRIBUTE);
    } else if (data == KK_DATA_DATE) {
        ret->pValue = guarded_bytes(input, sizeof(CK_DATE));
        ret->ulValueLen = sizeof(CK_DATE);
    } else if (data != KK_DATA_TEMPLATE) {
        make_bytes_value(input, type, ret);
    }
    if (input_rarely(input, 40)) {
        spoil(input, ret);
    }
}

static CK_ATTRIBUTE_TYPE make_type(struct input *input)
{
    static const CK_ATTRIBUTE_TYPE usual[] = {
        CKA_CLASS,
        CKA_KEY_TYPE,
        CKA_TOKEN,
        CKA_PRIVATE,
        CKA_LABEL,
        CKA_ID,
        CKA_VALUE,
        CKA_VALUE_LEN,
        CKA_SENSITIVE,
        CKA_EXTRACTABLE,
        CKA_SIGN,
        CKA_VERIFY,
        CKA_ENCRYPT,
        CKA_DECRYPT,
        CKA_WRAP,
        CKA_UNWRAP,
        CKA_DERIVE,
        CKA_MODIFIABLE,
        CKA_EC_PARAMS,
        CKA_MODULUS_BITS,
        CKA_PUBLIC_EXPONENT,
        CKA_DESTROYABLE,
        CKA_COPYABLE,
        CKA_WRAP_TEMPLATE,
        CKA_UNWRAP_TEMPLATE,
        CKA_ALLOWED_MECHANISMS,
        CKA_ALWAYS_AUTHENTICATE,
    };
    size_t count = 0;
    const struct kk_attr_type *all = kk_attr_types(&count);
    uint8_t choice = input_u8(input);
    return choice < 216 ? usual[choice % (sizeof usual / sizeof usual[0])]
                        : all[input_u8(input) % count].type;
}

static CK_ATTRIBUTE *place(const CK_ATTRIBUTE *made, size_t count, CK_ULONG *ret_count)
{
    *ret_count = count;
    if (count == 0) {
        return NULL;
    }
    CK_ATTRIBUTE *attributes = guarded(count * sizeof *attributes);
    memcpy(attributes, made, count * sizeof *attributes);
    return attributes;
}

CK_ATTRIBUTE *make_template(struct input *input, int depth, CK_ULONG *ret_count)
{
    size_t count = input_below(input, ATTRIBUTES_MAX);
    CK_ATTRIBUTE made[ATTRIBUTES_MAX];
    for (size_t i = 0; i < count; i++) {
        make_attribute(input, depth, make_type(input), &made[i]);
    }
    return place(made, count, ret_count);
}

static void put_number(CK_ATTRIBUTE *ret, CK_ATTRIBUTE_TYPE type, CK_ULONG value)
{
    *ret = (CK_ATTRIBUTE){type, guarded(sizeof value), sizeof value};
    memcpy(ret->pValue, &value, sizeof value);
}

static size_t begin_secret(struct input *input, CK_ATTRIBUTE *made)
{
    bool is_aes = input_u8(input) % 2 == 0;
    put_number(&made[0], CKA_CLASS, CKO_SECRET_KEY);
    put_number(&made[1], CKA_KEY_TYPE, is_aes ? CKK_AES : CKK_GENERIC_SECRET);
    return 2;
}

/* What the purpose cannot do without. */
static size_t begin_template(struct input *input, enum purpose purpose, CK_ATTRIBUTE *made)
{
    size_t count = 0;
    switch (purpose) {
    case FOR_DATA:
        put_number(&made[0], CKA_CLASS, CKO_DATA);
        return 1;
    case FOR_SECRET:
        count = begin_secret(input, made);
        made[count] = (CK_ATTRIBUTE){CKA_VALUE, guarded_bytes(input, 16), 16};
        return count + 1;
    case FOR_GENERATION:
        put_number(&made[0], CKA_VALUE_LEN, input_u8(input) % 4 * 8 + 8);
        return 1;
    case FOR_PAIR:
        make_attribute(input, 0, input_u8(input) % 4 == 0 ? CKA_MODULUS_BITS : CKA_EC_PARAMS,
                       &made[0]);
        return 1;
    case FOR_UNWRAPPING:
        count = begin_secret(input, made);
        put_number(&made[count], CKA_VALUE_LEN, input_u8(input) % 4 * 8 + 8);
        return count + input_u8(input) % 2;
    case FOR_CHANGE:
    case PURPOSES:
        break;
    }
    return 0;
}

CK_ATTRIBUTE *make_template_for(struct input *input, enum purpose purpose, CK_ULONG *ret_count)
{
    static const CK_ATTRIBUTE_TYPE harmless[] = {
        CKA_TOKEN,  CKA_PRIVATE, CKA_LABEL,   CKA_ID,   CKA_LABEL,  CKA_SENSITIVE, CKA_SIGN,
        CKA_VERIFY, CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP, CKA_DERIVE,    CKA_EXTRACTABLE,
    };
    CK_ATTRIBUTE made[ATTRIBUTES_MAX];
    if (input_rarely(input, 8)) {
        return make_template(input, 1, ret_count);
    }
    size_t count = begin_template(input, purpose, made);
    size_t more = count + input_u8(input) % (ATTRIBUTES_MAX - count) / 2;
    bool is_data = purpose == FOR_DATA || purpose == FOR_CHANGE;
    while (count < more) {
        CK_ATTRIBUTE_TYPE type = harmless[input_u8(input) % (is_data ? 5 : 14)];
        make_attribute(input, 1, input_rarely(input, 24) ? make_type(input) : type, &made[count++]);
    }
    return place(made, count, ret_count);
}
