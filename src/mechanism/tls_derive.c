/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pre-master and master secrets of SSL, TLS and WTLS, exporters, and the bare PRF.
 */
#include "base/memory.h"
#include "mechanism/operation.h"
#include "mechanism/tls.h"

#include "base/banned.h"

/* The most that is made at once: no token keeps a longer key. */
#define EXPORT_MAX ((size_t)16 << 20)

static KK_RV expand_new(struct kk_crypto *crypto, const struct kk_tls_prf *prf,
                        struct kk_span secret, struct kk_span label, const struct kk_span *seed,
                        size_t count, size_t len, struct kk_secret **ret_value)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    KK_TRY(kk_secret_new(len, &value));
    KK_TRY(kk_tls_expand(crypto, prf, secret, label, seed, count, kk_secret_data(value), len));
    *ret_value = KK_STEAL(value);
    return CKR_OK;
}

/* --- pre-master secrets ----------------------------------------------------------------------- */

static KK_RV generate(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                      struct kk_span version, struct kk_key_parts *parts)
{
    KK_ENSURE(parts->bits >= mechanism->generate->length * 8, CKR_KEY_SIZE_RANGE);
    parts->kind = KK_KEY_SECRET;
    KK_TRY(kk_key_generate(crypto, parts));
    memcpy(kk_secret_data(parts->part[KK_PART_VALUE]), version.data, version.len);
    return CKR_OK;
}

/*= pkcs11-3.2 Pre-master key generation: a 48-byte generic secret key; the parameter provides the
 * client's version, which is in front of it */
static KK_RV generate_tls(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                          const struct kk_param *param, struct kk_key_parts *parts)
{
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    const CK_VERSION *said = param->data;
    uint8_t version[] = {said->major, said->minor};
    return generate(crypto, mechanism, KK_SPAN_ARRAY(version), parts);
}

/*= pkcs11-3.2 Pre master secret key generation for RSA key exchange suite: one CK_BYTE provides the
 * client's version */
static KK_RV generate_wtls(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                           const struct kk_param *param, struct kk_key_parts *parts)
{
    KK_ENSURE(param->present && param->len == 1, CKR_MECHANISM_PARAM_INVALID);
    return generate(crypto, mechanism, KK_SPAN(param->data, 1), parts);
}

const struct kk_generate_ops kk_tls_pre_master_ops = {.generate = generate_tls,
                                                      .length = KK_TLS_MASTER};
const struct kk_generate_ops kk_wtls_pre_master_ops = {
    .generate = generate_wtls, .length = KK_WTLS_MASTER, .longer = true};

/* --- master secrets --------------------------------------------------------------------------- */

/* What the parameters say, whichever structure they have. */
struct master {
    struct kk_tls_prf prf;
    struct kk_span label;
    struct kk_span seed[2];
    uint8_t *version;    /* the place for it; NULL */
    size_t version_size; /* its bytes in front of the pre-master secret */
    bool is_sized;       /* which has as many bytes as a master secret then, else more */
};

static KK_RV use_randoms(struct kk_span client, struct kk_span server, struct master *master)
{
    KK_ENSURE(client.len > 0 && server.len > 0, CKR_MECHANISM_PARAM_INVALID);
    master->label = KK_SPAN_TEXT("master secret");
    master->seed[0] = client;
    master->seed[1] = server;
    return CKR_OK;
}

static KK_RV use_tls_randoms(const CK_SSL3_RANDOM_DATA *randoms, struct master *master)
{
    return use_randoms(KK_SPAN(randoms->pClientRandom, randoms->ulClientRandomLen),
                       KK_SPAN(randoms->pServerRandom, randoms->ulServerRandomLen), master);
}

static void use_tls_version(CK_VERSION *version, struct master *master)
{
    master->version = (uint8_t *)version;
    master->version_size = sizeof *version;
    master->is_sized = true;
}

KK_STATIC_ASSERT(sizeof(CK_VERSION) == 2, "a version is two bytes");

static KK_RV read_older(const struct kk_mechanism *mechanism, const void *data,
                        struct master *master)
{
    const CK_SSL3_MASTER_KEY_DERIVE_PARAMS *params = data;
    master->prf.function = (enum kk_tls_function)mechanism->detail;
    use_tls_version(params->pVersion, master);
    return use_tls_randoms(&params->RandomInfo, master);
}

static KK_RV read_tls12(const struct kk_mechanism *mechanism, const void *data,
                        struct master *master)
{
    const CK_TLS12_MASTER_KEY_DERIVE_PARAMS *params = data;
    (void)mechanism;
    use_tls_version(params->pVersion, master);
    KK_TRY(kk_tls_prf_of(params->prfHashMechanism, false, &master->prf));
    return use_tls_randoms(&params->RandomInfo, master);
}

/* RFC 7627: over the hash of the handshake instead of the random numbers. */
static KK_RV read_extended(const struct kk_mechanism *mechanism, const void *data,
                           struct master *master)
{
    const CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS *params = data;
    (void)mechanism;
    KK_ENSURE(params->ulSessionHashLen > 0, CKR_MECHANISM_PARAM_INVALID);
    use_tls_version(params->pVersion, master);
    master->label = KK_SPAN_TEXT("extended master secret");
    master->seed[0] = KK_SPAN(params->pSessionHash, params->ulSessionHashLen);
    return kk_tls_prf_of(params->prfHashMechanism, false, &master->prf);
}

static KK_RV read_wtls(const struct kk_mechanism *mechanism, const void *data,
                       struct master *master)
{
    const CK_WTLS_MASTER_KEY_DERIVE_PARAMS *params = data;
    const CK_WTLS_RANDOM_DATA *randoms = &params->RandomInfo;
    (void)mechanism;
    master->version = params->pVersion;
    master->version_size = 1;
    KK_TRY(kk_wtls_prf_of(params->DigestMechanism, &master->prf));
    return use_randoms(KK_SPAN(randoms->pClientRandom, randoms->ulClientRandomLen),
                       KK_SPAN(randoms->pServerRandom, randoms->ulServerRandomLen), master);
}

static const struct {
    enum kk_param_shape shape;
    CK_RV (*read)(const struct kk_mechanism *mechanism, const void *data, struct master *master);
} readers[] = {
    {KK_PARAM_SSL3_MASTER_KEY_DERIVE, read_older},
    {KK_PARAM_TLS12_MASTER_KEY_DERIVE, read_tls12},
    {KK_PARAM_TLS12_EXTENDED_MASTER_KEY_DERIVE, read_extended},
    {KK_PARAM_WTLS_MASTER_KEY_DERIVE, read_wtls},
};

static KK_RV master_of(const struct kk_mechanism *mechanism, const struct kk_param *param,
                       struct master *ret_master)
{
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    for (size_t i = 0; i < KK_ARRAY_LEN(readers); i++) {
        if (readers[i].shape == mechanism->shape) {
            return readers[i].read(mechanism, param->data, ret_master);
        }
    }
    return CKR_MECHANISM_PARAM_INVALID;
}

static KK_RV derive_master(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                           const struct master *master, struct kk_span secret,
                           const size_t *lengths, size_t count, struct kk_secret **ret_values)
{
    size_t len = mechanism->derive->length;
    KK_ENSURE(count == 1, CKR_FUNCTION_FAILED);
    KK_ENSURE(lengths[0] == 0 || lengths[0] == len, CKR_KEY_SIZE_RANGE);
    return expand_new(crypto, &master->prf, secret, master->label, master->seed,
                      KK_ARRAY_LEN(master->seed), len, &ret_values[0]);
}

/*= pkcs11-3.2 Master key derivation: from a 48-byte key with an embedded version number, which the
 * call gives back; in WTLS from a variable length key */
static KK_RV derive_rsa(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                        struct kk_key *base, const struct kk_param *param, const size_t *lengths,
                        size_t count, struct kk_secret **ret_values)
{
    struct master master = {0};
    struct kk_span secret = {0};
    KK_TRY(master_of(mechanism, param, &master));
    KK_TRY(kk_secret_of(base, &secret));
    size_t least = mechanism->derive->length;
    KK_ENSURE(secret.len == least || (!master.is_sized && secret.len > least), CKR_KEY_SIZE_RANGE);
    KK_TRY(derive_master(crypto, mechanism, &master, secret, lengths, count, ret_values));
    if (master.version != NULL) {
        memcpy(master.version, secret.data, master.version_size);
    }
    return CKR_OK;
}

/*= pkcs11-3.2 Master key derivation for Diffie-Hellman: pVersion must be set to NULL_PTR */
static KK_RV derive_dh(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                       struct kk_key *base, const struct kk_param *param, const size_t *lengths,
                       size_t count, struct kk_secret **ret_values)
{
    struct master master = {0};
    struct kk_span secret = {0};
    KK_TRY(master_of(mechanism, param, &master));
    KK_ENSURE(master.version == NULL, CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(kk_secret_of(base, &secret));
    return derive_master(crypto, mechanism, &master, secret, lengths, count, ret_values);
}

/*= pkcs11-3.2 Master key derivation in TLS 1.2: CKA_ALLOWED_MECHANISMS of these only; the
 * deprecated two can be added */
static const uint64_t tls12_uses[] = {CKM_TLS12_KEY_AND_MAC_DERIVE,
                                      CKM_TLS12_KEY_SAFE_DERIVE,
                                      CKM_TLS_KDF,
                                      CKM_TLS_MAC,
                                      CKM_TLS12_KDF,
                                      CKM_TLS12_MAC};

const struct kk_derive_ops kk_tls_master_ops = {.derive = derive_rsa, .length = KK_TLS_MASTER};
const struct kk_derive_ops kk_tls_master_dh_ops = {.derive = derive_dh, .length = KK_TLS_MASTER};
const struct kk_derive_ops kk_tls12_master_ops = {.derive = derive_rsa,
                                                  .length = KK_TLS_MASTER,
                                                  .uses = tls12_uses,
                                                  .use_count = KK_ARRAY_LEN(tls12_uses)};
const struct kk_derive_ops kk_tls12_master_dh_ops = {.derive = derive_dh,
                                                     .length = KK_TLS_MASTER,
                                                     .uses = tls12_uses,
                                                     .use_count = KK_ARRAY_LEN(tls12_uses)};

const struct kk_derive_ops kk_wtls_master_ops = {.derive = derive_rsa, .length = KK_WTLS_MASTER};
const struct kk_derive_ops kk_wtls_master_dh_ops = {.derive = derive_dh, .length = KK_WTLS_MASTER};

/* --- exporters -------------------------------------------------------------------------------- */

/* RFC 5705: the context comes behind its length; no context is other than an empty one. */
static KK_RV kdf(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                 struct kk_key *base, const struct kk_param *param, const size_t *lengths,
                 size_t count, struct kk_secret **ret_values)
{
    struct kk_tls_prf prf = {0};
    struct kk_span secret = {0};
    (void)mechanism;
    KK_ENSURE(count == 1, CKR_FUNCTION_FAILED);
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    const CK_TLS_KDF_PARAMS *params = param->data;
    const CK_SSL3_RANDOM_DATA *randoms = &params->RandomInfo;
    size_t context_len = params->ulContextDataLength;
    KK_ENSURE(context_len <= UINT16_MAX, CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(kk_tls_prf_of(params->prfMechanism, true, &prf));
    KK_TRY(kk_secret_of(base, &secret));
    KK_ENSURE(lengths[0] > 0, CKR_TEMPLATE_INCOMPLETE);
    KK_ENSURE(lengths[0] <= EXPORT_MAX, CKR_KEY_SIZE_RANGE);
    uint8_t length[2] = {(uint8_t)(context_len >> 8), (uint8_t)context_len};
    struct kk_span seed[] = {KK_SPAN(randoms->pClientRandom, randoms->ulClientRandomLen),
                             KK_SPAN(randoms->pServerRandom, randoms->ulServerRandomLen),
                             KK_SPAN(length, params->pContextData != NULL ? sizeof length : 0),
                             KK_SPAN(params->pContextData, context_len)};
    return expand_new(crypto, &prf, secret, KK_SPAN(params->pLabel, params->ulLabelLength), seed,
                      KK_ARRAY_LEN(seed), lengths[0], &ret_values[0]);
}

const struct kk_derive_ops kk_tls_kdf_ops = {.derive = kdf, .inherit = KK_INHERIT_BASE};

/* --- the bare function ------------------------------------------------------------------------ */

/* The structure of WTLS is that of TLS with the hash in front. */
static KK_RV read_prf(const struct kk_mechanism *mechanism, const void *data,
                      struct kk_tls_prf *ret_prf, CK_TLS_PRF_PARAMS *ret_params)
{
    if (mechanism->shape == KK_PARAM_TLS_PRF) {
        ret_prf->function = KK_TLS_10;
        *ret_params = *(const CK_TLS_PRF_PARAMS *)data;
        return CKR_OK;
    }
    const CK_WTLS_PRF_PARAMS *params = data;
    *ret_params = (CK_TLS_PRF_PARAMS){params->pSeed,      params->ulSeedLen, params->pLabel,
                                      params->ulLabelLen, params->pOutput,   params->pulOutputLen};
    return kk_wtls_prf_of(params->DigestMechanism, ret_prf);
}

static KK_RV prf_output(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                        struct kk_key *base, const struct kk_param *param, const size_t *lengths,
                        size_t count, struct kk_secret **ret_values)
{
    struct kk_tls_prf prf = {0};
    CK_TLS_PRF_PARAMS params = {0};
    struct kk_span secret = {0};
    (void)lengths;
    (void)ret_values;
    KK_ENSURE(count == 0, CKR_FUNCTION_FAILED);
    KK_ENSURE(param->present, CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(read_prf(mechanism, param->data, &prf, &params));
    KK_ENSURE(params.pulOutputLen != NULL && params.pOutput != NULL, CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(*params.pulOutputLen <= EXPORT_MAX, CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(kk_secret_of(base, &secret));
    struct kk_span seed = KK_SPAN(params.pSeed, params.ulSeedLen);
    return kk_tls_expand(crypto, &prf, secret, KK_SPAN(params.pLabel, params.ulLabelLen), &seed, 1,
                         params.pOutput, *params.pulOutputLen);
}

const struct kk_derive_ops kk_tls_prf_ops = {.derive = prf_output, .makes = KK_DERIVED_OUTPUT};
