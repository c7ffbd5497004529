/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON Web Keys. The key types and curves are rows; so are their members.
 */
#include "cli/jwk.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "cli/base64.h"
#include "cli/json_read.h"
#include "cli/key_template.h"

#include "base/banned.h"

/* clang-format off */
static const struct curve {
    const char *name;             /* "crv" */
    const char *algorithm;        /* as struct kk_keyfile names it */
    enum kk_keyfile_kind kind;
    size_t len;                   /* EC: of a coordinate; else: of the keys */
    uint8_t params[12];           /* CKA_EC_PARAMS, DER */
    size_t params_len;
} curves[] = {
    {"P-256",     "EC", KK_KEYFILE_EC, 32, {0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7}, 10},
    {"P-384",     "EC", KK_KEYFILE_EC, 48, {0x06, 5, 0x2b, 0x81, 4, 0, 34}, 7},
    {"P-521",     "EC", KK_KEYFILE_EC, 66, {0x06, 5, 0x2b, 0x81, 4, 0, 35}, 7},
    {"secp256k1", "EC", KK_KEYFILE_EC, 32, {0x06, 5, 0x2b, 0x81, 4, 0, 10}, 7},
    {"X25519",  "X25519",  KK_KEYFILE_MONTGOMERY, 32, {0x06, 3, 0x2b, 0x65, 110}, 5},
    {"X448",    "X448",    KK_KEYFILE_MONTGOMERY, 56, {0x06, 3, 0x2b, 0x65, 111}, 5},
    {"Ed25519", "ED25519", KK_KEYFILE_EDWARDS,    32, {0x06, 3, 0x2b, 0x65, 112}, 5},
    {"Ed448",   "ED448",   KK_KEYFILE_EDWARDS,    57, {0x06, 3, 0x2b, 0x65, 113}, 5},
};

static const struct member {
    const char *name;
    enum kk_keyfile_part part;
} rsa_members[] = {
    {"n",  KK_KEYPART_MODULUS}, /* these two are public */
    {"e",  KK_KEYPART_PUBLIC_EXPONENT},
    {"d",  KK_KEYPART_PRIVATE_EXPONENT},
    {"p",  KK_KEYPART_PRIME_1},
    {"q",  KK_KEYPART_PRIME_2},
    {"dp", KK_KEYPART_EXPONENT_1},
    {"dq", KK_KEYPART_EXPONENT_2},
    {"qi", KK_KEYPART_COEFFICIENT},
};
#define RSA_PUBLIC_MEMBERS 2

static const struct operation {
    const char *name;
    enum kk_key_use use;
} operations[] = {
    {"sign",       KK_KEY_USE_SIGN},
    {"verify",     KK_KEY_USE_SIGN},
    {"encrypt",    KK_KEY_USE_ENCRYPT},
    {"decrypt",    KK_KEY_USE_ENCRYPT},
    {"wrapKey",    KK_KEY_USE_WRAP},
    {"unwrapKey",  KK_KEY_USE_WRAP},
    {"deriveKey",  KK_KEY_USE_DERIVE},
    {"deriveBits", KK_KEY_USE_DERIVE},
};
/* clang-format on */

static void jwk_clear(struct kk_jwk *jwk)
{
    kk_keyfile_free(jwk->key);
    kk_secret_free(jwk->secret);
    kk_buffer_clear(&jwk->kid);
}

void kk_jwk_set_free(struct kk_jwk_set *set)
{
    if (set == NULL) {
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        jwk_clear(&set->keys[i]);
    }
    kk_free(set->keys);
    kk_free(set);
}

static bool is_text(struct kk_span text)
{
    while (text.len > 0) {
        uint32_t point = 0;
        size_t len = kk_utf8_decode(text, &point);
        if (len == 0 || (point < 0x20 && strchr("\t\r\n", (int)point) == NULL) || point == 0) {
            return false;
        }
        text = KK_SPAN(text.data + len, text.len - len);
    }
    return true;
}

bool kk_jwk_is_json(struct kk_span text)
{
    size_t at = 0;
    while (at < text.len && strchr(" \t\r\n", text.data[at]) != NULL && text.data[at] != '\0') {
        at++;
    }
    return at < text.len && (text.data[at] == '{' || text.data[at] == '[') && is_text(text);
}

/* ---- members ---- */

/* One JWK in the document. */
struct source {
    const struct kk_json_tree *tree;
    size_t object;
};

static bool text_is(const struct kk_json_value *value, const char *text)
{
    return value != NULL && value->kind == KK_JSON_STRING &&
           kk_mem_equal(value->text.data, value->text.len, text, strlen(text));
}

/* An absent member is left NULL; one that is no base64url text is wrong. */
static KK_RV read_bytes(const struct source *source, const char *name, struct kk_secret **ret_bytes)
{
    const struct kk_json_value *value = kk_json_member(source->tree, source->object, name);
    if (value == NULL) {
        return CKR_OK;
    }
    KK_ENSURE(value->kind == KK_JSON_STRING && value->text.len > 0, CKR_DATA_INVALID);
    return kk_base64url_decode(value->text, ret_bytes);
}

/* A number, without leading zeros. */
static KK_RV read_number(const struct source *source, const char *name,
                         struct kk_secret **ret_number)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *bytes = NULL;
    size_t zeros = 0;
    KK_TRY(read_bytes(source, name, &bytes));
    if (bytes == NULL) {
        return CKR_OK;
    }
    struct kk_span span = kk_secret_span(bytes);
    while (zeros < span.len && span.data[zeros] == 0) {
        zeros++;
    }
    return kk_secret_from(KK_SPAN(span.data + zeros, span.len - zeros), ret_number);
}

static KK_RV read_rsa(const struct source *source, struct kk_jwk *jwk)
{
    struct kk_keyfile *key = jwk->key;
    key->kind = KK_KEYFILE_RSA;
    key->algorithm = "RSA";
    /* Keys of three primes have no form in PKCS#11. */
    KK_ENSURE(kk_json_member(source->tree, source->object, "oth") == NULL, CKR_MECHANISM_INVALID);
    for (size_t i = 0; i < KK_ARRAY_LEN(rsa_members); i++) {
        struct kk_secret **part = &key->parts[rsa_members[i].part];
        KK_TRY(read_number(source, rsa_members[i].name, part));
        KK_ENSURE(i >= RSA_PUBLIC_MEMBERS || (*part != NULL && kk_secret_len(*part) > 0),
                  CKR_DATA_INVALID);
        jwk->is_private = jwk->is_private || (i >= RSA_PUBLIC_MEMBERS && *part != NULL);
    }
    KK_ENSURE(!jwk->is_private || key->parts[KK_KEYPART_PRIVATE_EXPONENT] != NULL,
              CKR_DATA_INVALID);
    return CKR_OK;
}

static const struct curve *find_curve(const struct source *source, bool weierstrass)
{
    const struct kk_json_value *crv = kk_json_member(source->tree, source->object, "crv");
    for (size_t i = 0; i < KK_ARRAY_LEN(curves); i++) {
        if ((curves[i].kind == KK_KEYFILE_EC) == weierstrass && text_is(crv, curves[i].name)) {
            return &curves[i];
        }
    }
    return NULL;
}

#define UNCOMPRESSED 0x04

/* RFC 7518, 6.2.1: coordinates have the full length. */
static KK_RV read_point(const struct source *source, const struct curve *curve,
                        struct kk_secret **ret_point)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *x = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *y = NULL;
    KK_TRY(read_bytes(source, "x", &x));
    KK_TRY(read_bytes(source, "y", &y));
    KK_ENSURE(x != NULL && y != NULL && kk_secret_len(x) == curve->len &&
                  kk_secret_len(y) == curve->len,
              CKR_DATA_INVALID);
    KK_TRY(kk_secret_new(1 + 2 * curve->len, ret_point));
    uint8_t *point = kk_secret_data(*ret_point);
    point[0] = UNCOMPRESSED;
    memcpy(point + 1, kk_secret_data(x), curve->len);
    memcpy(point + 1 + curve->len, kk_secret_data(y), curve->len);
    return CKR_OK;
}

static KK_RV read_curve_key(const struct source *source, bool weierstrass, struct kk_jwk *jwk)
{
    struct kk_keyfile *key = jwk->key;
    const struct curve *curve = find_curve(source, weierstrass);
    KK_ENSURE(curve != NULL, CKR_MECHANISM_INVALID);
    key->kind = curve->kind;
    key->algorithm = curve->algorithm;
    KK_TRY(kk_secret_from(KK_SPAN(curve->params, curve->params_len),
                          &key->parts[KK_KEYPART_EC_PARAMS]));
    struct kk_secret **public = &key->parts[KK_KEYPART_PUBLIC];
    KK_TRY(weierstrass ? read_point(source, curve, public) : read_bytes(source, "x", public));
    KK_ENSURE(*public != NULL && (weierstrass || kk_secret_len(*public) == curve->len),
              CKR_DATA_INVALID);
    struct kk_secret **private = &key->parts[KK_KEYPART_PRIVATE];
    KK_TRY(read_bytes(source, "d", private));
    jwk->is_private = *private != NULL;
    KK_ENSURE(!jwk->is_private || kk_secret_len(*private) == curve->len, CKR_DATA_INVALID);
    return CKR_OK;
}

static KK_RV read_ec(const struct source *source, struct kk_jwk *jwk)
{
    return read_curve_key(source, true, jwk);
}

static KK_RV read_okp(const struct source *source, struct kk_jwk *jwk)
{
    return read_curve_key(source, false, jwk);
}

/* "A128GCM", "A256KW", "A256GCMKW", "A128CBC": of AES; "A128CBC-HS256" is a key for two things. */
static bool names_aes(const struct kk_json_value *alg)
{
    static const char *const sizes[] = {"A128", "A192", "A256"};
    if (alg == NULL || alg->kind != KK_JSON_STRING ||
        memchr(alg->text.data, '-', alg->text.len) != NULL) {
        return false;
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(sizes); i++) {
        if (alg->text.len > strlen(sizes[i]) &&
            kk_mem_equal(alg->text.data, strlen(sizes[i]), sizes[i], strlen(sizes[i]))) {
            return true;
        }
    }
    return false;
}

static KK_RV read_oct(const struct source *source, struct kk_jwk *jwk)
{
    KK_TRY(read_bytes(source, "k", &jwk->secret));
    KK_ENSURE(jwk->secret != NULL && kk_secret_len(jwk->secret) > 0, CKR_DATA_INVALID);
    jwk->is_aes = names_aes(kk_json_member(source->tree, source->object, "alg"));
    return CKR_OK;
}

/* clang-format off */
static const struct {
    const char *name;
    bool is_secret;
    CK_RV (*read)(const struct source *source, struct kk_jwk *jwk);
} key_types[] = {
    {"RSA", false, read_rsa},
    {"EC",  false, read_ec},
    {"OKP", false, read_okp},
    {"oct", true,  read_oct},
};
/* clang-format on */

/* ---- what it is for ---- */

static KK_RV read_uses(const struct source *source, struct kk_jwk *jwk)
{
    const struct kk_json_tree *tree = source->tree;
    const struct kk_json_value *use = kk_json_member(tree, source->object, "use");
    const struct kk_json_value *ops = kk_json_member(tree, source->object, "key_ops");
    if (text_is(use, "sig")) {
        jwk->uses = KK_KEY_USE_SIGN;
    } else if (text_is(use, "enc")) {
        jwk->uses = KK_KEY_USE_ENCRYPT | KK_KEY_USE_WRAP | KK_KEY_USE_DERIVE;
    }
    if (ops == NULL) {
        return CKR_OK;
    }
    KK_ENSURE(ops->kind == KK_JSON_ARRAY, CKR_DATA_INVALID);
    jwk->uses = 0;
    for (size_t i = (size_t)(ops - tree->values) + 1; i < ops->end; i = tree->values[i].end) {
        for (size_t k = 0; k < KK_ARRAY_LEN(operations); k++) {
            bool is_it = text_is(&tree->values[i], operations[k].name);
            jwk->uses |= is_it ? (unsigned int)operations[k].use : 0;
        }
    }
    return CKR_OK;
}

static KK_RV read_jwk(const struct source *source, struct kk_jwk *jwk)
{
    const struct kk_json_value *kty = kk_json_member(source->tree, source->object, "kty");
    const struct kk_json_value *kid = kk_json_member(source->tree, source->object, "kid");
    KK_ENSURE(kty != NULL && kty->kind == KK_JSON_STRING, CKR_DATA_INVALID);
    KK_ENSURE(kid == NULL || kid->kind == KK_JSON_STRING, CKR_DATA_INVALID);
    if (kid != NULL) {
        kk_buffer_put_span(&jwk->kid, kid->text);
        KK_TRY(kk_buffer_check(&jwk->kid));
    }
    KK_TRY(read_uses(source, jwk));
    for (size_t i = 0; i < KK_ARRAY_LEN(key_types); i++) {
        if (text_is(kty, key_types[i].name)) {
            if (!key_types[i].is_secret) {
                KK_TRY(kk_alloc(sizeof *jwk->key, &jwk->key));
            }
            KK_TRY(key_types[i].read(source, jwk));
            return jwk->is_private ? kk_keyfile_complete(jwk->key) : CKR_OK;
        }
    }
    return CKR_MECHANISM_INVALID;
}

/* ---- documents ---- */

static KK_RV add(const struct kk_json_tree *tree, size_t object, struct kk_jwk_set *set)
{
    const struct source source = {.tree = tree, .object = object};
    KK_ENSURE(tree->values[object].kind == KK_JSON_OBJECT, CKR_DATA_INVALID);
    KK_TRY(kk_realloc_array(&set->keys, set->count + 1, sizeof *set->keys));
    struct kk_jwk *jwk = &set->keys[set->count++];
    *jwk = (struct kk_jwk){.kid = {.wipe = false}};
    return read_jwk(&source, jwk);
}

static KK_RV read_document(const struct kk_json_tree *tree, struct kk_jwk_set *set)
{
    const struct kk_json_value *list =
        tree->values[0].kind == KK_JSON_ARRAY ? &tree->values[0] : kk_json_member(tree, 0, "keys");
    if (list == NULL) {
        return add(tree, 0, set);
    }
    KK_ENSURE(list->kind == KK_JSON_ARRAY, CKR_DATA_INVALID);
    for (size_t i = (size_t)(list - tree->values) + 1; i < list->end; i = tree->values[i].end) {
        KK_TRY(add(tree, i, set));
    }
    KK_ENSURE(set->count > 0, CKR_DATA_INVALID);
    return CKR_OK;
}

KK_RV kk_jwk_read(struct kk_span text, struct kk_jwk_set **ret_set)
{
    KK_CLEANUP(kk_json_tree_freep) struct kk_json_tree *tree = NULL;
    KK_CLEANUP(kk_jwk_set_freep) struct kk_jwk_set *set = NULL;
    KK_TRY(kk_json_read(text, NULL, &tree));
    KK_ENSURE(tree->values[0].kind == KK_JSON_OBJECT || tree->values[0].kind == KK_JSON_ARRAY,
              CKR_DATA_INVALID);
    KK_TRY(kk_alloc(sizeof *set, &set));
    KK_TRY(read_document(tree, set));
    *ret_set = KK_STEAL(set);
    return CKR_OK;
}

/* ---- writing ---- */

static KK_RV put_bytes(struct kk_json *json, const char *name, struct kk_span bytes)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *text = NULL;
    KK_TRY(kk_base64url_encode(bytes, &text));
    kk_json_bytes(json, name, kk_secret_span(text));
    return CKR_OK;
}

static void begin(struct kk_json *json, const char *type, struct kk_span kid)
{
    kk_json_object(json, NULL);
    kk_json_text(json, "kty", type);
    if (kid.len > 0) {
        kk_json_bytes(json, "kid", kid);
    }
}

static KK_RV put_rsa(struct kk_json *json, const struct kk_keyfile *key, bool with_private,
                     struct kk_span kid)
{
    size_t count = with_private ? KK_ARRAY_LEN(rsa_members) : RSA_PUBLIC_MEMBERS;
    begin(json, "RSA", kid);
    for (size_t i = 0; i < count; i++) {
        const struct kk_secret *part = key->parts[rsa_members[i].part];
        KK_ENSURE(part != NULL, CKR_ATTRIBUTE_VALUE_INVALID);
        KK_TRY(put_bytes(json, rsa_members[i].name, kk_secret_span(part)));
    }
    kk_json_end(json);
    return CKR_OK;
}

static const struct curve *curve_of(const struct kk_keyfile *key)
{
    const struct kk_secret *params = key->parts[KK_KEYPART_EC_PARAMS];
    for (size_t i = 0; params != NULL && i < KK_ARRAY_LEN(curves); i++) {
        if (kk_span_equal(kk_secret_span(params),
                          KK_SPAN(curves[i].params, curves[i].params_len))) {
            return &curves[i];
        }
    }
    return NULL;
}

static KK_RV put_curve_key(struct kk_json *json, const struct kk_keyfile *key, bool with_private,
                           struct kk_span kid)
{
    const struct curve *curve = curve_of(key);
    const struct kk_secret *public = key->parts[KK_KEYPART_PUBLIC];
    const struct kk_secret *private = key->parts[KK_KEYPART_PRIVATE];
    KK_ENSURE(curve != NULL, CKR_MECHANISM_INVALID);
    KK_ENSURE(public != NULL && (!with_private || private != NULL), CKR_ATTRIBUTE_VALUE_INVALID);
    bool weierstrass = curve->kind == KK_KEYFILE_EC;
    struct kk_span point = kk_secret_span(public);
    size_t head = weierstrass ? 1 : 0;
    KK_ENSURE(point.len == (weierstrass ? 1 + 2 * curve->len : curve->len) &&
                  (!weierstrass || point.data[0] == UNCOMPRESSED),
              CKR_ATTRIBUTE_VALUE_INVALID);
    begin(json, weierstrass ? "EC" : "OKP", kid);
    kk_json_text(json, "crv", curve->name);
    KK_TRY(put_bytes(json, "x", KK_SPAN(point.data + head, curve->len)));
    if (weierstrass) {
        KK_TRY(put_bytes(json, "y", KK_SPAN(point.data + head + curve->len, curve->len)));
    }
    if (with_private) {
        KK_ENSURE(kk_secret_len(private) == curve->len, CKR_ATTRIBUTE_VALUE_INVALID);
        KK_TRY(put_bytes(json, "d", kk_secret_span(private)));
    }
    kk_json_end(json);
    return CKR_OK;
}

KK_RV kk_jwk_put(struct kk_json *json, const struct kk_keyfile *key, bool with_private,
                 struct kk_span kid)
{
    switch (key->kind) {
    case KK_KEYFILE_RSA:
        return put_rsa(json, key, with_private, kid);
    case KK_KEYFILE_EC:
    case KK_KEYFILE_EDWARDS:
    case KK_KEYFILE_MONTGOMERY:
        return put_curve_key(json, key, with_private, kid);
    case KK_KEYFILE_DSA:
    case KK_KEYFILE_ML_DSA:
        break;
    }
    return CKR_MECHANISM_INVALID;
}

KK_RV kk_jwk_put_secret(struct kk_json *json, const struct kk_secret *secret, struct kk_span kid)
{
    begin(json, "oct", kid);
    KK_TRY(put_bytes(json, "k", kk_secret_span(secret)));
    kk_json_end(json);
    return CKR_OK;
}
