/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which profiles a token claims, by what the configuration leaves of the mechanisms. What lies on
 * the token is tested over the public interface (tests/conformance/profiles.c).
 */
#include "support.h"

#include "session/profile.h"

static struct world world;
static CK_SESSION_HANDLE session;

static int set_up(void **state)
{
    (void)state;
    world_open(&world);
    session = session_open(world.app, world.slot, true);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

static void install(const char *mechanisms, int policy)
{
    struct kk_registry *registry = NULL;
    assert_ok(kk_registry_new_for(world.engine->crypto, mechanisms, policy, &registry));
    kk_registry_free(world.engine->registry);
    world.engine->registry = registry;
}

/* As slots.mechanisms would leave them. */
static void allow(const char *mechanisms)
{
    install(mechanisms, KK_POLICY_ALL);
}

/* As mechanisms.policy would. */
static void narrow(int policy)
{
    install("ALL", policy);
}

static bool holds(CK_PROFILE_ID profile)
{
    bool result = false;
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    assert_ok(kk_call_begin(world.app, session, &call));
    assert_ok(kk_profile_holds(&call, profile, &result));
    return result;
}

static void test_all_of_them_hold_with_all_mechanisms(void **state)
{
    (void)state;
    for (size_t i = 0; i < kk_profiles_count; i++) {
        assert_true(holds(kk_profiles[i]));
    }
}

static void test_complete_provider_is_not_claimed(void **state)
{
    (void)state;
    for (size_t i = 0; i < kk_profiles_count; i++) {
        assert_true(kk_profiles[i] != CKP_COMPLETE_PROVIDER);
    }
}

/* AUTH-M-1-32 signs with CKM_SHA256_RSA_PKCS. */
static void test_authentication_token_needs_its_mechanism(void **state)
{
    (void)state;
    allow("CKM_SHA256, CKM_SHA256_HMAC, CKM_RSA_PKCS_OAEP, CKM_RSA_PKCS_KEY_PAIR_GEN");
    assert_false(holds(CKP_AUTHENTICATION_TOKEN));
    assert_true(holds(CKP_BASELINE_PROVIDER));
    allow("CKM_ECDSA");
    assert_false(holds(CKP_AUTHENTICATION_TOKEN));
    allow("CKM_SHA256_RSA_PKCS");
    assert_true(holds(CKP_AUTHENTICATION_TOKEN));
    assert_false(holds(CKP_EXTENDED_PROVIDER));
}

/* EXT-M-1-32 names three mechanisms. */
static void test_extended_provider_needs_its_mechanisms(void **state)
{
    (void)state;
    allow("CKM_SHA512, CKM_RSA_PKCS_KEY_PAIR_GEN, CKM_RSA_PKCS");
    assert_true(holds(CKP_EXTENDED_PROVIDER));
    allow("-CKM_SHA512");
    assert_false(holds(CKP_EXTENDED_PROVIDER));
    allow("-CKM_RSA_PKCS_KEY_PAIR_GEN");
    assert_false(holds(CKP_EXTENDED_PROVIDER));
    allow("-CKM_RSA_PKCS");
    assert_false(holds(CKP_EXTENDED_PROVIDER));
    allow("-CKM_ECDSA");
    assert_true(holds(CKP_EXTENDED_PROVIDER));
}

/* It wants RSA keys from 512 bits on. */
static void test_extended_provider_is_not_claimed_with_a_policy(void **state)
{
    (void)state;
    narrow(KK_POLICY_ALL);
    assert_true(holds(CKP_EXTENDED_PROVIDER));
    narrow(KK_POLICY_NO_LEGACY);
    assert_false(holds(CKP_EXTENDED_PROVIDER));
    assert_true(holds(CKP_AUTHENTICATION_TOKEN));
    assert_true(holds(CKP_BASELINE_PROVIDER));
    narrow(KK_POLICY_FIPS);
    assert_false(holds(CKP_EXTENDED_PROVIDER));
    assert_true(holds(CKP_AUTHENTICATION_TOKEN));
}

static void test_hkdf_tls_token_needs_its_mechanism(void **state)
{
    (void)state;
    allow("CKM_HKDF_DERIVE");
    assert_false(holds(CKP_HKDF_TLS_TOKEN));
    allow("CKM_HKDF_DATA");
    assert_true(holds(CKP_HKDF_TLS_TOKEN));
}

#define PROFILE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROFILE_TEST(test_all_of_them_hold_with_all_mechanisms),
        PROFILE_TEST(test_complete_provider_is_not_claimed),
        PROFILE_TEST(test_authentication_token_needs_its_mechanism),
        PROFILE_TEST(test_extended_provider_needs_its_mechanisms),
        PROFILE_TEST(test_extended_provider_is_not_claimed_with_a_policy),
        PROFILE_TEST(test_hkdf_tls_token_needs_its_mechanism),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
