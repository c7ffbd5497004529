/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/restore.c, sealed_backup.c, backup.c: a token goes into a file and comes back as the
 * same token with another epoch, or not at all.
 */
#include "backup_test.h"

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "golden_backup.h"
#include "store_fault.h"
#include "token/repair.h"
#include "token/softhsm.h"

#define PEPPER "0123456789abcdef0123456789abcdef"

/* Two places for tokens: from the first one to the second one. */
struct pair {
    struct house houses[2];
    struct kk_engine *engines[2];
    struct kk_token *token;
    struct kk_unlock *user;
    struct kk_uuid uuids[2]; /* a private object, a public one */
    struct tape tape;
};

struct kind {
    enum kk_config_backend backends[2];
    bool with_pepper;
    const char *tpm; /* NULL: none */
};

static const struct kind sqlite_sqlite = {{KK_BACKEND_SQLITE, KK_BACKEND_SQLITE}, false, NULL};
static const struct kind memory_sqlite = {{KK_BACKEND_MEMORY, KK_BACKEND_SQLITE}, false, NULL};
static const struct kind sqlite_memory = {{KK_BACKEND_SQLITE, KK_BACKEND_MEMORY}, false, NULL};
static const struct kind peppered = {{KK_BACKEND_SQLITE, KK_BACKEND_SQLITE}, true, NULL};
static const struct kind guarded = {{KK_BACKEND_SQLITE, KK_BACKEND_SQLITE}, false, "fake:one"};
static const struct kind elsewhere = {{KK_BACKEND_SQLITE, KK_BACKEND_SQLITE}, false, "fake:two"};

static struct kk_engine *open_engine(struct house *house, const struct kind *kind, size_t who)
{
    struct kk_engine *engine = NULL;
    struct kk_config *config = house_config(house);
    config->backend = (int)kind->backends[who];
    if (kind->with_pepper) {
        kk_free(config->pepper);
        assert_ok(kk_strdup("credential:p", &config->pepper));
    }
    if (kind->tpm != NULL) {
        kk_free(config->tcti);
        assert_ok(kk_strdup(kind->tpm, &config->tcti));
        config->pin_guard = KK_GUARD_TPM2;
    }
    assert_ok(kk_engine_new(config, &engine));
    return engine;
}

static struct kk_uuid add(struct pair *pair, bool is_private, const char *label)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(is_private, label, "x");
    struct kk_new_object fresh = {.uuid = new_uuid(), .attrs = attrs};
    assert_ok(kk_token_create(pair->token, pair->user, &fresh, 1, NULL));
    return fresh.uuid;
}

static int pair_setup(void **state)
{
    const struct kind *kind = *state;
    struct pair *pair = NULL;
    assert_ok(kk_alloc(sizeof *pair, &pair));
    for (size_t i = 0; i < 2; i++) {
        struct house house;
        house_open(&house);
        pair->houses[i] = house;
    }
    if (kind->with_pepper) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/p", pair->houses[0].dir);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_true(fputs(PEPPER, file) >= 0 && fclose(file) == 0);
        assert_int_equal(setenv("CREDENTIALS_DIRECTORY", pair->houses[0].dir, 1), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        pair->engines[i] = open_engine(&pair->houses[i], kind, i);
    }
    pair->token = token_with_user(pair->engines[0]);
    assert_ok(kk_token_login(pair->token, KK_ROLE_USER, NO_NAME, USER_PIN, &pair->user));
    pair->uuids[0] = add(pair, true, "private");
    pair->uuids[1] = add(pair, false, "public");
    *state = pair;
    return 0;
}

static int pair_teardown(void **state)
{
    struct pair *pair = *state;
    if (pair->user != NULL) {
        kk_token_logout(pair->token, pair->user);
    }
    kk_token_unref(pair->token);
    for (size_t i = 0; i < 2; i++) {
        kk_engine_free(pair->engines[i]);
        house_close(&pair->houses[i]);
    }
    tape_clear(&pair->tape);
    (void)unsetenv("CREDENTIALS_DIRECTORY");
    kk_free(pair);
    return 0;
}

/* ---- there and back ---- */

static struct kk_backup_info backup(struct pair *pair, const struct kk_backup_key *key)
{
    struct kk_backup_info info = {0};
    tape_clear(&pair->tape);
    struct kk_backup_stream stream = stream_of(&pair->tape);
    assert_ok(kk_backup_write(pair->token, key, &stream, &info));
    return info;
}

static struct kk_backup_pin so_pin(const char *pin)
{
    return (struct kk_backup_pin){.given = true, .role = KK_ROLE_SO, .pin = text_span(pin)};
}

static CK_RV read_with(struct pair *pair, const struct kk_backup_key *key,
                       const struct kk_backup_pin *pin, bool take_damaged,
                       struct kk_restore **ret_restore)
{
    struct kk_backup_stream stream = stream_of(&pair->tape);
    return kk_restore_read(pair->engines[1], &stream, key, pin, take_damaged, ret_restore);
}

static CK_RV restore(struct pair *pair, const struct kk_backup_key *key, const char *pin,
                     bool replace)
{
    KK_CLEANUP(kk_restore_freep) struct kk_restore *restored = NULL;
    struct kk_backup_pin so = so_pin(pin);
    KK_TRY(read_with(pair, key, &so, false, &restored));
    return kk_restore_write(restored, replace);
}

static void assert_same_object(struct pair *pair, struct kk_token *token, struct kk_unlock *user,
                               const struct kk_uuid *uuid)
{
    struct kk_object *before = NULL;
    struct kk_object *after = NULL;
    assert_ok(kk_token_get(pair->token, pair->user, true, uuid, &before));
    assert_ok(kk_token_get(token, user, true, uuid, &after));
    assert_int_equal(before->attrs->count, after->attrs->count);
    assert_int_equal(before->generation, after->generation);
    kk_object_unref(before);
    kk_object_unref(after);
}

/* The one token of the second place is the first one's. */
static void assert_restored(struct pair *pair)
{
    struct kk_token_state before;
    struct kk_token_state after;
    struct kk_unlock *user = NULL;
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = only_token(pair->engines[1]);
    assert_ok(kk_token_state(pair->token, &before));
    assert_ok(kk_token_state(token, &after));
    assert_memory_equal(before.serial, after.serial, sizeof before.serial);
    assert_memory_equal(before.label, after.label, sizeof before.label);
    assert_memory_not_equal(before.epoch, after.epoch, sizeof before.epoch);
    assert_int_equal(kk_token_slot_id(pair->token), kk_token_slot_id(token));
    assert_string_equal(kk_token_name(pair->token) + 19, kk_token_name(token) + 19);
    assert_ok(kk_token_login(token, KK_ROLE_USER, NO_NAME, USER_PIN, &user));
    for (size_t i = 0; i < 2; i++) {
        assert_same_object(pair, token, user, &pair->uuids[i]);
    }
    kk_token_logout(token, user);
    assert_false(house_log_has(&pair->houses[1], "tampered"));
    assert_false(house_log_has(&pair->houses[1], "damaged"));
}

static void test_a_token_comes_back(void **state)
{
    struct pair *pair = *state;
    struct kk_backup_key key = by_passphrase(PASSPHRASE);
    struct kk_backup_info info = backup(pair, &key);
    assert_int_equal(info.private_objects, 1);
    assert_int_equal(info.public_objects, 1);
    assert_true(info.rows >= 8);
    assert_memory_equal(info.label, label_one, sizeof info.label);
    assert_int_equal(token_count(pair->engines[1]), 0);
    assert_ok(restore(pair, &key, "so-secret", false));
    assert_restored(pair);
}

static void test_named_users_come_back(void **state)
{
    struct pair *pair = *state;
    struct kk_backup_key key = by_passphrase(PASSPHRASE);
    struct kk_unlock *so = NULL;
    struct kk_unlock *alice = NULL;
    assert_ok(kk_token_login(pair->token, KK_ROLE_SO, NO_NAME, text_span("so-secret"), &so));
    assert_ok(kk_token_user_add(pair->token, so, text_span("alice"), text_span("alice's PIN")));
    kk_token_logout(pair->token, so);
    (void)backup(pair, &key);
    assert_ok(restore(pair, &key, "so-secret", false));
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = only_token(pair->engines[1]);
    assert_int_equal(
        kk_token_login(token, KK_ROLE_USER, text_span("alice"), text_span("wrong"), &alice),
        CKR_PIN_INCORRECT);
    assert_ok(
        kk_token_login(token, KK_ROLE_USER, text_span("alice"), text_span("alice's PIN"), &alice));
    assert_same_object(pair, token, alice, &pair->uuids[0]);
    kk_token_logout(token, alice);
}

static void test_a_backup_is_of_one_moment(void **state)
{
    struct pair *pair = *state;
    KK_CLEANUP(person_clear) struct person person = x25519_person();
    struct kk_span spki;
    struct kk_backup_key to = for_person(&person, &spki);
    struct kk_backup_key as = as_person(&person);
    (void)backup(pair, &to);
    struct kk_uuid later = add(pair, true, "later");
    assert_ok(restore(pair, &as, "so-secret", false));
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = only_token(pair->engines[1]);
    struct kk_unlock *user = NULL;
    struct kk_object *object = NULL;
    assert_ok(kk_token_login(token, KK_ROLE_USER, NO_NAME, USER_PIN, &user));
    assert_rv(kk_token_get(token, user, true, &later, &object), CKR_OBJECT_HANDLE_INVALID);
    kk_token_logout(token, user);
}

static void test_the_content_is_said_without_a_pin(void **state)
{
    struct pair *pair = *state;
    KK_CLEANUP(kk_restore_freep) struct kk_restore *restored = NULL;
    struct kk_backup_key key = by_passphrase(PASSPHRASE);
    struct kk_backup_pin none = {0};
    struct kk_backup_sealing sealing;
    (void)backup(pair, &key);
    struct kk_backup_stream stream = stream_of(&pair->tape);
    assert_ok(kk_backup_look(&stream, &sealing));
    assert_true(sealing.by_passphrase);
    assert_ok(read_with(pair, &key, &none, false, &restored));
    assert_memory_equal(kk_restore_info(restored)->serial, kk_token_serial(pair->token), 16);
    assert_int_equal(kk_restore_info(restored)->needs_pepper,
                     pair->engines[0]->settings.pepper != NULL);
    assert_int_equal(kk_restore_info(restored)->needs_tpm,
                     pair->engines[0]->settings.pin_guard == KK_GUARD_TPM2);
    assert_rv(kk_restore_write(restored, false), CKR_USER_NOT_LOGGED_IN);
    assert_int_equal(token_count(pair->engines[1]), 0);
}

static void test_the_users_pin_is_good_too(void **state)
{
    struct pair *pair = *state;
    KK_CLEANUP(kk_restore_freep) struct kk_restore *restored = NULL;
    struct kk_backup_key key = by_passphrase(PASSPHRASE);
    struct kk_backup_pin pin = {.given = true, .role = KK_ROLE_USER, .pin = USER_PIN};
    (void)backup(pair, &key);
    assert_ok(read_with(pair, &key, &pin, false, &restored));
    assert_ok(kk_restore_write(restored, false));
    assert_restored(pair);
}

static void test_a_wrong_pin_or_passphrase_restores_nothing(void **state)
{
    struct pair *pair = *state;
    struct kk_backup_key key = by_passphrase(PASSPHRASE);
    struct kk_backup_key wrong = by_passphrase("wrong passphrase");
    (void)backup(pair, &key);
    assert_rv(restore(pair, &key, "so-secreu", false), CKR_PIN_INCORRECT);
    assert_rv(restore(pair, &wrong, "so-secret", false), CKR_WRAPPED_KEY_INVALID);
    assert_int_equal(token_count(pair->engines[1]), 0);
}

/* ---- half way through a rekey ---- */

static CK_RV stop_now(void *context, CK_ULONG done, CK_ULONG total)
{
    (void)context;
    (void)done;
    (void)total;
    return CKR_FUNCTION_CANCELED;
}

/* The new keys are in use, and no object is sealed with them yet. */
static void half_rekey(struct pair *pair)
{
    struct kk_token_state told;
    const struct kk_rekey request = {.so_pin = SO_PIN, .user_pin = USER_PIN, .progress = stop_now};
    kk_token_logout(pair->token, pair->user);
    pair->user = NULL;
    assert_rv(kk_token_rekey(pair->token, &request), CKR_FUNCTION_CANCELED);
    assert_ok(kk_token_state(pair->token, &told));
    assert_true(told.rekey_pending);
    assert_ok(kk_token_login(pair->token, KK_ROLE_USER, NO_NAME, USER_PIN, &pair->user));
}

static void test_a_token_comes_back_half_rekeyed(void **state)
{
    static const enum kk_role roles[] = {KK_ROLE_SO, KK_ROLE_USER};
    struct pair *pair = *state;
    struct kk_backup_key key = by_passphrase(PASSPHRASE);
    struct kk_backup_pin none = {0};
    half_rekey(pair);
    (void)backup(pair, &key);
    for (size_t i = 0; i < KK_ARRAY_LEN(roles); i++) {
        KK_CLEANUP(kk_restore_freep) struct kk_restore *restored = NULL;
        KK_CLEANUP(kk_restore_freep) struct kk_restore *looked_at = NULL;
        struct kk_backup_pin pin = {
            .given = true, .role = roles[i], .pin = roles[i] == KK_ROLE_SO ? SO_PIN : USER_PIN};
        assert_ok(read_with(pair, &key, &none, false, &looked_at));
        assert_ok(read_with(pair, &key, &pin, false, &restored));
        assert_ok(kk_restore_write(restored, true));
        assert_restored(pair);
    }
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = only_token(pair->engines[1]);
    const struct kk_rekey rest = {.user_pin = USER_PIN};
    struct kk_token_state told;
    assert_ok(kk_token_state(token, &told));
    assert_true(told.rekey_pending);
    assert_ok(kk_token_rekey(token, &rest));
    assert_ok(kk_token_state(token, &told));
    assert_false(told.rekey_pending);
}

static void tamper(struct pair *pair, void (*change)(struct kk_store_tx *tx, struct pair *pair));

static void drop_rekey_row(struct kk_store_tx *tx, struct pair *pair)
{
    (void)pair;
    assert_ok(tx->ops->row_delete(tx, KK_TABLE_REKEY, 0));
}

/* Without the old keys that the root vouches for. */
static void test_half_rekeyed_without_its_row_is_damaged(void **state)
{
    struct pair *pair = *state;
    struct kk_backup_key key = by_passphrase(PASSPHRASE);
    half_rekey(pair);
    tamper(pair, drop_rekey_row);
    (void)backup(pair, &key);
    assert_rv(restore(pair, &key, "so-secret", false), CKR_DEVICE_ERROR);
    assert_int_equal(token_count(pair->engines[1]), 0);
}

/* ---- files of the first program ---- */

static const uint8_t golden_identity[] = {
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x04, 0x22, 0x04, 0x20,
    0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1, 0x72, 0x51, 0xb2, 0x66, 0x45,
    0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0, 0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a};

static void load_hex(struct tape *tape, const char *const *lines)
{
    tape_clear(tape);
    for (; *lines != NULL; lines++) {
        for (const char *hex = *lines; hex[0] != '\0'; hex += 2) {
            const char digits[3] = {hex[0], hex[1], '\0'};
            kk_buffer_put_u8(&tape->bytes, (uint8_t)strtoul(digits, NULL, 16));
        }
    }
}

static void test_files_of_the_first_program_are_read(void **state)
{
    static const char *const *const files[] = {golden_passphrase, golden_recipients};
    struct pair *pair = *state;
    for (size_t i = 0; i < KK_ARRAY_LEN(files); i++) {
        KK_CLEANUP(kk_restore_freep) struct kk_restore *restored = NULL;
        struct kk_backup_key key = by_passphrase(PASSPHRASE);
        struct kk_backup_key as = {.identity = KK_SPAN_ARRAY(golden_identity)};
        struct kk_backup_pin pin = {.given = true, .role = KK_ROLE_USER, .pin = USER_PIN};
        load_hex(&pair->tape, files[i]);
        assert_ok(read_with(pair, i == 0 ? &key : &as, &pin, false, &restored));
        const struct kk_backup_info *info = kk_restore_info(restored);
        assert_int_equal(info->sealing.recipient_count, i == 0 ? 0 : 2);
        assert_int_equal(info->private_objects, 1);
        assert_int_equal(info->public_objects, 1);
        assert_memory_equal(info->label, "golden  ", 8);
        assert_ok(kk_restore_write(restored, i > 0));
        assert_int_equal(token_count(pair->engines[1]), 1);
    }
}

/* ---- every byte counts ---- */

static void test_every_changed_or_missing_byte_is_found(void **state)
{
    struct pair *pair = *state;
    KK_CLEANUP(person_clear) struct person person = x25519_person();
    struct kk_span spki;
    struct kk_backup_key to = for_person(&person, &spki);
    struct kk_backup_key as = as_person(&person);
    struct kk_backup_pin none = {0};
    struct kk_restore *restored = NULL;
    (void)backup(pair, &to);
    struct kk_buffer *bytes = &pair->tape.bytes;
    size_t len = bytes->len;
    for (size_t at = 0; at < len; at++) {
        bytes->data[at] ^= (uint8_t)(1u << (at % 8));
        assert_int_not_equal(read_with(pair, &as, &none, true, &restored), CKR_OK);
        bytes->data[at] ^= (uint8_t)(1u << (at % 8));
        bytes->len = at;
        assert_int_not_equal(read_with(pair, &as, &none, true, &restored), CKR_OK);
        bytes->len = len;
    }
    assert_null(restored);
    kk_buffer_put_u8(bytes, 0);
    assert_rv(read_with(pair, &as, &none, true, &restored), CKR_ENCRYPTED_DATA_INVALID);
    bytes->len = len;
    assert_int_equal(token_count(pair->engines[1]), 0);
    assert_ok(restore(pair, &as, "so-secret", false));
}

static void test_a_failed_write_fails_the_backup(void **state)
{
    struct pair *pair = *state;
    struct kk_backup_key key = by_passphrase(PASSPHRASE);
    struct kk_backup_info info;
    for (size_t after = 0; after < 2; after++) { /* the header, and the body behind it */
        tape_clear(&pair->tape);
        pair->tape.fails_at = CKR_DEVICE_MEMORY;
        pair->tape.fails_after = after;
        struct kk_backup_stream stream = stream_of(&pair->tape);
        assert_rv(kk_backup_write(pair->token, &key, &stream, &info), CKR_DEVICE_MEMORY);
    }
}

/* ---- a token that is there ---- */

static void test_a_token_that_is_there_is_only_replaced_when_asked(void **state)
{
    struct pair *pair = *state;
    struct kk_backup_key key = by_passphrase(PASSPHRASE);
    (void)backup(pair, &key);
    assert_ok(restore(pair, &key, "so-secret", false));
    KK_CLEANUP(kk_token_unrefp) struct kk_token *first = only_token(pair->engines[1]);
    assert_rv(restore(pair, &key, "so-secret", false), CKR_FUNCTION_REJECTED);
    struct kk_unlock *user = NULL;
    uint64_t epoch = 0;
    assert_ok(kk_token_login(first, KK_ROLE_USER, NO_NAME, USER_PIN, &user));
    assert_ok(restore(pair, &key, "so-secret", true));
    assert_rv(kk_token_fresh(first, &epoch), CKR_DEVICE_REMOVED);
    kk_token_logout(first, user);
    assert_restored(pair);
    KK_CLEANUP(kk_token_unrefp) struct kk_token *second = only_token(pair->engines[1]);
    assert_string_not_equal(kk_token_name(first), kk_token_name(second));
}

/* After a downgrade, say. */
static void test_a_token_in_softhsms_format_counts_as_there(void **state)
{
    struct pair *pair = *state;
    struct kk_repository *made = NULL;
    const struct kk_repository_settings settings = {0};
    struct kk_backup_key key = by_passphrase(PASSPHRASE);
    (void)backup(pair, &key);
    assert_ok(kk_softhsm_repository_create(crypto, pair->houses[1].dir,
                                           "00000000-0000-4000-8000-000000000000", 0077, &settings,
                                           SO_PIN, label_one, kk_token_serial(pair->token), &made));
    made->ops->close(made);
    assert_rv(restore(pair, &key, "so-secret", false), CKR_FUNCTION_REJECTED);
    struct kk_token *token = only_token(pair->engines[1]);
    assert_string_equal(kk_token_kind(token), "softhsm2");
    kk_token_unref(token);
    assert_false(house_log_has(&pair->houses[1], "it is left out"));
    assert_ok(restore(pair, &key, "so-secret", true));
    token = only_token(pair->engines[1]);
    assert_string_equal(kk_token_kind(token), "sealed");
    kk_token_unref(token);
    assert_false(house_log_has(&pair->houses[1], "it is left out"));
    assert_restored(pair);
}

/* Killed between the new one and the removal of the old one: the next run tidies up. */
static void test_two_of_one_serial_become_one(void **state)
{
    struct pair *pair = *state;
    char command[256];
    struct kk_backup_key key = by_passphrase(PASSPHRASE);
    (void)backup(pair, &key);
    assert_ok(restore(pair, &key, "so-secret", false));
    kk_engine_free(pair->engines[1]);
    (void)snprintf(command, sizeof command,
                   "cp -r %s/*-*-*-*-* %s/00000000-0000-4000-8000-000000000000",
                   pair->houses[1].dir, pair->houses[1].dir);
    assert_int_equal(system(command), 0);
    pair->engines[1] = open_engine(&pair->houses[1], &sqlite_sqlite, 1);
    assert_int_equal(token_count(pair->engines[1]), 1);
    assert_true(house_log_has(&pair->houses[1], "it is left out"));
    assert_ok(restore(pair, &key, "so-secret", true));
    assert_restored(pair);
    kk_engine_free(pair->engines[1]);
    (void)snprintf(command, sizeof command, "test $(ls %s | wc -l) = 1", pair->houses[1].dir);
    assert_int_equal(system(command), 0);
    pair->engines[1] = open_engine(&pair->houses[1], &sqlite_sqlite, 1);
}

static void test_what_cannot_be_written_leaves_nothing(void **state)
{
    struct pair *pair = *state;
    struct kk_backup_key key = by_passphrase(PASSPHRASE);
    (void)backup(pair, &key);
    if (geteuid() == 0) {
        return; /* may write everywhere; tests/fault/backup has the full disk */
    }
    assert_int_equal(chmod(pair->houses[1].dir, 0500), 0);
    assert_rv(restore(pair, &key, "so-secret", false), CKR_TOKEN_WRITE_PROTECTED);
    assert_int_equal(chmod(pair->houses[1].dir, 0700), 0);
    assert_int_equal(token_count(pair->engines[1]), 0);
}

/* Whatever fails, one whole token is there, and the next try succeeds. */
static void test_a_failing_store_leaves_a_whole_token(void **state)
{
    struct pair *pair = *state;
    KK_CLEANUP(kk_restore_freep) struct kk_restore *restored = NULL;
    struct kk_backup_key key = by_passphrase(PASSPHRASE);
    struct kk_backup_pin so = so_pin("so-secret");
    (void)backup(pair, &key);
    kk_engine_free(pair->engines[1]);
    assert_ok(kk_engine_new_on(house_config(&pair->houses[1]), kk_store_fault(&kk_store_memory),
                               &pair->engines[1]));
    assert_ok(read_with(pair, &key, &so, false, &restored));
    assert_ok(kk_restore_write(restored, false));
    CK_RV rv = CKR_DEVICE_ERROR;
    unsigned long n = 0;
    unsigned long failed = 0;
    for (bool reached = true; reached;) {
        kk_store_fault_at(NULL, ++n, CKR_DEVICE_ERROR);
        rv = kk_restore_write(restored, true);
        reached = kk_store_fault_count() >= n;
        kk_store_fault_at(NULL, 0, CKR_OK);
        failed += rv != CKR_OK ? 1 : 0;
        assert_int_equal(token_count(pair->engines[1]), 1);
        assert_ok(kk_restore_write(restored, true)); /* tidies up */
    }
    assert_ok(rv);
    assert_true(failed > 20);
    assert_restored(pair);
}

static void test_no_memory_is_said_and_nothing_is_left(void **state)
{
    struct pair *pair = *state;
    KK_CLEANUP(person_clear) struct person person = x25519_person();
    struct kk_span spki;
    struct kk_backup_key to = for_person(&person, &spki);
    struct kk_backup_key as = as_person(&person);
    struct kk_backup_pin none = {0};
    struct kk_restore *restored = NULL;
    (void)backup(pair, &to);
    CK_RV rv = CKR_HOST_MEMORY;
    for (unsigned long n = 1; rv == CKR_HOST_MEMORY; n++) {
        kk_alloc_fail_at(n);
        rv = read_with(pair, &as, &none, false, &restored);
        kk_alloc_fail_at(0);
        assert_true(rv == CKR_HOST_MEMORY || rv == CKR_OK);
    }
    kk_restore_free(restored);
    struct kk_backup_info info;
    for (unsigned long n = 1; n == 1 || rv == CKR_HOST_MEMORY; n++) {
        tape_clear(&pair->tape);
        struct kk_backup_stream stream = stream_of(&pair->tape);
        kk_alloc_fail_at(n);
        rv = kk_backup_write(pair->token, &to, &stream, &info);
        kk_alloc_fail_at(0);
        assert_true(rv == CKR_HOST_MEMORY || rv == CKR_OK);
    }
}

struct racer {
    struct kk_engine *engine;
    struct kk_restore *restored;
    CK_RV rv;
};

static void *race(void *argument)
{
    struct racer *racer = argument;
    racer->rv = kk_restore_write(racer->restored, false);
    return NULL;
}

/* As two processes would. */
static void test_of_two_restores_at_once_one_at_most_is_left(void **state)
{
    struct pair *pair = *state;
    struct kk_backup_key key = by_passphrase(PASSPHRASE);
    struct kk_backup_pin so = so_pin("so-secret");
    char command[160];
    (void)backup(pair, &key);
    (void)snprintf(command, sizeof command, "exit $(ls %s | wc -l)", pair->houses[1].dir);
    for (size_t round = 0; round < 10; round++) {
        struct racer racers[2] = {{0}};
        pthread_t threads[2];
        for (size_t i = 0; i < 2; i++) {
            racers[i].engine = open_engine(&pair->houses[1], &sqlite_sqlite, 1);
            struct kk_backup_stream stream = stream_of(&pair->tape);
            assert_ok(
                kk_restore_read(racers[i].engine, &stream, &key, &so, false, &racers[i].restored));
        }
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
        }
        int good = 0;
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            assert_true(racers[i].rv == CKR_OK || racers[i].rv == CKR_FUNCTION_REJECTED);
            good += racers[i].rv == CKR_OK ? 1 : 0;
            kk_restore_free(racers[i].restored);
            kk_engine_free(racers[i].engine);
        }
        int left = system(command);
        assert_true(WIFEXITED(left) && WEXITSTATUS(left) == good && good <= 1);
        (void)snprintf(command, sizeof command, "rm -rf %s/*", pair->houses[1].dir);
        assert_int_equal(system(command), 0);
        (void)snprintf(command, sizeof command, "exit $(ls %s | wc -l)", pair->houses[1].dir);
    }
}

/* ---- a damaged token ---- */

/* Changes the first token behind its back. */
static void tamper(struct pair *pair, void (*change)(struct kk_store_tx *tx, struct pair *pair))
{
    struct kk_engine *engine = pair->engines[0];
    struct kk_store *store = NULL;
    struct kk_store_tx *tx = NULL;
    assert_ok(engine->store_ops->open(engine->env, kk_token_name(pair->token), &store));
    assert_ok(store->ops->begin(store, KK_STORE_WRITE, &tx));
    change(tx, pair);
    assert_ok(store->ops->commit(tx));
    store->ops->close(store);
}

static void change_object(struct kk_store_tx *tx, struct pair *pair)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    struct kk_store_object object = {0};
    assert_ok(tx->ops->object_get(tx, &pair->uuids[0], &object, &blob));
    blob.data[30] ^= 1;
    assert_ok(tx->ops->object_put(tx, &object));
}

static void drop_object(struct kk_store_tx *tx, struct pair *pair)
{
    assert_ok(tx->ops->object_delete(tx, &pair->uuids[0]));
}

static void drop_public(struct kk_store_tx *tx, struct pair *pair)
{
    assert_ok(tx->ops->object_delete(tx, &pair->uuids[1]));
}

static void drop_user_row(struct kk_store_tx *tx, struct pair *pair)
{
    (void)pair;
    assert_ok(tx->ops->row_delete(tx, KK_TABLE_KEYS, KK_KEY_ROW_USER));
}

static void change_row(struct kk_store_tx *tx, uint32_t table, size_t at)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    struct kk_store_row row = {0};
    assert_ok(tx->ops->row_get(tx, table, 0, &row, &blob));
    blob.data[at] ^= 1;
    assert_ok(tx->ops->row_put(tx, &row));
}

static void change_label(struct kk_store_tx *tx, struct pair *pair)
{
    (void)pair;
    change_row(tx, KK_TABLE_TOKEN, 40);
}

static void change_root(struct kk_store_tx *tx, struct pair *pair)
{
    (void)pair;
    change_row(tx, KK_TABLE_ROOTS, 40);
}

static void test_a_damaged_token_is_not_restored_unasked(void **state)
{
    static const struct {
        void (*change)(struct kk_store_tx *tx, struct pair *pair);
        bool can_be_taken;
    } cases[] = {
        {change_object, true}, {drop_object, true},   {drop_public, true},
        {drop_user_row, true}, {change_label, false}, {change_root, false},
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(cases); i++) {
        struct kk_restore *restored = NULL;
        void *own = (void *)(uintptr_t)&sqlite_memory;
        struct kk_backup_key key = by_passphrase(PASSPHRASE);
        struct kk_backup_pin so = so_pin("so-secret");
        (void)state;
        (void)pair_setup(&own);
        struct pair *pair = own;
        tamper(pair, cases[i].change);
        (void)backup(pair, &key);
        assert_rv(read_with(pair, &key, &so, false, &restored), CKR_DEVICE_ERROR);
        CK_RV rv = read_with(pair, &key, &so, true, &restored);
        assert_rv(rv, cases[i].can_be_taken ? CKR_OK : CKR_DEVICE_ERROR);
        if (rv == CKR_OK) {
            assert_ok(kk_restore_write(restored, false));
            assert_int_equal(token_count(pair->engines[1]), 1);
        }
        kk_restore_free(restored);
        (void)pair_teardown(&own);
    }
}

static void test_a_peppered_token_needs_its_pepper(void **state)
{
    struct pair *pair = *state;
    struct kk_backup_key key = by_passphrase(PASSPHRASE);
    assert_true(backup(pair, &key).needs_pepper);
    kk_engine_free(pair->engines[1]);
    pair->engines[1] = open_engine(&pair->houses[1], &sqlite_sqlite, 1);
    assert_rv(restore(pair, &key, "so-secret", false), CKR_DEVICE_ERROR);
    assert_true(house_log_has(&pair->houses[1], "needs a pepper that token.pepper does not give"));
    assert_int_equal(token_count(pair->engines[1]), 0);
    kk_engine_free(pair->engines[1]);
    pair->engines[1] = open_engine(&pair->houses[1], &peppered, 1);
    assert_ok(restore(pair, &key, "so-secret", false));
    assert_restored(pair);
}

static void test_a_guarded_token_needs_its_tpm(void **state)
{
    struct pair *pair = *state;
    struct kk_backup_key key = by_passphrase(PASSPHRASE);
    assert_true(backup(pair, &key).needs_tpm);
    kk_engine_free(pair->engines[1]);
    pair->engines[1] = open_engine(&pair->houses[1], &elsewhere, 1);
    assert_rv(restore(pair, &key, "so-secret", false), CKR_DEVICE_ERROR);
    assert_true(house_log_has(&pair->houses[1], "it is another TPM's"));
    assert_int_equal(token_count(pair->engines[1]), 0);
    kk_engine_free(pair->engines[1]);
    pair->engines[1] = open_engine(&pair->houses[1], &guarded, 1);
    assert_ok(restore(pair, &key, "so-secret", false));
    assert_restored(pair);
}

/* ---- new keys ---- */

static CK_RV restore_rekeyed(struct pair *pair, const char *user_pin, bool replace)
{
    KK_CLEANUP(kk_restore_freep) struct kk_restore *restored = NULL;
    struct kk_backup_key key = by_passphrase(PASSPHRASE);
    struct kk_backup_pin so = so_pin("so-secret");
    struct kk_rekey rekey = {.so_pin = text_span("so-secret")};
    rekey.user_pin = user_pin != NULL ? text_span(user_pin) : KK_SPAN(NULL, 0);
    KK_TRY(read_with(pair, &key, &so, false, &restored));
    KK_TRY(kk_restore_rekey(restored, &rekey));
    return kk_restore_write(restored, replace);
}

/* A row of the token in one of the two places. */
static CK_RV stored_row(struct pair *pair, size_t who, uint32_t table, uint32_t no,
                        struct kk_store_row *ret_row, struct kk_buffer *ret_blob)
{
    struct kk_engine *engine = pair->engines[who];
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = only_token(engine);
    struct kk_store_tx *tx = NULL;
    struct kk_store *store = NULL;
    assert_ok(engine->store_ops->open(engine->env, kk_token_name(token), &store));
    assert_ok(store->ops->begin(store, KK_STORE_READ, &tx));
    CK_RV rv = tx->ops->row_get(tx, table, no, ret_row, ret_blob);
    tx->ops->rollback(tx);
    store->ops->close(store);
    return rv;
}

static uint32_t key_epoch(struct pair *pair, size_t who, enum kk_side side)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    KK_CLEANUP(kk_identity_unrefp) struct kk_identity *identity = NULL;
    struct kk_store_row row = {0};
    assert_ok(kk_identity_new(&identity));
    assert_ok(stored_row(pair, who, KK_TABLE_TOKEN, 0, &row, &blob));
    assert_ok(kk_token_row_decode(row.blob, identity));
    return identity->key_epoch[side];
}

/* Whether a row of the second place still opens with what the first place's had. */
static bool same_row(struct pair *pair, uint32_t table, uint32_t no)
{
    struct kk_store_row rows[2] = {{0}};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer one = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer two = {0};
    assert_ok(stored_row(pair, 0, table, no, &rows[0], &one));
    assert_ok(stored_row(pair, 1, table, no, &rows[1], &two));
    return kk_mem_equal(one.data, one.len, two.data, two.len);
}

/* All objects are there, under keys that the first place never had; no rekey is left to be done. */
static void assert_rekeyed(struct pair *pair)
{
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = only_token(pair->engines[1]);
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    struct kk_token_state told;
    struct kk_unlock *user = NULL;
    struct kk_store_row row = {0};
    assert_ok(kk_token_state(token, &told));
    assert_false(told.rekey_pending);
    assert_memory_equal(told.serial, kk_token_serial(pair->token), sizeof told.serial);
    for (enum kk_side side = KK_SIDE_PRIVATE; side <= KK_SIDE_PUBLIC; side++) {
        assert_int_equal(key_epoch(pair, 1, side), key_epoch(pair, 0, side) + 1);
    }
    assert_false(same_row(pair, KK_TABLE_PUB, 0));
    assert_false(same_row(pair, KK_TABLE_KEYS, KK_KEY_ROW_SO));
    assert_false(same_row(pair, KK_TABLE_KEYS, KK_KEY_ROW_USER));
    assert_rv(stored_row(pair, 1, KK_TABLE_REKEY, 0, &row, &blob), CKR_OBJECT_HANDLE_INVALID);
    assert_ok(kk_token_login(token, KK_ROLE_USER, NO_NAME, USER_PIN, &user));
    for (size_t i = 0; i < 2; i++) {
        struct kk_object *object = NULL;
        assert_ok(kk_token_get(token, user, true, &pair->uuids[i], &object));
        kk_object_unref(object);
    }
    kk_token_logout(token, user);
    assert_false(house_log_has(&pair->houses[1], "tampered"));
    assert_false(house_log_has(&pair->houses[1], "damaged"));
}

/* ---- tries ---- */

static CK_RV guess(struct pair *pair, size_t where, enum kk_role role, const char *pin)
{
    KK_CLEANUP(kk_restore_freep) struct kk_restore *restored = NULL;
    struct kk_backup_key key = by_passphrase(PASSPHRASE);
    struct kk_backup_pin wrong = {.given = true, .role = role, .pin = text_span(pin)};
    struct kk_backup_stream stream = stream_of(&pair->tape);
    return kk_restore_read(pair->engines[where], &stream, &key, &wrong, false, &restored);
}

static unsigned long failed_tries(struct pair *pair)
{
    struct kk_token_state told;
    assert_ok(kk_token_state(pair->token, &told));
    return told.user_failed;
}

static void test_a_guess_on_a_backup_counts_on_the_token(void **state)
{
    struct pair *pair = *state;
    struct kk_backup_key key = by_passphrase(PASSPHRASE);
    struct kk_token_state told;
    struct kk_unlock *none = NULL;
    (void)backup(pair, &key);
    for (unsigned long i = 1; i <= 10; i++) {
        assert_rv(guess(pair, 0, KK_ROLE_USER, "wrong"), CKR_PIN_INCORRECT);
        assert_int_equal(failed_tries(pair), i);
        if (i == 3) { /* a right one says nothing about the token's own PIN */
            assert_ok(guess(pair, 0, KK_ROLE_USER, "user-secret"));
            assert_int_equal(failed_tries(pair), i);
        }
    }
    assert_rv(guess(pair, 0, KK_ROLE_USER, "user-secret"), CKR_PIN_LOCKED);
    assert_rv(kk_token_login(pair->token, KK_ROLE_USER, NO_NAME, USER_PIN, &none), CKR_PIN_LOCKED);
    assert_rv(guess(pair, 0, KK_ROLE_SO, "wrong"), CKR_PIN_INCORRECT);
    assert_ok(kk_token_state(pair->token, &told));
    assert_int_equal(told.so_failed, 1);
    assert_ok(guess(pair, 0, KK_ROLE_SO, "so-secret"));
    /* Where the token is not, there is nobody who could count. */
    assert_rv(guess(pair, 1, KK_ROLE_USER, "wrong"), CKR_PIN_INCORRECT);
    assert_ok(guess(pair, 1, KK_ROLE_USER, "user-secret"));
}

static void test_a_guess_at_the_other_pin_of_a_rekey_counts_too(void **state)
{
    struct pair *pair = *state;
    struct kk_backup_key key = by_passphrase(PASSPHRASE);
    struct kk_backup_pin so = so_pin("so-secret");
    (void)backup(pair, &key);
    for (unsigned long i = 1; i <= 2; i++) {
        KK_CLEANUP(kk_restore_freep) struct kk_restore *restored = NULL;
        struct kk_backup_stream stream = stream_of(&pair->tape);
        const struct kk_rekey rekey = {.so_pin = text_span("so-secret"),
                                       .user_pin = text_span("wrong")};
        assert_ok(kk_restore_read(pair->engines[0], &stream, &key, &so, false, &restored));
        assert_rv(kk_restore_rekey(restored, &rekey), CKR_PIN_INCORRECT);
        assert_int_equal(failed_tries(pair), i);
    }
}

static void test_it_gets_new_keys_when_asked(void **state)
{
    struct pair *pair = *state;
    struct kk_backup_key key = by_passphrase(PASSPHRASE);
    (void)backup(pair, &key);
    assert_rv(restore_rekeyed(pair, NULL, false), CKR_USER_NOT_LOGGED_IN);
    assert_rv(restore_rekeyed(pair, "wrong-secret", false), CKR_PIN_INCORRECT);
    assert_int_equal(token_count(pair->engines[1]), 0);
    assert_ok(restore_rekeyed(pair, "user-secret", false));
    assert_rekeyed(pair);
    /* And once more over the one that is there now. */
    assert_rv(restore_rekeyed(pair, "user-secret", false), CKR_FUNCTION_REJECTED);
    assert_ok(restore_rekeyed(pair, "user-secret", true));
    assert_rekeyed(pair);
}

/* The backup has a rekey row, and objects under both keys. */
static void test_a_backup_of_a_token_half_rekeyed(void **state)
{
    struct pair *pair = *state;
    struct kk_backup_key key = by_passphrase(PASSPHRASE);
    struct kk_token_state told;
    half_rekey(pair);
    (void)backup(pair, &key);
    assert_ok(restore(pair, &key, "so-secret", false));
    {
        KK_CLEANUP(kk_token_unrefp) struct kk_token *token = only_token(pair->engines[1]);
        assert_ok(kk_token_state(token, &told));
        assert_true(told.rekey_pending);
    }
    assert_ok(restore_rekeyed(pair, "user-secret", true));
    assert_rekeyed(pair);
}

#define WITH(test, kind)                                                                           \
    {#test " " #kind, test, pair_setup, pair_teardown, (void *)(uintptr_t)&(kind)}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(test_a_token_comes_back, sqlite_sqlite),
        WITH(test_named_users_come_back, sqlite_sqlite),
        WITH(test_a_token_comes_back, memory_sqlite),
        WITH(test_a_token_comes_back, sqlite_memory),
        WITH(test_a_token_comes_back, peppered),
        WITH(test_a_backup_is_of_one_moment, memory_sqlite),
        WITH(test_the_content_is_said_without_a_pin, sqlite_sqlite),
        WITH(test_the_content_is_said_without_a_pin, peppered),
        WITH(test_the_users_pin_is_good_too, sqlite_sqlite),
        WITH(test_a_wrong_pin_or_passphrase_restores_nothing, sqlite_sqlite),
        WITH(test_a_guess_on_a_backup_counts_on_the_token, sqlite_sqlite),
        WITH(test_a_guess_on_a_backup_counts_on_the_token, memory_sqlite),
        WITH(test_a_guess_at_the_other_pin_of_a_rekey_counts_too, sqlite_sqlite),
        WITH(test_a_token_comes_back_half_rekeyed, sqlite_sqlite),
        WITH(test_a_token_comes_back_half_rekeyed, peppered),
        WITH(test_half_rekeyed_without_its_row_is_damaged, sqlite_sqlite),
        WITH(test_files_of_the_first_program_are_read, sqlite_memory),
        WITH(test_every_changed_or_missing_byte_is_found, memory_sqlite),
        WITH(test_a_failed_write_fails_the_backup, sqlite_sqlite),
        WITH(test_a_token_that_is_there_is_only_replaced_when_asked, sqlite_sqlite),
        WITH(test_a_token_that_is_there_is_only_replaced_when_asked, sqlite_memory),
        WITH(test_a_token_in_softhsms_format_counts_as_there, sqlite_sqlite),
        WITH(test_two_of_one_serial_become_one, sqlite_sqlite),
        WITH(test_what_cannot_be_written_leaves_nothing, memory_sqlite),
        WITH(test_a_failing_store_leaves_a_whole_token, memory_sqlite),
        WITH(test_no_memory_is_said_and_nothing_is_left, sqlite_memory),
        WITH(test_of_two_restores_at_once_one_at_most_is_left, memory_sqlite),
        cmocka_unit_test(test_a_damaged_token_is_not_restored_unasked),
        WITH(test_a_peppered_token_needs_its_pepper, peppered),
        WITH(test_the_content_is_said_without_a_pin, guarded),
        WITH(test_a_guarded_token_needs_its_tpm, guarded),
        WITH(test_it_gets_new_keys_when_asked, sqlite_sqlite),
        WITH(test_it_gets_new_keys_when_asked, peppered),
        WITH(test_it_gets_new_keys_when_asked, guarded),
        WITH(test_a_backup_of_a_token_half_rekeyed, sqlite_sqlite),
    };
    if (setenv("KEYKIST_TPM2_PLUGIN", getenv("KK_FAKE_PLUGIN"), 1) != 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, crypto_setup, crypto_teardown);
}
