/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Generating secret keys.
 */
#include <string.h>

#include "keys.h"

#define AES_16 ATTR_U(CKA_VALUE_LEN, 16)
#define READABLE ATTR_B(CKA_SENSITIVE, CK_FALSE), ATTR_B(CKA_EXTRACTABLE, CK_TRUE)

static void need_aes(void)
{
    require_mechanism(CKM_AES_KEY_GEN, CKF_GENERATE);
}

static void need_generic(void)
{
    require_mechanism(CKM_GENERIC_SECRET_KEY_GEN, CKF_GENERATE);
}

/* ---- what comes out ---- */

static void aes_lengths(void)
{
    CK_BYTE value[64];
    for (CK_ULONG length = 16; length <= 32; length += 8) {
        CK_OBJECT_HANDLE key = GENERATE(CKM_AES_KEY_GEN, ATTR_U(CKA_VALUE_LEN, length), READABLE);
        EXPECT_EQUAL(get_bytes(key, CKA_VALUE, value, sizeof value), length);
        EXPECT_EQUAL(get_ulong(key, CKA_VALUE_LEN), length);
        EXPECT_EQUAL(get_ulong(key, CKA_CLASS), CKO_SECRET_KEY);
        EXPECT_EQUAL(get_ulong(key, CKA_KEY_TYPE), CKK_AES);
    }
}

static void generic_lengths(void)
{
    static const CK_ULONG lengths[] = {1, 16, 20, 33, 64, 128};
    CK_BYTE value[256];
    for (size_t i = 0; i < COUNT(lengths); i++) {
        CK_OBJECT_HANDLE key =
            GENERATE(CKM_GENERIC_SECRET_KEY_GEN, ATTR_U(CKA_VALUE_LEN, lengths[i]), READABLE);
        EXPECT_EQUAL(get_bytes(key, CKA_VALUE, value, sizeof value), lengths[i]);
        EXPECT_EQUAL(get_ulong(key, CKA_KEY_TYPE), CKK_GENERIC_SECRET);
    }
}

static void values_differ(void)
{
    CK_BYTE one[32], other[32];
    CK_OBJECT_HANDLE key = GENERATE(CKM_AES_KEY_GEN, ATTR_U(CKA_VALUE_LEN, 32), READABLE);
    CK_OBJECT_HANDLE second = GENERATE(CKM_AES_KEY_GEN, ATTR_U(CKA_VALUE_LEN, 32), READABLE);
    get_bytes(key, CKA_VALUE, one, sizeof one);
    get_bytes(second, CKA_VALUE, other, sizeof other);
    EXPECT_TRUE(memcmp(one, other, sizeof one) != 0);
    size_t zeros = 0;
    for (size_t i = 0; i < sizeof one; i++)
        zeros += one[i] == 0;
    EXPECT_TRUE(zeros < 16);
}

static void template_is_kept(void)
{
    CK_BYTE value[64];
    CK_OBJECT_HANDLE key = GENERATE(CKM_AES_KEY_GEN, AES_16, ATTR_S(CKA_LABEL, "made"),
                                    ATTR_X(CKA_ID, "\1\2\3", 3), ATTR_B(CKA_ENCRYPT, CK_TRUE),
                                    ATTR_B(CKA_DECRYPT, CK_FALSE), ATTR_B(CKA_SIGN, CK_FALSE),
                                    ATTR_B(CKA_DERIVE, CK_TRUE), ATTR_B(CKA_MODIFIABLE, CK_FALSE));
    EXPECT_BYTES(value, get_bytes(key, CKA_LABEL, value, sizeof value), "made", 4);
    EXPECT_BYTES(value, get_bytes(key, CKA_ID, value, sizeof value), "\1\2\3", 3);
    EXPECT_EQUAL(get_bool(key, CKA_ENCRYPT), CK_TRUE);
    EXPECT_EQUAL(get_bool(key, CKA_DECRYPT), CK_FALSE);
    EXPECT_EQUAL(get_bool(key, CKA_SIGN), CK_FALSE);
    EXPECT_EQUAL(get_bool(key, CKA_DERIVE), CK_TRUE);
    EXPECT_EQUAL(get_bool(key, CKA_MODIFIABLE), CK_FALSE);
    EXPECT_EQUAL(get_bool(key, CKA_TOKEN), CK_FALSE);
}

static void local_and_mechanism(void)
{
    CK_OBJECT_HANDLE key = GENERATE(CKM_AES_KEY_GEN, AES_16);
    EXPECT_EQUAL(get_bool(key, CKA_LOCAL), CK_TRUE);
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_GEN_MECHANISM), CKM_AES_KEY_GEN);
    key = GENERATE(CKM_GENERIC_SECRET_KEY_GEN, AES_16);
    EXPECT_EQUAL(get_bool(key, CKA_LOCAL), CK_TRUE);
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_GEN_MECHANISM), CKM_GENERIC_SECRET_KEY_GEN);
}

/* The history flags follow from what the key was generated with. */
static void history(void)
{
    for (int i = 0; i < 4; i++) {
        CK_BBOOL sensitive = (i & 1) != 0, extractable = (i & 2) != 0;
        CK_OBJECT_HANDLE key = GENERATE(CKM_AES_KEY_GEN, AES_16, ATTR_B(CKA_SENSITIVE, sensitive),
                                        ATTR_B(CKA_EXTRACTABLE, extractable));
        EXPECT_EQUAL(get_bool(key, CKA_SENSITIVE), sensitive);
        EXPECT_EQUAL(get_bool(key, CKA_EXTRACTABLE), extractable);
        EXPECT_EQUAL(get_bool(key, CKA_ALWAYS_SENSITIVE), sensitive);
        EXPECT_EQUAL(get_bool(key, CKA_NEVER_EXTRACTABLE), !extractable);
    }
}

static void history_of_defaults(void)
{
    CK_OBJECT_HANDLE key = GENERATE(CKM_AES_KEY_GEN, AES_16);
    EXPECT_EQUAL(get_bool(key, CKA_ALWAYS_SENSITIVE), get_bool(key, CKA_SENSITIVE));
    EXPECT_EQUAL(get_bool(key, CKA_NEVER_EXTRACTABLE), !get_bool(key, CKA_EXTRACTABLE));
}

static void sensitive_is_secret(void)
{
    expect_secret(GENERATE(CKM_AES_KEY_GEN, AES_16, ATTR_B(CKA_SENSITIVE, CK_TRUE)), CKA_VALUE);
    expect_secret(GENERATE(CKM_AES_KEY_GEN, AES_16, ATTR_B(CKA_EXTRACTABLE, CK_FALSE)), CKA_VALUE);
}

static void token_key_lasts(void)
{
    GENERATE(CKM_AES_KEY_GEN, AES_16, ATTR_B(CKA_TOKEN, CK_TRUE), ATTR_B(CKA_PRIVATE, CK_TRUE),
             ATTR_S(CKA_LABEL, "lasting key"));
    env_reset();
    env.session = open_session(CKF_RW_SESSION);
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_S(CKA_LABEL, "lasting key")), 0);
    login(S, CKU_USER);
    CK_OBJECT_HANDLE key = FIND_ONE(S, ATTR_S(CKA_LABEL, "lasting key"));
    EXPECT_EQUAL(get_ulong(key, CKA_VALUE_LEN), 16);
    EXPECT_EQUAL(get_bool(key, CKA_LOCAL), CK_TRUE);
}

static void session_key_goes(void)
{
    GENERATE(CKM_AES_KEY_GEN, AES_16, ATTR_S(CKA_LABEL, "brief key"));
    EXPECT_OK(F->C_CloseSession(S));
    EXPECT_EQUAL(FIND_COUNT(open_session(0), ATTR_S(CKA_LABEL, "brief key")), 0);
}

/* ---- what is refused ---- */

static void length_missing(void)
{
    need_aes();
    EXPECT(GENERATE_RV(CKM_AES_KEY_GEN, ANY_LABEL), CKR_TEMPLATE_INCOMPLETE);
    need_generic();
    EXPECT(GENERATE_RV(CKM_GENERIC_SECRET_KEY_GEN, ANY_LABEL), CKR_TEMPLATE_INCOMPLETE);
}

static void length_invalid(void)
{
    static const CK_ULONG lengths[] = {0, 1, 15, 17, 31, 33, 64};
    need_aes();
    for (size_t i = 0; i < COUNT(lengths); i++)
        EXPECT_ANY(GENERATE_RV(CKM_AES_KEY_GEN, ATTR_U(CKA_VALUE_LEN, lengths[i])),
                   CKR_ATTRIBUTE_VALUE_INVALID, CKR_KEY_SIZE_RANGE, CKR_TEMPLATE_INCONSISTENT,
                   CKR_TEMPLATE_INCOMPLETE);
}

static void key_type_inconsistent(void)
{
    need_aes();
    EXPECT(GENERATE_RV(CKM_AES_KEY_GEN, AES_16, ATTR_U(CKA_KEY_TYPE, CKK_DES3)),
           CKR_TEMPLATE_INCONSISTENT);
    EXPECT(GENERATE_RV(CKM_AES_KEY_GEN, AES_16, ATTR_U(CKA_KEY_TYPE, CKK_GENERIC_SECRET)),
           CKR_TEMPLATE_INCONSISTENT);
    need_generic();
    EXPECT(GENERATE_RV(CKM_GENERIC_SECRET_KEY_GEN, AES_16, ATTR_U(CKA_KEY_TYPE, CKK_AES)),
           CKR_TEMPLATE_INCONSISTENT);
}

static void class_inconsistent(void)
{
    need_aes();
    EXPECT(GENERATE_RV(CKM_AES_KEY_GEN, AES_16, ATTR_U(CKA_CLASS, CKO_PRIVATE_KEY)),
           CKR_TEMPLATE_INCONSISTENT);
    EXPECT(GENERATE_RV(CKM_AES_KEY_GEN, AES_16, ATTR_U(CKA_CLASS, CKO_DATA)),
           CKR_TEMPLATE_INCONSISTENT);
}

static void type_and_class_given(void)
{
    CK_OBJECT_HANDLE key = GENERATE(CKM_AES_KEY_GEN, AES_16, ATTR_U(CKA_CLASS, CKO_SECRET_KEY),
                                    ATTR_U(CKA_KEY_TYPE, CKK_AES));
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_TYPE), CKK_AES);
}

static void value_given(void)
{
    need_aes();
    EXPECT_ANY(GENERATE_RV(CKM_AES_KEY_GEN, AES_16, ATTR_X(CKA_VALUE, key_value(), 16)),
               CKR_ATTRIBUTE_READ_ONLY, CKR_TEMPLATE_INCONSISTENT);
}

struct refused {
    const char *name;
    CK_ATTRIBUTE attribute;
};

static const struct refused refused[] = {
    {"CKA_LOCAL", ATTR_B(CKA_LOCAL, CK_FALSE)},
    {"CKA_ALWAYS_SENSITIVE", ATTR_B(CKA_ALWAYS_SENSITIVE, CK_TRUE)},
    {"CKA_NEVER_EXTRACTABLE", ATTR_B(CKA_NEVER_EXTRACTABLE, CK_TRUE)},
    {"CKA_KEY_GEN_MECHANISM", ATTR_U(CKA_KEY_GEN_MECHANISM, CKM_DES_KEY_GEN)},
    {"CKA_UNIQUE_ID", ATTR_S(CKA_UNIQUE_ID, "mine")},
};

static void read_only_attribute(const void *argument)
{
    const struct refused *row = argument;
    need_aes();
    EXPECT(GENERATE_RV(CKM_AES_KEY_GEN, AES_16, row->attribute), CKR_ATTRIBUTE_READ_ONLY);
}

static void unknown_attribute(void)
{
    need_aes();
    EXPECT(GENERATE_RV(CKM_AES_KEY_GEN, AES_16, ATTR_S(0x4711, "?")), CKR_ATTRIBUTE_TYPE_INVALID);
}

static void wrong_size(void)
{
    need_aes();
    EXPECT(GENERATE_RV(CKM_AES_KEY_GEN, ATTR_X(CKA_VALUE_LEN, "\x10\0\0\0", 3)),
           CKR_ATTRIBUTE_VALUE_INVALID);
    EXPECT(GENERATE_RV(CKM_AES_KEY_GEN, AES_16, ATTR_X(CKA_SIGN, "\0\0", 2)),
           CKR_ATTRIBUTE_VALUE_INVALID);
}

static void trusted_by_user(void)
{
    need_aes();
    EXPECT_FAILURE(GENERATE_RV(CKM_AES_KEY_GEN, AES_16, ATTR_B(CKA_TRUSTED, CK_TRUE)));
}

static void parameter_given(void)
{
    CK_ATTRIBUTE length = AES_16;
    CK_OBJECT_HANDLE key = 0;
    need_aes();
    EXPECT_ANY(F->C_GenerateKey(S, MECHANISM_X(CKM_AES_KEY_GEN, "unwanted", 8), &length, 1, &key),
               CKR_MECHANISM_PARAM_INVALID, CKR_OK);
}

static void null_arguments(void)
{
    CK_ATTRIBUTE length = AES_16;
    CK_OBJECT_HANDLE key = 0;
    need_aes();
    EXPECT(F->C_GenerateKey(S, NULL, &length, 1, &key), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_GenerateKey(S, MECHANISM(CKM_AES_KEY_GEN), NULL, 1, &key), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_GenerateKey(S, MECHANISM(CKM_AES_KEY_GEN), &length, 1, NULL), CKR_ARGUMENTS_BAD);
}

static void token_key_read_only(void)
{
    CK_ATTRIBUTE template[] = {AES_16, ATTR_B(CKA_TOKEN, CK_TRUE)};
    CK_OBJECT_HANDLE key = 0;
    need_aes();
    EXPECT(F->C_GenerateKey(open_session(0), MECHANISM(CKM_AES_KEY_GEN), template, 2, &key),
           CKR_SESSION_READ_ONLY);
}

static void session_key_read_only(void)
{
    CK_ATTRIBUTE template[] = {AES_16, ATTR_B(CKA_TOKEN, CK_FALSE)};
    CK_OBJECT_HANDLE key = 0;
    need_aes();
    EXPECT_OK(F->C_GenerateKey(open_session(0), MECHANISM(CKM_AES_KEY_GEN), template, 2, &key));
}

static void private_without_login(void)
{
    need_aes();
    EXPECT(GENERATE_RV(CKM_AES_KEY_GEN, AES_16, ATTR_B(CKA_PRIVATE, CK_TRUE)),
           CKR_USER_NOT_LOGGED_IN);
}

static void nothing_made_on_error(void)
{
    need_aes();
    EXPECT_FAILURE(GENERATE_RV(CKM_AES_KEY_GEN, AES_16, ATTR_B(CKA_TOKEN, CK_TRUE),
                               ATTR_S(CKA_LABEL, "ghost key"), ATTR_S(0x4711, "?")));
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_S(CKA_LABEL, "ghost key")), 0);
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, aes_lengths, "AES key generation", "makes keys of 16, 24 and 32 bytes, class and type set"),
    CHECK(FIX_USER, generic_lengths, "Generic secret key generation", "makes keys of CKA_VALUE_LEN bytes"),
    CHECK(FIX_USER, values_differ, "C_GenerateKey", "no key twice, and no zeros for a key"),
    CHECK(FIX_USER, template_is_kept, "C_GenerateKey", "the key has what the template says"),
    CHECK(FIX_USER, local_and_mechanism, "C_GenerateKey", "CKA_LOCAL CK_TRUE, CKA_KEY_GEN_MECHANISM the mechanism"),
    CHECK(FIX_USER, history, "Secret key objects", "CKA_ALWAYS_SENSITIVE and CKA_NEVER_EXTRACTABLE follow the template"),
    CHECK(FIX_USER, history_of_defaults, "Secret key objects", "and the defaults"),
    CHECK(FIX_USER, sensitive_is_secret, "Footnote 7", "a sensitive or unextractable value is not revealed"),
    CHECK(FIX_USER, token_key_lasts, "C_GenerateKey", "a token key is there after the sessions are closed, a private one hidden"),
    CHECK(FIX_USER, session_key_goes, "C_GenerateKey", "a session key goes with its session"),
    CHECK(FIX_USER, length_missing, "Footnote 3", "CKR_TEMPLATE_INCOMPLETE without CKA_VALUE_LEN"),
    CHECK(FIX_USER, length_invalid, "AES key generation", "no AES key of another length"),
    CHECK(FIX_USER, key_type_inconsistent, "C_GenerateKey", "CKR_TEMPLATE_INCONSISTENT for another key type"),
    CHECK(FIX_USER, class_inconsistent, "C_GenerateKey", "CKR_TEMPLATE_INCONSISTENT for another class"),
    CHECK(FIX_USER, type_and_class_given, "C_GenerateKey", "class and key type may be given"),
    CHECK(FIX_USER, value_given, "Footnote 4", "CKA_VALUE must not be given"),
    CHECK(FIX_USER, unknown_attribute, "C_GenerateKey", "CKR_ATTRIBUTE_TYPE_INVALID for an unknown attribute"),
    CHECK(FIX_USER, wrong_size, "C_GenerateKey", "CKR_ATTRIBUTE_VALUE_INVALID for values of the wrong size"),
    CHECK(FIX_USER, trusted_by_user, "Footnote 10", "CKA_TRUSTED can't be set to CK_TRUE by the user"),
    CHECK(FIX_USER, parameter_given, "AES key generation", "a parameter is refused or ignored"),
    CHECK(FIX_USER, null_arguments, "C_GenerateKey", "CKR_ARGUMENTS_BAD for NULL mechanism, template or phKey"),
    CHECK(FIX_USER, token_key_read_only, "C_GenerateKey", "CKR_SESSION_READ_ONLY for a token key in a R/O session"),
    CHECK(FIX_USER, session_key_read_only, "C_GenerateKey", "session keys can be made in a R/O session"),
    CHECK(FIX_PUBLIC, private_without_login, "C_GenerateKey", "CKR_USER_NOT_LOGGED_IN for a private key in a public session"),
    CHECK(FIX_USER, nothing_made_on_error, "C_GenerateKey", "makes nothing when it fails"),
};

static const struct check row_checks[] = {
    CHECK_ROW(FIX_USER, read_only_attribute, "Footnote 4", "CKR_ATTRIBUTE_READ_ONLY for what only the token sets"),
};
/* clang-format on */

void chapter_keygen(void)
{
    check_add_table("keygen", checks);
    check_add_rows("keygen", row_checks, refused);
}
