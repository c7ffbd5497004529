/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist key derive, encapsulate, decapsulate: a secret key comes into being in the token, from
 * another key and what the other side gave.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/key_source.h"
#include "cli/key_spec.h"
#include "cli/keykist_key_use.h"
#include "cli/report.h"

#include "base/banned.h"

#define CIPHERTEXT_MAX ((CK_ULONG)16384)

/* ---- the new key ---- */

struct new_key {
    struct kk_key_spec spec;
    CK_OBJECT_CLASS object_class;
    CK_ULONG bytes;
    struct kk_buffer id;
    struct kk_cli_template tmpl;
};

static void new_key_clear(struct new_key *key)
{
    kk_buffer_clear(&key->id);
}

/* A label is given once, as with keykist key generate. */
static KK_RV check_label(const struct kk_key_work *use)
{
    const struct kk_object_filter filter = {
        .kind = KK_OBJECTS_KEYS, .object_class = "secret", .label = use->options->new_label};
    KK_CLEANUP(kk_object_list_clear) struct kk_object_list list = {0};
    KK_TRY(kk_object_find(&use->session, &filter, &list));
    return list.count == 0 ? CKR_OK
                           : kk_cli_error("there is a secret key with the label \"%s\" already: "
                                          "choose another",
                                          filter.label);
}

static KK_RV parse_spec(const struct kk_key_use_options *options, struct new_key *key)
{
    struct kk_key_spec_why why = {""};
    const char *type = options->type != NULL ? options->type : "generic";
    CK_RV rv = kk_key_spec_parse(type, &key->spec, &why);
    if (rv == CKR_DATA_INVALID || (rv == CKR_OK && key->spec.is_pair)) {
        return kk_cli_error("--new-type takes aes[:BITS] or generic[:BITS], not \"%s\"", type);
    }
    KK_TRY(rv);
    key->bytes = key->spec.bits / 8;
    if (options->usage != NULL) {
        KK_TRY(kk_object_parse_usage(options->usage, &key->spec.uses));
    }
    return options->new_id != NULL ? kk_object_parse_id(options->new_id, &key->id) : CKR_OK;
}

/* What the options say of it, before anything is touched. */
static KK_RV read_new_key(const struct kk_key_use_options *options, struct new_key *key)
{
    if (options->new_label == NULL || options->new_label[0] == '\0') {
        return kk_cli_error("--new-label is missing: how is the new key to be called?");
    }
    return parse_spec(options, key);
}

static void put_new_key(const struct kk_key_use_options *options, struct new_key *key)
{
    struct kk_cli_template *tmpl = &key->tmpl;
    unsigned int uses = key->spec.uses;
    key->object_class = CKO_SECRET_KEY;
    kk_cli_template_put_ulong(tmpl, CKA_CLASS, &key->object_class);
    kk_cli_template_put_ulong(tmpl, CKA_KEY_TYPE, &key->spec.type);
    kk_cli_template_put_bool(tmpl, CKA_TOKEN, true);
    kk_cli_template_put_bool(tmpl, CKA_PRIVATE, true);
    kk_cli_template_put_bool(tmpl, CKA_SENSITIVE, !options->not_sensitive);
    kk_cli_template_put_bool(tmpl, CKA_EXTRACTABLE, options->extractable);
    kk_cli_template_put(tmpl, CKA_LABEL, options->new_label, strlen(options->new_label));
    if (key->id.len > 0) {
        kk_cli_template_put(tmpl, CKA_ID, key->id.data, key->id.len);
    }
    kk_cli_template_put_ulong(tmpl, CKA_VALUE_LEN, &key->bytes);
    kk_key_put_private_uses(tmpl, uses);
    kk_cli_template_put_bool(tmpl, CKA_VERIFY, (uses & KK_KEY_USE_SIGN) != 0);
    kk_cli_template_put_bool(tmpl, CKA_ENCRYPT, (uses & KK_KEY_USE_ENCRYPT) != 0);
    kk_cli_template_put_bool(tmpl, CKA_WRAP, (uses & KK_KEY_USE_WRAP) != 0);
}

/* ---- derive: ECDH ---- */

/* clang-format off */
static const struct kdf {
    const char *name;
    CK_EC_KDF_TYPE type;
} kdfs[] = {
    {"none",   CKD_NULL},
    {"sha1",   CKD_SHA1_KDF},
    {"sha224", CKD_SHA224_KDF},
    {"sha256", CKD_SHA256_KDF},
    {"sha384", CKD_SHA384_KDF},
    {"sha512", CKD_SHA512_KDF},
};
/* clang-format on */

static KK_RV find_kdf(const char *name, CK_EC_KDF_TYPE *ret_type)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(kdfs); i++) {
        if (name == NULL || strcmp(kdfs[i].name, name) == 0) {
            *ret_type = kdfs[i].type;
            return CKR_OK;
        }
    }
    return kk_cli_error("--kdf takes none, sha1, sha224, sha256, sha384 or sha512, not \"%s\"",
                        name);
}

/* All that the parameters of a derivation point to. */
struct derivation {
    struct kk_source *source; /* the file with the other side's key */
    struct kk_buffer salt;
    struct kk_buffer info;
    union {
        CK_ECDH1_DERIVE_PARAMS ecdh;
        CK_HKDF_PARAMS hkdf;
    } params;
};

static void derivation_clear(struct derivation *derivation)
{
    kk_buffer_clear(&derivation->info);
    kk_buffer_clear(&derivation->salt);
    kk_source_free(derivation->source);
}

/* The public key of the other side: its point, or its bytes. */
static KK_RV read_peer(const char *path, struct derivation *derivation,
                       const struct kk_secret **ret_point)
{
    KK_CLEANUP(kk_keyfiles_freep) struct kk_keyfiles *files = NULL;
    if (path == NULL) {
        return kk_cli_error("--peer is missing: the file with the other side's public key");
    }
    KK_TRY(kk_keyfiles_new(&files));
    KK_TRY(kk_source_read(files, path, NULL, NULL, &derivation->source));
    for (size_t i = 0; i < derivation->source->count; i++) {
        const struct kk_source_item *item = &derivation->source->items[i];
        if (item->kind == KK_SOURCE_PUBLIC &&
            (item->key->kind == KK_KEYFILE_EC || item->key->kind == KK_KEYFILE_MONTGOMERY)) {
            *ret_point = item->key->parts[KK_KEYPART_PUBLIC];
            return CKR_OK;
        }
    }
    return kk_cli_error("%s: there is no public key for ECDH in it (EC, X25519 or X448)", path);
}

/* How long the secret is that two such keys agree on. */
static CK_ULONG agreed_len(CK_KEY_TYPE type, const struct kk_secret *point)
{
    size_t len = kk_secret_len(point);
    return (CK_ULONG)(type == CKK_EC ? (len - 1) / 2 : len);
}

static KK_RV put_ecdh(struct kk_key_work *use, struct derivation *derivation, struct new_key *key)
{
    const struct kk_key_use_options *options = use->options;
    const struct kk_secret *point = NULL;
    CK_EC_KDF_TYPE kdf = CKD_NULL;
    if (options->salt != NULL) {
        return kk_cli_error("--salt is for HKDF");
    }
    KK_TRY(find_kdf(options->kdf, &kdf));
    KK_TRY(read_peer(options->peer, derivation, &point));
    if (options->type == NULL && kdf == CKD_NULL) {
        key->bytes = agreed_len(use->type, point);
    }
    derivation->params.ecdh =
        (CK_ECDH1_DERIVE_PARAMS){.kdf = kdf,
                                 .ulSharedDataLen = (CK_ULONG)derivation->info.len,
                                 .pSharedData = derivation->info.data,
                                 .ulPublicDataLen = (CK_ULONG)kk_secret_len(point),
                                 .pPublicData = (CK_BYTE_PTR)(uintptr_t)kk_secret_span(point).data};
    use->mechanism.pParameter = &derivation->params.ecdh;
    use->mechanism.ulParameterLen = sizeof derivation->params.ecdh;
    return CKR_OK;
}

/* ---- derive: HKDF ---- */

static KK_RV put_hkdf(struct kk_key_work *use, struct derivation *derivation)
{
    const struct kk_key_use_options *options = use->options;
    const char *name = options->hash != NULL ? options->hash : "sha256";
    use->hash = kk_hash_find(name);
    if (use->hash == NULL) {
        return kk_cli_error("there is no hash \"%s\": use " KK_HASH_NAMES, name);
    }
    if (options->peer != NULL || options->kdf != NULL) {
        return kk_cli_error("--peer and --kdf are for ECDH, with a private key");
    }
    if (options->salt != NULL) {
        KK_TRY(kk_key_use_hex(options->salt, "--salt", &derivation->salt));
    }
    derivation->params.hkdf = (CK_HKDF_PARAMS){
        .bExtract = CK_TRUE,
        .bExpand = CK_TRUE,
        .prfHashMechanism = use->hash->mechanism,
        .ulSaltType = derivation->salt.len > 0 ? CKF_HKDF_SALT_DATA : CKF_HKDF_SALT_NULL,
        .pSalt = derivation->salt.data,
        .ulSaltLen = (CK_ULONG)derivation->salt.len,
        .pInfo = derivation->info.data,
        .ulInfoLen = (CK_ULONG)derivation->info.len};
    use->mechanism.pParameter = &derivation->params.hkdf;
    use->mechanism.ulParameterLen = sizeof derivation->params.hkdf;
    return CKR_OK;
}

/* ---- derive ---- */

/* A private key agrees, a secret one is expanded. */
static KK_RV choose_derivation(struct kk_key_work *use, struct derivation *derivation,
                               struct new_key *key)
{
    const struct kk_key_use_options *options = use->options;
    bool agrees = use->object_class == CKO_PRIVATE_KEY;
    use->mechanism.mechanism = agrees ? CKM_ECDH1_DERIVE : CKM_HKDF_DERIVE;
    if (options->mechanism != NULL &&
        (!kk_mechanism_parse(options->mechanism, &use->mechanism.mechanism) ||
         !(agrees ? use->mechanism.mechanism == CKM_ECDH1_DERIVE ||
                        use->mechanism.mechanism == CKM_ECDH1_COFACTOR_DERIVE
                  : use->mechanism.mechanism == CKM_HKDF_DERIVE))) {
        return kk_cli_error("--mechanism takes %s for this key, not \"%s\"",
                            agrees ? "ecdh1-derive or ecdh1-cofactor-derive" : "hkdf-derive",
                            options->mechanism);
    }
    if (agrees && use->type != CKK_EC && use->type != CKK_EC_MONTGOMERY) {
        return kk_cli_error("the key agrees on nothing: ECDH is for EC, X25519 and X448 keys");
    }
    if (options->info != NULL) {
        KK_TRY(kk_key_use_hex(options->info, "--info", &derivation->info));
    }
    return agrees ? put_ecdh(use, derivation, key) : put_hkdf(use, derivation);
}

/* Why there is no new key, where that can be said better than by the code. */
static CK_RV say_failed(const struct kk_key_work *use, const struct new_key *key, CK_RV rv,
                        const char *what)
{
    if (rv == CKR_KEY_FUNCTION_NOT_PERMITTED) {
        return kk_cli_error("the key is not made for that (CKR_KEY_FUNCTION_NOT_PERMITTED): keys "
                            "for it are made with --usage %s",
                            strcmp(what, "derive") == 0 ? "derive" : "encapsulate");
    }
    if (rv == CKR_KEY_SIZE_RANGE || rv == CKR_TEMPLATE_INCONSISTENT) {
        return kk_cli_error("a new key of %lu bits cannot be made from this: choose another "
                            "--new-type (%s)",
                            key->bytes * 8,
                            rv == CKR_KEY_SIZE_RANGE ? "CKR_KEY_SIZE_RANGE"
                                                     : "CKR_TEMPLATE_INCONSISTENT");
    }
    return kk_key_use_failed(use, rv, what);
}

CK_RV kk_keykist_key_derive(struct kk_keykist *keykist)
{
    const struct kk_key_use_options *options = keykist->own;
    KK_CLEANUP(kk_key_use_clear) struct kk_key_work use = {
        .keykist = keykist, .options = options, .writable = true};
    KK_CLEANUP(derivation_clear) struct derivation derivation = {0};
    KK_CLEANUP(new_key_clear) struct new_key key = {0};
    CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
    char what[128];
    KK_TRY(read_new_key(options, &key));
    KK_TRY(kk_key_use_begin(&use, CKO_PRIVATE_KEY));
    KK_TRY(check_label(&use));
    KK_TRY(choose_derivation(&use, &derivation, &key));
    put_new_key(options, &key);
    CK_FUNCTION_LIST_PTR p11 = use.session.p11;
    if (p11->C_DeriveKey == NULL) {
        return kk_cli_error("this module has no C_DeriveKey");
    }
    CK_RV rv = p11->C_DeriveKey(use.session.handle, &use.mechanism, use.key, key.tmpl.attributes,
                                key.tmpl.count, &made);
    if (rv != CKR_OK) {
        return say_failed(&use, &key, rv, "derive");
    }
    (void)snprintf(what, sizeof what, "key derived with %s",
                   kk_mechanism_name(use.mechanism.mechanism).text);
    return kk_object_say(keykist, &use.session, made, what);
}

/* ---- encapsulate, decapsulate ---- */

static KK_RV find_kem(const struct kk_key_work *use, const CK_FUNCTION_LIST_3_2 **ret_list)
{
    *ret_list = kk_module_functions_3_2(&use->keykist->module);
    return *ret_list != NULL ? CKR_OK
                             : kk_cli_error("this module has no C_EncapsulateKey: that came with "
                                            "PKCS#11 3.2; \"keykist key wrap\" and \"keykist key "
                                            "derive\" need less");
}

/* The mechanism of a type of key, and its parameter. With ECDH the ciphertext is the key pair's
 * public half that the token makes for the occasion. */
static KK_RV choose_kem(struct kk_key_work *use, CK_ECDH1_DERIVE_PARAMS *ecdh)
{
    const struct kk_key_use_options *options = use->options;
    *ecdh = (CK_ECDH1_DERIVE_PARAMS){.kdf = CKD_NULL};
    if (use->type != CKK_RSA && (options->hash != NULL || options->mechanism != NULL)) {
        return kk_cli_error("--mechanism and --hash are for RSA keys");
    }
    switch (use->type) {
    case CKK_ML_KEM:
        use->mechanism.mechanism = CKM_ML_KEM;
        return CKR_OK;
    case CKK_RSA:
        return kk_key_use_cipher(use);
    case CKK_EC:
    case CKK_EC_MONTGOMERY:
        use->mechanism = (CK_MECHANISM){CKM_ECDH1_DERIVE, ecdh, sizeof *ecdh};
        return find_kdf(options->kdf, &ecdh->kdf);
    default:
        return kk_cli_error("keys of this type encapsulate nothing: use an ML-KEM, X25519, X448, "
                            "EC or RSA key");
    }
}

CK_RV kk_keykist_key_encapsulate(struct kk_keykist *keykist)
{
    const struct kk_key_use_options *options = keykist->own;
    KK_CLEANUP(kk_key_use_clear) struct kk_key_work use = {
        .keykist = keykist, .options = options, .writable = true};
    KK_CLEANUP(new_key_clear) struct new_key key = {0};
    KK_CLEANUP(kk_freep) CK_BYTE *ciphertext = NULL;
    struct kk_use_output output = {.path = options->out,
                                   .base64 = options->base64,
                                   .hex = options->hex,
                                   .force = options->force,
                                   .what = "ciphertext"};
    const CK_FUNCTION_LIST_3_2 *list = NULL;
    CK_ECDH1_DERIVE_PARAMS ecdh;
    CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
    CK_ULONG len = CIPHERTEXT_MAX;
    char how[240];
    KK_TRY(read_new_key(options, &key));
    KK_TRY(kk_key_use_begin_logged_in(&use, CKO_PUBLIC_KEY));
    KK_TRY(find_kem(&use, &list));
    KK_TRY(check_label(&use));
    KK_TRY(choose_kem(&use, &ecdh));
    put_new_key(options, &key);
    KK_TRY(kk_alloc(CIPHERTEXT_MAX, &ciphertext));
    CK_RV rv = list->C_EncapsulateKey(use.session.handle, &use.mechanism, use.key,
                                      key.tmpl.attributes, key.tmpl.count, ciphertext, &len, &made);
    if (rv != CKR_OK) {
        return say_failed(&use, &key, rv, "encapsulate");
    }
    (void)snprintf(how, sizeof how, "secret key \"%.60s\" made and encapsulated with %s",
                   options->new_label, kk_mechanism_name(use.mechanism.mechanism).text);
    rv = kk_use_write(keykist, use.session.slot, &output, KK_SPAN(ciphertext, len), how);
    if (rv != CKR_OK) { /* nobody could ever make its other copy */
        (void)use.session.p11->C_DestroyObject(use.session.handle, made);
    }
    return rv;
}

CK_RV kk_keykist_key_decapsulate(struct kk_keykist *keykist)
{
    const struct kk_key_use_options *options = keykist->own;
    KK_CLEANUP(kk_key_use_clear) struct kk_key_work use = {
        .keykist = keykist, .options = options, .writable = true};
    KK_CLEANUP(new_key_clear) struct new_key key = {0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *ciphertext = NULL;
    const CK_FUNCTION_LIST_3_2 *list = NULL;
    CK_ECDH1_DERIVE_PARAMS ecdh;
    CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
    char what[128];
    KK_TRY(read_new_key(options, &key));
    KK_TRY(kk_key_use_begin(&use, CKO_PRIVATE_KEY));
    KK_TRY(find_kem(&use, &list));
    KK_TRY(check_label(&use));
    KK_TRY(choose_kem(&use, &ecdh));
    KK_TRY(kk_use_read(keykist->operand, &ciphertext));
    put_new_key(options, &key);
    CK_RV rv = list->C_DecapsulateKey(
        use.session.handle, &use.mechanism, use.key, key.tmpl.attributes, key.tmpl.count,
        kk_secret_data(ciphertext), (CK_ULONG)kk_secret_len(ciphertext), &made);
    if (rv == CKR_WRAPPED_KEY_LEN_RANGE || rv == CKR_WRAPPED_KEY_INVALID ||
        rv == CKR_ENCRYPTED_DATA_INVALID || rv == CKR_ENCRYPTED_DATA_LEN_RANGE) {
        return kk_cli_error("the file was not made for this key and mechanism, or it was changed "
                            "(%s)",
                            kk_mechanism_name(use.mechanism.mechanism).text);
    }
    if (rv != CKR_OK) {
        return say_failed(&use, &key, rv, "decapsulate");
    }
    (void)snprintf(what, sizeof what, "key decapsulated with %s",
                   kk_mechanism_name(use.mechanism.mechanism).text);
    return kk_object_say(keykist, &use.session, made, what);
}
