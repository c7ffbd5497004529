/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls in words: what is said, what is not, and pointers to nowhere.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cryptoki/functions.h"
#include "trace/format.h"

static struct kk_buffer line;

/* The words of one call: up to ten, as the module gives them. */
#define WORDS(...) ((const uintptr_t[]){__VA_ARGS__})
#define P(pointer) ((uintptr_t)(pointer))

static const char *given(const char *name, const uintptr_t *words)
{
    const struct kk_trace_function *function = kk_trace_function_find(name, strlen(name));
    assert_non_null(function);
    kk_buffer_clear(&line);
    kk_trace_put_call(&line, function, words);
    kk_buffer_put_u8(&line, 0);
    assert_int_equal(kk_buffer_check(&line), CKR_OK);
    return (const char *)line.data;
}

static const char *result(const char *name, const uintptr_t *words, CK_RV rv)
{
    const struct kk_trace_function *function = kk_trace_function_find(name, strlen(name));
    assert_non_null(function);
    kk_buffer_clear(&line);
    kk_trace_put_result(&line, function, words, rv);
    kk_buffer_put_u8(&line, 0);
    assert_int_equal(kk_buffer_check(&line), CKR_OK);
    return (const char *)line.data;
}

static int clear(void **state)
{
    (void)state;
    kk_buffer_clear(&line);
    return 0;
}

static void nothing_of_a_pin_is_said(void **state)
{
    (void)state;
    CK_UTF8CHAR pin[] = "13579246";
    assert_string_equal(given("C_Login", WORDS(1, CKU_USER, P(pin), 8)),
                        "C_Login(hSession=0x1, userType=CKU_USER, pPin=<secret>)");
    assert_string_equal(given("C_Login", WORDS(1, 77, 0, 0)),
                        "C_Login(hSession=0x1, userType=0x4d, pPin=NULL)");
    assert_string_equal(given("C_SetPIN", WORDS(1, P(pin), 8, P(pin), 8)),
                        "C_SetPIN(hSession=0x1, pOldPin=<secret>, pNewPin=<secret>)");
}

static void templates_are_words_but_for_secrets(void **state)
{
    (void)state;
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_BBOOL yes = CK_TRUE, odd = 7;
    CK_ULONG mechanisms[] = {CKM_AES_GCM, 0x99990000};
    CK_BYTE id[] = {1, 0xab};
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &odd, sizeof odd},
        {CKA_LABEL, (void *)"a \"b\"\n", 6},
        {CKA_ID, id, sizeof id},
        {CKA_VALUE, (void *)"0123456789abcdef", 16},
        {CKA_ALLOWED_MECHANISMS, mechanisms, sizeof mechanisms},
        {CKA_VENDOR_DEFINED + 1, (void *)"xyz", 3},
        {CKA_START_DATE, NULL, 0},
        {CKA_END_DATE, NULL, 8},
    };
    assert_string_equal(
        given("C_CreateObject", WORDS(1, P(template), KK_ARRAY_LEN(template), P(&class))),
        "C_CreateObject(hSession=0x1, pTemplate=[CKA_CLASS=CKO_SECRET_KEY, CKA_KEY_TYPE=CKK_AES, "
        "CKA_TOKEN=true, CKA_PRIVATE=x'07', CKA_LABEL=\"a \\\"b\\\"\\x0a\", CKA_ID=x'01ab', "
        "CKA_VALUE=<16 bytes>, CKA_ALLOWED_MECHANISMS=[CKM_AES_GCM, 0x99990000], "
        "0x80000001=<3 bytes>, CKA_START_DATE=NULL, CKA_END_DATE=<8 bytes at NULL>], "
        "phObject=<room>)");
}

/* What lies behind a truth or a number, in the application's memory, may be anything. */
static void values_of_a_wrong_length_are_not_shown(void **state)
{
    (void)state;
    uint8_t memory[48] = "\1PIN 1234";
    CK_ATTRIBUTE template[] = {
        {CKA_TOKEN, memory, 48}, {CKA_CLASS, memory, 9},  {CKA_MODULUS_BITS, memory, 4},
        {CKA_SIGN, memory, 0},   {CKA_VERIFY, memory, 1}, {CKA_ALLOWED_MECHANISMS, memory, 12},
    };
    assert_non_null(strstr(given("C_FindObjectsInit", WORDS(1, P(template), 6)),
                           "[CKA_TOKEN=<48 bytes>, CKA_CLASS=<9 bytes>, CKA_MODULUS_BITS=<4 "
                           "bytes>, CKA_SIGN=<0 bytes>, CKA_VERIFY=true, "
                           "CKA_ALLOWED_MECHANISMS=<12 bytes>]"));
}

static void the_value_of_a_certificate_is_shown(void **state)
{
    (void)state;
    CK_OBJECT_CLASS class = CKO_CERTIFICATE, second = CKO_SECRET_KEY;
    CK_ATTRIBUTE template[] = {{CKA_VALUE, (void *)"\x30\x00", 2},
                               {CKA_CLASS, &class, sizeof class},
                               {CKA_CLASS, &second, sizeof second}};
    assert_non_null(
        strstr(given("C_FindObjectsInit", WORDS(1, P(template), 2)), "CKA_VALUE=x'3000'"));
    assert_non_null(
        strstr(given("C_FindObjectsInit", WORDS(1, P(template), 3)), "CKA_VALUE=<2 bytes>"));
    assert_non_null(
        strstr(given("C_FindObjectsInit", WORDS(1, P(template), 1)), "CKA_VALUE=<2 bytes>"));
}

static void templates_in_templates(void **state)
{
    (void)state;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE inner[] = {{CKA_EXTRACTABLE, &no, sizeof no}};
    CK_ATTRIBUTE outer[] = {{CKA_UNWRAP_TEMPLATE, inner, sizeof inner}};
    assert_non_null(strstr(given("C_FindObjectsInit", WORDS(1, P(outer), 1)),
                           "[CKA_UNWRAP_TEMPLATE=[CKA_EXTRACTABLE=false]]"));
    CK_ATTRIBUTE self[1] = {{CKA_WRAP_TEMPLATE, NULL, sizeof(CK_ATTRIBUTE)}};
    self[0].pValue = self; /* and so on for ever */
    assert_non_null(strstr(given("C_FindObjectsInit", WORDS(1, P(self), 1)), "<1 attributes>"));
}

/* What points to itself many times over must not fill the memory. */
static void templates_that_never_end_are_cut(void **state)
{
    (void)state;
    CK_ATTRIBUTE self[200];
    for (size_t i = 0; i < KK_ARRAY_LEN(self); i++) {
        self[i] = (CK_ATTRIBUTE){CKA_WRAP_TEMPLATE, self, sizeof self};
    }
    const char *text = given("C_FindObjectsInit", WORDS(1, P(self), KK_ARRAY_LEN(self)));
    assert_true(strlen(text) < 8u << 20);
    assert_non_null(strstr(text, "<more>]"));
}

static void mechanisms_are_taken_apart(void **state)
{
    (void)state;
    CK_RSA_PKCS_PSS_PARAMS pss = {CKM_SHA256, CKG_MGF1_SHA256, 32};
    CK_BYTE iv[12] = {1, 2, 3}, aad[5] = {0};
    CK_GCM_PARAMS gcm = {iv, 12, 96, aad, 5, 128};
    CK_MECHANISM with_pss = {CKM_RSA_PKCS_PSS, &pss, sizeof pss};
    CK_MECHANISM with_gcm = {CKM_AES_GCM, &gcm, sizeof gcm};
    CK_MECHANISM with_iv = {CKM_AES_CBC, iv, 12};
    CK_MECHANISM without = {CKM_SHA256, NULL, 0};
    CK_MECHANISM wrong = {CKM_RSA_PKCS_PSS, &pss, 5};
    CK_MECHANISM vendor = {0x80001234, iv, 12};
    assert_string_equal(given("C_SignInit", WORDS(1, P(&with_pss), 2)),
                        "C_SignInit(hSession=0x1, pMechanism=CKM_RSA_PKCS_PSS{hashAlg=CKM_SHA256, "
                        "mgf=CKG_MGF1_SHA256, sLen=32}, hKey=0x2)");
    assert_non_null(strstr(given("C_EncryptInit", WORDS(1, P(&with_gcm), 2)),
                           "CKM_AES_GCM{pIv=x'010203000000000000000000', ulIvLen=12, ulIvBits=96, "
                           "pAAD=<5 bytes>, ulAADLen=5, ulTagBits=128}"));
    assert_non_null(strstr(given("C_EncryptInit", WORDS(1, P(&with_iv), 2)),
                           "CKM_AES_CBC{x'010203000000000000000000'}"));
    assert_string_equal(given("C_DigestInit", WORDS(1, P(&without))),
                        "C_DigestInit(hSession=0x1, pMechanism=CKM_SHA256)");
    assert_non_null(
        strstr(given("C_SignInit", WORDS(1, P(&wrong), 2)), "CKM_RSA_PKCS_PSS{<5 bytes>}"));
    assert_non_null(strstr(given("C_SignInit", WORDS(1, P(&vendor), 2)), "0x80001234{<12 bytes>}"));
}

static void passwords_in_parameters_are_not_shown(void **state)
{
    (void)state;
    CK_ULONG len = 6;
    CK_PKCS5_PBKD2_PARAMS2 params = {CKZ_SALT_SPECIFIED,
                                     (void *)"saltsalt",
                                     8,
                                     1000,
                                     CKP_PKCS5_PBKD2_HMAC_SHA256,
                                     NULL,
                                     0,
                                     (void *)"secret",
                                     len};
    CK_MECHANISM mechanism = {CKM_PKCS5_PBKD2, &params, sizeof params};
    const char *text = given("C_GenerateKey", WORDS(1, P(&mechanism), 0, 0, P(&len)));
    assert_non_null(strstr(text, "saltSource=CKZ_SALT_SPECIFIED"));
    assert_non_null(strstr(text, "prf=CKP_PKCS5_PBKD2_HMAC_SHA256"));
    assert_null(strstr(text, "736563726574")); /* "secret" */
    assert_null(strstr(text, "secret"));
}

/* Of a tag that comes out, nothing is looked at before it is there. */
static void tags_are_shown_when_they_are_there(void **state)
{
    (void)state;
    CK_BYTE iv[4] = {1, 2, 3, 4}, tag[2] = {0xee, 0xee}, out[4];
    CK_ULONG len = sizeof out;
    CK_GCM_MESSAGE_PARAMS params = {iv, 4, 0, CKG_NO_GENERATE, tag, 16};
    const uintptr_t *words = WORDS(1, P(&params), sizeof params, 0, 0, P(out), 4, P(out), P(&len));
    assert_non_null(strstr(given("C_EncryptMessage", words), "pTag=<room 2>"));
    assert_non_null(strstr(given("C_EncryptMessage", words), "pIv=x'01020304'"));
    assert_non_null(strstr(result("C_EncryptMessage", words, CKR_OK), "pTag=x'eeee'"));
    assert_null(strstr(result("C_EncryptMessage", words, CKR_DATA_LEN_RANGE), "pTag"));
    assert_non_null(strstr(given("C_DecryptMessage", words), "pTag=x'eeee'"));
    params.ivGenerator = CKG_GENERATE_RANDOM;
    assert_non_null(strstr(given("C_EncryptMessage", words), "pIv=<room 4>"));
}

/* A parameter for signatures may be as long as one for ciphers; what would be its pointers are not.
 */
static void parameters_of_signed_messages_are_not_taken_apart(void **state)
{
    (void)state;
    CK_SIGN_ADDITIONAL_CONTEXT context = {CKH_HEDGE_PREFERRED, (void *)"context", 7};
    CK_ULONG len = 0;
    const uintptr_t *words = WORDS(1, P(&context), sizeof context, 0, 0, 0, P(&len));
    char wanted[64];
    (void)snprintf(wanted, sizeof wanted, "(hSession=0x1, pParameter=<%zu bytes>,", sizeof context);
    assert_non_null(strstr(given("C_SignMessage", words), wanted));
    assert_null(strstr(result("C_SignMessage", words, CKR_OK), "pParameter"));
}

static void outputs_are_read_only_where_they_are(void **state)
{
    (void)state;
    CK_BYTE out[32] = {9};
    CK_ULONG len = 8;
    const uintptr_t *words = WORDS(1, P(out), 5, P(out), P(&len));
    const uintptr_t *query = WORDS(1, P(out), 5, 0, P(&len));
    assert_string_equal(given("C_Sign", words),
                        "C_Sign(hSession=0x1, pData=<5 bytes>, pSignature=<room 8>)");
    assert_string_equal(given("C_Sign", query),
                        "C_Sign(hSession=0x1, pData=<5 bytes>, pSignature=NULL)");
    assert_memory_equal(result("C_Sign", words, CKR_OK), " = CKR_OK pSignature=<8 bytes #", 31);
    assert_string_equal(result("C_Sign", query, CKR_OK), " = CKR_OK pulSignatureLen=8");
    assert_string_equal(result("C_Sign", words, CKR_BUFFER_TOO_SMALL),
                        " = CKR_BUFFER_TOO_SMALL pulSignatureLen=8");
    assert_string_equal(result("C_Sign", words, CKR_DEVICE_ERROR), " = CKR_DEVICE_ERROR");
    assert_string_equal(result("C_Sign", words, 0x80001111), " = 0x80001111");
    assert_string_equal(result("C_Decrypt", words, CKR_OK), " = CKR_OK pData=<8 bytes>");
    assert_string_equal(result("C_GenerateRandom", WORDS(1, P(out), 32), CKR_OK), " = CKR_OK");
}

static void equal_codes_have_equal_marks(void **state)
{
    (void)state;
    CK_BYTE one[16] = {1}, two[16] = {2};
    CK_ULONG len = 16;
    char mark[64] = "";
    const char *text = result("C_Sign", WORDS(1, 0, 0, P(one), P(&len)), CKR_OK);
    (void)snprintf(mark, sizeof mark, "%.31s", strchr(text, '<'));
    mark[strcspn(mark, ">")] = '\0';
    assert_non_null(strstr(given("C_Verify", WORDS(1, 0, 0, P(one), 16)), mark));
    assert_null(strstr(given("C_Verify", WORDS(1, 0, 0, P(two), 16)), mark));
}

static void values_that_were_asked_for(void **state)
{
    (void)state;
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_BYTE modulus[2] = {0xc0, 1}, exponent[3] = {0x11, 0x22, 0x33};
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
                               {CKA_MODULUS, modulus, sizeof modulus},
                               {CKA_PRIVATE_EXPONENT, exponent, sizeof exponent},
                               {CKA_LABEL, NULL, 5}};
    const uintptr_t *words = WORDS(1, 2, P(template), KK_ARRAY_LEN(template));
    char wanted[256];
    (void)snprintf(wanted, sizeof wanted,
                   "[CKA_CLASS=<room %zu>, CKA_MODULUS=<room 2>, CKA_PRIVATE_EXPONENT=<room 3>, "
                   "CKA_LABEL=NULL]",
                   sizeof class);
    assert_non_null(strstr(given("C_GetAttributeValue", words), wanted));
    assert_string_equal(result("C_GetAttributeValue", words, CKR_OK),
                        " = CKR_OK pTemplate=[CKA_CLASS=CKO_PRIVATE_KEY, CKA_MODULUS=x'c001', "
                        "CKA_PRIVATE_EXPONENT=<3 bytes>, CKA_LABEL=<5 bytes>]");
    template[2].ulValueLen = CK_UNAVAILABLE_INFORMATION;
    const char *text = result("C_GetAttributeValue", words, CKR_ATTRIBUTE_SENSITIVE);
    assert_non_null(strstr(text, "CKA_MODULUS=<2 bytes>, CKA_PRIVATE_EXPONENT=<unavailable>"));
    assert_string_equal(result("C_GetAttributeValue", words, CKR_OBJECT_HANDLE_INVALID),
                        " = CKR_OBJECT_HANDLE_INVALID");
}

/* Every function, with every word a pointer to nowhere, and with none: no crash, one line. */
static void pointers_to_nowhere_do_no_harm(void **state)
{
    (void)state;
    static const uintptr_t bad[] = {0, 1, 16, UINTPTR_MAX, UINTPTR_MAX / 2 + 1};
    static const CK_RV codes[] = {CKR_OK, CKR_BUFFER_TOO_SMALL, CKR_ATTRIBUTE_SENSITIVE};
    for (size_t i = 0; i < KK_FUNCTIONS_3_2; i++) {
        const char *name = kk_trace_functions[i].name;
        for (size_t k = 0; k < KK_ARRAY_LEN(bad); k++) {
            uintptr_t words[KK_TRACE_WORDS_MAX];
            for (size_t w = 0; w < KK_ARRAY_LEN(words); w++) {
                words[w] = bad[k];
            }
            errno = EDOM;
            assert_memory_equal(given(name, words), name, strlen(name));
            assert_null(strchr((const char *)line.data, '\n'));
            for (size_t c = 0; c < KK_ARRAY_LEN(codes); c++) {
                assert_memory_equal(result(name, words, codes[c]), " = CKR_", 7);
            }
            assert_int_equal(errno, EDOM);
        }
    }
}

/* Memory that ends in the middle of what is read. */
static void what_is_not_there_is_not_read(void **state)
{
    (void)state;
    long page = sysconf(_SC_PAGESIZE);
    uint8_t *two =
        mmap(NULL, 2 * (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(two != MAP_FAILED);
    assert_int_equal(mprotect(two + page, (size_t)page, PROT_NONE), 0);
    CK_ATTRIBUTE *last = (CK_ATTRIBUTE *)(two + page) - 1;
    *last = (CK_ATTRIBUTE){CKA_LABEL, two + page - 2, 5};
    assert_non_null(strstr(given("C_FindObjectsInit", WORDS(1, P(last), 3)),
                           "[CKA_LABEL=<5 bytes unreadable>, <unreadable>]"));
    memcpy(two + page - 3, "abc", 3);
    assert_non_null(
        strstr(given("C_AsyncGetID", WORDS(1, P(two + page - 3), 0)), "pFunctionName=\"abc\""));
    (void)munmap(two, 2 * (size_t)page);
}

static void templates_without_end_end(void **state)
{
    (void)state;
    CK_ATTRIBUTE *many = calloc(300, sizeof *many);
    assert_non_null(many);
    assert_non_null(strstr(given("C_FindObjectsInit", WORDS(1, P(many), 300)), ", <more>]"));
    free(many);
}

static void flags_and_infos_in_words(void **state)
{
    (void)state;
    CK_SESSION_INFO info = {3, CKS_RW_USER_FUNCTIONS, CKF_RW_SESSION | CKF_SERIAL_SESSION | 256, 0};
    assert_string_equal(result("C_GetSessionInfo", WORDS(1, P(&info)), CKR_OK),
                        " = CKR_OK pInfo={slotID=0x3, state=CKS_RW_USER_FUNCTIONS, "
                        "flags=CKF_RW_SESSION|CKF_SERIAL_SESSION|0x100, ulDeviceError=0}");
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    assert_string_equal(given("C_Initialize", WORDS(P(&args))),
                        "C_Initialize(pInitArgs={mutexes=0, flags=CKF_OS_LOCKING_OK, "
                        "pReserved=NULL})");
    CK_ULONG found[] = {0x10, 0x20}, count = 2;
    assert_string_equal(result("C_FindObjects", WORDS(1, P(found), 5, P(&count)), CKR_OK),
                        " = CKR_OK phObject=[0x10, 0x20]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(nothing_of_a_pin_is_said, clear),
        cmocka_unit_test_teardown(templates_are_words_but_for_secrets, clear),
        cmocka_unit_test_teardown(values_of_a_wrong_length_are_not_shown, clear),
        cmocka_unit_test_teardown(the_value_of_a_certificate_is_shown, clear),
        cmocka_unit_test_teardown(templates_in_templates, clear),
        cmocka_unit_test_teardown(templates_that_never_end_are_cut, clear),
        cmocka_unit_test_teardown(mechanisms_are_taken_apart, clear),
        cmocka_unit_test_teardown(passwords_in_parameters_are_not_shown, clear),
        cmocka_unit_test_teardown(tags_are_shown_when_they_are_there, clear),
        cmocka_unit_test_teardown(parameters_of_signed_messages_are_not_taken_apart, clear),
        cmocka_unit_test_teardown(outputs_are_read_only_where_they_are, clear),
        cmocka_unit_test_teardown(equal_codes_have_equal_marks, clear),
        cmocka_unit_test_teardown(values_that_were_asked_for, clear),
        cmocka_unit_test_teardown(pointers_to_nowhere_do_no_harm, clear),
        cmocka_unit_test_teardown(what_is_not_there_is_not_read, clear),
        cmocka_unit_test_teardown(templates_without_end_end, clear),
        cmocka_unit_test_teardown(flags_and_infos_in_words, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
