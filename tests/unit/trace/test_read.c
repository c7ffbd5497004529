/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines of a trace, whole and damaged; programs that are made of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cli/trace_c.h"
#include "cli/trace_read.h"

#define HEAD "2026-11-23 01:52:03.123456 [12.34] "

static const char *const whole[] = {
    HEAD "C_Logout(hSession=0x1) = CKR_OK (3.0 us)",
    HEAD "C_Login(hSession=0x1, userType=CKU_SO, pPin=<secret>) = CKR_PIN_INCORRECT (30000.1 us)",
    HEAD
    "C_FindObjectsInit(hSession=0x1, pTemplate=[CKA_LABEL=\"a\\\"\\\\) = \\x0a\", CKA_ID=x'01ff', "
    "CKA_WRAP_TEMPLATE=[CKA_TOKEN=true], CKA_ALLOWED_MECHANISMS=[CKM_RSA_PKCS, 0x5]]) = "
    "CKR_OK (1.2 us)",
    HEAD
    "C_EncryptInit(hSession=0x1, pMechanism=CKM_AES_GCM{pIv=x'010203', ulIvLen=3, ulIvBits=24, "
    "pAAD=<5 bytes>, ulAADLen=5, ulTagBits=128}, hKey=0x2) = CKR_OK (1.2 us)",
    HEAD "C_Sign(hSession=0x1, pData=<5 bytes>, pSignature=<room 64>) = CKR_OK pSignature=<64 "
         "bytes #0123456789ab> (8.8 us)",
    HEAD "C_Verify(hSession=0x1, pData=<5 bytes>, pSignature=<64 bytes #0123456789ab>) = "
         "CKR_SIGNATURE_INVALID (8.8 us)",
    HEAD
    "C_GetSlotList(tokenPresent=true, pSlotList=<room 2>) = CKR_OK pSlotList=[0x1, 0x2] (1.0 us)",
};

static struct kk_span span(const char *text)
{
    return KK_SPAN(text, strlen(text));
}

static void lines_are_understood(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(whole); i++) {
        struct kk_trace_line line = {0};
        assert_int_equal(kk_trace_line_read(span(whole[i]), &line), CKR_OK);
        assert_int_equal(line.pid, 12);
        kk_trace_line_clear(&line);
    }
}

static void values_are_what_they_were(void **state)
{
    (void)state;
    struct kk_trace_line line = {0};
    assert_int_equal(kk_trace_line_read(span(whole[2]), &line), CKR_OK);
    const struct kk_trace_node *list = kk_trace_node_find(&line, line.arguments, "pTemplate");
    assert_non_null(list);
    assert_int_equal(list->kind, KK_NODE_LIST);
    const struct kk_trace_node *label = kk_trace_node_find(&line, list->child, "CKA_LABEL");
    assert_true(kk_span_equal(kk_trace_node_bytes(&line, label), KK_SPAN_TEXT("a\"\\) = \n")));
    const struct kk_trace_node *id = kk_trace_node_find(&line, list->child, "CKA_ID");
    assert_true(kk_span_equal(kk_trace_node_bytes(&line, id), KK_SPAN_TEXT("\x01\xff")));
    assert_int_equal(line.nanoseconds, 1200);
    kk_trace_line_clear(&line);
}

/* Cut anywhere, and with any one byte another: understood or not, but nothing worse. */
static void damaged_lines_do_no_harm(void **state)
{
    (void)state;
    static const char bytes[] = "\0[]{}<>\"'|=, x0#\\\x80";
    for (size_t i = 0; i < KK_ARRAY_LEN(whole); i++) {
        char copy[512];
        size_t len = strlen(whole[i]);
        for (size_t at = 0; at < len; at++) {
            struct kk_trace_line line = {0};
            assert_int_equal(kk_trace_line_read(KK_SPAN(whole[i], at), &line), CKR_DATA_INVALID);
            for (size_t k = 0; k < sizeof bytes - 1; k++) {
                struct kk_trace_c counts = {0};
                struct kk_buffer out = {0};
                memcpy(copy, whole[i], len);
                copy[at] = bytes[k];
                assert_int_equal(kk_trace_to_c(KK_SPAN(copy, len), &counts, &out), CKR_OK);
                kk_buffer_clear(&out);
            }
        }
    }
}

static void nesting_has_an_end(void **state)
{
    (void)state;
    struct kk_buffer text = {0};
    struct kk_trace_line line = {0};
    kk_buffer_put_span(&text, KK_SPAN_TEXT(HEAD "C_Logout(hSession="));
    for (int i = 0; i < 100000; i++) {
        kk_buffer_put_u8(&text, '[');
    }
    assert_int_equal(kk_trace_line_read(kk_buffer_span(&text), &line), CKR_DATA_INVALID);
    kk_buffer_clear(&text);
}

/* What is not known to the standard never becomes part of a program. */
static void foreign_words_stay_out(void **state)
{
    (void)state;
    static const char *const bad[] = {
        HEAD "C_SessionCancel(hSession=0x1, flags=system) = CKR_OK (1.0 us)",
        HEAD "C_SignInit(hSession=0x1, pMechanism=CKM_NO_SUCH, hKey=0x1) = CKR_OK (1.0 us)",
        HEAD "C_FindObjectsInit(hSession=0x1, pTemplate=[evil=true]) = CKR_OK (1.0 us)",
        HEAD
        "C_FindObjectsInit(hSession=0x1, pTemplate=[CKA_ID=<99999999999 bytes>]) = CKR_OK (1.0 us)",
        HEAD "C_WaitForSlotEvent(flags=0x0, pSlot=<room>, pReserved=NULL) = CKR_OK (1.0 us)",
        HEAD "C_Logout() = CKR_OK (1.0 us)",
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(bad); i++) {
        struct kk_trace_c counts = {0};
        struct kk_buffer out = {0};
        assert_int_equal(kk_trace_to_c(span(bad[i]), &counts, &out), CKR_OK);
        assert_int_equal(counts.left, 1);
        assert_int_equal(counts.calls, 0);
        kk_buffer_clear(&out);
    }
}

static void one_process_is_chosen(void **state)
{
    (void)state;
    static const char text[] =
        "# a remark\n" HEAD "C_Logout(hSession=0x1) = CKR_OK (3.0 us)\n"
        "2026-11-23 01:52:03.123456 [13.13] C_Logout(hSession=0x1) = CKR_OK (3.0 us)\n"
        "broken\n\n";
    struct kk_trace_c counts = {0}, second = {.pid = 13};
    struct kk_buffer out = {0};
    assert_int_equal(kk_trace_to_c(KK_SPAN_TEXT(text), &counts, &out), CKR_OK);
    assert_int_equal(counts.pid, 12);
    assert_int_equal(counts.calls, 1);
    assert_int_equal(counts.others, 1);
    assert_int_equal(counts.damaged, 1);
    kk_buffer_put_u8(&out, 0);
    assert_non_null(strstr((const char *)out.data, "CALL(C_Logout, session(1UL))"));
    kk_buffer_clear(&out);
    assert_int_equal(kk_trace_to_c(KK_SPAN_TEXT(text), &second, &out), CKR_OK);
    assert_int_equal(second.calls, 1);
    kk_buffer_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_understood),     cmocka_unit_test(values_are_what_they_were),
        cmocka_unit_test(damaged_lines_do_no_harm), cmocka_unit_test(nesting_has_an_end),
        cmocka_unit_test(foreign_words_stay_out),   cmocka_unit_test(one_process_is_chosen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
