/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The key hierarchy of a sealed token: what follows from the master keys, and the way from a PIN to
 * them.
 */
#include <string.h>
#include <time.h>

#include "base/config.h"
#include "base/log.h"
#include "base/memory.h"
#include "crypto/digest.h"
#include "crypto/pbkdf2.h"
#include "token/sealed_internal.h"

#include "base/banned.h"

/* What a key row may ask for at most: beyond this it was made to hang or starve us. */
#define OPS_MAX 64
#define MEM_KIB_MAX (1024u * 1024u)

#define ROUNDS_MAX 100000000u
#define SHA512_LEN 64

/* Of Argon2id passes and memory, of PBKDF2 with HMAC-SHA-512 rounds. */
static const struct {
    uint32_t ops, mem_kib;
    uint32_t rounds;
} kdfs[] = {
    [KK_KDF_DEFAULT] = {2, 19456, 210000},
    [KK_KDF_STRONG] = {3, 65536, 1000000},
    [KK_KDF_TEST] = {1, 8192, 10000},
};

/* What the settings ask for. */
static void choose_kdf(const struct kk_repository_settings *settings, struct kk_key_row *row)
{
    row->by_pbkdf2 = settings->pin_by_pbkdf2;
    row->ops = row->by_pbkdf2 ? kdfs[settings->pin_kdf].rounds : kdfs[settings->pin_kdf].ops;
    row->mem_kib = row->by_pbkdf2 ? 0 : kdfs[settings->pin_kdf].mem_kib;
}

KK_RV kk_side_keys_new(struct kk_side_keys *ret_keys)
{
    ret_keys->present = 0;
    return kk_secret_new((size_t)KK_SLOTS_COUNT * KK_KEY_LEN, &ret_keys->bytes);
}

void kk_side_keys_clear(struct kk_side_keys *keys)
{
    kk_secret_free(keys->bytes);
    *keys = (struct kk_side_keys){0};
}

bool kk_side_keys_has(const struct kk_side_keys *keys, enum kk_key_slot slot)
{
    return (keys->present >> slot & 1) != 0;
}

struct kk_span kk_side_key(const struct kk_side_keys *keys, enum kk_key_slot slot)
{
    KK_ASSERT(kk_side_keys_has(keys, slot));
    return KK_SPAN(kk_secret_span(keys->bytes).data + (size_t)slot * KK_KEY_LEN, KK_KEY_LEN);
}

uint8_t *kk_side_key_set(struct kk_side_keys *keys, enum kk_key_slot slot)
{
    keys->present |= 1u << slot;
    return kk_secret_data(keys->bytes) + (size_t)slot * KK_KEY_LEN;
}

KK_RV kk_side_keys_random(struct kk_crypto *crypto, struct kk_side_keys *keys,
                          enum kk_key_slot slot)
{
    return kk_crypto_random_secret(crypto, kk_side_key_set(keys, slot), KK_KEY_LEN);
}

KK_RV kk_side_keys_derive(struct kk_crypto *crypto, struct kk_side_keys *keys, enum kk_side side)
{
    static const struct {
        enum kk_side side;
        enum kk_key_slot from, to;
        const char *info;
    } rows[] = {
        {KK_SIDE_PRIVATE, KK_SLOT_AMK, KK_SLOT_SET, "keykist/set"},
        {KK_SIDE_PRIVATE, KK_SLOT_AMK, KK_SLOT_TRUST, "keykist/trust"},
        {KK_SIDE_PRIVATE, KK_SLOT_AMK, KK_SLOT_AUDIT, "keykist/audit"},
        {KK_SIDE_PRIVATE, KK_SLOT_DMK, KK_SLOT_OBJ, "keykist/obj"},
        {KK_SIDE_PRIVATE, KK_SLOT_DMK, KK_SLOT_IDX, "keykist/idx"},
        {KK_SIDE_PUBLIC, KK_SLOT_OBJ, KK_SLOT_SET, "keykist/set"},
        {KK_SIDE_PUBLIC, KK_SLOT_OBJ, KK_SLOT_IDX, "keykist/idx"},
    };
    KK_CLEANUP(kk_secret_freep) struct kk_secret *derived = NULL;
    KK_TRY(kk_secret_new(KK_KEY_LEN, &derived));
    for (size_t i = 0; i < KK_ARRAY_LEN(rows); i++) {
        if (rows[i].side != side || !kk_side_keys_has(keys, rows[i].from)) {
            continue;
        }
        KK_TRY(kk_hkdf_sha512(crypto, kk_side_key(keys, rows[i].from), KK_SPAN(NULL, 0),
                              KK_SPAN(rows[i].info, strlen(rows[i].info)), derived));
        memcpy(kk_side_key_set(keys, rows[i].to), kk_secret_span(derived).data, KK_KEY_LEN);
    }
    return CKR_OK;
}

KK_RV kk_sealed_pepper(const struct kk_sealed *sealed, const struct kk_secret **ret_pepper)
{
    if (sealed->settings.pepper_missing) {
        kk_log_error("token %s: the pepper of token.pepper is not there, nothing can be sealed",
                     kk_sealed_path(sealed));
        return CKR_DEVICE_ERROR;
    }
    *ret_pepper = sealed->settings.pepper;
    return CKR_OK;
}

KK_RV kk_pepper_id(struct kk_crypto *crypto, const struct kk_secret *pepper,
                   const char serial[KK_SERIAL_LEN], uint8_t ret_id[KK_PEPPER_ID_LEN])
{
    uint8_t mac[KK_SHA256_SIZE];
    const struct kk_span pieces[] = {KK_SPAN_TEXT("keykist/pepper-id"),
                                     KK_SPAN(serial, KK_SERIAL_LEN)};
    KK_TRY(kk_hmac_sha256(crypto, kk_secret_span(pepper), pieces, KK_ARRAY_LEN(pieces), mac));
    memcpy(ret_id, mac, KK_PEPPER_ID_LEN);
    return CKR_OK;
}

/* `more` (may be NULL) behind `first`. */
static KK_RV join(const struct kk_secret *first, const struct kk_secret *more,
                  struct kk_secret **ret_joined)
{
    struct kk_span head = kk_secret_span(first);
    struct kk_span tail = more != NULL ? kk_secret_span(more) : KK_SPAN(NULL, 0);
    KK_TRY(kk_secret_new(head.len + tail.len, ret_joined));
    memcpy(kk_secret_data(*ret_joined), head.data, head.len);
    if (tail.len > 0) {
        memcpy(kk_secret_data(*ret_joined) + head.len, tail.data, tail.len);
    }
    return CKR_OK;
}

/* The PIN's hash goes in: to an HMAC a PIN with zeros behind it would be the same PIN. */
static KK_RV stretch_by_pbkdf2(struct kk_crypto *crypto, const struct kk_key_row *row,
                               struct kk_span pin, struct kk_secret *out)
{
    KK_SECRET_ARRAY(hash, SHA512_LEN);
    KK_TRY(kk_digest_pieces(crypto, "SHA512", &pin, 1, hash, sizeof hash));
    return kk_pbkdf2(crypto, "SHA512", KK_SPAN_ARRAY(hash), KK_SPAN_ARRAY(row->salt), row->ops,
                     out);
}

static KK_RV stretch(struct kk_crypto *crypto, const struct kk_key_row *row, struct kk_span pin,
                     struct kk_secret *out)
{
    return row->by_pbkdf2 ? stretch_by_pbkdf2(crypto, row, pin, out)
                          : kk_argon2id(pin, row->salt, row->ops, (size_t)row->mem_kib * 1024, out);
}

/* KDF(PIN, salt) || pepper. */
static KK_RV stretch_pin(struct kk_crypto *crypto, const struct kk_key_row *row,
                         const struct kk_secret *pepper, struct kk_span pin,
                         struct kk_secret **ret_stretched)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *stretched = NULL;
    KK_TRY(kk_secret_new(KK_KEY_LEN, &stretched));
    KK_TRY(stretch(crypto, row, pin, stretched));
    return join(stretched, pepper, ret_stretched);
}

/* HKDF(stretched PIN || what the TPM held, info): bound to token, role and name. */
static KK_RV derive_kek(const struct kk_sealed *sealed, const char serial[KK_SERIAL_LEN],
                        const struct kk_key_row *row, const struct kk_secret *stretched,
                        const struct kk_secret *held, struct kk_secret **ret_kek)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *ikm = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *kek = NULL;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer info = {0};
    KK_TRY(join(stretched, held, &ikm));
    KK_TRY(kk_secret_new(KK_KEY_LEN, &kek));
    kk_buffer_put_span(&info, held != NULL ? KK_SPAN_TEXT("keykist/kek-guarded")
                                           : KK_SPAN_TEXT("keykist/kek"));
    kk_buffer_put(&info, serial, KK_SERIAL_LEN);
    kk_buffer_put_u8(&info, (uint8_t)row->role);
    kk_buffer_put(&info, row->name, row->name_len);
    KK_TRY(kk_buffer_check(&info));
    KK_TRY(kk_hkdf_sha512(sealed->crypto, kk_secret_span(ikm), KK_SPAN(NULL, 0),
                          kk_buffer_span(&info), kek));
    *ret_kek = KK_STEAL(kek);
    return CKR_OK;
}

static KK_RV row_aad(const char serial[KK_SERIAL_LEN], const struct kk_key_row *row,
                     struct kk_buffer *aad)
{
    kk_buffer_put_span(aad, KK_SPAN_TEXT("keykist/row"));
    kk_buffer_put(aad, serial, KK_SERIAL_LEN);
    kk_key_row_head(row, aad);
    return kk_buffer_check(aad);
}

/* AMK and DMK lie side by side in the slots, so that they are sealed as they are. */
static struct kk_span master_keys(const struct kk_side_keys *keys)
{
    KK_STATIC_ASSERT(KK_SLOT_DMK == KK_SLOT_AMK + 1, "one span");
    size_t count = kk_side_keys_has(keys, KK_SLOT_DMK) ? 2 : 1;
    return KK_SPAN(kk_side_key(keys, KK_SLOT_AMK).data, count * KK_KEY_LEN);
}

KK_RV kk_key_row_seal(const struct kk_sealed *sealed, const char serial[KK_SERIAL_LEN],
                      const struct kk_side_keys *keys, struct kk_span pin, struct kk_key_row *row)
{
    const struct kk_secret *pepper = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *stretched = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *held = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *kek = NULL;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer aad = {0};
    KK_TRY(kk_sealed_pepper(sealed, &pepper));
    choose_kdf(&sealed->settings, row);
    row->has_dmk = kk_side_keys_has(keys, KK_SLOT_DMK);
    row->has_pepper = pepper != NULL;
    memset(row->pepper_id, 0, sizeof row->pepper_id);
    if (pepper != NULL) {
        KK_TRY(kk_pepper_id(sealed->crypto, pepper, serial, row->pepper_id));
    }
    KK_TRY(kk_crypto_random(sealed->crypto, row->salt, sizeof row->salt));
    KK_TRY(kk_crypto_random(sealed->crypto, row->nonce, sizeof row->nonce));
    KK_TRY(stretch_pin(sealed->crypto, row, pepper, pin, &stretched));
    KK_TRY(kk_guard_make(sealed, serial, row, stretched, &held));
    KK_TRY(derive_kek(sealed, serial, row, stretched, held, &kek));
    KK_TRY(row_aad(serial, row, &aad));
    return kk_aead_seal(sealed->crypto, kk_secret_span(kek), KK_SPAN_ARRAY(row->nonce),
                        kk_buffer_span(&aad), master_keys(keys), row->sealed, row->tag);
}

static bool is_sane(const struct kk_key_row *row)
{
    if (row->by_pbkdf2) {
        return row->ops > 0 && row->ops <= ROUNDS_MAX && row->mem_kib == 0;
    }
    return row->ops > 0 && row->ops <= OPS_MAX && row->mem_kib >= 8 && row->mem_kib <= MEM_KIB_MAX;
}

KK_RV kk_key_row_usable(const struct kk_sealed *sealed, const char serial[KK_SERIAL_LEN],
                        const struct kk_key_row *row)
{
    uint8_t id[KK_PEPPER_ID_LEN] = {0};
    if (!is_sane(row)) {
        kk_log_error("token %s: key row %u names a KDF that nobody would use: damaged",
                     kk_sealed_path(sealed), row->no);
        return CKR_DEVICE_ERROR;
    }
    if (!row->has_pepper) {
        return CKR_OK;
    }
    if (sealed->settings.pepper != NULL) {
        KK_TRY(kk_pepper_id(sealed->crypto, sealed->settings.pepper, serial, id));
    }
    if (sealed->settings.pepper == NULL ||
        !kk_mem_equal(id, sizeof id, row->pepper_id, sizeof row->pepper_id)) {
        kk_log_error("token %s: key row %u needs a pepper that token.pepper does not give",
                     kk_sealed_path(sealed), row->no);
        return CKR_DEVICE_ERROR;
    }
    return CKR_OK;
}

KK_RV kk_key_row_open(const struct kk_sealed *sealed, const char serial[KK_SERIAL_LEN],
                      const struct kk_key_row *row, struct kk_span pin,
                      struct kk_side_keys *ret_keys)
{
    const struct kk_secret *pepper = row->has_pepper ? sealed->settings.pepper : NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *stretched = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *held = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *kek = NULL;
    KK_CLEANUP(kk_side_keys_clear) struct kk_side_keys keys = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer aad = {0};
    KK_TRY(stretch_pin(sealed->crypto, row, pepper, pin, &stretched));
    KK_TRY(kk_guard_open(sealed, serial, row, stretched, &held));
    KK_TRY(derive_kek(sealed, serial, row, stretched, held, &kek));
    KK_TRY(row_aad(serial, row, &aad));
    KK_TRY(kk_side_keys_new(&keys));
    uint8_t *amk = kk_side_key_set(&keys, KK_SLOT_AMK);
    if (row->has_dmk) {
        (void)kk_side_key_set(&keys, KK_SLOT_DMK);
    }
    CK_RV rv = kk_aead_open(sealed->crypto, kk_secret_span(kek), KK_SPAN_ARRAY(row->nonce),
                            kk_buffer_span(&aad), KK_SPAN(row->sealed, master_keys(&keys).len),
                            row->tag, amk);
    KK_ENSURE(rv != CKR_ENCRYPTED_DATA_INVALID, CKR_PIN_INCORRECT);
    KK_TRY(rv);
    KK_TRY(kk_side_keys_derive(sealed->crypto, &keys, KK_SIDE_PRIVATE));
    *ret_keys = keys;
    keys = (struct kk_side_keys){0};
    return CKR_OK;
}

bool kk_key_row_is_current(const struct kk_sealed *sealed, const struct kk_key_row *row)
{
    struct kk_key_row wanted = {0};
    choose_kdf(&sealed->settings, &wanted);
    return row->by_pbkdf2 == wanted.by_pbkdf2 && row->ops == wanted.ops &&
           row->mem_kib == wanted.mem_kib && (row->has_pepper || sealed->settings.pepper == NULL) &&
           (row->guarded || sealed->settings.pin_guard == KK_GUARD_NONE);
}

KK_RV kk_sealed_measure_kdf(struct kk_crypto *crypto, const struct kk_repository_settings *settings,
                            uint64_t *ret_microseconds)
{
    struct kk_key_row row = {0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *out = NULL;
    struct timespec before;
    struct timespec after;
    choose_kdf(settings, &row);
    KK_TRY(kk_secret_new(KK_KEY_LEN, &out));
    (void)clock_gettime(CLOCK_MONOTONIC, &before);
    KK_TRY(stretch(crypto, &row, KK_SPAN_TEXT("a PIN"), out));
    (void)clock_gettime(CLOCK_MONOTONIC, &after);
    int64_t nanoseconds =
        (int64_t)(after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec;
    *ret_microseconds = (uint64_t)KK_MAX(nanoseconds, (int64_t)0) / 1000;
    return CKR_OK;
}
