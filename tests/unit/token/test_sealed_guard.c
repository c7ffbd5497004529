/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/sealed_guard.c: key rows with a TPM behind them, on a plug-in that has none.
 */
#include "sealed_test.h"

#include <stdlib.h>

static struct kk_tpm *tpms[4];

static struct kk_tpm *tpm_named(size_t which, const char *tcti)
{
    if (tpms[which] == NULL) {
        assert_int_equal(setenv("KEYKIST_TPM2_PLUGIN", getenv("KK_FAKE_PLUGIN"), 1), 0);
        assert_ok(kk_tpm_new(tcti, &tpms[which]));
    }
    return tpms[which];
}

static struct kk_tpm *tpm(void)
{
    return tpm_named(0, "fake:one");
}

/* The rig's token with another guard in the settings, on this TPM. */
static void set_guard(struct rig *rig, int guard, struct kk_tpm *on)
{
    rig->settings.pin_guard = guard;
    rig->settings.tpm = on;
    rig_reopen(rig);
}

static struct kk_token_state state_of(struct rig *rig)
{
    struct kk_token_state told;
    assert_ok(rig->repo->ops->state(rig->repo, &told));
    return told;
}

static struct kk_key_row row_of(struct rig *rig, uint32_t no)
{
    struct kk_store_row stored = {0};
    struct kk_key_row row;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    KK_CLEANUP(kk_store_tx_rollbackp) struct kk_store_tx *tx = NULL;
    assert_ok(rig->ops->begin(rig->raw, KK_STORE_READ, &tx));
    assert_ok(tx->ops->row_get(tx, KK_TABLE_KEYS, no, &stored, &blob));
    assert_ok(kk_key_row_decode(&stored, &row));
    return row;
}

static CK_RV try_user(struct rig *rig, const char *pin)
{
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *unlock = NULL;
    return login(rig->repo, KK_ROLE_USER, pin, &unlock);
}

/* A user whose row is guarded, by a login after the setting came. */
static void guard_user(struct rig *rig)
{
    rig_user(rig);
    assert_false(row_of(rig, KK_KEY_ROW_USER).guarded);
    set_guard(rig, KK_GUARD_TPM2, tpm());
    assert_ok(try_user(rig, "user-secret"));
    assert_true(row_of(rig, KK_KEY_ROW_USER).guarded);
}

static void test_the_next_login_brings_the_guard(void **state)
{
    struct rig *rig = *state;
    guard_user(rig);
    assert_false(row_of(rig, KK_KEY_ROW_SO).guarded);
    assert_ok(try_user(rig, "user-secret"));
    assert_rv(try_user(rig, "user-secreT"), CKR_PIN_INCORRECT);
    assert_int_equal(state_of(rig).user_failed, 1);
    assert_ok(try_user(rig, "user-secret"));
    assert_int_equal(state_of(rig).user_failed, 0);
}

static void test_a_guard_stays_until_a_new_pin_comes(void **state)
{
    struct rig *rig = *state;
    guard_user(rig);
    set_guard(rig, KK_GUARD_NONE, tpm());
    rig->settings.pin_kdf = KK_KDF_DEFAULT; /* the row is rewritten for another reason */
    rig_reopen(rig);
    assert_ok(try_user(rig, "user-secret"));
    assert_true(row_of(rig, KK_KEY_ROW_USER).guarded);
    rig->settings.pin_kdf = KK_KDF_TEST;
    rig_reopen(rig);
    assert_ok(rig->repo->ops->set_pin(rig->repo, KK_ROLE_USER, KK_SPAN(NULL, 0),
                                      text_span("user-secret"), text_span("another")));
    assert_false(row_of(rig, KK_KEY_ROW_USER).guarded);
    set_guard(rig, KK_GUARD_NONE, NULL);
    assert_ok(try_user(rig, "another"));
}

static void test_a_new_pin_is_guarded_at_once(void **state)
{
    struct rig *rig = *state;
    set_guard(rig, KK_GUARD_TPM2, tpm());
    rig_user(rig);
    assert_true(row_of(rig, KK_KEY_ROW_USER).guarded);
    assert_true(row_of(rig, KK_KEY_ROW_SO).guarded); /* it had to log in for that */
    assert_ok(try_user(rig, "user-secret"));
}

/* Nothing of this says anything about the PIN: no try is counted, the right PIN works afterwards.
 */
static void test_what_is_not_the_pins_fault_is_not_counted(void **state)
{
    static const struct {
        size_t which;
        const char *tcti;
        CK_RV rv;
        const char *said;
    } cases[] = {
        {1, "fake:gone", CKR_DEVICE_ERROR, "there is no TPM"},
        {2, "fake:two", CKR_DEVICE_ERROR, "it is another TPM's"},
    };
    struct rig *rig = *state;
    guard_user(rig);
    for (size_t i = 0; i < KK_ARRAY_LEN(cases); i++) {
        rig_log_clear(rig);
        set_guard(rig, KK_GUARD_TPM2, tpm_named(cases[i].which, cases[i].tcti));
        assert_rv(try_user(rig, "user-secret"), cases[i].rv);
        assert_rv(try_user(rig, "wrong-secret"), cases[i].rv);
        assert_true(rig_log_has(rig, cases[i].said));
        assert_int_equal(state_of(rig).user_failed, 0);
    }
    rig_log_clear(rig);
    set_guard(rig, KK_GUARD_TPM2, NULL);
    assert_rv(try_user(rig, "user-secret"), CKR_DEVICE_ERROR);
    assert_true(rig_log_has(rig, "needs the TPM"));
    assert_int_equal(state_of(rig).user_failed, 0);
    set_guard(rig, KK_GUARD_TPM2, tpm());
    assert_ok(try_user(rig, "user-secret"));
}

static void test_the_tpms_own_lockout(void **state)
{
    struct rig *rig = *state;
    set_guard(rig, KK_GUARD_TPM2, tpm_named(3, "fake:locked"));
    rig_user(rig);
    rig_log_clear(rig);
    assert_rv(try_user(rig, "user-secret"), CKR_PIN_LOCKED);
    assert_true(rig_log_has(rig, "the TPM's own and shared"));
    assert_int_equal(state_of(rig).user_failed, 0);
    assert_false(state_of(rig).user_locked);
}

static void test_without_a_tpm_no_guarded_pin_is_set(void **state)
{
    struct rig *rig = *state;
    rig_user(rig);
    set_guard(rig, KK_GUARD_TPM2, tpm_named(1, "fake:gone"));
    /* The login is not refused because its row could not be made anew; the change of the PIN is. */
    assert_ok(try_user(rig, "user-secret"));
    assert_false(row_of(rig, KK_KEY_ROW_USER).guarded);
    assert_rv(rig->repo->ops->set_pin(rig->repo, KK_ROLE_USER, KK_SPAN(NULL, 0),
                                      text_span("user-secret"), text_span("another")),
              CKR_DEVICE_ERROR);
    assert_ok(try_user(rig, "user-secret"));
}

/* ---- rekey, check, repair ---- */

static CK_RV rekey(struct rig *rig)
{
    const struct kk_rekey request = {.so_pin = text_span("so-secret"),
                                     .user_pin = text_span("user-secret")};
    return rig->repo->ops->rekey(rig->repo, &request);
}

/* What the token's row holds, and its key rows: all that a rekey makes anew at once. */
static void copy_rows(struct rig *rig, struct kk_token_state *state, struct kk_key_row rows[2])
{
    *state = state_of(rig);
    rows[KK_KEY_ROW_SO] = row_of(rig, KK_KEY_ROW_SO);
    rows[KK_KEY_ROW_USER] = row_of(rig, KK_KEY_ROW_USER);
}

static void test_a_rekey_keeps_guards_and_brings_them(void **state)
{
    struct rig *rig = *state;
    struct kk_token_state before, after;
    struct kk_key_row old[2], new[2];
    guard_user(rig);
    struct kk_unlock *user = login_user(rig->repo);
    struct kk_uuid uuid = put_data(rig->repo, user, true, "kept", "v");
    kk_unlock_unref(user);
    set_guard(rig, KK_GUARD_NONE, tpm()); /* the PINs stay what they were, guards too */
    copy_rows(rig, &before, old);
    assert_ok(rekey(rig));
    copy_rows(rig, &after, new);
    assert_memory_not_equal(before.epoch, after.epoch, sizeof before.epoch);
    assert_false(new[KK_KEY_ROW_SO].guarded);
    assert_true(new[KK_KEY_ROW_USER].guarded);
    assert_memory_not_equal(old[KK_KEY_ROW_USER].guard.data, new[KK_KEY_ROW_USER].guard.data,
                            sizeof old[0].guard.data);
    set_guard(rig, KK_GUARD_TPM2, tpm());
    assert_ok(rekey(rig));
    assert_true(row_of(rig, KK_KEY_ROW_SO).guarded);
    user = login_user(rig->repo);
    assert_ok(read_code(rig->repo, user, &uuid));
    kk_unlock_unref(user);
    set_guard(rig, KK_GUARD_TPM2, tpm_named(2, "fake:two"));
    assert_rv(try_user(rig, "user-secret"), CKR_DEVICE_ERROR);
}

/* Nothing is half done, and what was there opens when the TPM is back. */
static void test_without_its_tpm_a_guarded_token_keeps_its_keys(void **state)
{
    struct rig *rig = *state;
    struct kk_token_state before, after;
    struct kk_key_row old[2], new[2];
    guard_user(rig);
    set_guard(rig, KK_GUARD_TPM2, tpm_named(1, "fake:gone"));
    copy_rows(rig, &before, old);
    assert_rv(rekey(rig), CKR_DEVICE_ERROR);
    assert_true(rig_log_has(rig, "there is no TPM"));
    copy_rows(rig, &after, new);
    assert_memory_equal(before.epoch, after.epoch, sizeof before.epoch);
    assert_memory_equal(old[KK_KEY_ROW_USER].sealed, new[KK_KEY_ROW_USER].sealed,
                        sizeof old[0].sealed);
    assert_false(after.rekey_pending);
    assert_int_equal(after.user_failed, 0);
    set_guard(rig, KK_GUARD_TPM2, tpm());
    assert_ok(try_user(rig, "user-secret"));
}

struct heard {
    size_t count;
    char last[128];
};

static void hear(void *context, const struct kk_finding *finding)
{
    struct heard *heard = context;
    heard->count++;
    (void)snprintf(heard->last, sizeof heard->last, "%s", finding->what);
}

static CK_RV check(struct rig *rig, const char *so_pin, const char *user_pin, struct heard *heard)
{
    const struct kk_check request = {
        .so_pin = so_pin != NULL ? text_span(so_pin) : KK_SPAN(NULL, 0),
        .user_pin = user_pin != NULL ? text_span(user_pin) : KK_SPAN(NULL, 0),
        .found = hear,
        .context = heard};
    struct kk_check_result result = {0};
    *heard = (struct heard){0};
    return rig->repo->ops->check(rig->repo, &request, &result);
}

static void test_a_missing_tpm_is_no_damage(void **state)
{
    static const struct {
        size_t which;
        const char *tcti;
        const char *said;
    } cases[] = {
        {1, "fake:gone", "there is no TPM"},
        {2, "fake:two", "it is another TPM's"},
    };
    struct rig *rig = *state;
    struct heard heard;
    guard_user(rig);
    assert_ok(check(rig, NULL, "user-secret", &heard));
    assert_int_equal(heard.count, 0);
    for (size_t i = 0; i < KK_ARRAY_LEN(cases); i++) {
        set_guard(rig, KK_GUARD_TPM2, tpm_named(cases[i].which, cases[i].tcti));
        rig_log_clear(rig);
        assert_rv(check(rig, NULL, "user-secret", &heard), CKR_DEVICE_ERROR);
        assert_int_equal(heard.count, 0);
        assert_true(rig_log_has(rig, cases[i].said));
        assert_ok(check(rig, NULL, NULL, &heard));
        assert_int_equal(heard.count, 0);
        assert_ok(check(rig, "so-secret", NULL, &heard));
        assert_int_equal(heard.count, 0);
        assert_int_equal(state_of(rig).user_failed, 0);
    }
}

/* The other PIN opens the root, which knows the row. */
static void test_a_changed_guard_is_found(void **state)
{
    struct rig *rig = *state;
    struct heard heard;
    struct kk_store_row stored = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    guard_user(rig);
    assert_ok(raw_row_get(rig, KK_TABLE_KEYS, KK_KEY_ROW_USER, &stored, &blob));
    size_t behind = row_of(rig, KK_KEY_ROW_USER).has_dmk ? 2 * KK_KEY_LEN : KK_KEY_LEN;
    blob.data[stored.blob.len - behind - 1] ^= 1; /* the end of the TPM's blob */
    stored.blob = kk_buffer_span(&blob);
    raw_row_put(rig, &stored);
    assert_ok(check(rig, "so-secret", NULL, &heard));
    assert_int_equal(heard.count, 1);
    assert_string_equal(heard.last,
                        "the user's key row is not the one that the token's root knows");
}

#define NEW_NAME "8a1b7a52-3c1e-4bd6-8d6a-0123456789ab"
#define NEW_SERIAL "8d6a0123456789ab"

static CK_RV repair(struct rig *rig, struct kk_repository **ret_repo, struct kk_key_row *ret_row)
{
    const struct kk_check request = {.so_pin = text_span("so-secret"),
                                     .user_pin = text_span("user-secret")};
    struct kk_check_result result = {0};
    struct kk_store *store = NULL;
    struct kk_store_row stored = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    KK_CLEANUP(kk_store_tx_rollbackp) struct kk_store_tx *tx = NULL;
    assert_ok(rig->ops->create(rig->env, NEW_NAME, &store));
    CK_RV rv = rig->repo->ops->repair(rig->repo, &request, store, NEW_SERIAL, &result, ret_repo);
    if (rv != CKR_OK) {
        assert_ok(store->ops->remove(store));
        store->ops->close(store);
        return rv;
    }
    assert_int_equal(result.findings, 0);
    assert_ok(rig->ops->begin(store, KK_STORE_READ, &tx));
    assert_ok(tx->ops->row_get(tx, KK_TABLE_KEYS, KK_KEY_ROW_USER, &stored, &blob));
    assert_ok(kk_key_row_decode(&stored, ret_row));
    return CKR_OK;
}

static void test_a_repaired_token_keeps_its_guard(void **state)
{
    struct rig *rig = *state;
    struct kk_repository *repo = NULL;
    struct kk_key_row row;
    guard_user(rig);
    set_guard(rig, KK_GUARD_NONE, tpm_named(1, "fake:gone"));
    assert_rv(repair(rig, &repo, &row), CKR_DEVICE_ERROR);
    set_guard(rig, KK_GUARD_NONE, tpm());
    assert_ok(repair(rig, &repo, &row));
    assert_true(row.guarded);
    struct kk_unlock *user = login_user(repo);
    kk_unlock_unref(user);
    repo->ops->close(repo);
}

/* ---- the row's bytes ---- */

static struct kk_key_row guarded_row(size_t blob_len)
{
    struct kk_key_row row = {.no = 1, .role = KK_ROLE_USER, .ops = 1, .mem_kib = 8192};
    row.guarded = true;
    row.guard.len = blob_len;
    memset(row.guard.data, 0x77, blob_len);
    return row;
}

static void encode(const struct kk_key_row *row, struct kk_buffer *buffer)
{
    kk_key_row_head(row, buffer);
    kk_buffer_put(buffer, row->sealed, KK_KEY_LEN);
    assert_ok(kk_buffer_check(buffer));
}

static void test_a_guarded_row_comes_back(void **state)
{
    static const size_t lens[] = {0, 1, 255, 256, KK_TPM_BLOB_MAX};
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(lens); i++) {
        struct kk_key_row row = guarded_row(lens[i]);
        struct kk_key_row read;
        KK_CLEANUP(kk_buffer_clear) struct kk_buffer buffer = {0};
        encode(&row, &buffer);
        assert_int_equal(buffer.data[1], 2);
        struct kk_store_row stored = {
            .table = KK_TABLE_KEYS, .no = 1, .blob = kk_buffer_span(&buffer)};
        assert_ok(kk_key_row_decode(&stored, &read));
        assert_true(read.guarded);
        assert_int_equal(read.guard.len, lens[i]);
        assert_memory_equal(read.guard.data, row.guard.data, sizeof read.guard.data);
        for (size_t len = 0; len < buffer.len; len++) {
            stored.blob.len = len;
            assert_rv(kk_key_row_decode(&stored, &read), CKR_DEVICE_ERROR);
        }
    }
}

static void test_a_row_without_guard_is_of_the_first_version(void **state)
{
    (void)state;
    struct kk_key_row row = {.no = 1, .role = KK_ROLE_USER, .ops = 1, .mem_kib = 8192};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer buffer = {0};
    encode(&row, &buffer);
    assert_int_equal(buffer.data[1], 1);
}

static void test_an_unknown_guard_is_refused(void **state)
{
    (void)state;
    struct kk_key_row row = guarded_row(8);
    struct kk_key_row read;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer buffer = {0};
    encode(&row, &buffer);
    size_t at = buffer.len - KK_KEY_LEN - 8 - 3; /* the kind, then the length */
    struct kk_store_row stored = {.table = KK_TABLE_KEYS, .no = 1, .blob = kk_buffer_span(&buffer)};
    buffer.data[at]++;
    assert_rv(kk_key_row_decode(&stored, &read), CKR_DEVICE_ERROR);
    buffer.data[at]--;
    buffer.data[at + 1] = (KK_TPM_BLOB_MAX + 256) >> 8;
    assert_rv(kk_key_row_decode(&stored, &read), CKR_DEVICE_ERROR);
    buffer.data[at + 1] = 0;
    assert_ok(kk_key_row_decode(&stored, &read));
}

static int tpms_free(void **state)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(tpms); i++) {
        kk_tpm_free(tpms[i]);
    }
    return crypto_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_ALL(test_the_next_login_brings_the_guard),
        ON_ALL(test_a_guard_stays_until_a_new_pin_comes),
        ON_ALL(test_a_new_pin_is_guarded_at_once),
        ON_ALL(test_what_is_not_the_pins_fault_is_not_counted),
        ON_ALL(test_the_tpms_own_lockout),
        ON_ALL(test_without_a_tpm_no_guarded_pin_is_set),
        ON_ENGINES(test_a_rekey_keeps_guards_and_brings_them),
        ON_ENGINES(test_without_its_tpm_a_guarded_token_keeps_its_keys),
        ON_ENGINES(test_a_missing_tpm_is_no_damage),
        ON_ENGINES(test_a_changed_guard_is_found),
        ON_ENGINES(test_a_repaired_token_keeps_its_guard),
        cmocka_unit_test(test_a_guarded_row_comes_back),
        cmocka_unit_test(test_a_row_without_guard_is_of_the_first_version),
        cmocka_unit_test(test_an_unknown_guard_is_refused),
    };
    return cmocka_run_group_tests(tests, crypto_setup, tpms_free);
}
