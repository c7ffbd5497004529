/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects that a token makes itself (hardware features, mechanism, profile and validation objects),
 * and the classes beside keys, data and certificates.
 */
#include <string.h>
#include <unistd.h>

#include "keys.h"

enum { ROOM = 512 };

static CK_OBJECT_HANDLE found[ROOM];

/* How many, in found[]; skips the check when there is none. */
static CK_ULONG find_class(CK_OBJECT_CLASS class)
{
    CK_ATTRIBUTE template[] = {ATTR_U(CKA_CLASS, class)};
    CK_ULONG count = 0;
    EXPECT_OK(F->C_FindObjectsInit(S, template, COUNT(template)));
    EXPECT_OK(F->C_FindObjects(S, found, ROOM, &count));
    EXPECT_OK(F->C_FindObjectsFinal(S));
    return count;
}

static CK_ULONG need_class(CK_OBJECT_CLASS class)
{
    CK_ULONG count = find_class(class);
    if (count == 0)
        check_skip("the token has no objects of the class");
    return count;
}

static CK_OBJECT_HANDLE need_feature(CK_ULONG type)
{
    CK_ULONG count = need_class(CKO_HW_FEATURE);
    for (CK_ULONG i = 0; i < count; i++) {
        if (get_ulong(found[i], CKA_HW_FEATURE_TYPE) == type)
            return found[i];
    }
    check_skip("the token has no such feature");
    return 0;
}

/* ---- hardware features ---- */

static void clock_is_a_time(void)
{
    CK_CHAR time[16];
    CK_ULONG length = get_bytes(need_feature(CKH_CLOCK), CKA_VALUE, time, sizeof time);
    EXPECT_EQUAL(length, 16);
    for (size_t i = 0; i < sizeof time; i++)
        EXPECT_TRUE(time[i] >= '0' && time[i] <= '9');
    EXPECT_BYTES(time + 14, 2, "00", 2);
}

/* Seconds within a day. */
static long seconds_of(const CK_CHAR time[16])
{
    long field[3];
    for (size_t i = 0; i < 3; i++)
        field[i] = (time[8 + 2 * i] - '0') * 10 + (time[9 + 2 * i] - '0');
    return (field[0] * 60 + field[1]) * 60 + field[2];
}

static void clock_is_utc_time(void)
{
    CK_CHAR time[16];
    CK_OBJECT_HANDLE feature = need_feature(CKH_CLOCK);
    get_bytes(feature, CKA_VALUE, time, sizeof time);
    long difference = seconds_of(token_info().utcTime) - seconds_of(time);
    EXPECT_TRUE((difference + 86400) % 86400 <= 5);
}

static void clock_moves(void)
{
    CK_CHAR first[16], second[16];
    CK_OBJECT_HANDLE feature = need_feature(CKH_CLOCK);
    get_bytes(feature, CKA_VALUE, first, sizeof first);
    usleep(1100000);
    get_bytes(feature, CKA_VALUE, second, sizeof second);
    EXPECT_TRUE(memcmp(first, second, sizeof first) != 0);
}

static CK_ULONG read_counter(CK_BYTE value[32])
{
    CK_ULONG length = get_bytes(need_feature(CKH_MONOTONIC_COUNTER), CKA_VALUE, value, 32);
    EXPECT_TRUE(length > 0);
    return length;
}

static void counter_rises(void)
{
    CK_BYTE before[32], after[32];
    CK_ULONG length = read_counter(before);
    for (int i = 0; i < 3; i++) {
        EXPECT_EQUAL(read_counter(after), length);
        EXPECT_TRUE(memcmp(after, before, length) > 0);
        memcpy(before, after, length);
    }
}

static void counter_outlives_finalize(void)
{
    CK_BYTE before[32], after[32];
    CK_ULONG length = read_counter(before);
    env_reset();
    EXPECT_OK(F->C_Finalize(NULL));
    EXPECT_OK(F->C_Initialize(NULL));
    env.session = open_session(CKF_RW_SESSION);
    EXPECT_EQUAL(read_counter(after), length);
    EXPECT_TRUE(memcmp(after, before, length) > 0);
}

static void counter_flags(void)
{
    CK_OBJECT_HANDLE feature = need_feature(CKH_MONOTONIC_COUNTER);
    EXPECT_TRUE(get_bool(feature, CKA_RESET_ON_INIT) <= CK_TRUE);
    EXPECT_TRUE(get_bool(feature, CKA_HAS_RESET) <= CK_TRUE);
}

static void counter_not_set(void)
{
    CK_BYTE before[32], after[32];
    CK_ULONG length = read_counter(before);
    CK_OBJECT_HANDLE feature = need_feature(CKH_MONOTONIC_COUNTER);
    EXPECT_FAILURE(SET_RV(feature, ATTR_X(CKA_VALUE, "\0\0\0\0\0\0\0\1", 8)));
    EXPECT_EQUAL(read_counter(after), length);
    EXPECT_TRUE(memcmp(after, before, length) > 0);
}

static void features_stay_hidden(void)
{
    CK_ULONG count = need_class(CKO_HW_FEATURE), all = 0;
    CK_OBJECT_HANDLE features[ROOM];
    memcpy(features, found, count * sizeof found[0]);
    EXPECT_OK(F->C_FindObjectsInit(S, NULL, 0));
    EXPECT_OK(F->C_FindObjects(S, found, ROOM, &all));
    EXPECT_OK(F->C_FindObjectsFinal(S));
    for (CK_ULONG i = 0; i < all; i++) {
        for (CK_ULONG k = 0; k < count; k++)
            EXPECT_TRUE(found[i] != features[k]);
    }
}

/* ---- mechanism objects ---- */

static void mechanisms_are_the_list(void)
{
    static CK_MECHANISM_TYPE types[ROOM];
    CK_ULONG listed = ROOM, count = need_class(CKO_MECHANISM);
    EXPECT_OK(F->C_GetMechanismList(env.slot, types, &listed));
    for (CK_ULONG i = 0; i < count; i++) {
        CK_MECHANISM_TYPE type = get_ulong(found[i], CKA_MECHANISM_TYPE);
        bool known = false;
        for (CK_ULONG k = 0; k < listed; k++)
            known = known || types[k] == type;
        EXPECT_TRUE(known);
    }
}

static void mechanism_found_by_type(void)
{
    need_class(CKO_MECHANISM);
    CK_MECHANISM_TYPE type = get_ulong(found[0], CKA_MECHANISM_TYPE);
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_U(CKA_CLASS, CKO_MECHANISM), ATTR_U(CKA_MECHANISM_TYPE, type)),
                 1);
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_U(CKA_CLASS, CKO_MECHANISM),
                            ATTR_U(CKA_MECHANISM_TYPE, CKM_VENDOR_DEFINED + 0x4711)),
                 0);
}

/* ---- profile objects ---- */

static bool has_profile(CK_ULONG id)
{
    return FIND_COUNT(S, ATTR_U(CKA_CLASS, CKO_PROFILE), ATTR_U(CKA_PROFILE_ID, id)) > 0;
}

static void profiles_of_the_standard(void)
{
    CK_ULONG count = need_class(CKO_PROFILE);
    for (CK_ULONG i = 0; i < count; i++) {
        CK_ULONG id = get_ulong(found[i], CKA_PROFILE_ID);
        EXPECT_TRUE(id != CKP_INVALID_ID && (id <= CKP_HKDF_TLS_TOKEN || id >= CKP_VENDOR_DEFINED));
        EXPECT_TRUE(get_bool(found[i], CKA_TOKEN));
        EXPECT_TRUE(!get_bool(found[i], CKA_PRIVATE));
    }
}

static void profiles_build_on_baseline(void)
{
    need_class(CKO_PROFILE);
    EXPECT_TRUE(has_profile(CKP_BASELINE_PROVIDER));
}

/* A function that exists, on a session that does not. */
static bool is_built(CK_RV rv)
{
    return rv != CKR_FUNCTION_NOT_SUPPORTED;
}

static void extended_has_login_user(void)
{
    need_class(CKO_PROFILE);
    if (!has_profile(CKP_EXTENDED_PROVIDER) && !has_profile(CKP_AUTHENTICATION_TOKEN))
        check_skip("neither profile is claimed");
    EXPECT_TRUE(F->C_LoginUser != NULL);
    EXPECT_TRUE(is_built(F->C_LoginUser(S, CKU_USER, PIN("no PIN of anybody's"), PIN("nobody"))));
}

static void complete_has_everything(void)
{
    CK_FLAGS flags = 0;
    need_class(CKO_PROFILE);
    if (!has_profile(CKP_COMPLETE_PROVIDER))
        check_skip("the profile is not claimed");
    EXPECT_TRUE(F->C_AsyncJoin != NULL && F->C_GetSessionValidationFlags != NULL);
    EXPECT_OK(F->C_GetSessionValidationFlags(S, CKS_LAST_VALIDATION_OK, &flags));
    EXPECT_TRUE(is_built(F->C_GetOperationState(S, NULL, &flags)));
    EXPECT_TRUE(is_built(F->C_MessageEncryptInit(S, NULL, 0)));
    EXPECT_TRUE(is_built(F->C_AsyncGetID(S, (CK_UTF8CHAR_PTR) "C_Sign", &flags)));
}

static void certificates_are_public(void)
{
    need_class(CKO_PROFILE);
    if (!has_profile(CKP_PUBLIC_CERTIFICATES_TOKEN))
        check_skip("the profile is not claimed");
    CREATE(ATTR_U(CKA_CLASS, CKO_CERTIFICATE), ATTR_U(CKA_CERTIFICATE_TYPE, CKC_X_509),
           ATTR_B(CKA_TOKEN, CK_TRUE), ATTR_B(CKA_PRIVATE, CK_TRUE), ATTR_S(CKA_SUBJECT, "s"),
           ATTR_S(CKA_VALUE, "v"));
    EXPECT_TRUE(!has_profile(CKP_PUBLIC_CERTIFICATES_TOKEN));
}

/* ---- what holds for all of them ---- */

struct own_class {
    const char *name;
    CK_OBJECT_CLASS class;
};

static const struct own_class classes[] = {
    {"CKO_HW_FEATURE", CKO_HW_FEATURE},
    {"CKO_MECHANISM", CKO_MECHANISM},
    {"CKO_PROFILE", CKO_PROFILE},
    {"CKO_VALIDATION", CKO_VALIDATION},
};

static CK_OBJECT_HANDLE first_of(const void *row)
{
    const struct own_class *own = row;
    need_class(own->class);
    return found[0];
}

static void not_destroyed(const void *row)
{
    CK_OBJECT_HANDLE object = first_of(row);
    EXPECT(F->C_DestroyObject(S, object), CKR_ACTION_PROHIBITED);
    EXPECT_TRUE(object_is_alive(S, object));
}

static void not_copied(const void *row)
{
    EXPECT(COPY_RV(first_of(row), ATTR_S(CKA_LABEL, "copy")), CKR_ACTION_PROHIBITED);
}

static void not_changed(const void *row)
{
    EXPECT_ANY(SET_RV(first_of(row), ATTR_S(CKA_LABEL, "mine")), CKR_ACTION_PROHIBITED,
               CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_TYPE_INVALID);
}

static void found_without_login(const void *row)
{
    CK_OBJECT_HANDLE object = first_of(row);
    CK_BYTE id[64];
    CK_ULONG length = get_bytes(object, CKA_UNIQUE_ID, id, sizeof id);
    logout(S);
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_X(CKA_UNIQUE_ID, id, length)), 1);
    EXPECT_TRUE(object_is_alive(S, FIND_ONE(S, ATTR_X(CKA_UNIQUE_ID, id, length))));
}

static void no_key(const void *row)
{
    CK_OBJECT_HANDLE object = first_of(row);
    require_mechanism(CKM_SHA256_HMAC, CKF_SIGN);
    EXPECT(F->C_SignInit(S, MECHANISM(CKM_SHA256_HMAC), object), CKR_KEY_HANDLE_INVALID);
}

/* ---- validation ---- */

static void validation_flags(void)
{
    CK_FLAGS flags = 0xa5a5;
    REQUIRE_FUNCTION(C_GetSessionValidationFlags);
    EXPECT_OK(F->C_GetSessionValidationFlags(S, CKS_LAST_VALIDATION_OK, &flags));
    if (find_class(CKO_VALIDATION) == 0)
        EXPECT_EQUAL(flags, 0);
}

static void validation_says_all(void)
{
    CK_ULONG count = need_class(CKO_VALIDATION);
    CK_FLAGS all = 0;
    for (CK_ULONG i = 0; i < count; i++) {
        CK_BYTE bytes[256];
        CK_FLAGS flag = get_ulong(found[i], CKA_VALIDATION_FLAG);
        EXPECT_TRUE(flag != 0 && (all & flag) == 0);
        all |= flag;
        EXPECT_TRUE(get_ulong(found[i], CKA_VALIDATION_TYPE) <= CKV_TYPE_HYBRID);
        EXPECT_TRUE(get_ulong(found[i], CKA_VALIDATION_AUTHORITY_TYPE) <=
                    CKV_AUTHORITY_TYPE_COMMON_CRITERIA);
        (void)get_ulong(found[i], CKA_VALIDATION_LEVEL);
        EXPECT_EQUAL(get_bytes(found[i], CKA_VALIDATION_VERSION, bytes, sizeof bytes),
                     sizeof(CK_VERSION));
        EXPECT_TRUE(get_bytes(found[i], CKA_VALIDATION_MODULE_ID, bytes, sizeof bytes) > 0);
        CK_ULONG uris = get_bytes(found[i], CKA_VALIDATION_CERTIFICATE_URI, bytes, sizeof bytes) +
                        get_bytes(found[i], CKA_VALIDATION_VENDOR_URI, bytes, sizeof bytes);
        EXPECT_TRUE(uris > 0);
        EXPECT_TRUE(get_bool(found[i], CKA_TOKEN) == CK_TRUE);
        EXPECT_TRUE(get_bool(found[i], CKA_PRIVATE) == CK_FALSE);
    }
}

static CK_FLAGS last_validation(void)
{
    CK_FLAGS flags = 0;
    EXPECT_OK(F->C_GetSessionValidationFlags(S, CKS_LAST_VALIDATION_OK, &flags));
    return flags;
}

/* SHA-256 is approved in every validation; an operation that fails met no requirements. */
static void validation_follows(void)
{
    CK_BYTE hash[32];
    CK_ULONG length = sizeof hash;
    CK_FLAGS all = 0;
    REQUIRE_FUNCTION(C_GetSessionValidationFlags);
    CK_ULONG count = need_class(CKO_VALIDATION);
    for (CK_ULONG i = 0; i < count; i++)
        all |= get_ulong(found[i], CKA_VALIDATION_FLAG);
    require_mechanism(CKM_SHA256, CKF_DIGEST);
    EXPECT_EQUAL(last_validation(), 0);
    EXPECT_OK(F->C_DigestInit(S, MECHANISM(CKM_SHA256)));
    EXPECT_EQUAL(last_validation(), 0);
    EXPECT_OK(F->C_Digest(S, (CK_BYTE_PTR) "abc", 3, hash, &length));
    EXPECT_TRUE(last_validation() != 0 && (last_validation() & ~all) == 0);
    EXPECT_FAILURE(GENERATE_RV(CKM_AES_KEY_GEN, ATTR_U(CKA_VALUE_LEN, 15)));
    EXPECT_EQUAL(last_validation(), 0);
    (void)GENERATE(CKM_AES_KEY_GEN, ATTR_U(CKA_VALUE_LEN, 16));
    EXPECT_TRUE(last_validation() != 0);
}

static void validation_arguments(void)
{
    CK_FLAGS flags = 0;
    REQUIRE_FUNCTION(C_GetSessionValidationFlags);
    EXPECT(F->C_GetSessionValidationFlags(S, CKS_LAST_VALIDATION_OK, NULL), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_GetSessionValidationFlags(S, 0x4711, &flags), CKR_ARGUMENTS_BAD);
}

static void validations_not_made(void)
{
    EXPECT_FAILURE(CREATE_RV(ATTR_U(CKA_CLASS, CKO_VALIDATION),
                             ATTR_U(CKA_VALIDATION_TYPE, CKV_TYPE_SOFTWARE)));
    EXPECT_FAILURE(
        CREATE_RV(ATTR_U(CKA_CLASS, CKO_PROFILE), ATTR_U(CKA_PROFILE_ID, CKP_COMPLETE_PROVIDER)));
}

/* ---- trust objects ---- */

#define TRUST                                                                                      \
    ATTR_U(CKA_CLASS, CKO_TRUST), ATTR_S(CKA_ISSUER, "issuer"), ATTR_S(CKA_SERIAL_NUMBER, "\2\1\1")

static void need_trust(void)
{
    if (CREATE_RV(TRUST) == CKR_ATTRIBUTE_VALUE_INVALID)
        check_skip("the token has no trust objects");
}

static void trust_defaults(void)
{
    need_trust();
    CK_OBJECT_HANDLE object = CREATE(TRUST);
    EXPECT_EQUAL(get_ulong(object, CKA_TRUST_SERVER_AUTH), CKT_TRUST_UNKNOWN);
    EXPECT_EQUAL(get_ulong(object, CKA_TRUST_OCSP_SIGNING), CKT_TRUST_UNKNOWN);
    EXPECT_TRUE(!get_bool(object, CKA_PRIVATE));
    EXPECT_TRUE(get_bool(object, CKA_MODIFIABLE));
}

static void trust_needs_name(void)
{
    need_trust();
    EXPECT(CREATE_RV(ATTR_U(CKA_CLASS, CKO_TRUST), ATTR_S(CKA_ISSUER, "issuer")),
           CKR_TEMPLATE_INCOMPLETE);
    EXPECT(CREATE_RV(ATTR_U(CKA_CLASS, CKO_TRUST), ATTR_S(CKA_SERIAL_NUMBER, "\2\1\1")),
           CKR_TEMPLATE_INCOMPLETE);
}

static void trust_needs_hash(void)
{
    CK_BYTE hash[32] = {1};
    need_trust();
    EXPECT(CREATE_RV(TRUST, ATTR_U(CKA_TRUST_SERVER_AUTH, CKT_TRUSTED)), CKR_TEMPLATE_INCOMPLETE);
    CREATE(TRUST, ATTR_U(CKA_TRUST_SERVER_AUTH, CKT_NOT_TRUSTED));
    CREATE(TRUST, ATTR_U(CKA_TRUST_SERVER_AUTH, CKT_TRUST_ANCHOR),
           ATTR_A(CKA_HASH_OF_CERTIFICATE, hash), ATTR_U(CKA_NAME_HASH_ALGORITHM, CKM_SHA256));
}

static void trust_found_by_name(void)
{
    need_trust();
    CREATE(TRUST, ATTR_B(CKA_TOKEN, CK_TRUE));
    EXPECT_TRUE(FIND_COUNT(S, TRUST) > 0);
}

static void trust_value(void)
{
    need_trust();
    EXPECT_ANY(CREATE_RV(TRUST, ATTR_U(CKA_TRUST_CODE_SIGNING, 0x4711)),
               CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT);
}

/* ---- OTP keys ---- */

#define OTP                                                                                        \
    ATTR_U(CKA_CLASS, CKO_OTP_KEY), ATTR_U(CKA_KEY_TYPE, CKK_HOTP),                                \
        ATTR_S(CKA_VALUE, "12345678901234567890")

static void need_otp(void)
{
    if (CREATE_RV(OTP) == CKR_ATTRIBUTE_VALUE_INVALID)
        check_skip("the token has no OTP keys");
}

static void otp_defaults(void)
{
    CK_BYTE bytes[16];
    need_otp();
    CK_OBJECT_HANDLE key = CREATE(OTP);
    EXPECT_EQUAL(get_ulong(key, CKA_OTP_FORMAT), CK_OTP_FORMAT_DECIMAL);
    EXPECT_EQUAL(get_bytes(key, CKA_OTP_COUNTER, bytes, sizeof bytes), 0);
    EXPECT_EQUAL(get_bytes(key, CKA_OTP_TIME, bytes, sizeof bytes), 0);
    EXPECT_EQUAL(get_ulong(key, CKA_VALUE_LEN), 20);
}

static void otp_value_secret(void)
{
    need_otp();
    expect_secret(CREATE(OTP, ATTR_B(CKA_SENSITIVE, CK_TRUE)), CKA_VALUE);
    expect_secret(CREATE(OTP, ATTR_B(CKA_EXTRACTABLE, CK_FALSE)), CKA_VALUE);
}

static void otp_needs_value(void)
{
    need_otp();
    EXPECT(CREATE_RV(ATTR_U(CKA_CLASS, CKO_OTP_KEY), ATTR_U(CKA_KEY_TYPE, CKK_HOTP)),
           CKR_TEMPLATE_INCOMPLETE);
    EXPECT(CREATE_RV(OTP, ATTR_U(CKA_VALUE_LEN, 20)), CKR_ATTRIBUTE_READ_ONLY);
}

static void otp_values(void)
{
    need_otp();
    EXPECT(CREATE_RV(OTP, ATTR_U(CKA_OTP_FORMAT, 0x4711)), CKR_ATTRIBUTE_VALUE_INVALID);
    EXPECT(CREATE_RV(OTP, ATTR_U(CKA_OTP_PIN_REQUIREMENT, 0x4711)), CKR_ATTRIBUTE_VALUE_INVALID);
    EXPECT(CREATE_RV(OTP, ATTR_S(CKA_OTP_TIME, "noon")), CKR_ATTRIBUTE_VALUE_INVALID);
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_PUBLIC, clock_is_a_time, "Clock objects", "CKA_VALUE is YYYYMMDDhhmmss and two zeros"),
    CHECK(FIX_PUBLIC, clock_is_utc_time, "Clock objects", "the clock is that of utcTime in CK_TOKEN_INFO"),
    CHECK(FIX_PUBLIC, clock_moves, "Clock objects", "CKA_VALUE is the current time"),
    CHECK(FIX_PUBLIC, counter_rises, "Monotonic counter objects", "the value increases each time that it is read; big endian"),
    CHECK(FIX_PUBLIC, counter_outlives_finalize, "Monotonic counter objects", "C_Finalize does not reset it"),
    CHECK(FIX_PUBLIC, counter_flags, "Monotonic counter objects", "has CKA_RESET_ON_INIT and CKA_HAS_RESET"),
    CHECK(FIX_USER, counter_not_set, "Monotonic counter objects", "CKA_VALUE may not be set by the client"),
    CHECK(FIX_USER, features_stay_hidden, "Hardware feature objects", "only a search that names the class finds them"),
    CHECK(FIX_PUBLIC, mechanisms_are_the_list, "Mechanism objects", "describe mechanisms that the token has"),
    CHECK(FIX_PUBLIC, mechanism_found_by_type, "Mechanism objects", "are found by CKA_MECHANISM_TYPE"),
    CHECK(FIX_PUBLIC, profiles_of_the_standard, "Profile objects", "CKA_PROFILE_ID is a profile's id; public token objects"),
    CHECK(FIX_PUBLIC, profiles_build_on_baseline, "Profile objects", "every profile includes the Baseline Provider"),
    CHECK(FIX_PUBLIC, extended_has_login_user, "Profile objects", "Extended Provider and Authentication Token have C_LoginUser"),
    CHECK(FIX_PUBLIC, complete_has_everything, "Profile objects", "the Complete Provider has all functions"),
    CHECK(FIX_USER, certificates_are_public, "Profile objects", "Public Certificates Token: all certificates can be read without login"),
    CHECK(FIX_PUBLIC, validation_flags, "C_GetSessionValidationFlags", "gives flags; none without a validation"),
    CHECK(FIX_PUBLIC, validation_says_all, "Validation objects", "have the attributes of the table, and a flag of their own; public token objects"),
    CHECK(FIX_USER, validation_follows, "Validation indicators", "the flag is set by the last operation that completed"),
    CHECK(FIX_PUBLIC, validation_arguments, "C_GetSessionValidationFlags", "CKR_ARGUMENTS_BAD for unknown flags or a NULL pointer"),
    CHECK(FIX_USER, validations_not_made, "Validation objects", "read only: no template makes one, nor a profile"),
    CHECK(FIX_USER, trust_defaults, "Trust objects", "missing trust is CKT_TRUST_UNKNOWN; public and modifiable by default"),
    CHECK(FIX_USER, trust_needs_name, "Trust objects", "CKA_ISSUER and CKA_SERIAL_NUMBER must be specified"),
    CHECK(FIX_USER, trust_needs_hash, "Trust objects", "the certificate's hash must be specified unless nothing is trusted"),
    CHECK(FIX_USER, trust_found_by_name, "Trust objects", "are accessed by CKA_ISSUER and CKA_SERIAL_NUMBER"),
    CHECK(FIX_USER, trust_value, "Trust objects", "CK_TRUST has five values"),
    CHECK(FIX_USER, otp_defaults, "OTP key objects", "decimal by default; counter and time empty"),
    CHECK(FIX_USER, otp_value_secret, "OTP key objects", "CKA_VALUE is not revealed when sensitive or unextractable"),
    CHECK(FIX_USER, otp_needs_value, "OTP key objects", "CKA_VALUE must be given, CKA_VALUE_LEN must not"),
    CHECK(FIX_USER, otp_values, "OTP key objects", "format, requirement and time have the values of the text"),
};

static const struct check own_checks[] = {
    CHECK_ROW(FIX_USER, not_destroyed, "C_DestroyObject", "CKR_ACTION_PROHIBITED for an object that the token makes"),
    CHECK_ROW(FIX_USER, not_copied, "C_CopyObject", "CKR_ACTION_PROHIBITED for an object that the token makes"),
    CHECK_ROW(FIX_USER, not_changed, "C_SetAttributeValue", "objects that the token makes are not modified"),
    CHECK_ROW(FIX_USER, found_without_login, "C_FindObjectsInit", "by CKA_UNIQUE_ID: one object, without login"),
    CHECK_ROW(FIX_USER, no_key, "CKR_KEY_HANDLE_INVALID", "an object that is no key"),
};
/* clang-format on */

void chapter_features(void)
{
    check_add_table("features", checks);
    check_add_rows("features", own_checks, classes);
}
