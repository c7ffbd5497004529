/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One-time passwords: HOTP by the key's own counter, a counter that is given, and the time, where
 * keys have CKA_OTP_TIME_REQUIREMENT.
 */
#include <string.h>

#include "env.h"
#include "keys.h"

#define OTP                                                                                        \
    ATTR_U(CKA_CLASS, CKO_OTP_KEY), ATTR_U(CKA_KEY_TYPE, CKK_HOTP), ATTR_B(CKA_SIGN, CK_TRUE),     \
        ATTR_B(CKA_VERIFY, CK_TRUE), ATTR_S(CKA_VALUE, "12345678901234567890")

/* RFC 4226, appendix D. */
static const char *const passwords[] = {"755224", "287082", "359152", "969429", "338314",
                                        "254676", "287922", "162583", "399871", "520489"};

#define COUNTER(number) {CK_OTP_COUNTER, (CK_BYTE[]){0, 0, 0, 0, 0, 0, 0, (number)}, 8}
#define NUMBER(type, number) {type, &(CK_ULONG){number}, sizeof(CK_ULONG)}

struct params {
    CK_OTP_PARAM *rows;
    CK_ULONG count;
};

#define PARAMS(...)                                                                                \
    ((struct params){(CK_OTP_PARAM[]){__VA_ARGS__},                                                \
                     sizeof((CK_OTP_PARAM[]){__VA_ARGS__}) / sizeof(CK_OTP_PARAM)})
#define NO_PARAMS ((struct params){NULL, 0})

static CK_MECHANISM *with(struct params params)
{
    static CK_MECHANISM mechanism;
    static CK_OTP_PARAMS all;
    all = (CK_OTP_PARAMS){params.rows, params.count};
    mechanism = (CK_MECHANISM){CKM_HOTP, &all, sizeof all};
    return &mechanism;
}

static void require_hotp(void)
{
    require_mechanism(CKM_HOTP, CKF_SIGN | CKF_VERIFY);
}

static union {
    CK_OTP_SIGNATURE_INFO info;
    CK_BYTE bytes[1024];
} result;
static CK_ULONG result_length;

/* Without data when there is none of the type. */
static const CK_OTP_PARAM *result_of(CK_OTP_PARAM_TYPE type)
{
    static CK_BYTE nothing[8];
    static const CK_OTP_PARAM none = {CK_UNAVAILABLE_INFORMATION, nothing, 0};
    for (CK_ULONG i = 0; i < result.info.ulCount; i++) {
        if (result.info.pParams[i].type == type)
            return &result.info.pParams[i];
    }
    return &none;
}

static CK_RV sign_rv(CK_OBJECT_HANDLE key, struct params params)
{
    CK_RV rv = F->C_SignInit(S, with(params), key);
    result_length = sizeof result;
    return rv == CKR_OK ? F->C_Sign(S, NULL, 0, result.bytes, &result_length) : rv;
}

static void expect_password(const char *wanted)
{
    const CK_OTP_PARAM *value = result_of(CK_OTP_VALUE);
    EXPECT_BYTES(value->pValue, value->ulValueLen, wanted, strlen(wanted));
}

static CK_RV verify_rv(CK_OBJECT_HANDLE key, struct params params, const char *password)
{
    CK_RV rv = F->C_VerifyInit(S, with(params), key);
    return rv == CKR_OK
               ? F->C_Verify(S, NULL, 0, (CK_BYTE_PTR)(CK_BYTE *)password, strlen(password))
               : rv;
}

static void counts(void)
{
    CK_BYTE counter[8];
    require_hotp();
    CK_OBJECT_HANDLE key = CREATE(OTP);
    for (CK_BYTE i = 0; i < 10; i++) {
        EXPECT_OK(sign_rv(key, NO_PARAMS));
        expect_password(passwords[i]);
        const CK_OTP_PARAM *used = result_of(CK_OTP_COUNTER);
        if (used->ulValueLen != 0)
            EXPECT_EQUAL(((const CK_BYTE *)used->pValue)[7], i);
        EXPECT_EQUAL(get_bytes(key, CKA_OTP_COUNTER, counter, sizeof counter), 8);
        EXPECT_EQUAL(counter[7], i + 1);
    }
}

static void counts_on_token(void)
{
    CK_BYTE counter[8];
    require_hotp();
    CK_OBJECT_HANDLE key = CREATE(OTP, ATTR_B(CKA_TOKEN, CK_TRUE));
    CK_SESSION_HANDLE other = open_session(0);
    EXPECT_OK(sign_rv(key, NO_PARAMS));
    expect_password(passwords[0]);
    result_length = sizeof result;
    EXPECT_OK(F->C_SignInit(other, with(NO_PARAMS), key));
    EXPECT_OK(F->C_Sign(other, NULL, 0, result.bytes, &result_length));
    expect_password(passwords[1]);
    EXPECT_EQUAL(get_bytes(key, CKA_OTP_COUNTER, counter, sizeof counter), 8);
    EXPECT_EQUAL(counter[7], 2);
}

static void length_asked(void)
{
    CK_BYTE counter[8];
    CK_ULONG length = 0;
    require_hotp();
    CK_OBJECT_HANDLE key = CREATE(OTP);
    EXPECT_OK(F->C_SignInit(S, with(NO_PARAMS), key));
    EXPECT_OK(F->C_Sign(S, NULL, 0, NULL, &length));
    EXPECT_TRUE(length >= sizeof(CK_OTP_SIGNATURE_INFO) + sizeof(CK_OTP_PARAM) + 6);
    result_length = length - 1;
    EXPECT(F->C_Sign(S, NULL, 0, result.bytes, &result_length), CKR_BUFFER_TOO_SMALL);
    EXPECT_EQUAL(get_bytes(key, CKA_OTP_COUNTER, counter, sizeof counter), 0);
    EXPECT_OK(F->C_Sign(S, NULL, 0, result.bytes, &length));
    expect_password(passwords[0]);
    for (CK_ULONG i = 0; i < result.info.ulCount; i++) {
        const CK_BYTE *at = result.info.pParams[i].pValue;
        EXPECT_TRUE(at >= result.bytes &&
                    at + result.info.pParams[i].ulValueLen <= result.bytes + length);
    }
}

static void counter_given(void)
{
    CK_BYTE counter[8];
    require_hotp();
    CK_OBJECT_HANDLE key = CREATE(OTP, ATTR_U(CKA_OTP_COUNTER_REQUIREMENT, CK_OTP_PARAM_OPTIONAL));
    EXPECT_OK(sign_rv(key, PARAMS(COUNTER(7))));
    expect_password(passwords[7]);
    EXPECT_EQUAL(get_bytes(key, CKA_OTP_COUNTER, counter, sizeof counter), 0);
    EXPECT_OK(sign_rv(key, NO_PARAMS));
    expect_password(passwords[0]);
}

static void counter_ignored(void)
{
    require_hotp();
    CK_OBJECT_HANDLE key = CREATE(OTP, ATTR_U(CKA_OTP_COUNTER_REQUIREMENT, CK_OTP_PARAM_IGNORED));
    EXPECT_OK(sign_rv(key, PARAMS(COUNTER(7))));
    expect_password(passwords[0]);
}

static void mandatory(void)
{
    static const CK_ATTRIBUTE_TYPE types[] = {CKA_OTP_COUNTER_REQUIREMENT, CKA_OTP_PIN_REQUIREMENT,
                                              CKA_OTP_CHALLENGE_REQUIREMENT};
    require_hotp();
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        CK_OBJECT_HANDLE key = CREATE(OTP, ATTR_U(types[i], CK_OTP_PARAM_MANDATORY));
        EXPECT(sign_rv(key, NO_PARAMS), CKR_MECHANISM_PARAM_INVALID);
        EXPECT_OK(sign_rv(key, PARAMS(COUNTER(0), {CK_OTP_PIN, (CK_BYTE[]){'1'}, 1},
                                      {CK_OTP_CHALLENGE, (CK_BYTE[]){1, 2}, 2})));
        expect_password(passwords[0]);
    }
    CK_OBJECT_HANDLE key = CREATE(OTP, ATTR_U(CKA_OTP_PIN_REQUIREMENT, CK_OTP_PARAM_MANDATORY));
    EXPECT(sign_rv(key, PARAMS({CK_OTP_PIN, (CK_BYTE[]){'1'}, 1},
                               NUMBER(CK_OTP_FLAGS, CKF_EXCLUDE_PIN))),
           CKR_MECHANISM_PARAM_INVALID);
}

static void forms(void)
{
    require_hotp();
    CK_OBJECT_HANDLE key = CREATE(OTP, ATTR_U(CKA_OTP_LENGTH, 8));
    EXPECT_OK(sign_rv(key, NO_PARAMS));
    expect_password("84755224");
    EXPECT_OK(sign_rv(key, PARAMS(NUMBER(CK_OTP_OUTPUT_LENGTH, 6))));
    expect_password(passwords[1]);
    EXPECT(sign_rv(key, PARAMS(NUMBER(CK_OTP_OUTPUT_LENGTH, 100))), CKR_MECHANISM_PARAM_INVALID);
    EXPECT(sign_rv(key, PARAMS(NUMBER(CK_OTP_FLAGS, CKF_USER_FRIENDLY_OTP))),
           CKR_MECHANISM_PARAM_INVALID);
    key = CREATE(OTP, ATTR_B(CKA_OTP_USER_FRIENDLY_MODE, CK_TRUE));
    EXPECT_OK(sign_rv(key, PARAMS(NUMBER(CK_OTP_FLAGS, CKF_USER_FRIENDLY_OTP))));
    expect_password(passwords[0]);
}

static void no_data(void)
{
    CK_BYTE data = 0;
    require_hotp();
    CK_OBJECT_HANDLE key = CREATE(OTP);
    EXPECT_OK(F->C_SignInit(S, with(NO_PARAMS), key));
    result_length = sizeof result;
    EXPECT_FAILURE(F->C_Sign(S, &data, 1, result.bytes, &result_length));
}

static void verifies(void)
{
    CK_BYTE counter[8];
    require_hotp();
    CK_OBJECT_HANDLE key = CREATE(OTP);
    for (CK_BYTE i = 0; i < 10; i++)
        EXPECT_OK(verify_rv(key, PARAMS(COUNTER(i)), passwords[i]));
    EXPECT(verify_rv(key, PARAMS(COUNTER(1)), passwords[0]), CKR_SIGNATURE_INVALID);
    EXPECT(verify_rv(key, PARAMS(COUNTER(0)), "75522"), CKR_SIGNATURE_LEN_RANGE);
    EXPECT(verify_rv(key, NO_PARAMS, passwords[0]), CKR_MECHANISM_PARAM_INVALID);
    EXPECT_EQUAL(get_bytes(key, CKA_OTP_COUNTER, counter, sizeof counter), 0);
}

static void begins_where_told(void)
{
    static const CK_BYTE five[] = {0, 0, 0, 0, 0, 0, 0, 5};
    require_hotp();
    CK_OBJECT_HANDLE key = CREATE(OTP, ATTR_A(CKA_OTP_COUNTER, five));
    EXPECT_OK(sign_rv(key, NO_PARAMS));
    expect_password(passwords[5]);
    EXPECT(CREATE_RV(OTP, ATTR_X(CKA_OTP_COUNTER, five, 7)), CKR_ATTRIBUTE_VALUE_INVALID);
}

/* RFC 6238, appendix B. */
static void by_time(void)
{
    static const struct {
        const char *time, *password;
    } rows[] = {
        {"19700101000059", "94287082"}, {"20050318015829", "07081804"},
        {"20050318015831", "14050471"}, {"20090213233130", "89005924"},
        {"20330518033320", "69279037"}, {"26031011113320", "65353130"},
    };
    CK_OBJECT_HANDLE key = 0;
    require_hotp();
    CK_RV rv = create_rv(TEMPLATE(OTP, ATTR_U(CKA_OTP_TIME_REQUIREMENT, CK_OTP_PARAM_MANDATORY),
                                  ATTR_U(CKA_OTP_LENGTH, 8)),
                         &key);
    if (rv != CKR_OK ||
        sign_rv(key, PARAMS({CK_OTP_TIME, (CK_VOID_PTR) "19700101000059", 14})) != CKR_OK)
        check_skip("CKM_HOTP knows no time");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CK_OTP_PARAM time = {CK_OTP_TIME, (CK_VOID_PTR)(CK_BYTE *)rows[i].time, 14};
        EXPECT_OK(sign_rv(key, PARAMS(time)));
        expect_password(rows[i].password);
        EXPECT_OK(verify_rv(key, PARAMS(time), rows[i].password));
    }
    EXPECT(sign_rv(key, NO_PARAMS), CKR_MECHANISM_PARAM_INVALID);
    EXPECT(sign_rv(key, PARAMS({CK_OTP_TIME, (CK_VOID_PTR) "20050229000000", 14})),
           CKR_MECHANISM_PARAM_INVALID);
    EXPECT(sign_rv(key, PARAMS({CK_OTP_TIME, (CK_VOID_PTR) "noon", 4})),
           CKR_MECHANISM_PARAM_INVALID);
}

static void by_clock(void)
{
    char time[15] = "";
    require_hotp();
    CK_OBJECT_HANDLE key = CREATE(OTP, ATTR_U(CKA_OTP_TIME_REQUIREMENT, CK_OTP_PARAM_OPTIONAL));
    EXPECT_OK(sign_rv(key, NO_PARAMS));
    const CK_OTP_PARAM *used = result_of(CK_OTP_TIME);
    if (used->ulValueLen == 0)
        check_skip("CKM_HOTP knows no time");
    EXPECT_EQUAL(used->ulValueLen, 14);
    memcpy(time, used->pValue, 14);
    char password[7] = "";
    memcpy(password, result_of(CK_OTP_VALUE)->pValue, 6);
    EXPECT_OK(verify_rv(key, PARAMS({CK_OTP_TIME, time, 14}), password));
}

static void generated(void)
{
    CK_BYTE counter[8] = {1};
    require_mechanism(CKM_HOTP_KEY_GEN, CKF_GENERATE);
    CK_OBJECT_HANDLE key = GENERATE(CKM_HOTP_KEY_GEN, ATTR_U(CKA_VALUE_LEN, 20),
                                    ATTR_B(CKA_SIGN, CK_TRUE), ATTR_B(CKA_VERIFY, CK_TRUE));
    EXPECT_EQUAL(get_ulong(key, CKA_CLASS), CKO_OTP_KEY);
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_TYPE), CKK_HOTP);
    EXPECT_EQUAL(get_ulong(key, CKA_VALUE_LEN), 20);
    EXPECT_EQUAL(get_bool(key, CKA_LOCAL), CK_TRUE);
    EXPECT_EQUAL(get_bytes(key, CKA_OTP_COUNTER, counter, sizeof counter), 8);
    EXPECT_EQUAL(counter[0], 0);
    EXPECT_OK(sign_rv(key, NO_PARAMS));
    char password[7] = "";
    memcpy(password, result_of(CK_OTP_VALUE)->pValue, 6);
    EXPECT_OK(verify_rv(key, PARAMS(COUNTER(0)), password));
    EXPECT_FAILURE(GENERATE_RV(CKM_HOTP_KEY_GEN, ATTR_U(CKA_VALUE_LEN, 1)));
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, counts, "HOTP OTP generation", "the passwords of RFC 4226; each moves the key's counter on"),
    CHECK(FIX_USER, counts_on_token, "HOTP OTP generation", "the same with a token object, in read-only sessions too"),
    CHECK(FIX_USER, length_asked, "CK_OTP_SIGNATURE_INFO", "one block of the length that was told; asking takes no password"),
    CHECK(FIX_USER, counter_given, "HOTP OTP generation", "a counter that is given is used, and the key's stays"),
    CHECK(FIX_USER, counter_ignored, "CK_OTP_PARAMS", "CK_OTP_PARAM_IGNORED: a counter, if given, is ignored"),
    CHECK(FIX_USER, mandatory, "CK_OTP_PARAMS", "CK_OTP_PARAM_MANDATORY: CKR_MECHANISM_PARAM_INVALID without, or excluded"),
    CHECK(FIX_USER, forms, "CK_OTP_PARAM_TYPE", "lengths by key and parameter; flags that the key does not allow"),
    CHECK(FIX_USER, no_data, "HOTP OTP generation", "pData shall be NULL"),
    CHECK(FIX_USER, verifies, "HOTP OTP validation", "by the counter that must be given"),
    CHECK(FIX_USER, begins_where_told, "HOTP secret key objects", "CKA_OTP_COUNTER has 8 bytes and may be set"),
    CHECK(FIX_USER, by_time, "CK_OTP_PARAM_TYPE", "CK_OTP_TIME: the passwords of RFC 6238"),
    CHECK(FIX_USER, by_clock, "CK_OTP_PARAMS", "an optional time that is not given is collected"),
    CHECK(FIX_USER, generated, "HOTP key generation", "class, type, counter, value and its length"),
};
/* clang-format on */

void chapter_otp(void)
{
    check_add_table("otp", checks);
}
