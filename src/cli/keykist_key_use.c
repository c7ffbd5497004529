/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist: the key and the mechanism that a command works with.
 */
#include "cli/keykist_key_use.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/report.h"

#include "base/banned.h"

void kk_key_use_clear(struct kk_key_work *use)
{
    kk_keykist_close(&use->session);
    kk_buffer_clear(&use->iv);
    kk_buffer_clear(&use->aad);
}

CK_RV kk_key_use_failed(const struct kk_key_work *use, CK_RV rv, const char *what)
{
    char text[128];
    (void)snprintf(text, sizeof text, "Could not %s with %s", what,
                   kk_mechanism_name(use->mechanism.mechanism).text);
    if (rv == CKR_MECHANISM_INVALID) {
        return kk_cli_error("%s: the token has no such mechanism (CKR_MECHANISM_INVALID); "
                            "\"keykist mechanism list\" says what it has",
                            text);
    }
    if (rv == CKR_KEY_FUNCTION_NOT_PERMITTED) {
        return kk_cli_error("%s: the key is not made for that (CKR_KEY_FUNCTION_NOT_PERMITTED); "
                            "\"keykist key show\" says what for",
                            text);
    }
    if (rv == CKR_KEY_TYPE_INCONSISTENT) {
        return kk_cli_error("%s: that is for keys of another type (CKR_KEY_TYPE_INCONSISTENT)",
                            text);
    }
    if ((rv == CKR_ARGUMENTS_BAD || rv == CKR_MECHANISM_PARAM_INVALID) &&
        use->mechanism.mechanism == CKM_RSA_PKCS_OAEP) {
        return kk_cli_error("%s: the module does not take this hash: try --hash sha1 (%s)", text,
                            rv == CKR_ARGUMENTS_BAD ? "CKR_ARGUMENTS_BAD"
                                                    : "CKR_MECHANISM_PARAM_INVALID");
    }
    return kk_keykist_failed(rv, text);
}

/* ---- the key ---- */

/* Keeps those of this class, and secret keys. */
static void keep_class(const struct kk_key_work *use, CK_OBJECT_CLASS object_class,
                       struct kk_object_list *list)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        CK_OBJECT_CLASS found =
            kk_object_ulong(&use->session, list->handles[i], CKA_CLASS, CK_UNAVAILABLE_INFORMATION);
        if (found == object_class || found == CKO_SECRET_KEY) {
            list->handles[kept++] = list->handles[i];
        }
    }
    list->count = kept;
}

static KK_RV find(struct kk_key_work *use, CK_OBJECT_CLASS object_class,
                  struct kk_object_list *ret_list)
{
    struct kk_object_filter filter = use->options->filter;
    filter.kind = KK_OBJECTS_KEYS;
    KK_TRY(kk_object_find(&use->session, &filter, ret_list));
    keep_class(use, object_class, ret_list);
    return CKR_OK;
}

/* Public keys need no login, secret ones do: a person is asked when nothing is seen without. */
static KK_RV find_after_login(struct kk_key_work *use, CK_OBJECT_CLASS object_class,
                              struct kk_object_list *list)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pin = NULL;
    const struct kk_cli_pin_source *source = &use->keykist->options.pin;
    if (list->count > 0 || object_class == CKO_PRIVATE_KEY || kk_keykist_pin_is_given(source) ||
        isatty(STDIN_FILENO) == 0) {
        return CKR_OK;
    }
    KK_TRY(kk_keykist_pin(source, "--pin", "user PIN", false, &pin));
    KK_TRY(kk_keykist_login(&use->session, CKU_USER, pin));
    kk_object_list_clear(list);
    return find(use, object_class, list);
}

static KK_RV begin(struct kk_key_work *use, CK_OBJECT_CLASS object_class, bool wants_login)
{
    KK_CLEANUP(kk_object_list_clear) struct kk_object_list list = {0};
    CK_SLOT_ID slot = 0;
    KK_TRY(kk_object_begin(use->keykist, use->writable, wants_login, &use->session, &slot,
                           &use->token));
    KK_TRY(find(use, object_class, &list));
    KK_TRY(find_after_login(use, object_class, &list));
    if (list.count != 1) {
        return list.count == 0
                   ? kk_cli_error("no %s key fits%s",
                                  object_class == CKO_PRIVATE_KEY ? "private or secret"
                                                                  : "public or secret",
                                  kk_keykist_pin_is_given(&use->keykist->options.pin) || wants_login
                                      ? ""
                                      : "; secret ones are seen with a PIN only")
                   : kk_cli_error("%zu keys fit: choose one by --label, --id or --type",
                                  list.count);
    }
    use->key = list.handles[0];
    use->object_class = kk_object_ulong(&use->session, use->key, CKA_CLASS, CKO_DATA);
    use->type = kk_object_ulong(&use->session, use->key, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION);
    return CKR_OK;
}

KK_RV kk_key_use_begin(struct kk_key_work *use, CK_OBJECT_CLASS object_class)
{
    return begin(use, object_class, object_class == CKO_PRIVATE_KEY);
}

KK_RV kk_key_use_begin_logged_in(struct kk_key_work *use, CK_OBJECT_CLASS object_class)
{
    return begin(use, object_class, true);
}

/* The key's next use may want the PIN again (CKA_ALWAYS_AUTHENTICATE). */
CK_RV kk_key_use_authenticate(const struct kk_key_work *use)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *pin = NULL;
    if (!kk_object_flag(&use->session, use->key, CKA_ALWAYS_AUTHENTICATE, false)) {
        return CKR_OK;
    }
    KK_TRY(kk_keykist_pin(&use->keykist->options.pin, "--pin", "user PIN", false, &pin));
    return kk_keykist_login(&use->session, CKU_CONTEXT_SPECIFIC, pin);
}

/* ---- the mechanism ---- */

static KK_RV read_hash(struct kk_key_work *use, const char *otherwise)
{
    const char *name = use->options->hash != NULL ? use->options->hash : otherwise;
    use->hash = kk_hash_find(name);
    return use->hash != NULL ? CKR_OK
                             : kk_cli_error("there is no hash \"%s\": use " KK_HASH_NAMES, name);
}

/* A hash of about the curve's size. */
static const char *hash_of_curve(const struct kk_key_work *use)
{
    CK_ULONG bits = kk_object_type_of(&use->session, use->key).bits;
    return bits > 384 ? "sha512" : bits > 256 ? "sha384" : "sha256";
}

enum family { FAMILY_RSA, FAMILY_PSS, FAMILY_ECDSA, FAMILY_HMAC, FAMILY_OTHER };

/* clang-format off */
static const struct {
    const char *name;
    enum family family;
} families[] = {
    {"rsa",     FAMILY_RSA},
    {"rsa-pss", FAMILY_PSS},
    {"pss",     FAMILY_PSS},
    {"ecdsa",   FAMILY_ECDSA},
    {"hmac",    FAMILY_HMAC},
};

/* What a key of a type signs with when nothing is said. */
static const struct {
    CK_KEY_TYPE type;
    enum family family;
    CK_MECHANISM_TYPE mechanism; /* FAMILY_OTHER */
} defaults[] = {
    {CKK_RSA,            FAMILY_RSA,   0},
    {CKK_EC,             FAMILY_ECDSA, 0},
    {CKK_EC_EDWARDS,     FAMILY_OTHER, CKM_EDDSA},
    {CKK_DSA,            FAMILY_OTHER, CKM_DSA_SHA256},
    {CKK_ML_DSA,         FAMILY_OTHER, CKM_ML_DSA},
    {CKK_SLH_DSA,        FAMILY_OTHER, CKM_SLH_DSA},
    {CKK_HSS,            FAMILY_OTHER, CKM_HSS},
    {CKK_AES,            FAMILY_OTHER, CKM_AES_CMAC},
    {CKK_GENERIC_SECRET, FAMILY_HMAC,  0},
    {CKK_SHA_1_HMAC,     FAMILY_OTHER, CKM_SHA_1_HMAC},
    {CKK_SHA256_HMAC,    FAMILY_OTHER, CKM_SHA256_HMAC},
    {CKK_SHA384_HMAC,    FAMILY_OTHER, CKM_SHA384_HMAC},
    {CKK_SHA512_HMAC,    FAMILY_OTHER, CKM_SHA512_HMAC},
};
/* clang-format on */

static CK_MECHANISM_TYPE of_family(const struct kk_key_work *use, enum family family)
{
    const CK_MECHANISM_TYPE types[] = {[FAMILY_RSA] = use->hash->rsa,
                                       [FAMILY_PSS] = use->hash->pss,
                                       [FAMILY_ECDSA] = use->hash->ecdsa,
                                       [FAMILY_HMAC] = use->hash->hmac};
    return types[family];
}

static KK_RV take_family(struct kk_key_work *use, enum family family)
{
    KK_TRY(read_hash(use, family == FAMILY_ECDSA ? hash_of_curve(use) : "sha256"));
    use->mechanism.mechanism = of_family(use, family);
    return CKR_OK;
}

static KK_RV take_default(struct kk_key_work *use)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(defaults); i++) {
        if (defaults[i].type != use->type) {
            continue;
        }
        if (defaults[i].family != FAMILY_OTHER) {
            return take_family(use, defaults[i].family);
        }
        use->mechanism.mechanism = defaults[i].mechanism;
        return CKR_OK;
    }
    return kk_cli_error("keys of this type have no usual mechanism: use --mechanism");
}

static KK_RV take_named(struct kk_key_work *use, const char *name)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(families); i++) {
        if (strcmp(families[i].name, name) == 0) {
            return take_family(use, families[i].family);
        }
    }
    if (!kk_mechanism_parse(name, &use->mechanism.mechanism)) {
        return kk_cli_error("there is no mechanism \"%s\"; \"keykist mechanism list\" says what "
                            "the token has",
                            name);
    }
    use->hash = kk_hash_of(use->mechanism.mechanism);
    return CKR_OK;
}

static void put_pss(struct kk_key_work *use)
{
    if (use->hash == NULL || use->mechanism.mechanism != use->hash->pss) {
        return;
    }
    use->params.pss = (CK_RSA_PKCS_PSS_PARAMS){
        .hashAlg = use->hash->mechanism, .mgf = use->hash->mgf, .sLen = use->hash->len};
    use->mechanism.pParameter = &use->params.pss;
    use->mechanism.ulParameterLen = sizeof use->params.pss;
}

/* Modules without ECDSA over a hash that they compute themselves take the hash. */
static void settle_ecdsa(struct kk_key_work *use)
{
    CK_MECHANISM_INFO info;
    CK_FUNCTION_LIST_PTR p11 = use->session.p11;
    CK_SLOT_ID slot = use->session.slot;
    if (use->hash != NULL && use->mechanism.mechanism == use->hash->ecdsa &&
        p11->C_GetMechanismInfo(slot, use->mechanism.mechanism, &info) == CKR_MECHANISM_INVALID &&
        p11->C_GetMechanismInfo(slot, CKM_ECDSA, &info) == CKR_OK) {
        use->mechanism.mechanism = CKM_ECDSA;
        use->hash_first = true;
    }
}

KK_RV kk_key_use_signature(struct kk_key_work *use)
{
    const char *name = use->options->mechanism;
    KK_TRY(name != NULL ? take_named(use, name) : take_default(use));
    if (use->options->hash != NULL &&
        (use->hash == NULL || use->hash != kk_hash_find(use->options->hash))) {
        return kk_cli_error("--hash does not go with %s",
                            kk_mechanism_name(use->mechanism.mechanism).text);
    }
    put_pss(use);
    settle_ecdsa(use);
    return CKR_OK;
}

KK_RV kk_key_use_hex(const char *text, const char *option, struct kk_buffer *out)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    size_t len = strlen(text);
    for (size_t i = 0; i + 1 < len; i += 2) {
        const char *high = strchr(digits, text[i]);
        const char *low = strchr(digits, text[i + 1]);
        if (high == NULL || low == NULL) {
            break;
        }
        kk_buffer_put_u8(out, (uint8_t)((high - digits) % 16 * 16 + (low - digits) % 16));
    }
    if (len % 2 != 0 || out->len != len / 2) {
        return kk_cli_error("%s takes pairs of hexadecimal digits, not \"%s\"", option, text);
    }
    return kk_buffer_check(out);
}
