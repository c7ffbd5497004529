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
        cmocka_unit_test(test_a_guarded_row_comes_back),
        cmocka_unit_test(test_a_row_without_guard_is_of_the_first_version),
        cmocka_unit_test(test_an_unknown_guard_is_refused),
    };
    return cmocka_run_group_tests(tests, crypto_setup, tpms_free);
}
