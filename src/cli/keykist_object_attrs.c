/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist object: finding objects and reading what they are. A key's attributes become the parts
 * that a file has, by one table row per attribute.
 */
#include <string.h>

#include "base/memory.h"
#include "cli/keykist_object.h"
#include "cli/report.h"
#include "cryptoki/names.h"

#include "base/banned.h"

#define ID_MAX 1024
#define VALUE_MAX ((CK_ULONG)16 << 20)

/* ---- words ---- */

/* clang-format off */
static const struct word {
    const char *name;
    CK_ULONG value;
} class_words[] = {
    {"private", CKO_PRIVATE_KEY},
    {"public",  CKO_PUBLIC_KEY},
    {"secret",  CKO_SECRET_KEY},
    {"cert",    CKO_CERTIFICATE},
    {"data",    CKO_DATA},
}, type_words[] = {
    {"rsa",        CKK_RSA},
    {"ec",         CKK_EC},
    {"edwards",    CKK_EC_EDWARDS},
    {"montgomery", CKK_EC_MONTGOMERY},
    {"dsa",        CKK_DSA},
    {"aes",        CKK_AES},
    {"generic",    CKK_GENERIC_SECRET},
};
/* clang-format on */

static bool find_word(const struct word *words, size_t count, const char *name, CK_ULONG *ret_value)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i].name, name) == 0) {
            *ret_value = words[i].value;
            return true;
        }
    }
    return false;
}

struct kk_object_word kk_object_class_word(CK_OBJECT_CLASS object_class)
{
    struct kk_object_word word = {""};
    const char *name = kk_names_find(KK_NAMES_CKO, object_class);
    for (size_t i = 0; i < KK_ARRAY_LEN(class_words); i++) {
        name = class_words[i].value == object_class ? class_words[i].name : name;
    }
    if (name != NULL) {
        (void)snprintf(word.text, sizeof word.text, "%s", name);
    } else {
        (void)snprintf(word.text, sizeof word.text, "0x%lx", object_class);
    }
    return word;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *found = c != '\0' ? strchr(digits, c) : NULL;
    return found != NULL ? (int)((found - digits) % 16) : -1;
}

KK_RV kk_object_parse_id(const char *text, struct kk_buffer *ret_id)
{
    for (const char *at = text; *at != '\0';) {
        int high = hex_digit(at[0]);
        if ((*at == ':' || *at == ' ') && at != text) {
            at++;
            continue;
        }
        int low = high >= 0 ? hex_digit(at[1]) : -1;
        if (low < 0 || ret_id->len >= ID_MAX) {
            return kk_cli_error("--id takes pairs of hexadecimal digits, not \"%s\"", text);
        }
        kk_buffer_put_u8(ret_id, (uint8_t)(high * 16 + low));
        at += 2;
    }
    if (ret_id->len == 0) {
        return kk_cli_error("--id takes pairs of hexadecimal digits");
    }
    return kk_buffer_check(ret_id);
}

/* ---- finding ---- */

void kk_object_list_clear(struct kk_object_list *list)
{
    kk_free(list->handles);
    *list = (struct kk_object_list){0};
}

#define FIND_STEP 1024

static CK_RV collect(const struct kk_keykist_session *session, size_t max,
                     struct kk_object_list *list)
{
    CK_ULONG got = 0;
    do {
        size_t step = KK_MIN(max - list->count, (size_t)FIND_STEP);
        KK_TRY(kk_realloc_array(&list->handles, list->count + step + 1, sizeof *list->handles));
        got = 0;
        CK_OBJECT_HANDLE *to = list->handles + list->count;
        KK_TRY(session->p11->C_FindObjects(session->handle, to, step, &got));
        KK_ENSURE(got <= step, CKR_GENERAL_ERROR);
        list->count += got;
    } while (got > 0 && list->count < max);
    return CKR_OK;
}

KK_RV kk_object_search(const struct kk_keykist_session *session, struct kk_cli_template *tmpl,
                       size_t max, struct kk_object_list *ret_list)
{
    KK_CLEANUP(kk_object_list_clear) struct kk_object_list list = {0};
    CK_RV rv = session->p11->C_FindObjectsInit(session->handle, tmpl->attributes, tmpl->count);
    if (rv == CKR_OK) {
        rv = collect(session, max, &list);
        CK_RV end = session->p11->C_FindObjectsFinal(session->handle);
        rv = rv == CKR_OK ? end : rv;
    }
    if (rv != CKR_OK) {
        return kk_keykist_failed(rv, "Could not search the token");
    }
    *ret_list = list;
    list = (struct kk_object_list){0};
    return CKR_OK;
}

static KK_RV filter_type(const char *name, CK_ULONG *ret_type)
{
    if (find_word(type_words, KK_ARRAY_LEN(type_words), name, ret_type) ||
        kk_names_lookup(KK_NAMES_CKK, name, ret_type)) {
        return CKR_OK;
    }
    return kk_cli_error("there is no key type \"%s\": use rsa, ec, edwards, montgomery, dsa, aes, "
                        "generic or a name like CKK_DES3",
                        name);
}

static bool is_of_kind(CK_OBJECT_CLASS object_class, enum kk_object_kind kind)
{
    bool is_key = object_class == CKO_PRIVATE_KEY || object_class == CKO_PUBLIC_KEY ||
                  object_class == CKO_SECRET_KEY;
    return kind == KK_OBJECTS_ALL || (kind == KK_OBJECTS_KEYS && is_key) ||
           (kind == KK_OBJECTS_CERTIFICATES && object_class == CKO_CERTIFICATE);
}

static void keep_kind(const struct kk_keykist_session *session, enum kk_object_kind kind,
                      struct kk_object_list *list)
{
    size_t kept = 0;
    for (size_t i = 0; kind != KK_OBJECTS_ALL && i < list->count; i++) {
        CK_OBJECT_HANDLE handle = list->handles[i];
        if (is_of_kind(kk_object_ulong(session, handle, CKA_CLASS, CK_UNAVAILABLE_INFORMATION),
                       kind)) {
            list->handles[kept++] = handle;
        }
    }
    list->count = kind != KK_OBJECTS_ALL ? kept : list->count;
}

KK_RV kk_object_find(const struct kk_keykist_session *session,
                     const struct kk_object_filter *filter, struct kk_object_list *ret_list)
{
    struct kk_cli_template tmpl = {0};
    CK_ULONG object_class = 0;
    CK_ULONG type = 0;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer id = {0};
    kk_cli_template_put_bool(&tmpl, CKA_TOKEN, true);
    if (filter->object_class != NULL) {
        if (!find_word(class_words, KK_ARRAY_LEN(class_words), filter->object_class,
                       &object_class)) {
            return kk_cli_error("there is no class \"%s\": use private, public, secret, cert or "
                                "data",
                                filter->object_class);
        }
        kk_cli_template_put_ulong(&tmpl, CKA_CLASS, &object_class);
    }
    if (filter->type != NULL) {
        KK_TRY(filter_type(filter->type, &type));
        kk_cli_template_put_ulong(&tmpl, CKA_KEY_TYPE, &type);
    }
    if (filter->label != NULL) {
        kk_cli_template_put(&tmpl, CKA_LABEL, filter->label, strlen(filter->label));
    }
    if (filter->id != NULL) {
        KK_TRY(kk_object_parse_id(filter->id, &id));
        kk_cli_template_put(&tmpl, CKA_ID, id.data, id.len);
    }
    KK_TRY(kk_object_search(session, &tmpl, SIZE_MAX - FIND_STEP, ret_list));
    keep_kind(session, filter->kind, ret_list);
    return CKR_OK;
}

/* How many fit, when it is not one. */
static KK_RV say_count(const struct kk_keykist *keykist, const struct kk_object_filter *filter,
                       const char *what, size_t count)
{
    if (count == 0) {
        return kk_cli_error("no %s fits%s", what,
                            kk_keykist_pin_is_given(&keykist->options.pin)
                                ? ""
                                : "; private ones are seen with a PIN only");
    }
    return kk_cli_error("%zu %ss fit: choose one by %s", count, what,
                        filter->label == NULL ? "--label"
                        : filter->id == NULL  ? "--id"
                                              : "--type or --class");
}

KK_RV kk_object_find_one(const struct kk_keykist *keykist, const struct kk_keykist_session *session,
                         const struct kk_object_filter *filter, const char *what,
                         CK_OBJECT_HANDLE *ret_object)
{
    KK_CLEANUP(kk_object_list_clear) struct kk_object_list list = {0};
    KK_TRY(kk_object_find(session, filter, &list));
    if (list.count != 1) {
        return say_count(keykist, filter, what, list.count);
    }
    *ret_object = list.handles[0];
    return CKR_OK;
}

KK_RV kk_object_begin(const struct kk_keykist *keykist, bool writable, bool wants_login,
                      struct kk_keykist_session *ret_session, CK_SLOT_ID *ret_slot,
                      CK_TOKEN_INFO *ret_info)
{
    const struct kk_cli_pin_source *source = &keykist->options.pin;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pin = NULL;
    KK_TRY(kk_keykist_find_token(keykist, ret_slot, ret_info));
    if (wants_login || kk_keykist_pin_is_given(source)) {
        KK_TRY(kk_keykist_pin(source, "--pin", "user PIN", false, &pin));
    }
    KK_TRY(kk_keykist_open(keykist, *ret_slot, writable, ret_session));
    return pin != NULL ? kk_keykist_login(ret_session, CKU_USER, pin) : CKR_OK;
}

/* ---- reading ---- */

KK_RV kk_object_get(const struct kk_keykist_session *session, CK_OBJECT_HANDLE object,
                    CK_ATTRIBUTE_TYPE type, struct kk_secret **ret_value)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    CK_ATTRIBUTE attribute = {.type = type};
    KK_TRY(session->p11->C_GetAttributeValue(session->handle, object, &attribute, 1));
    KK_ENSURE(attribute.ulValueLen <= VALUE_MAX, CKR_ATTRIBUTE_TYPE_INVALID);
    KK_TRY(kk_secret_new(attribute.ulValueLen, &value));
    CK_ULONG len = attribute.ulValueLen;
    if (len > 0) {
        attribute.pValue = kk_secret_data(value);
        KK_TRY(session->p11->C_GetAttributeValue(session->handle, object, &attribute, 1));
        KK_ENSURE(attribute.ulValueLen <= len, CKR_GENERAL_ERROR);
        kk_secret_truncate(value, attribute.ulValueLen);
    }
    *ret_value = KK_STEAL(value);
    return CKR_OK;
}

CK_ULONG kk_object_ulong(const struct kk_keykist_session *session, CK_OBJECT_HANDLE object,
                         CK_ATTRIBUTE_TYPE type, CK_ULONG otherwise)
{
    CK_ULONG value = 0;
    CK_ATTRIBUTE attribute = {.type = type, .pValue = &value, .ulValueLen = sizeof value};
    CK_RV rv = session->p11->C_GetAttributeValue(session->handle, object, &attribute, 1);
    return rv == CKR_OK && attribute.ulValueLen == sizeof value ? value : otherwise;
}

bool kk_object_flag(const struct kk_keykist_session *session, CK_OBJECT_HANDLE object,
                    CK_ATTRIBUTE_TYPE type, bool otherwise)
{
    CK_BBOOL value = CK_FALSE;
    CK_ATTRIBUTE attribute = {.type = type, .pValue = &value, .ulValueLen = sizeof value};
    CK_RV rv = session->p11->C_GetAttributeValue(session->handle, object, &attribute, 1);
    return rv == CKR_OK && attribute.ulValueLen == sizeof value ? value != CK_FALSE : otherwise;
}

/* ---- a key's parts ---- */

struct part_row {
    CK_ATTRIBUTE_TYPE type;
    enum kk_keyfile_part part;
    bool optional;
};

/* clang-format off */
static const struct part_row rsa_rows[] = {
    {CKA_MODULUS,          KK_KEYPART_MODULUS,          false},
    {CKA_PUBLIC_EXPONENT,  KK_KEYPART_PUBLIC_EXPONENT,  true},
    {CKA_PRIVATE_EXPONENT, KK_KEYPART_PRIVATE_EXPONENT, false},
    {CKA_PRIME_1,          KK_KEYPART_PRIME_1,          true},
    {CKA_PRIME_2,          KK_KEYPART_PRIME_2,          true},
    {CKA_EXPONENT_1,       KK_KEYPART_EXPONENT_1,       true},
    {CKA_EXPONENT_2,       KK_KEYPART_EXPONENT_2,       true},
    {CKA_COEFFICIENT,      KK_KEYPART_COEFFICIENT,      true},
}, rsa_public_rows[] = {
    {CKA_MODULUS,          KK_KEYPART_MODULUS,          false},
    {CKA_PUBLIC_EXPONENT,  KK_KEYPART_PUBLIC_EXPONENT,  false},
}, ec_rows[] = {
    {CKA_EC_PARAMS, KK_KEYPART_EC_PARAMS, false},
    {CKA_EC_POINT,  KK_KEYPART_PUBLIC,    true},
    {CKA_VALUE,     KK_KEYPART_PRIVATE,   false},
}, ec_public_rows[] = {
    {CKA_EC_PARAMS, KK_KEYPART_EC_PARAMS, false},
    {CKA_EC_POINT,  KK_KEYPART_PUBLIC,    false},
}, dsa_rows[] = {
    {CKA_PRIME,     KK_KEYPART_PRIME,     false},
    {CKA_SUBPRIME,  KK_KEYPART_SUBPRIME,  false},
    {CKA_BASE,      KK_KEYPART_BASE,      false},
    {CKA_VALUE,     KK_KEYPART_PRIVATE,   false},
}, dsa_public_rows[] = {
    {CKA_PRIME,     KK_KEYPART_PRIME,     false},
    {CKA_SUBPRIME,  KK_KEYPART_SUBPRIME,  false},
    {CKA_BASE,      KK_KEYPART_BASE,      false},
    {CKA_VALUE,     KK_KEYPART_PUBLIC,    false},
};

#define ROWS(table) table, KK_ARRAY_LEN(table)

static const struct key_row {
    CK_OBJECT_CLASS object_class;
    CK_KEY_TYPE type;
    enum kk_keyfile_kind kind; /* of an RFC 8410 key the parameters say which it is */
    const char *algorithm;
    const struct part_row *rows;
    size_t count;
} key_rows[] = {
    {CKO_PRIVATE_KEY, CKK_RSA,           KK_KEYFILE_RSA,        "RSA", ROWS(rsa_rows)},
    {CKO_PUBLIC_KEY,  CKK_RSA,           KK_KEYFILE_RSA,        "RSA", ROWS(rsa_public_rows)},
    {CKO_PRIVATE_KEY, CKK_EC,            KK_KEYFILE_EC,         "EC",  ROWS(ec_rows)},
    {CKO_PUBLIC_KEY,  CKK_EC,            KK_KEYFILE_EC,         "EC",  ROWS(ec_public_rows)},
    {CKO_PRIVATE_KEY, CKK_EC_EDWARDS,    KK_KEYFILE_EDWARDS,    NULL,  ROWS(ec_rows)},
    {CKO_PUBLIC_KEY,  CKK_EC_EDWARDS,    KK_KEYFILE_EDWARDS,    NULL,  ROWS(ec_public_rows)},
    {CKO_PRIVATE_KEY, CKK_EC_MONTGOMERY, KK_KEYFILE_MONTGOMERY, NULL,  ROWS(ec_rows)},
    {CKO_PUBLIC_KEY,  CKK_EC_MONTGOMERY, KK_KEYFILE_MONTGOMERY, NULL,  ROWS(ec_public_rows)},
    {CKO_PRIVATE_KEY, CKK_DSA,           KK_KEYFILE_DSA,        "DSA", ROWS(dsa_rows)},
    {CKO_PUBLIC_KEY,  CKK_DSA,           KK_KEYFILE_DSA,        "DSA", ROWS(dsa_public_rows)},
};

/* Curves that older modules name by PrintableString. */
static const struct {
    const char *name;
    uint8_t last; /* of the OBJECT IDENTIFIER 1.3.101.n */
} printed_curves[] = {
    {"curve25519", 110}, {"curve448", 111}, {"edwards25519", 112}, {"edwards448", 113},
};
/* clang-format on */

static const struct key_row *find_row(CK_OBJECT_CLASS object_class, CK_KEY_TYPE type)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(key_rows); i++) {
        if (key_rows[i].object_class == object_class && key_rows[i].type == type) {
            return &key_rows[i];
        }
    }
    return NULL;
}

static bool is_unavailable(CK_RV rv)
{
    return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE;
}

/* An attribute that some modules keep empty is one that is not there. */
static KK_RV read_part(const struct kk_keykist_session *session, CK_OBJECT_HANDLE object,
                       const struct part_row *row, struct kk_keyfile *key)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    CK_RV rv = kk_object_get(session, object, row->type, &value);
    if (rv == CKR_OK && kk_secret_len(value) == 0) {
        rv = CKR_ATTRIBUTE_TYPE_INVALID;
    }
    if (row->optional && is_unavailable(rv)) {
        return CKR_OK;
    }
    KK_TRY(rv);
    key->parts[row->part] = KK_STEAL(value);
    return CKR_OK;
}

#define DER_OCTET_STRING 0x04
#define DER_PRINTABLE_STRING 0x13

/* The content of the one element that `der` is; NULL data when it is none with this tag. */
static struct kk_span der_content(struct kk_span der, uint8_t tag)
{
    struct kk_reader reader = kk_reader_new(der);
    uint8_t found = kk_reader_u8(&reader);
    size_t len = kk_reader_u8(&reader);
    if (len == 0x81) {
        len = kk_reader_u8(&reader);
    } else if (len == 0x82) {
        len = kk_reader_u16(&reader);
    }
    bool fits = !reader.failed && found == tag && len == reader.rest.len;
    return fits ? reader.rest : (struct kk_span){0};
}

static KK_RV replace(struct kk_secret **part, struct kk_span value)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *shorter = NULL;
    KK_TRY(kk_secret_from(value, &shorter));
    kk_secret_free(*part);
    *part = KK_STEAL(shorter);
    return CKR_OK;
}

/* CKA_EC_POINT is the OCTET STRING of the standard, or the bare bytes. A bare uncompressed point
 * begins with an OCTET STRING's tag, but never has such a string's length. */
static KK_RV unwrap_point(struct kk_keyfile *key)
{
    struct kk_secret **point = &key->parts[KK_KEYPART_PUBLIC];
    if (*point == NULL) {
        return CKR_OK;
    }
    struct kk_span bare = der_content(kk_secret_span(*point), DER_OCTET_STRING);
    return bare.data != NULL ? replace(point, bare) : CKR_OK;
}

static KK_RV settle_params(struct kk_keyfile *key)
{
    struct kk_secret **params = &key->parts[KK_KEYPART_EC_PARAMS];
    struct kk_span name = der_content(kk_secret_span(*params), DER_PRINTABLE_STRING);
    for (size_t i = 0; name.data != NULL && i < KK_ARRAY_LEN(printed_curves); i++) {
        const char *known = printed_curves[i].name;
        if (kk_span_equal(name, KK_SPAN(known, strlen(known)))) {
            const uint8_t oid[] = {0x06, 0x03, 0x2b, 0x65, printed_curves[i].last};
            KK_TRY(replace(params, KK_SPAN_ARRAY(oid)));
            break;
        }
    }
    CK_RV rv = kk_keyfile_of_params(kk_secret_span(*params), key);
    return rv == CKR_CURVE_NOT_SUPPORTED ? CKR_MECHANISM_INVALID : rv;
}

KK_RV kk_object_key(const struct kk_keykist_session *session, CK_OBJECT_HANDLE object,
                    struct kk_keyfile **ret_key)
{
    KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *key = NULL;
    const struct key_row *row =
        find_row(kk_object_ulong(session, object, CKA_CLASS, CK_UNAVAILABLE_INFORMATION),
                 kk_object_ulong(session, object, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION));
    KK_ENSURE(row != NULL, CKR_MECHANISM_INVALID);
    KK_TRY(kk_alloc(sizeof *key, &key));
    key->kind = row->kind;
    key->algorithm = row->algorithm;
    for (size_t i = 0; i < row->count; i++) {
        KK_TRY(read_part(session, object, &row->rows[i], key));
    }
    if (key->parts[KK_KEYPART_EC_PARAMS] != NULL) {
        KK_TRY(unwrap_point(key));
    }
    if (row->algorithm == NULL) {
        KK_TRY(settle_params(key));
    }
    *ret_key = KK_STEAL(key);
    return CKR_OK;
}
