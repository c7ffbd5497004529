/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist object list and show, and of other groups: what objects say of themselves.
 */
#include "cli/keykist_object.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/report.h"
#include "cli/text.h"
#include "cryptoki/names.h"

#include "base/banned.h"

/* ---- what there is to show ---- */

struct object {
    const struct kk_keykist_session *session;
    const CK_TOKEN_INFO *token;
    CK_OBJECT_HANDLE handle;
    CK_OBJECT_CLASS object_class;
    CK_KEY_TYPE type;
};

static bool is_key(const struct object *object)
{
    return object->object_class == CKO_PRIVATE_KEY || object->object_class == CKO_PUBLIC_KEY ||
           object->object_class == CKO_SECRET_KEY;
}

static void put_class(struct kk_table *table, const struct object *object)
{
    kk_table_text(table, kk_object_class_word(object->object_class).text);
}

/* clang-format off */
static const struct {
    uint8_t params[12];
    size_t len;
    const char *name;
    CK_ULONG bits;
} curves[] = {
    {{0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7}, 10, "P-256",     256},
    {{0x06, 5, 0x2b, 0x81, 4, 0, 34},                   7, "P-384",     384},
    {{0x06, 5, 0x2b, 0x81, 4, 0, 35},                   7, "P-521",     521},
    {{0x06, 5, 0x2b, 0x81, 4, 0, 33},                   7, "P-224",     224},
    {{0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 1}, 10, "P-192",     192},
    {{0x06, 5, 0x2b, 0x81, 4, 0, 10},                   7, "secp256k1", 256},
    {{0x06, 3, 0x2b, 0x65, 110},                        5, "X25519",    256},
    {{0x06, 3, 0x2b, 0x65, 111},                        5, "X448",      448},
    {{0x06, 3, 0x2b, 0x65, 112},                        5, "Ed25519",   256},
    {{0x06, 3, 0x2b, 0x65, 113},                        5, "Ed448",     456},
    {{0x13, 10, 'c', 'u', 'r', 'v', 'e', '2', '5', '5', '1', '9'}, 12, "X25519", 256},
};

static const struct {
    CK_KEY_TYPE type;
    const char *name;
} type_names[] = {
    {CKK_RSA, "RSA"}, {CKK_EC, "EC"}, {CKK_EC_EDWARDS, "Edwards"}, {CKK_EC_MONTGOMERY, "Montgomery"},
    {CKK_DSA, "DSA"}, {CKK_AES, "AES"}, {CKK_GENERIC_SECRET, "generic"},
};
/* clang-format on */

static const char *type_name(CK_KEY_TYPE type)
{
    static const char prefix[] = "CKK_";
    for (size_t i = 0; i < KK_ARRAY_LEN(type_names); i++) {
        if (type_names[i].type == type) {
            return type_names[i].name;
        }
    }
    const char *name = kk_names_find(KK_NAMES_CKK, type);
    return name != NULL ? name + sizeof prefix - 1 : "?";
}

static struct kk_object_type curve_of(const struct object *object)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *params = NULL;
    struct kk_object_type type = {.name = type_name(object->type)};
    if (kk_object_get(object->session, object->handle, CKA_EC_PARAMS, &params) == CKR_OK) {
        for (size_t i = 0; i < KK_ARRAY_LEN(curves); i++) {
            if (kk_span_equal(kk_secret_span(params), KK_SPAN(curves[i].params, curves[i].len))) {
                type = (struct kk_object_type){curves[i].name, curves[i].bits};
            }
        }
    }
    return type;
}

/* Bits of what the attribute holds, without leading zeros. */
static CK_ULONG bits_of(const struct object *object, CK_ATTRIBUTE_TYPE type)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    size_t zeros = 0;
    if (kk_object_get(object->session, object->handle, type, &value) != CKR_OK) {
        return 0;
    }
    struct kk_span span = kk_secret_span(value);
    while (zeros < span.len && span.data[zeros] == 0) {
        zeros++;
    }
    CK_ULONG bits = (CK_ULONG)(span.len - zeros) * 8;
    for (unsigned first = zeros < span.len ? span.data[zeros] : 0x80; first < 0x80; first <<= 1) {
        bits--;
    }
    return bits;
}

static CK_ULONG size_of(const struct object *object)
{
    if (object->object_class == CKO_SECRET_KEY) {
        return 8 * kk_object_ulong(object->session, object->handle, CKA_VALUE_LEN, 0);
    }
    return bits_of(object, object->type == CKK_RSA ? CKA_MODULUS : CKA_PRIME);
}

/* Key types whose keys are known by their parameter set, and have no size. */
/* clang-format off */
static const struct {
    CK_KEY_TYPE type;
    CK_ULONG set;
    const char *name;
} sets[] = {
    {CKK_ML_DSA, CKP_ML_DSA_44,   "ML-DSA-44"},
    {CKK_ML_DSA, CKP_ML_DSA_65,   "ML-DSA-65"},
    {CKK_ML_DSA, CKP_ML_DSA_87,   "ML-DSA-87"},
    {CKK_ML_KEM, CKP_ML_KEM_512,  "ML-KEM-512"},
    {CKK_ML_KEM, CKP_ML_KEM_768,  "ML-KEM-768"},
    {CKK_ML_KEM, CKP_ML_KEM_1024, "ML-KEM-1024"},
};
/* clang-format on */

static struct kk_object_type key_type_of(const struct object *object)
{
    struct kk_object_type type = {.name = type_name(object->type)};
    if (object->type == CKK_EC || object->type == CKK_EC_EDWARDS ||
        object->type == CKK_EC_MONTGOMERY) {
        return curve_of(object);
    }
    if (object->type == CKK_ML_DSA || object->type == CKK_ML_KEM) {
        CK_ULONG set = kk_object_ulong(object->session, object->handle, CKA_PARAMETER_SET, 0);
        for (size_t i = 0; i < KK_ARRAY_LEN(sets); i++) {
            type.name =
                sets[i].type == object->type && sets[i].set == set ? sets[i].name : type.name;
        }
        return type;
    }
    type.bits = size_of(object);
    return type;
}

static struct kk_object_type type_of(const struct object *object)
{
    struct kk_object_type none = {0};
    if (object->object_class == CKO_CERTIFICATE) {
        CK_ULONG type = kk_object_ulong(object->session, object->handle, CKA_CERTIFICATE_TYPE,
                                        CK_UNAVAILABLE_INFORMATION);
        return (struct kk_object_type){type == CKC_X_509 ? "X.509" : "?", 0};
    }
    return is_key(object) ? key_type_of(object) : none;
}

/* Type and size. */
static void put_type(struct kk_table *table, const struct object *object)
{
    struct kk_object_type type = type_of(object);
    if (type.name != NULL) {
        kk_table_text(table, type.name);
    } else {
        kk_table_none(table);
    }
    if (type.bits > 0) {
        kk_table_number(table, type.bits);
    } else {
        kk_table_none(table);
    }
}

static void put_text(struct kk_table *table, const struct object *object, CK_ATTRIBUTE_TYPE type)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    if (kk_object_get(object->session, object->handle, type, &value) == CKR_OK &&
        kk_secret_len(value) > 0) {
        kk_table_bytes(table, kk_secret_span(value));
    } else {
        kk_table_none(table);
    }
}

static void put_hex(struct kk_table *table, const struct object *object, CK_ATTRIBUTE_TYPE type)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer text = {0};
    static const char digits[] = "0123456789abcdef";
    if (kk_object_get(object->session, object->handle, type, &value) != CKR_OK ||
        kk_secret_len(value) == 0) {
        kk_table_none(table);
        return;
    }
    struct kk_span span = kk_secret_span(value);
    for (size_t i = 0; i < span.len; i++) {
        kk_buffer_put_u8(&text, (uint8_t)digits[span.data[i] >> 4]);
        kk_buffer_put_u8(&text, (uint8_t)digits[span.data[i] & 0xf]);
    }
    table->failed = table->failed || text.failed;
    kk_table_bytes(table, kk_buffer_span(&text));
}

/* ---- flags ---- */

struct flag {
    CK_ATTRIBUTE_TYPE type;
    bool value; /* that is worth a word */
    const char *word;
};

/* clang-format off */
static const struct flag flags[] = {
    {CKA_PRIVATE,             true,  "private"},
    {CKA_SENSITIVE,           true,  "sensitive"},
    {CKA_EXTRACTABLE,         true,  "extractable"},
    {CKA_WRAP_WITH_TRUSTED,   true,  "wrap-with-trusted"},
    {CKA_ALWAYS_AUTHENTICATE, true,  "always-authenticate"},
    {CKA_TRUSTED,             true,  "trusted"},
    {CKA_MODIFIABLE,          false, "not-modifiable"},
    {CKA_DESTROYABLE,         false, "not-destroyable"},
}, more_flags[] = {
    {CKA_ALWAYS_SENSITIVE,    true,  "always-sensitive"},
    {CKA_NEVER_EXTRACTABLE,   true,  "never-extractable"},
    {CKA_LOCAL,               true,  "made-here"},
}, usages[] = {
    {CKA_SIGN,                true,  "sign"},
    {CKA_SIGN_RECOVER,        true,  "sign-recover"},
    {CKA_VERIFY,              true,  "verify"},
    {CKA_VERIFY_RECOVER,      true,  "verify-recover"},
    {CKA_ENCRYPT,             true,  "encrypt"},
    {CKA_DECRYPT,             true,  "decrypt"},
    {CKA_WRAP,                true,  "wrap"},
    {CKA_UNWRAP,              true,  "unwrap"},
    {CKA_DERIVE,              true,  "derive"},
};
/* clang-format on */

/* One call for all of them: what the object does not have is marked in its attribute. */
static void add_flags(struct kk_buffer *words, const struct object *object, const struct flag *rows,
                      size_t count)
{
    CK_BBOOL values[16] = {0};
    CK_ATTRIBUTE tmpl[16] = {{0}};
    KK_ASSERT(count <= KK_ARRAY_LEN(tmpl));
    for (size_t i = 0; i < count; i++) {
        tmpl[i] = (CK_ATTRIBUTE){rows[i].type, &values[i], sizeof values[i]};
    }
    CK_RV rv = object->session->p11->C_GetAttributeValue(object->session->handle, object->handle,
                                                         tmpl, (CK_ULONG)count);
    if (rv != CKR_OK && rv != CKR_ATTRIBUTE_TYPE_INVALID && rv != CKR_ATTRIBUTE_SENSITIVE) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (tmpl[i].ulValueLen == sizeof values[i] && (values[i] != CK_FALSE) == rows[i].value) {
            kk_buffer_put(words, ",", words->len > 0 ? 1 : 0);
            kk_buffer_put(words, rows[i].word, strlen(rows[i].word));
        }
    }
}

static void put_words(struct kk_table *table, const struct kk_buffer *words)
{
    table->failed = table->failed || words->failed;
    if (words->len > 0) {
        kk_table_bytes(table, kk_buffer_span(words));
    } else {
        kk_table_none(table);
    }
}

static void put_flags(struct kk_table *table, const struct object *object, bool all)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer words = {0};
    add_flags(&words, object, flags, KK_ARRAY_LEN(flags));
    if (all) {
        add_flags(&words, object, more_flags, KK_ARRAY_LEN(more_flags));
    }
    put_words(table, &words);
}

static void put_usages(struct kk_table *table, const struct object *object)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer words = {0};
    add_flags(&words, object, usages, KK_ARRAY_LEN(usages));
    put_words(table, &words);
}

static void put_uri(struct kk_table *table, const struct object *object)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer uri = {0};
    kk_object_put_uri(&uri, object->session, object->handle, object->token);
    put_words(table, &uri);
}

/* ---- list and show ---- */

static void put_common(struct kk_table *table, const struct object *object)
{
    put_class(table, object);
    put_type(table, object);
    put_text(table, object, CKA_LABEL);
    put_hex(table, object, CKA_ID);
}

#define COMMON_COLUMNS                                                                             \
    {"Class", "class"}, {"Type", "type"}, {"Size", "size"}, {"Label", "label"}, {"ID", "id"}

/* What belongs together stands together: by label, ID and class. */
static void sort(struct kk_table *table)
{
    static const size_t order[] = {3, 4, 0};
    kk_table_sort(table, order, KK_ARRAY_LEN(order));
}

static void put_row(struct kk_table *table, const struct object *object)
{
    put_common(table, object);
    put_flags(table, object, false);
    put_uri(table, object);
}

static void put_record(struct kk_table *table, const struct object *object)
{
    put_common(table, object);
    put_text(table, object, CKA_UNIQUE_ID);
    put_flags(table, object, true);
    put_usages(table, object);
    put_text(table, object, CKA_APPLICATION);
    put_hex(table, object, CKA_SERIAL_NUMBER);
    put_hex(table, object, CKA_SUBJECT);
    put_hex(table, object, CKA_ISSUER);
    put_text(table, object, CKA_START_DATE);
    put_text(table, object, CKA_END_DATE);
    put_uri(table, object);
}

static const struct kk_column list_columns[] = {COMMON_COLUMNS, {"Flags", "flags"}, {"URI", "uri"}};
static const struct kk_column show_columns[] = {
    COMMON_COLUMNS,
    {"Unique ID", "unique_id"},
    {"Flags", "flags"},
    {"Usage", "usage"},
    {"Application", "application"},
    {"Serial number (DER)", "serial_number"},
    {"Subject (DER)", "subject"},
    {"Issuer (DER)", "issuer"},
    {"Start date", "start_date"},
    {"End date", "end_date"},
    {"URI", "uri"},
};

static struct object look_at(const struct kk_keykist_session *session, CK_OBJECT_HANDLE handle,
                             const CK_TOKEN_INFO *token)
{
    return (struct object){
        .session = session,
        .token = token,
        .handle = handle,
        .object_class = kk_object_ulong(session, handle, CKA_CLASS, CK_UNAVAILABLE_INFORMATION),
        .type = kk_object_ulong(session, handle, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION)};
}

struct kk_object_type kk_object_type_of(const struct kk_keykist_session *session,
                                        CK_OBJECT_HANDLE handle)
{
    struct object object = look_at(session, handle, NULL);
    return type_of(&object);
}

static KK_RV print_json(const struct kk_table *table)
{
    KK_CLEANUP(kk_json_clear) struct kk_json json = {0};
    kk_json_object(&json, NULL);
    kk_table_json(table, &json, "objects");
    kk_json_end(&json);
    return kk_json_print(&json);
}

/* The objects that fit, looked at in a session that ends with the caller. */
static KK_RV find(const struct kk_keykist *keykist, struct kk_keykist_session *session,
                  CK_TOKEN_INFO *ret_info, struct kk_object_list *ret_list)
{
    const struct kk_object_list_options *own = keykist->own;
    CK_SLOT_ID slot = 0;
    KK_TRY(kk_object_begin(keykist, false, false, session, &slot, ret_info));
    return kk_object_find(session, &own->filter, ret_list);
}

CK_RV kk_keykist_object_list(struct kk_keykist *keykist)
{
    KK_CLEANUP(kk_keykist_close) struct kk_keykist_session session = {0};
    KK_CLEANUP(kk_object_list_clear) struct kk_object_list list = {0};
    KK_CLEANUP(kk_table_clear) struct kk_table table = {
        .columns = list_columns, .column_count = KK_ARRAY_LEN(list_columns), .only_json = 1};
    CK_TOKEN_INFO info = {0};
    KK_TRY(find(keykist, &session, &info, &list));
    for (size_t i = 0; i < list.count; i++) {
        struct object object = look_at(&session, list.handles[i], &info);
        put_row(&table, &object);
    }
    sort(&table);
    return keykist->options.json ? print_json(&table) : kk_table_print(&table);
}

static KK_RV show_records(const struct kk_keykist_session *session, const CK_TOKEN_INFO *info,
                          const struct kk_object_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        KK_CLEANUP(kk_table_clear) struct kk_table table = {
            .columns = show_columns, .column_count = KK_ARRAY_LEN(show_columns)};
        struct object object = look_at(session, list->handles[i], info);
        put_record(&table, &object);
        if (i > 0) {
            printf("\n");
        }
        KK_TRY(kk_table_print_record(&table));
    }
    return CKR_OK;
}

CK_RV kk_keykist_object_show(struct kk_keykist *keykist)
{
    KK_CLEANUP(kk_keykist_close) struct kk_keykist_session session = {0};
    KK_CLEANUP(kk_object_list_clear) struct kk_object_list list = {0};
    KK_CLEANUP(kk_table_clear) struct kk_table table = {.columns = show_columns,
                                                        .column_count = KK_ARRAY_LEN(show_columns)};
    CK_TOKEN_INFO info = {0};
    KK_TRY(find(keykist, &session, &info, &list));
    if (list.count == 0) {
        return kk_cli_error("no object fits%s", kk_keykist_pin_is_given(&keykist->options.pin)
                                                    ? ""
                                                    : "; private ones are seen with a PIN only");
    }
    if (!keykist->options.json) {
        return show_records(&session, &info, &list);
    }
    for (size_t i = 0; i < list.count; i++) {
        struct object object = look_at(&session, list.handles[i], &info);
        put_record(&table, &object);
    }
    sort(&table);
    return print_json(&table);
}
