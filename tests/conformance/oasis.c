/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The test cases of "PKCS #11 Profiles", as tables: which calls follow one another, with what, and
 * what must come out. Each row of `cases` is one of them, from C_Initialize to C_Finalize, with
 * nothing in between that the case does not have.
 *
 * A case is written down from one token. What its text lets vary is not compared; README.md lists
 * what else is taken for equal, and why.
 */
#include <string.h>

#include "oasis_data.h"
#include "ossl.h"

enum { MAX_FOUND = 8, MAX_LIST = 1024 };

/* One case under way. */
struct run {
    CK_ULONG prepared; /* public token objects that were made for it */
    CK_ULONG count;    /* the length that was asked for */
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE found[MAX_FOUND];
    CK_ULONG found_count;
    CK_OBJECT_HANDLE object; /* the one that the next calls are about */
};

struct step {
    const char *call;
    void (*run)(struct run *run, const struct step *step);
    CK_ULONG number; /* flags, a user, a mechanism, how many, an attribute */
    CK_ULONG wanted;
    const CK_BYTE *bytes;
    CK_ATTRIBUTE template[3];
    CK_ULONG attributes;
    CK_MECHANISM_INFO info;
};

/* A text of a structure: padded with blanks, not ended by a zero. */
static void expect_padded(const CK_UTF8CHAR *text, size_t size)
{
    EXPECT_TRUE(memchr(text, '\0', size) == NULL);
}

/* ---- library, slots and token ---- */

static void initialize(struct run *run, const struct step *step)
{
    (void)run;
    (void)step;
    EXPECT_OK(F->C_Initialize(NULL));
}

static void finalize(struct run *run, const struct step *step)
{
    (void)run;
    (void)step;
    EXPECT_OK(F->C_Finalize(NULL));
}

/* The version has a check of its own. */
static void library_info(struct run *run, const struct step *step)
{
    CK_INFO info;
    (void)run;
    memset(&info, 0, sizeof info);
    EXPECT_OK(F->C_GetInfo(&info));
    EXPECT_EQUAL(info.flags, step->number);
    expect_padded(info.manufacturerID, sizeof info.manufacturerID);
    expect_padded(info.libraryDescription, sizeof info.libraryDescription);
}

static void slot_count(struct run *run, const struct step *step)
{
    (void)step;
    run->count = 0;
    EXPECT_OK(F->C_GetSlotList(CK_TRUE, NULL, &run->count));
    EXPECT_TRUE(run->count > 0 && run->count <= MAX_LIST);
}

static void slot_list(struct run *run, const struct step *step)
{
    static CK_SLOT_ID slots[MAX_LIST];
    CK_ULONG count = run->count;
    bool listed = false;
    (void)step;
    EXPECT_OK(F->C_GetSlotList(CK_TRUE, slots, &count));
    EXPECT_EQUAL(count, run->count);
    for (CK_ULONG i = 0; i < count; i++)
        listed = listed || slots[i] == env.slot;
    EXPECT_TRUE(listed);
}

static void slot_info(struct run *run, const struct step *step)
{
    CK_SLOT_INFO info;
    (void)run;
    memset(&info, 0, sizeof info);
    EXPECT_OK(F->C_GetSlotInfo(env.slot, &info));
    EXPECT_EQUAL(info.flags & ~(CK_FLAGS)(CKF_REMOVABLE_DEVICE | CKF_HW_SLOT), step->number);
    expect_padded(info.slotDescription, sizeof info.slotDescription);
    expect_padded(info.manufacturerID, sizeof info.manufacturerID);
}

/* PINs as they were set, never missed: none of the flags that say otherwise. */
enum {
    PIN_TROUBLE = CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED |
                  CKF_USER_PIN_TO_BE_CHANGED | CKF_SO_PIN_COUNT_LOW | CKF_SO_PIN_FINAL_TRY |
                  CKF_SO_PIN_LOCKED | CKF_WRITE_PROTECTED,
};

static bool is_unavailable_or(CK_ULONG got, CK_ULONG wanted)
{
    return got == wanted || got == CK_UNAVAILABLE_INFORMATION;
}

static void expect_token_text(const CK_TOKEN_INFO *info)
{
    expect_padded(info->label, sizeof info->label);
    expect_padded(info->manufacturerID, sizeof info->manufacturerID);
    expect_padded(info->model, sizeof info->model);
    expect_padded(info->serialNumber, sizeof info->serialNumber);
    for (size_t i = 0; (info->flags & CKF_CLOCK_ON_TOKEN) != 0 && i < sizeof info->utcTime; i++)
        EXPECT_TRUE(info->utcTime[i] >= '0' && info->utcTime[i] <= '9');
}

/* No session is open yet. */
static void token_facts(struct run *run, const struct step *step)
{
    CK_TOKEN_INFO info;
    (void)run;
    memset(&info, 0, sizeof info);
    EXPECT_OK(F->C_GetTokenInfo(env.slot, &info));
    EXPECT_EQUAL(info.flags & step->number, step->number);
    EXPECT_EQUAL(info.flags & PIN_TROUBLE, 0);
    EXPECT_TRUE(is_unavailable_or(info.ulSessionCount, 0));
    EXPECT_TRUE(is_unavailable_or(info.ulRwSessionCount, 0));
    EXPECT_TRUE(info.ulMinPinLen <= sizeof USER_PIN - 1 && sizeof USER_PIN - 1 <= info.ulMaxPinLen);
    EXPECT_TRUE(info.ulFreePublicMemory <= info.ulTotalPublicMemory);
    EXPECT_TRUE(info.ulFreePrivateMemory <= info.ulTotalPrivateMemory);
    expect_token_text(&info);
}

/* ---- mechanisms ---- */

static void mechanism_count(struct run *run, const struct step *step)
{
    (void)step;
    run->count = 0;
    EXPECT_OK(F->C_GetMechanismList(env.slot, NULL, &run->count));
    EXPECT_TRUE(run->count > 0 && run->count <= MAX_LIST);
}

static void mechanism_list(struct run *run, const struct step *step)
{
    static const CK_MECHANISM_TYPE named[] = {CKM_SHA512, CKM_RSA_PKCS_KEY_PAIR_GEN, CKM_RSA_PKCS};
    static CK_MECHANISM_TYPE types[MAX_LIST];
    CK_ULONG count = run->count;
    (void)step;
    EXPECT_OK(F->C_GetMechanismList(env.slot, types, &count));
    EXPECT_EQUAL(count, run->count);
    for (size_t i = 0; i < COUNT(named); i++) {
        bool listed = false;
        for (CK_ULONG k = 0; k < count; k++)
            listed = listed || types[k] == named[i];
        if (!listed)
            check_fail(HERE, "mechanism 0x%lx is not in the list", named[i]);
    }
}

static void mechanism_info(struct run *run, const struct step *step)
{
    CK_MECHANISM_INFO info = {~0UL, ~0UL, 0};
    (void)run;
    EXPECT_OK(F->C_GetMechanismInfo(env.slot, step->number, &info));
    EXPECT_EQUAL(info.ulMinKeySize, step->info.ulMinKeySize);
    EXPECT_EQUAL(info.ulMaxKeySize, step->info.ulMaxKeySize);
    EXPECT_EQUAL(info.flags & step->info.flags, step->info.flags);
}

/* ---- sessions ---- */

static void open_it(struct run *run, const struct step *step)
{
    run->session = CK_INVALID_HANDLE;
    EXPECT_OK(F->C_OpenSession(env.slot, step->number, NULL, NULL, &run->session));
    EXPECT_TRUE(run->session != CK_INVALID_HANDLE);
}

static void log_in(struct run *run, const struct step *step)
{
    EXPECT_OK(F->C_Login(run->session, step->number, PIN(USER_PIN)));
}

static void log_out(struct run *run, const struct step *step)
{
    (void)step;
    EXPECT_OK(F->C_Logout(run->session));
}

static void close_it(struct run *run, const struct step *step)
{
    (void)step;
    EXPECT_OK(F->C_CloseSession(run->session));
}

/* None is open any more. */
static void close_all(struct run *run, const struct step *step)
{
    (void)run;
    (void)step;
    EXPECT_OK(F->C_CloseAllSessions(env.slot));
}

/* ---- objects ---- */

static void find_init(struct run *run, const struct step *step)
{
    CK_ATTRIBUTE template[COUNT(step->template)];
    memcpy(template, step->template, sizeof template);
    EXPECT_OK(F->C_FindObjectsInit(run->session, template, step->attributes));
}

static void expect_different(const struct run *run)
{
    for (CK_ULONG i = 0; i < run->found_count; i++) {
        EXPECT_TRUE(run->found[i] != CK_INVALID_HANDLE);
        for (CK_ULONG k = 0; k < i; k++)
            EXPECT_TRUE(run->found[i] != run->found[k]);
    }
}

/* As many as there are, at most `number`, and `wanted` at least. */
static void find(struct run *run, const struct step *step)
{
    CK_ULONG least = run->prepared < step->number ? run->prepared : step->number;
    memset(run->found, 0, sizeof run->found);
    run->found_count = 0;
    EXPECT_OK(F->C_FindObjects(run->session, run->found, step->number, &run->found_count));
    EXPECT_TRUE(run->found_count <= step->number);
    EXPECT_TRUE(run->found_count >= least && run->found_count >= step->wanted);
    expect_different(run);
    run->object = run->found[0];
}

static void find_final(struct run *run, const struct step *step)
{
    (void)step;
    EXPECT_OK(F->C_FindObjectsFinal(run->session));
}

/* Both values in one call, in buffers that are longer than needed. */
static void read_rsa(struct run *run, const struct step *step)
{
    enum { ROOM = 1024 };
    static CK_BYTE modulus[ROOM], exponent[ROOM];
    CK_ATTRIBUTE template[] = {{CKA_MODULUS, modulus, ROOM}, {CKA_PUBLIC_EXPONENT, exponent, ROOM}};
    (void)step;
    memset(exponent, 0xa5, sizeof exponent);
    EXPECT_OK(F->C_GetAttributeValue(run->session, run->object, template, COUNT(template)));
    EXPECT_EQUAL(template[0].ulValueLen, RSA_BYTES);
    EXPECT_BYTES(exponent, template[1].ulValueLen, case_exponent, sizeof case_exponent);
    EXPECT_EQUAL(exponent[sizeof case_exponent], 0xa5);
    EXPECT_TRUE(modulus[0] >= 0x80 && (modulus[RSA_BYTES - 1] & 1) != 0);
}

/* The case reads the first objects that it finds. No order is promised, so here the one counts
 * whose attribute is as long as the case says. */
static void read_length(struct run *run, const struct step *step)
{
    run->object = CK_INVALID_HANDLE;
    for (CK_ULONG i = 0; i < run->found_count; i++) {
        CK_ATTRIBUTE attribute = {step->number, NULL, 0};
        CK_RV rv = F->C_GetAttributeValue(run->session, run->found[i], &attribute, 1);
        EXPECT_ANY(rv, CKR_OK, CKR_ATTRIBUTE_TYPE_INVALID);
        if (rv == CKR_OK && attribute.ulValueLen == step->wanted)
            run->object = run->found[i];
        else if (rv != CKR_OK)
            EXPECT_EQUAL(attribute.ulValueLen, CK_UNAVAILABLE_INFORMATION);
    }
    EXPECT_TRUE(run->object != CK_INVALID_HANDLE);
}

static void read_value(struct run *run, const struct step *step)
{
    static CK_BYTE value[2048];
    CK_ATTRIBUTE attribute = {step->number, value, step->wanted};
    memset(value, 0xa5, sizeof value);
    EXPECT_OK(F->C_GetAttributeValue(run->session, run->object, &attribute, 1));
    EXPECT_BYTES(value, attribute.ulValueLen, step->bytes, step->wanted);
    EXPECT_EQUAL(value[step->wanted], 0xa5);
}

/* ---- signing ---- */

static void sign_init(struct run *run, const struct step *step)
{
    EXPECT_OK(F->C_SignInit(run->session, MECHANISM(step->number), run->object));
}

static void sign(struct run *run, const struct step *step)
{
    CK_BYTE data[sizeof case_data], signature[RSA_BYTES + 1];
    CK_ULONG length = step->number;
    memcpy(data, case_data, sizeof data);
    memset(signature, 0xa5, sizeof signature);
    EXPECT_OK(F->C_Sign(run->session, data, sizeof data, signature, &length));
    EXPECT_EQUAL(length, step->number);
    EXPECT_EQUAL(signature[RSA_BYTES], 0xa5);
    EXPECT_TRUE(ossl_rsa_verify_sha256(data, sizeof data, signature, length));
}

/* ---- the cases ---- */

#define TRUTH(type) {type, (CK_VOID_PTR) & (CK_BBOOL){CK_TRUE}, sizeof(CK_BBOOL)}
#define CLASS(class) {CKA_CLASS, &(CK_OBJECT_CLASS){class}, sizeof(CK_OBJECT_CLASS)}
#define SESSION_RW (CKF_RW_SESSION | CKF_SERIAL_SESSION)
#define ROOTS "Mozilla Builtin Roots" /* with the zero behind it, as the case has it */
#define TOKEN_FLAGS                                                                                \
    (CKF_RNG | CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED | CKF_RESTORE_KEY_NOT_NEEDED |        \
     CKF_TOKEN_INITIALIZED)
#define RSA_FLAGS (CKF_ENCRYPT | CKF_DECRYPT | CKF_SIGN | CKF_VERIFY | CKF_WRAP | CKF_UNWRAP)

/* clang-format off */
#define BEGIN_ALL \
    {.call = "C_Initialize", .run = initialize}, \
    {.call = "C_GetInfo", .run = library_info, .number = 0}, \
    {.call = "C_GetSlotList", .run = slot_count}, \
    {.call = "C_GetSlotList", .run = slot_list}
#define DESCRIBE_TOKEN \
    {.call = "C_GetSlotInfo", .run = slot_info, .number = CKF_TOKEN_PRESENT}, \
    {.call = "C_GetTokenInfo", .run = token_facts, .number = TOKEN_FLAGS}
#define OPEN_RO {.call = "C_OpenSession", .run = open_it, .number = CKF_SERIAL_SESSION}
#define OPEN_RW {.call = "C_OpenSession", .run = open_it, .number = SESSION_RW}
#define LOG_IN {.call = "C_Login", .run = log_in, .number = CKU_USER}
#define LOG_OUT {.call = "C_Logout", .run = log_out}
#define FIND_TOKEN {.call = "C_FindObjectsInit", .run = find_init, .template = {TRUTH(CKA_TOKEN)}, .attributes = 1}
#define FIND_LABEL(text, class) \
    {.call = "C_FindObjectsInit", .run = find_init, \
     .template = {TRUTH(CKA_TOKEN), ATTR_S(CKA_LABEL, text), CLASS(class)}, .attributes = 3}
#define FIND(most, least) {.call = "C_FindObjects", .run = find, .number = (most), .wanted = (least)}
#define FIND_FINAL {.call = "C_FindObjectsFinal", .run = find_final}
#define INFO_OF(type, ...) {.call = "C_GetMechanismInfo", .run = mechanism_info, .number = (type), .info = {__VA_ARGS__}}
#define END_ALL \
    {.call = "C_CloseSession", .run = close_it}, \
    {.call = "C_CloseAllSessions", .run = close_all}, \
    {.call = "C_Finalize", .run = finalize}

static const struct step baseline[] = {
    BEGIN_ALL,
    DESCRIBE_TOKEN,
    OPEN_RO,
    FIND_TOKEN, FIND(1, 0), FIND_FINAL,
    END_ALL,
};

static const struct step extended[] = {
    BEGIN_ALL,
    DESCRIBE_TOKEN,
    {.call = "C_GetMechanismList", .run = mechanism_count},
    {.call = "C_GetMechanismList", .run = mechanism_list},
    INFO_OF(CKM_SHA512, 0, 0, CKF_DIGEST),
    INFO_OF(CKM_RSA_PKCS_KEY_PAIR_GEN, 512, 16384, CKF_GENERATE_KEY_PAIR),
    INFO_OF(CKM_RSA_PKCS, 512, 16384, RSA_FLAGS),
    OPEN_RW,
    LOG_IN,
    FIND_TOKEN, FIND(1, 0), FIND_FINAL,
    LOG_OUT,
    END_ALL,
};

static const struct step authentication[] = {
    BEGIN_ALL,
    OPEN_RW,
    LOG_IN,
    FIND_LABEL("testrsa-pub", CKO_PUBLIC_KEY), FIND(1, 1), FIND_FINAL,
    {.call = "C_GetAttributeValue", .run = read_rsa},
    FIND_LABEL("testrsa-pri", CKO_PRIVATE_KEY), FIND(1, 1), FIND_FINAL,
    {.call = "C_SignInit", .run = sign_init, .number = CKM_SHA256_RSA_PKCS},
    {.call = "C_Sign", .run = sign, .number = RSA_BYTES},
    LOG_OUT,
    END_ALL,
};

/* The search is still active while the objects are read. */
static const struct step certificates[] = {
    BEGIN_ALL,
    OPEN_RO,
    FIND_TOKEN, FIND(5, 5),
    {.call = "C_GetAttributeValue", .run = read_length, .number = CKA_LABEL, .wanted = sizeof ROOTS},
    {.call = "C_GetAttributeValue", .run = read_value, .number = CKA_LABEL, .wanted = sizeof ROOTS, .bytes = (const CK_BYTE *)ROOTS},
    {.call = "C_GetAttributeValue", .run = read_length, .number = CKA_VALUE, .wanted = sizeof case_certificate},
    {.call = "C_GetAttributeValue", .run = read_value, .number = CKA_VALUE, .wanted = sizeof case_certificate, .bytes = case_certificate},
    FIND_FINAL,
    END_ALL,
};
/* clang-format on */

/* ---- what a case finds ---- */

#define ON_TOKEN ATTR_B(CKA_TOKEN, CK_TRUE)
#define OPEN_TO_ALL ON_TOKEN, ATTR_B(CKA_PRIVATE, CK_FALSE)
#define X509(prefix)                                                                               \
    ATTR_U(CKA_CLASS, CKO_CERTIFICATE), ATTR_U(CKA_CERTIFICATE_TYPE, CKC_X_509),                   \
        ATTR_A(CKA_VALUE, prefix), ATTR_A(CKA_SUBJECT, prefix##_subject),                          \
        ATTR_A(CKA_ISSUER, prefix##_subject), ATTR_A(CKA_SERIAL_NUMBER, prefix##_serial)

static void prepare_nothing(void)
{
}

static void prepare_objects(void)
{
    for (int i = 0; i < 2; i++)
        CREATE(OPEN_TO_ALL, ATTR_U(CKA_CLASS, CKO_DATA), ANY_LABEL);
}

/* The case's own key is nobody's any more: another of the same size. */
static void prepare_keys(void)
{
    key_rsa_public(OPEN_TO_ALL, ATTR_S(CKA_LABEL, "testrsa-pub"), ATTR_S(CKA_ID, "1"));
    key_rsa_private(ON_TOKEN, ATTR_S(CKA_LABEL, "testrsa-pri"), ATTR_S(CKA_ID, "1"));
    key_rsa_public(OPEN_TO_ALL, ATTR_S(CKA_LABEL, "testrsa-pri"));
    key_rsa_private(ON_TOKEN, ATTR_S(CKA_LABEL, "testrsa-pub"));
}

/* Five objects that everybody sees, and two that nobody may see without a login. */
static void prepare_certificates(void)
{
    key_rsa_private(ON_TOKEN, ANY_LABEL);
    CREATE(ON_TOKEN, ATTR_B(CKA_PRIVATE, CK_TRUE), ATTR_U(CKA_CLASS, CKO_DATA), ANY_LABEL);
    CREATE(OPEN_TO_ALL, ATTR_U(CKA_CLASS, CKO_DATA), ATTR_X(CKA_LABEL, ROOTS, sizeof ROOTS));
    CREATE(OPEN_TO_ALL, X509(case_certificate), ANY_LABEL);
    CREATE(OPEN_TO_ALL, X509(p256_certificate), ATTR_S(CKA_ID, "2"), ANY_LABEL);
    key_curve_public(&curves[P256], OPEN_TO_ALL, ATTR_S(CKA_ID, "2"));
    key_rsa_public(OPEN_TO_ALL, ANY_LABEL);
}

struct oasis_case {
    const char *name;
    const struct step *steps;
    size_t count;
    void (*prepare)(void);
    CK_ULONG prepared;
};

#define STEPS(table) table, COUNT(table)
static const struct oasis_case cases[] = {
    {"BL-M-1-32", STEPS(baseline), prepare_nothing, 0},
    {"BL-M-1-32/objects", STEPS(baseline), prepare_objects, 2},
    {"EXT-M-1-32", STEPS(extended), prepare_nothing, 0},
    {"EXT-M-1-32/objects", STEPS(extended), prepare_objects, 2},
    {"AUTH-M-1-32", STEPS(authentication), prepare_keys, 0},
    {"CERT-M-1-32", STEPS(certificates), prepare_certificates, 5},
};

static void prepare(const struct oasis_case *one)
{
    env.session = open_session(CKF_RW_SESSION);
    login(S, CKU_USER);
    one->prepare();
    EXPECT_OK(F->C_CloseSession(S));
    env_reset();
}

/* ---- checks ---- */

/* Where tokens end with C_Finalize, the token is made and filled behind the case's first call. */
static void passes(const void *row)
{
    const struct oasis_case *one = row;
    struct run run = {.prepared = one->prepared};
    if (env_tokens_stay())
        prepare(one);
    env_begin(FIX_LIBRARY);
    for (size_t i = 0; i < one->count; i++) {
        one->steps[i].run(&run, &one->steps[i]);
        if (i == 0 && !env_tokens_stay()) {
            env_make_again();
            prepare(one);
        }
    }
}

/* The case twice: nothing of the first time is left. */
static void passes_again(const void *row)
{
    const struct oasis_case *one = row;
    struct run run = {.prepared = one->prepared};
    passes(row);
    for (size_t i = 0; i < one->count && env_tokens_stay(); i++)
        one->steps[i].run(&run, &one->steps[i]);
}

static void version(void)
{
    CK_INFO info = {0};
    EXPECT_OK(F->C_GetInfo(&info));
    EXPECT_EQUAL(info.cryptokiVersion.major, 3);
    EXPECT_EQUAL(info.cryptokiVersion.minor, 2);
}

/* The case's key has no private half, but its signature has been published. */
static void published_signature(void)
{
    CK_BYTE data[sizeof case_data], signature[sizeof case_signature];
    require_mechanism(CKM_SHA256_RSA_PKCS, CKF_VERIFY);
    memcpy(data, case_data, sizeof data);
    memcpy(signature, case_signature, sizeof signature);
    CK_OBJECT_HANDLE key = CREATE(ATTR_U(CKA_CLASS, CKO_PUBLIC_KEY), ATTR_U(CKA_KEY_TYPE, CKK_RSA),
                                  ATTR_B(CKA_VERIFY, CK_TRUE), ATTR_A(CKA_MODULUS, case_modulus),
                                  ATTR_A(CKA_PUBLIC_EXPONENT, case_exponent));
    EXPECT_OK(F->C_VerifyInit(S, MECHANISM(CKM_SHA256_RSA_PKCS), key));
    EXPECT_OK(F->C_Verify(S, data, sizeof data, signature, sizeof signature));
    signature[100] ^= 1;
    EXPECT_OK(F->C_VerifyInit(S, MECHANISM(CKM_SHA256_RSA_PKCS), key));
    EXPECT(F->C_Verify(S, data, sizeof data, signature, sizeof signature), CKR_SIGNATURE_INVALID);
}

/* clang-format off */
static const struct check case_checks[] = {
    CHECK_ROW(FIX_INITIALIZED, passes, "Profiles, test cases", "the case passes, from C_Initialize to C_Finalize"),
    CHECK_ROW(FIX_INITIALIZED, passes_again, "Profiles, test cases", "and once more in the same process"),
};

static const struct check checks[] = {
    CHECK(FIX_INITIALIZED, version, "Profiles, test cases", "C_GetInfo of all -32 cases: the version is 3.2"),
    CHECK(FIX_USER, published_signature, "Profiles, test cases", "AUTH-M-1-32: the signature is one of the key and the data"),
};
/* clang-format on */

void chapter_oasis(void)
{
    check_add_rows("oasis", case_checks, cases);
    check_add_table("oasis", checks);
}
