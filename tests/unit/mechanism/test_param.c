/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copying parameters: every byte that the layout names and not one more (the caller's memory ends
 * at a guard page), nothing of the caller's left in the copy, refusals, moving.
 */
#include "fixture.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE ((size_t)4096)

/* One page that can be read, and one behind it that cannot. */
static uint8_t *guarded;

/* `len` bytes that end where reading on would crash. */
static void *at_guard(const void *data, size_t len)
{
    uint8_t *at = guarded + PAGE - len;
    if (len > 0) {
        memcpy(at, data, len);
    }
    return at;
}

static int set_up_guard(void **state)
{
    guarded = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (guarded == MAP_FAILED || mprotect(guarded + PAGE, PAGE, PROT_NONE) != 0) {
        return -1;
    }
    return set_up(state);
}

static int tear_down_guard(void **state)
{
    munmap(guarded, 2 * PAGE);
    return tear_down(state);
}

static void expect_absent(enum kk_param_shape shape, const void *data, CK_ULONG len)
{
    struct kk_param param;
    memset(&param, 0xa5, sizeof param);
    assert_ok(kk_param_copy(shape, data, len, &param));
    assert_false(param.present);
    assert_null(param.data);
    assert_int_equal(param.len, 0);
    kk_param_clear(&param);
}

static void expect_invalid(enum kk_param_shape shape, const void *data, CK_ULONG len)
{
    struct kk_param param;
    memset(&param, 0xa5, sizeof param);
    assert_rv(kk_param_copy(shape, data, len, &param), CKR_MECHANISM_PARAM_INVALID);
    assert_false(param.present);
    assert_null(param.heap);
    kk_param_clear(&param);
}

static void test_absent_parameters(void **state)
{
    (void)state;
    for (int shape = KK_PARAM_NONE; shape < KK_PARAM_COUNT; shape++) {
        expect_absent((enum kk_param_shape)shape, NULL, 0);
        expect_absent((enum kk_param_shape)shape, "", 0);
    }
}

static void test_a_parameter_where_there_is_none_is_ignored_unread(void **state)
{
    (void)state;
    expect_absent(KK_PARAM_NONE, guarded + PAGE, 16);
    expect_absent(KK_PARAM_NONE, NULL, 16);
    expect_absent(KK_PARAM_NONE, guarded, CK_UNAVAILABLE_INFORMATION);
}

static void test_null_with_a_length_and_wrong_lengths_are_refused(void **state)
{
    static uint8_t zeros[1024];
    (void)state;
    for (int i = KK_PARAM_BYTES; i < KK_PARAM_COUNT; i++) {
        enum kk_param_shape shape = (enum kk_param_shape)i;
        const struct kk_param_layout *layout = kk_param_layout(shape);
        expect_invalid(shape, NULL, 16);
        expect_invalid(shape, zeros, CK_UNAVAILABLE_INFORMATION);
        if (layout != NULL) {
            expect_invalid(shape, zeros, layout->size - 1);
            expect_invalid(shape, zeros, layout->size + 1);
            expect_invalid(shape, zeros, layout->size * 2);
        }
    }
}

static void test_all_zero_structures_are_copied(void **state)
{
    static const uint8_t zeros[1024];
    (void)state;
    for (int i = KK_PARAM_ULONG; i < KK_PARAM_COUNT; i++) {
        const struct kk_param_layout *layout = kk_param_layout((enum kk_param_shape)i);
        struct kk_param param;
        assert_true(layout->size <= sizeof zeros);
        assert_ok(kk_param_copy((enum kk_param_shape)i, at_guard(zeros, layout->size), layout->size,
                                &param));
        assert_true(param.present);
        assert_int_equal(param.len, layout->size);
        assert_memory_equal(param.data, zeros, layout->size);
        kk_param_clear(&param);
    }
}

static void test_bytes_and_numbers(void **state)
{
    struct kk_param param;
    static uint8_t iv[3000];
    CK_ULONG number = 12345;
    (void)state;
    memset(iv, 7, sizeof iv);
    for (size_t len = 1; len <= sizeof iv; len += 77) {
        assert_ok(kk_param_copy(KK_PARAM_BYTES, at_guard(iv, len), len, &param));
        assert_int_equal(param.len, len);
        assert_memory_equal(param.data, iv, len);
        kk_param_clear(&param);
    }
    assert_ok(
        kk_param_copy(KK_PARAM_ULONG, at_guard(&number, sizeof number), sizeof number, &param));
    assert_int_equal(*(const CK_ULONG *)param.data, 12345);
    kk_param_clear(&param);
    expect_invalid(KK_PARAM_ULONG, &number, sizeof number / 2);
}

/* A number at an odd address is read all the same. */
static void test_unaligned_memory_is_read(void **state)
{
    CK_ULONG number = 0x01020304;
    uint8_t memory[sizeof number + 1];
    struct kk_param param;
    (void)state;
    memcpy(memory + 1, &number, sizeof number);
    assert_ok(kk_param_copy(KK_PARAM_ULONG, memory + 1, sizeof number, &param));
    assert_int_equal((uintptr_t)param.data % 8, 0);
    assert_int_equal(*(const CK_ULONG *)param.data, number);
    kk_param_clear(&param);
}

static bool lies_in(const struct kk_param *param, const void *pointer)
{
    const uint8_t *at = pointer;
    return at >= param->inline_ && at < param->inline_ + KK_PARAM_INLINE;
}

/* GCM with an IV and data of a given length; the caller's memory is gone when the copy is looked
 * at. */
static void gcm_round(size_t aad_len)
{
    struct kk_param param;
    struct kk_param moved;
    uint8_t iv[12];
    uint8_t *aad = malloc(aad_len + 1);
    uint8_t *want = malloc(aad_len + 1);
    assert_true(aad != NULL && want != NULL);
    memset(iv, 0x11, sizeof iv);
    memset(aad, 0x22, aad_len + 1);
    memset(want, 0x22, aad_len + 1);
    CK_GCM_PARAMS gcm = {iv, sizeof iv, 96, aad, aad_len, 128};
    assert_ok(kk_param_copy(KK_PARAM_GCM, &gcm, sizeof gcm, &param));
    memset(iv, 0, sizeof iv);
    memset(aad, 0, aad_len + 1);
    free(aad);
    memset(&gcm, 0, sizeof gcm);

    kk_param_move(&moved, &param);
    assert_false(param.present);
    assert_null(param.heap);
    assert_int_equal(param.used, 0);
    memset(&param, 0xee, sizeof param);

    const CK_GCM_PARAMS *copy = moved.data;
    assert_true(lies_in(&moved, copy));
    assert_true(lies_in(&moved, copy->pIv));
    assert_int_equal(copy->ulIvLen, 12);
    assert_int_equal(copy->pIv[0], 0x11);
    assert_int_equal(copy->pIv[11], 0x11);
    assert_int_equal(copy->ulAADLen, aad_len);
    assert_int_equal(copy->ulTagBits, 128);
    assert_int_equal(copy->pAAD == NULL, aad_len == 0);
    assert_int_equal(lies_in(&moved, copy->pAAD), aad_len > 0 && aad_len <= 400);
    assert_true(aad_len == 0 || memcmp(copy->pAAD, want, aad_len) == 0);
    kk_param_clear(&moved);
    free(want);
}

static void test_pointers_lie_in_the_copy_and_survive_a_move(void **state)
{
    static const size_t lengths[] = {0, 1, 15, 16, 17, 100, 400, 500, 512, 513, 5000, 1 << 20};
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(lengths); i++) {
        gcm_round(lengths[i]);
    }
}

static void test_null_pointers_with_a_length_are_refused(void **state)
{
    uint8_t iv[12] = {0};
    CK_GCM_PARAMS gcm = {NULL, 12, 96, NULL, 0, 128};
    (void)state;
    expect_invalid(KK_PARAM_GCM, &gcm, sizeof gcm);
    gcm = (CK_GCM_PARAMS){iv, 12, 96, NULL, 5, 128};
    expect_invalid(KK_PARAM_GCM, &gcm, sizeof gcm);
    gcm = (CK_GCM_PARAMS){iv, CK_UNAVAILABLE_INFORMATION, 96, NULL, 0, 128};
    expect_invalid(KK_PARAM_GCM, &gcm, sizeof gcm);
    gcm = (CK_GCM_PARAMS){iv, (CK_ULONG)1 << (sizeof(CK_ULONG) * 8 - 1), 96, NULL, 0, 128};
    expect_invalid(KK_PARAM_GCM, &gcm, sizeof gcm);
}

static void test_only_as_many_bytes_as_the_length_says_are_read(void **state)
{
    struct kk_param param;
    uint8_t data[300];
    (void)state;
    memset(data, 9, sizeof data);
    for (size_t len = 1; len <= sizeof data; len++) {
        CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED,
                                        at_guard(data, len), len};
        assert_ok(kk_param_copy(KK_PARAM_RSA_PKCS_OAEP, &oaep, sizeof oaep, &param));
        const CK_RSA_PKCS_OAEP_PARAMS *copy = param.data;
        assert_memory_equal(copy->pSourceData, data, len);
        kk_param_clear(&param);
    }
}

/* ulIvBits may hold anything: clients leave it uninitialised. */
static void test_gcm_iv_bits_are_never_a_length(void **state)
{
    struct kk_param param;
    uint8_t iv[12] = {1, 2, 3};
    CK_GCM_PARAMS gcm = {iv, 0, 9999999, NULL, 0, 128};
    (void)state;
    assert_ok(kk_param_copy(KK_PARAM_GCM, &gcm, sizeof gcm, &param));
    assert_int_equal(((const CK_GCM_PARAMS *)param.data)->ulIvLen, 0);
    kk_param_clear(&param);
    gcm.ulIvLen = sizeof iv;
    assert_ok(kk_param_copy(KK_PARAM_GCM, &gcm, sizeof gcm, &param));
    assert_memory_equal(((const CK_GCM_PARAMS *)param.data)->pIv, iv, sizeof iv);
    kk_param_clear(&param);
}

static void test_nested_structures_are_copied_and_moved(void **state)
{
    struct kk_param param;
    struct kk_param moved;
    uint8_t label[] = {'l', 'a', 'b', 'e', 'l'};
    CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, label, 5};
    CK_RSA_AES_KEY_WRAP_PARAMS wrap = {256, &oaep};
    (void)state;
    assert_ok(kk_param_copy(KK_PARAM_RSA_AES_KEY_WRAP, &wrap, sizeof wrap, &param));
    memset(&oaep, 0, sizeof oaep);
    memset(label, 0, sizeof label);
    kk_param_move(&moved, &param);
    const CK_RSA_AES_KEY_WRAP_PARAMS *copy = moved.data;
    assert_int_equal(copy->ulAESKeyBits, 256);
    assert_true(lies_in(&moved, copy->pOAEPParams));
    assert_int_equal(copy->pOAEPParams->hashAlg, CKM_SHA256);
    assert_true(lies_in(&moved, copy->pOAEPParams->pSourceData));
    assert_memory_equal(copy->pOAEPParams->pSourceData, "label", 5);
    kk_param_clear(&moved);
    wrap.pOAEPParams = NULL;
    assert_ok(kk_param_copy(KK_PARAM_RSA_AES_KEY_WRAP, &wrap, sizeof wrap, &param));
    kk_param_clear(&param);
}

static void test_lengths_behind_pointers(void **state)
{
    struct kk_param param;
    struct kk_param moved;
    uint8_t output[20];
    CK_ULONG output_len = sizeof output;
    CK_TLS_PRF_PARAMS prf = {(CK_BYTE_PTR) "seed", 4, (CK_BYTE_PTR) "label", 5, output,
                             &output_len};
    (void)state;
    memset(output, 0x33, sizeof output);
    assert_ok(kk_param_copy(KK_PARAM_TLS_PRF, &prf, sizeof prf, &param));
    output_len = 99;
    kk_param_move(&moved, &param);
    const CK_TLS_PRF_PARAMS *copy = moved.data;
    assert_true(lies_in(&moved, copy->pulOutputLen));
    assert_int_equal(*copy->pulOutputLen, 20);
    assert_true(lies_in(&moved, copy->pOutput));
    /* What the module writes is not read. */
    assert_int_equal(copy->pOutput[0], 0);
    assert_memory_equal(copy->pLabel, "label", 5);
    kk_param_clear(&moved);
    prf.pulOutputLen = NULL;
    expect_invalid(KK_PARAM_TLS_PRF, &prf, sizeof prf);
    output_len = CK_UNAVAILABLE_INFORMATION;
    prf.pulOutputLen = &output_len;
    expect_invalid(KK_PARAM_TLS_PRF, &prf, sizeof prf);
}

static void test_lengths_in_the_structure_around(void **state)
{
    struct kk_param param;
    CK_SSL3_KEY_MAT_OUT material = {0};
    CK_SSL3_KEY_MAT_PARAMS mat = {.ulIVSizeInBits = 65, .pReturnedKeyMaterial = &material};
    uint8_t ivs[18];
    (void)state;
    material.pIVClient = ivs;
    expect_invalid(KK_PARAM_SSL3_KEY_MAT, &mat, sizeof mat);
    material.pIVServer = ivs + 9;
    assert_ok(kk_param_copy(KK_PARAM_SSL3_KEY_MAT, &mat, sizeof mat, &param));
    const CK_SSL3_KEY_MAT_PARAMS *copy = param.data;
    assert_true(lies_in(&param, copy->pReturnedKeyMaterial));
    assert_true(lies_in(&param, copy->pReturnedKeyMaterial->pIVClient));
    /* Handles that the module gives out are no keys to look up. */
    assert_int_equal(param.key_count, 0);
    kk_param_clear(&param);
    material.pIVServer = NULL;
    material.pIVClient = NULL;
    mat.ulIVSizeInBits = 0;
    assert_ok(kk_param_copy(KK_PARAM_SSL3_KEY_MAT, &mat, sizeof mat, &param));
    kk_param_clear(&param);
}

/* The IVs' length may be anything then, and nothing is written to their places. */
static void test_key_material_without_ivs(void **state)
{
    struct kk_param param;
    uint8_t iv[4] = {1, 2, 3, 4};
    CK_SSL3_KEY_MAT_OUT material = {.pIVClient = iv};
    CK_TLS12_KEY_MAT_PARAMS mat = {.ulIVSizeInBits = CK_UNAVAILABLE_INFORMATION,
                                   .pReturnedKeyMaterial = &material};
    (void)state;
    expect_invalid(KK_PARAM_TLS12_KEY_MAT, &mat, sizeof mat);
    assert_ok(kk_param_copy(KK_PARAM_TLS12_KEY_SAFE, &mat, sizeof mat, &param));
    const CK_TLS12_KEY_MAT_PARAMS *copy = param.data;
    assert_null(copy->pReturnedKeyMaterial->pIVClient);
    copy->pReturnedKeyMaterial->hServerKey = 77;
    kk_param_give_back(&param);
    kk_param_clear(&param);
    assert_int_equal(material.hServerKey, 77);
    assert_ptr_equal(material.pIVClient, iv);
    assert_memory_equal(iv, "\1\2\3\4", sizeof iv);
}

static void test_no_bytes_and_no_pointer(void **state)
{
    struct kk_param param;
    struct kk_param moved;
    uint8_t context[1] = {0};
    CK_TLS_KDF_PARAMS kdf = {.prfMechanism = CKM_SHA256};
    (void)state;
    assert_ok(kk_param_copy(KK_PARAM_TLS_KDF, &kdf, sizeof kdf, &param));
    assert_null(((const CK_TLS_KDF_PARAMS *)param.data)->pContextData);
    kk_param_clear(&param);
    kdf.pContextData = context;
    assert_ok(kk_param_copy(KK_PARAM_TLS_KDF, &kdf, sizeof kdf, &param));
    kk_param_move(&moved, &param);
    assert_non_null(((const CK_TLS_KDF_PARAMS *)moved.data)->pContextData);
    assert_ptr_not_equal(((const CK_TLS_KDF_PARAMS *)moved.data)->pContextData, context);
    kk_param_clear(&moved);
    kdf.pContextData = NULL;
    kdf.ulContextDataLength = 1;
    expect_invalid(KK_PARAM_TLS_KDF, &kdf, sizeof kdf);
}

static void test_arrays_variants_and_handles(void **state)
{
    struct kk_param param;
    struct kk_param moved;
    CK_SP800_108_COUNTER_FORMAT counter = {CK_FALSE, 32};
    CK_OBJECT_HANDLE handle = 77;
    CK_PRF_DATA_PARAM data[] = {
        {CK_SP800_108_ITERATION_VARIABLE, &counter, sizeof counter},
        {CK_SP800_108_BYTE_ARRAY, (void *)(uintptr_t)"label", 5},
        {CK_SP800_108_KEY_HANDLE, &handle, sizeof handle},
    };
    CK_SP800_108_KDF_PARAMS kdf = {
        .prfType = CKM_SHA256_HMAC, .ulNumberOfDataParams = 3, .pDataParams = data};
    (void)state;
    assert_ok(kk_param_copy(KK_PARAM_SP800_108_KDF, &kdf, sizeof kdf, &param));
    assert_int_equal(param.key_count, 1);
    assert_int_equal(param.handles[0], 77);
    kk_param_move(&moved, &param);
    const CK_SP800_108_KDF_PARAMS *copy = moved.data;
    assert_true(lies_in(&moved, copy->pDataParams));
    for (size_t i = 0; i < 3; i++) {
        assert_true(lies_in(&moved, copy->pDataParams[i].pValue));
    }
    assert_memory_equal(copy->pDataParams[1].pValue, "label", 5);
    assert_int_equal(moved.handles[0], 77);
    kk_param_clear(&moved);

    data[0].ulValueLen = sizeof counter - 1;
    expect_invalid(KK_PARAM_SP800_108_KDF, &kdf, sizeof kdf);
    data[0].ulValueLen = sizeof counter;
    kdf.ulNumberOfDataParams = ~0UL / 8; /* times the size of one: overflows */
    expect_invalid(KK_PARAM_SP800_108_KDF, &kdf, sizeof kdf);
    kdf.pDataParams = NULL;
    kdf.ulNumberOfDataParams = 1;
    expect_invalid(KK_PARAM_SP800_108_KDF, &kdf, sizeof kdf);
}

static void test_more_handles_than_there_is_room_for_are_refused(void **state)
{
    CK_OBJECT_HANDLE handle = 1;
    CK_PRF_DATA_PARAM data[KK_PARAM_KEYS + 1];
    CK_SP800_108_KDF_PARAMS kdf = {.pDataParams = data, .ulNumberOfDataParams = KK_PARAM_KEYS};
    struct kk_param param;
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(data); i++) {
        data[i] = (CK_PRF_DATA_PARAM){CK_SP800_108_KEY_HANDLE, &handle, sizeof handle};
    }
    assert_ok(kk_param_copy(KK_PARAM_SP800_108_KDF, &kdf, sizeof kdf, &param));
    assert_int_equal(param.key_count, KK_PARAM_KEYS);
    kk_param_clear(&param);
    kdf.ulNumberOfDataParams++;
    expect_invalid(KK_PARAM_SP800_108_KDF, &kdf, sizeof kdf);
}

static void test_texts_mechanisms_and_templates(void **state)
{
    struct kk_param param;
    CK_MECHANISM signing = {CKM_SHA256_RSA_PKCS, (void *)(uintptr_t)"raw", 3};
    char content[] = "1.2.840.113549.1.7.1";
    CK_CMS_SIG_PARAMS cms = {.certificateHandle = 5,
                             .pSigningMechanism = &signing,
                             .pContentType = (CK_UTF8CHAR_PTR)content};
    (void)state;
    assert_ok(kk_param_copy(KK_PARAM_CMS_SIG, &cms, sizeof cms, &param));
    memset(content, 'x', sizeof content - 1);
    const CK_CMS_SIG_PARAMS *copy = param.data;
    assert_string_equal((const char *)copy->pContentType, "1.2.840.113549.1.7.1");
    assert_int_equal(copy->pSigningMechanism->mechanism, CKM_SHA256_RSA_PKCS);
    assert_memory_equal(copy->pSigningMechanism->pParameter, "raw", 3);
    assert_null(copy->pDigestMechanism);
    assert_int_equal(param.handles[0], 5);
    kk_param_clear(&param);
    signing.pParameter = NULL;
    expect_invalid(KK_PARAM_CMS_SIG, &cms, sizeof cms);

    static char endless[8192];
    memset(endless, 'x', sizeof endless);
    cms = (CK_CMS_SIG_PARAMS){.pContentType = (CK_UTF8CHAR_PTR)endless};
    expect_invalid(KK_PARAM_CMS_SIG, &cms, sizeof cms);

    CK_ATTRIBUTE template[] = {{CKA_LABEL, (void *)(uintptr_t)"name", 4}, {CKA_TOKEN, NULL, 0}};
    CK_DERIVED_KEY derived = {.pTemplate = template, .ulAttributeCount = 2};
    CK_SP800_108_KDF_PARAMS kdf = {.ulAdditionalDerivedKeys = 1,
                                   .pAdditionalDerivedKeys = &derived};
    assert_ok(kk_param_copy(KK_PARAM_SP800_108_KDF, &kdf, sizeof kdf, &param));
    const CK_DERIVED_KEY *keys =
        ((const CK_SP800_108_KDF_PARAMS *)param.data)->pAdditionalDerivedKeys;
    assert_memory_equal(keys->pTemplate[0].pValue, "name", 4);
    kk_param_clear(&param);
    template[0].ulValueLen = CK_UNAVAILABLE_INFORMATION;
    expect_invalid(KK_PARAM_SP800_108_KDF, &kdf, sizeof kdf);
}

static void test_pointers_of_unknown_length_are_not_kept(void **state)
{
    struct kk_param param;
    CK_X3DH_INITIATE_PARAMS x3dh = {.pPrekey_signature = guarded + PAGE};
    (void)state;
    assert_ok(kk_param_copy(KK_PARAM_X3DH_INITIATE, &x3dh, sizeof x3dh, &param));
    assert_null(((const CK_X3DH_INITIATE_PARAMS *)param.data)->pPrekey_signature);
    kk_param_clear(&param);
}

/* Random structures of every shape: numbers, lengths up to 40 and pointers to the end of the
 * guarded page or to nothing. Whatever comes of it, nothing outside is read and nothing leaks. */
static void random_structure(const struct kk_param_layout *layout, uint8_t *self, int depth);

static uint64_t seed = 20260101;

/* Numbers that are the same in every run. */
static unsigned long next_number(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned long)(seed >> 33);
}

static uint8_t pool[16384];
static size_t pool_used;

static void *from_pool(size_t len)
{
    pool_used = (pool_used + 15) / 16 * 16;
    if (pool_used + len > sizeof pool) {
        return NULL;
    }
    void *at = pool + pool_used;
    pool_used += len;
    return at;
}

static void random_pointer(const struct kk_param_field *field, uint8_t *self, int depth)
{
    void *value = next_number() % 4 == 0 ? NULL : guarded + PAGE - 40;
    if (field->nested != NULL && next_number() % 4 != 0 && depth < 3) {
        uint8_t *array = from_pool(field->nested->size * 8);
        for (size_t i = 0; array != NULL && i < 8; i++) {
            random_structure(field->nested, array + i * field->nested->size, depth + 1);
        }
        value = array;
    } else if (field->nested != NULL || field->kind == KK_FIELD_MECHANISM ||
               field->kind == KK_FIELD_TEMPLATE || field->kind == KK_FIELD_VARIANT) {
        value = NULL;
    } else if (field->kind == KK_FIELD_ULONG_POINTER && value != NULL) {
        CK_ULONG number = next_number() % 40;
        value = from_pool(sizeof number);
        if (value != NULL) {
            memcpy(value, &number, sizeof number);
        }
    }
    memcpy(self + field->offset, &value, sizeof value);
}

static void random_structure(const struct kk_param_layout *layout, uint8_t *self, int depth)
{
    for (size_t i = 0; i < layout->count; i++) {
        const struct kk_param_field *field = &layout->fields[i];
        CK_ULONG number = next_number() % (depth == 0 ? 40 : 8);
        if (field->kind == KK_FIELD_STRUCT) {
            random_structure(field->nested, self + field->offset, depth);
        } else if (field->kind == KK_FIELD_ULONG || field->kind == KK_FIELD_LENGTH ||
                   field->kind == KK_FIELD_HANDLE) {
            number = field->kind == KK_FIELD_LENGTH && number > 8 ? number % 8 : number;
            memcpy(self + field->offset, &number, sizeof number);
        } else if (field->kind != KK_FIELD_BOOL && field->kind != KK_FIELD_BYTES) {
            random_pointer(field, self, depth);
        }
    }
}

static void test_random_structures_do_no_harm(void **state)
{
    static uint8_t self[1024];
    size_t good = 0;
    (void)state;
    for (int round = 0; round < 20000; round++) {
        enum kk_param_shape shape = (enum kk_param_shape)(
            KK_PARAM_ULONG + next_number() % (KK_PARAM_COUNT - KK_PARAM_ULONG));
        const struct kk_param_layout *layout = kk_param_layout(shape);
        struct kk_param param;
        struct kk_param moved;
        memset(self, 0, sizeof self);
        memset(guarded, 'a', PAGE);
        pool_used = 0;
        random_structure(layout, self, 0);
        CK_RV rv = kk_param_copy(shape, at_guard(self, layout->size), layout->size, &param);
        assert_true(rv == CKR_OK || rv == CKR_MECHANISM_PARAM_INVALID);
        if (rv == CKR_OK) {
            memset(guarded, 'b', PAGE);
            kk_param_move(&moved, &param);
            kk_param_clear(&moved);
            good++;
        }
        kk_param_clear(&param);
    }
    assert_true(good > 5000);
}

static void test_no_memory_is_said(void **state)
{
    static uint8_t aad[2000];
    uint8_t iv[12] = {0};
    CK_GCM_PARAMS gcm = {iv, 12, 96, aad, sizeof aad, 128};
    struct kk_param param;
    (void)state;
    kk_alloc_fail_at(1);
    assert_rv(kk_param_copy(KK_PARAM_GCM, &gcm, sizeof gcm, &param), CKR_HOST_MEMORY);
    kk_alloc_fail_at(0);
    assert_false(param.present);
    kk_param_clear(&param);
}

static void test_usual_parameters_allocate_nothing_and_are_wiped(void **state)
{
    uint8_t iv[12] = {1};
    uint8_t aad[64] = {2};
    static const uint8_t zeros[KK_PARAM_INLINE];
    CK_GCM_PARAMS gcm = {iv, 12, 96, aad, sizeof aad, 128};
    struct kk_param param = {0};
    (void)state;
    unsigned long before = kk_alloc_count();
    assert_ok(kk_param_copy(KK_PARAM_GCM, &gcm, sizeof gcm, &param));
    assert_int_equal(kk_alloc_count(), before);
    kk_param_clear(&param);
    assert_memory_equal(param.inline_, zeros, sizeof zeros);
}

static void test_clear_drops_the_keys(void **state)
{
    CK_OBJECT_HANDLE handle = 5;
    struct kk_param param = {0};
    struct kk_key *key = secret_key(KK_SPAN_TEXT("k"));
    (void)state;
    assert_ok(kk_param_copy(KK_PARAM_HANDLE, &handle, sizeof handle, &param));
    assert_null(kk_param_key(&param, 0));
    param.keys[0] = kk_key_ref(key);
    assert_ptr_equal(kk_param_key(&param, 0), key);
    kk_param_clear(&param);
    assert_null(kk_param_key(&param, 0));
    kk_key_unref(key);
    kk_param_clear(&param);
}

/* Outputs inside of structures, behind pointers, and whole structures; what else the caller has
 * stays as it is. */
static void test_outputs_go_back_and_nothing_else(void **state)
{
    CK_BYTE client[2] = {1, 2};
    CK_BYTE server[2] = {3, 4};
    CK_SSL3_KEY_MAT_OUT out = {.hClientKey = 77, .pIVClient = client, .pIVServer = server};
    CK_SSL3_KEY_MAT_PARAMS mat = {.ulIVSizeInBits = 16, .pReturnedKeyMaterial = &out};
    struct kk_param param;
    (void)state;
    assert_ok(kk_param_copy(KK_PARAM_SSL3_KEY_MAT, &mat, sizeof mat, &param));
    const CK_SSL3_KEY_MAT_PARAMS *copy = param.data;
    CK_SSL3_KEY_MAT_OUT *ours = copy->pReturnedKeyMaterial;
    assert_ptr_not_equal(ours, &out);
    assert_ptr_not_equal(ours->pIVClient, client);
    ours->hClientMacSecret = 4711;
    ours->hClientKey = 4712;
    memcpy(ours->pIVClient, "ab", 2);
    kk_param_give_back_one(&param, ours->pIVClient);
    assert_memory_equal(client, "ab", 2);
    assert_int_equal(out.hClientKey, 77);
    kk_param_give_back(&param);
    assert_int_equal(out.hClientMacSecret, 4711);
    assert_int_equal(out.hClientKey, 4712);
    assert_ptr_equal(out.pIVClient, client);
    assert_ptr_equal(out.pIVServer, server);
    assert_ptr_equal(mat.pReturnedKeyMaterial, &out);
    assert_int_equal(mat.ulIVSizeInBits, 16);
    kk_param_clear(&param);
}

static void test_a_structure_that_is_an_output_goes_back_whole(void **state)
{
    CK_VERSION version = {9, 9};
    CK_SSL3_MASTER_KEY_DERIVE_PARAMS derive = {.pVersion = &version};
    struct kk_param param;
    (void)state;
    assert_ok(kk_param_copy(KK_PARAM_SSL3_MASTER_KEY_DERIVE, &derive, sizeof derive, &param));
    const CK_SSL3_MASTER_KEY_DERIVE_PARAMS *copy = param.data;
    *copy->pVersion = (CK_VERSION){3, 1};
    kk_param_give_back(&param);
    assert_int_equal(version.major, 3);
    assert_int_equal(version.minor, 1);
    kk_param_clear(&param);
}

/* After a move nothing goes back: the operation outlives the call that gave the memory. */
static void test_a_moved_parameter_gives_nothing_back(void **state)
{
    CK_VERSION version = {9, 9};
    CK_SSL3_MASTER_KEY_DERIVE_PARAMS derive = {.pVersion = &version};
    struct kk_param param;
    struct kk_param moved;
    (void)state;
    assert_ok(kk_param_copy(KK_PARAM_SSL3_MASTER_KEY_DERIVE, &derive, sizeof derive, &param));
    kk_param_move(&moved, &param);
    kk_param_give_back(&moved);
    assert_int_equal(version.major, 9);
    kk_param_clear(&moved);
}

static void test_nonces_are_measured_in_bits_or_bytes(void **state)
{
    static const struct {
        CK_ULONG said;
        size_t bytes;
    } lengths[] = {{8, 8}, {12, 12}, {24, 24}, {63, 63}, {64, 8}, {96, 12}, {192, 24}, {65, 9}};
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(lengths); i++) {
        uint8_t bytes[64] = {0};
        struct kk_param param;
        CK_SALSA20_CHACHA20_POLY1305_PARAMS params = {at_guard(bytes, lengths[i].bytes),
                                                      lengths[i].said, NULL, 0};
        assert_ok(
            kk_param_copy(KK_PARAM_SALSA20_CHACHA20_POLY1305, &params, sizeof params, &param));
        kk_param_clear(&param);
    }
}

static void test_both_password_structures_are_told_apart(void **state)
{
    CK_UTF8CHAR password[] = "password";
    CK_ULONG len = 8;
    CK_PKCS5_PBKD2_PARAMS old = {.pPassword = password, .ulPasswordLen = &len};
    CK_PKCS5_PBKD2_PARAMS2 fresh = {.pPassword = password, .ulPasswordLen = 8};
    struct kk_param param;
    (void)state;
    assert_ok(kk_param_copy(KK_PARAM_PKCS5_PBKD2_PARAMS2, &old, sizeof old, &param));
    assert_int_equal(param.shape, KK_PARAM_PKCS5_PBKD2);
    const CK_PKCS5_PBKD2_PARAMS *copy = param.data;
    assert_int_equal(*copy->ulPasswordLen, 8);
    assert_memory_equal(copy->pPassword, "password", 8);
    kk_param_clear(&param);
    assert_ok(kk_param_copy(KK_PARAM_PKCS5_PBKD2_PARAMS2, &fresh, sizeof fresh, &param));
    assert_int_equal(param.shape, KK_PARAM_PKCS5_PBKD2_PARAMS2);
    kk_param_clear(&param);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absent_parameters),
        cmocka_unit_test(test_a_parameter_where_there_is_none_is_ignored_unread),
        cmocka_unit_test(test_null_with_a_length_and_wrong_lengths_are_refused),
        cmocka_unit_test(test_all_zero_structures_are_copied),
        cmocka_unit_test(test_bytes_and_numbers),
        cmocka_unit_test(test_unaligned_memory_is_read),
        cmocka_unit_test(test_pointers_lie_in_the_copy_and_survive_a_move),
        cmocka_unit_test(test_null_pointers_with_a_length_are_refused),
        cmocka_unit_test(test_only_as_many_bytes_as_the_length_says_are_read),
        cmocka_unit_test(test_gcm_iv_bits_are_never_a_length),
        cmocka_unit_test(test_nested_structures_are_copied_and_moved),
        cmocka_unit_test(test_lengths_behind_pointers),
        cmocka_unit_test(test_lengths_in_the_structure_around),
        cmocka_unit_test(test_key_material_without_ivs),
        cmocka_unit_test(test_no_bytes_and_no_pointer),
        cmocka_unit_test(test_arrays_variants_and_handles),
        cmocka_unit_test(test_more_handles_than_there_is_room_for_are_refused),
        cmocka_unit_test(test_texts_mechanisms_and_templates),
        cmocka_unit_test(test_pointers_of_unknown_length_are_not_kept),
        cmocka_unit_test(test_random_structures_do_no_harm),
        cmocka_unit_test(test_no_memory_is_said),
        cmocka_unit_test(test_usual_parameters_allocate_nothing_and_are_wiped),
        cmocka_unit_test(test_clear_drops_the_keys),
        cmocka_unit_test(test_outputs_go_back_and_nothing_else),
        cmocka_unit_test(test_a_structure_that_is_an_output_goes_back_whole),
        cmocka_unit_test(test_a_moved_parameter_gives_nothing_back),
        cmocka_unit_test(test_nonces_are_measured_in_bits_or_bytes),
        cmocka_unit_test(test_both_password_structures_are_told_apart),
    };
    return cmocka_run_group_tests_name("param", tests, set_up_guard, tear_down_guard);
}
