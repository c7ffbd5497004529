/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The functions that SSL and TLS make their secrets with. P_hash goes over our own HMAC: OpenSSL's
 * TLS1-PRF takes 1024 bytes of seed, fewer than an exporter's context may have.
 */
#include "mechanism/tls_prf.h"

#include "base/memory.h"
#include "crypto/digest.h"
#include "mechanism/prf.h"

#include "base/banned.h"

/* RFC 5246: SHA-256 or stronger. WTLS has the hashes of its time. */
static const struct {
    CK_MECHANISM_TYPE type;
    bool is_wtls;
    const char *hash;
} hashes[] = {
    {CKM_SHA256, false, "SHA256"}, {CKM_SHA384, false, "SHA384"}, {CKM_SHA512, false, "SHA512"},
    {CKM_SHA_1, true, "SHA1"},     {CKM_MD5, true, "MD5"},
};

static KK_RV find_hash(CK_MECHANISM_TYPE type, bool is_wtls, struct kk_tls_prf *ret_prf)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(hashes); i++) {
        if (hashes[i].type == type && hashes[i].is_wtls == is_wtls) {
            *ret_prf = (struct kk_tls_prf){KK_TLS_P_HASH, hashes[i].hash};
            return CKR_OK;
        }
    }
    return CKR_MECHANISM_PARAM_INVALID;
}

KK_RV kk_tls_prf_of(CK_MECHANISM_TYPE type, bool or_older, struct kk_tls_prf *ret_prf)
{
    if (or_older && type == CKM_TLS_PRF) {
        *ret_prf = (struct kk_tls_prf){KK_TLS_10, NULL};
        return CKR_OK;
    }
    return find_hash(type, false, ret_prf);
}

KK_RV kk_wtls_prf_of(CK_MECHANISM_TYPE type, struct kk_tls_prf *ret_prf)
{
    return find_hash(type, true, ret_prf);
}

/* What is expanded: label and seed behind a place for what comes first. */
struct input {
    struct kk_span pieces[2 + KK_TLS_SEED_PIECES];
    size_t count;
};

static struct input input_of(struct kk_span label, const struct kk_span *seed, size_t count)
{
    struct input input = {.count = 2 + count};
    KK_ASSERT(count <= KK_TLS_SEED_PIECES);
    input.pieces[1] = label;
    memcpy(input.pieces + 2, seed, count * sizeof *seed);
    return input;
}

/* P_hash of RFC 5246, XORed into `out`. */
static KK_RV p_hash(struct kk_crypto *crypto, const char *hash, struct kk_span secret,
                    struct input *input, uint8_t *out, size_t len)
{
    KK_SECRET_ARRAY(a, KK_MAC_MAX);
    KK_SECRET_ARRAY(block, KK_MAC_MAX);
    KK_CLEANUP(kk_mac_freep) struct kk_mac *mac = NULL;
    KK_TRY(kk_mac_new_hmac(crypto, hash, secret, &mac));
    size_t size = kk_mac_size(mac);
    struct kk_span *last = &input->pieces[0];
    KK_TRY(kk_prf_compute(mac, input->pieces + 1, input->count - 1, a));
    *last = KK_SPAN(a, size);
    for (size_t done = 0; done < len; done += size) {
        KK_TRY(kk_prf_compute(mac, input->pieces, input->count, block));
        for (size_t i = 0; i < KK_MIN(size, len - done); i++) {
            out[done + i] ^= block[i];
        }
        KK_TRY(kk_prf_compute(mac, last, 1, a));
    }
    return CKR_OK;
}

/* RFC 2246: the halves of the secret have a byte in common when it has an odd number of them. */
static KK_RV p_both(struct kk_crypto *crypto, struct kk_span secret, struct input *input,
                    uint8_t *out, size_t len)
{
    size_t half = secret.len / 2 + secret.len % 2;
    KK_TRY(p_hash(crypto, "MD5", KK_SPAN(secret.data, half), input, out, len));
    return p_hash(crypto, "SHA1", KK_SPAN(secret.data + secret.len - half, half), input, out, len);
}

/* RFC 6101: MD5(secret + SHA(n times the n-th letter + secret + seed)) for n from 1 on. */
static KK_RV ssl3(struct kk_crypto *crypto, struct kk_span secret, const struct kk_span *seed,
                  size_t count, uint8_t *out, size_t len)
{
    enum { LETTERS = 26, MD5 = 16, SHA1 = 20 };
    KK_SECRET_ARRAY(inner, SHA1);
    KK_SECRET_ARRAY(block, MD5);
    uint8_t letters[LETTERS];
    struct kk_span pieces[2 + KK_TLS_SEED_PIECES] = {{letters, 0}, secret};
    const struct kk_span outer[] = {secret, KK_SPAN_ARRAY(inner)};
    KK_ASSERT(count <= KK_TLS_SEED_PIECES);
    memcpy(pieces + 2, seed, count * sizeof *seed);
    KK_ENSURE(len <= (size_t)LETTERS * MD5, CKR_KEY_SIZE_RANGE);
    for (size_t done = 0; done < len; done += MD5) {
        pieces[0].len++;
        memset(letters, 'A' + (int)(done / MD5), pieces[0].len);
        KK_TRY(kk_digest_pieces(crypto, "SHA1", pieces, 2 + count, inner, sizeof inner));
        KK_TRY(kk_digest_pieces(crypto, "MD5", outer, 2, block, sizeof block));
        memcpy(out + done, block, KK_MIN((size_t)MD5, len - done));
    }
    return CKR_OK;
}

KK_RV kk_tls_expand(struct kk_crypto *crypto, const struct kk_tls_prf *prf, struct kk_span secret,
                    struct kk_span label, const struct kk_span *seed, size_t count, uint8_t *out,
                    size_t len)
{
    struct input input = input_of(label, seed, count);
    memset(out, 0, len);
    switch (prf->function) {
    case KK_TLS_P_HASH:
        return p_hash(crypto, prf->hash, secret, &input, out, len);
    case KK_TLS_10:
        return p_both(crypto, secret, &input, out, len);
    case KK_TLS_SSL3:
        break;
    }
    return ssl3(crypto, secret, seed, count, out, len);
}
