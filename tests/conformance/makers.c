/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions that make or change an object by a template: what each of them answers to a template
 * that is wrong, in a read-only session, and when nobody is logged in.
 */
#include <string.h>

#include "keys.h"

enum { ROOM = 512 };

/* The session that makes it, and what it is made of: public session objects of S, that any session
 * of the application may use. */
static CK_SESSION_HANDLE session;
static CK_OBJECT_HANDLE wrapping_key, target, private_key, kem_key, public_key;
static CK_BYTE wrapped[ROOM], sealed[ROOM], ciphertext[ROOM], iv[16], tag[16], aad[4];
static CK_ULONG wrapped_length, sealed_length, ciphertext_length;
static CK_ECDH1_DERIVE_PARAMS agreement_params, kem_params;
static CK_GCM_MESSAGE_PARAMS gcm;

static CK_MECHANISM key_wrap = {CKM_AES_KEY_WRAP, NULL, 0};
static CK_MECHANISM gcm_wrap = {CKM_AES_GCM, &gcm, sizeof gcm};
static CK_MECHANISM agreement = {CKM_ECDH1_DERIVE, &agreement_params, sizeof agreement_params};
static CK_MECHANISM kem = {CKM_ECDH1_DERIVE, &kem_params, sizeof kem_params};

static void prepare_kem(void)
{
    CK_OBJECT_HANDLE key = 0;
    struct template template =
        TEMPLATE(ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_KEY_TYPE, CKK_AES),
                 ATTR_U(CKA_VALUE_LEN, 16), ATTR_B(CKA_PRIVATE, CK_FALSE));
    kem_key = key_curve_private(&curves[P256], ATTR_B(CKA_PRIVATE, CK_FALSE),
                                ATTR_B(CKA_DECAPSULATE, CK_TRUE));
    public_key = key_curve_public(&curves[P256], ATTR_B(CKA_ENCAPSULATE, CK_TRUE));
    EXPECT_OK(F->C_EncapsulateKey(S, &kem, public_key, template.attributes, template.count,
                                  ciphertext, &ciphertext_length, &key));
}

static void prepare(void)
{
    session = S;
    agreement_params = (CK_ECDH1_DERIVE_PARAMS){CKD_NULL, 0, NULL, curves[P256].public_length,
                                                (CK_BYTE_PTR)curves[P256].public};
    kem_params = (CK_ECDH1_DERIVE_PARAMS){CKD_NULL, 0, NULL, 0, NULL};
    gcm = (CK_GCM_MESSAGE_PARAMS){iv, 12, 0, CKG_NO_GENERATE, tag, 128};
    require_mechanism(CKM_AES_KEY_WRAP, CKF_WRAP | CKF_UNWRAP);
    require_mechanism(CKM_ECDH1_DERIVE, CKF_DERIVE);
    wrapping_key = key_aes(32, ATTR_B(CKA_PRIVATE, CK_FALSE));
    target = key_aes(16, ATTR_B(CKA_PRIVATE, CK_FALSE));
    private_key = key_curve_private(&curves[P256], ATTR_B(CKA_PRIVATE, CK_FALSE));
    wrapped_length = sealed_length = ciphertext_length = ROOM;
    EXPECT_OK(F->C_WrapKey(S, &key_wrap, wrapping_key, target, wrapped, &wrapped_length));
    if (F->C_WrapKeyAuthenticated != NULL)
        EXPECT_OK(F->C_WrapKeyAuthenticated(S, &gcm_wrap, wrapping_key, target, aad, sizeof aad,
                                            sealed, &sealed_length));
    if (F->C_EncapsulateKey != NULL)
        prepare_kem();
}

/* ---- the functions ---- */

static CK_RV create(struct template template)
{
    return F->C_CreateObject(session, template.attributes, template.count, &(CK_OBJECT_HANDLE){0});
}

static CK_RV copy(struct template template)
{
    return F->C_CopyObject(session, target, template.attributes, template.count,
                           &(CK_OBJECT_HANDLE){0});
}

static CK_RV set(struct template template)
{
    return F->C_SetAttributeValue(session, target, template.attributes, template.count);
}

static CK_RV generate(struct template template)
{
    return F->C_GenerateKey(session, MECHANISM(CKM_AES_KEY_GEN), template.attributes,
                            template.count, &(CK_OBJECT_HANDLE){0});
}

static CK_RV generate_pair(struct template template)
{
    CK_ATTRIBUTE none[] = {ATTR_B(CKA_PRIVATE, CK_FALSE)};
    return F->C_GenerateKeyPair(session, MECHANISM(CKM_EC_KEY_PAIR_GEN), template.attributes,
                                template.count, none, 1, &(CK_OBJECT_HANDLE){0},
                                &(CK_OBJECT_HANDLE){0});
}

static CK_RV unwrap(struct template template)
{
    return F->C_UnwrapKey(session, &key_wrap, wrapping_key, wrapped, wrapped_length,
                          template.attributes, template.count, &(CK_OBJECT_HANDLE){0});
}

static CK_RV unwrap_authenticated(struct template template)
{
    REQUIRE_FUNCTION(C_UnwrapKeyAuthenticated);
    return F->C_UnwrapKeyAuthenticated(session, &gcm_wrap, wrapping_key, sealed, sealed_length,
                                       template.attributes, template.count, aad, sizeof aad,
                                       &(CK_OBJECT_HANDLE){0});
}

static CK_RV derive(struct template template)
{
    return F->C_DeriveKey(session, &agreement, private_key, template.attributes, template.count,
                          &(CK_OBJECT_HANDLE){0});
}

static CK_RV encapsulate(struct template template)
{
    CK_BYTE out[ROOM];
    CK_ULONG length = sizeof out;
    REQUIRE_FUNCTION(C_EncapsulateKey);
    return F->C_EncapsulateKey(session, &kem, public_key, template.attributes, template.count, out,
                               &length, &(CK_OBJECT_HANDLE){0});
}

static CK_RV decapsulate(struct template template)
{
    REQUIRE_FUNCTION(C_DecapsulateKey);
    return F->C_DecapsulateKey(session, &kem, kem_key, template.attributes, template.count,
                               ciphertext, ciphertext_length, &(CK_OBJECT_HANDLE){0});
}

/* ---- what a good template says ---- */

static CK_BBOOL no = CK_FALSE;
static CK_OBJECT_CLASS secret_key = CKO_SECRET_KEY, domain = CKO_DOMAIN_PARAMETERS;
static CK_KEY_TYPE aes = CKK_AES, rsa = CKK_RSA;
static CK_ULONG length = 16;
static CK_BYTE value[16] = "sixteen bytes...";

#define IS_PUBLIC {CKA_PRIVATE, &no, sizeof no}
#define IS_AES                                                                                     \
    {CKA_CLASS, &secret_key, sizeof secret_key},                                                   \
    {                                                                                              \
        CKA_KEY_TYPE, &aes, sizeof aes                                                             \
    }
#define OF_LENGTH {CKA_VALUE_LEN, &length, sizeof length}
static CK_ATTRIBUTE created[] = {IS_PUBLIC, IS_AES, {CKA_VALUE, value, sizeof value}};
static CK_ATTRIBUTE unwrapped[] = {IS_PUBLIC, IS_AES};
static CK_ATTRIBUTE agreed[] = {IS_PUBLIC, IS_AES, OF_LENGTH};
static CK_ATTRIBUTE generated[] = {IS_PUBLIC, OF_LENGTH};
static CK_ATTRIBUTE of_pair[] = {IS_PUBLIC, {CKA_EC_PARAMS, NULL, 0}};

struct maker {
    const char *name;
    CK_RV (*make)(struct template template);
    struct template base; /* a good one begins with CKA_PRIVATE */
    CK_ULONG needed;      /* so many attributes of it are too few; 0: the text leaves it free */
};

#define ALL(array) {array, COUNT(array)}
static const struct maker makers[] = {
    {"C_CreateObject", create, ALL(created), 1},
    {"C_GenerateKey", generate, ALL(generated), 1},
    {"C_GenerateKeyPair", generate_pair, ALL(of_pair), 1},
    {"C_UnwrapKey", unwrap, ALL(unwrapped), 2},
    {"C_UnwrapKeyAuthenticated", unwrap_authenticated, ALL(unwrapped), 2},
    {"C_DeriveKey", derive, ALL(agreed), 0},
    {"C_EncapsulateKey", encapsulate, ALL(agreed), 2},
    {"C_DecapsulateKey", decapsulate, ALL(agreed), 2},
};

/* These change what is there. */
static const struct maker changers[] = {
    {"C_CopyObject", copy, {created, 1}, 0},
    {"C_SetAttributeValue", set, {created, 0}, 0},
};

/* The base with the extra attributes behind it, even those that it has. */
static CK_RV make_with(const struct maker *maker, struct template extra)
{
    CK_ATTRIBUTE all[16];
    struct template whole = {all, 0};
    of_pair[1].pValue = (CK_VOID_PTR)curves[P256].params;
    of_pair[1].ulValueLen = curves[P256].params_length;
    for (CK_ULONG i = 0; i < maker->base.count; i++)
        all[whole.count++] = maker->base.attributes[i];
    for (CK_ULONG i = 0; i < extra.count; i++)
        all[whole.count++] = extra.attributes[i];
    return maker->make(whole);
}

#define MAKE_WITH(maker, ...) make_with(maker, TEMPLATE(__VA_ARGS__))

/* ---- checks ---- */

static void read_only(const void *row)
{
    prepare();
    EXPECT(MAKE_WITH(row, ATTR_B(CKA_LOCAL, CK_TRUE)), CKR_ATTRIBUTE_READ_ONLY);
    /* Unknown before 3.0. */
    EXPECT_ANY(MAKE_WITH(row, ATTR_S(CKA_UNIQUE_ID, "mine")), CKR_ATTRIBUTE_READ_ONLY,
               CKR_ATTRIBUTE_TYPE_INVALID);
}

static void unknown_type(const void *row)
{
    prepare();
    EXPECT(MAKE_WITH(row, ATTR_U(0x7fff4711, 1)), CKR_ATTRIBUTE_TYPE_INVALID);
}

static void bad_value(const void *row)
{
    prepare();
    EXPECT(MAKE_WITH(row, ATTR_S(CKA_DERIVE, "two")), CKR_ATTRIBUTE_VALUE_INVALID);
}

static void said_twice(const void *row)
{
    prepare();
    EXPECT(MAKE_WITH(row, ATTR_S(CKA_LABEL, "one"), ATTR_S(CKA_LABEL, "other")),
           CKR_TEMPLATE_INCONSISTENT);
}

static void read_only_session(const void *row)
{
    prepare();
    session = open_session(0);
    EXPECT(MAKE_WITH(row, ATTR_B(CKA_TOKEN, CK_TRUE)), CKR_SESSION_READ_ONLY);
}

/* The base says that it is public: here what comes first is left out. */
static void not_logged_in(const void *row)
{
    const struct maker *maker = row;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE all[16] = {{CKA_PRIVATE, &yes, sizeof yes}};
    prepare();
    logout(S);
    EXPECT_OK(make_with(maker, NO_ATTRIBUTES));
    for (CK_ULONG i = 1; i < maker->base.count; i++)
        all[i] = maker->base.attributes[i];
    EXPECT(maker->make((struct template){all, maker->base.count}), CKR_USER_NOT_LOGGED_IN);
}

static void incomplete(const void *row)
{
    const struct maker *maker = row;
    prepare();
    EXPECT_OK(make_with(maker, NO_ATTRIBUTES));
    EXPECT(maker->make((struct template){maker->base.attributes, maker->needed}),
           CKR_TEMPLATE_INCOMPLETE);
}

static void wrong_class(const void *row)
{
    const struct maker *maker = row;
    CK_ATTRIBUTE all[16] = {{CKA_CLASS, &domain, sizeof domain}, {CKA_KEY_TYPE, &rsa, sizeof rsa}};
    CK_ULONG count = 2;
    prepare();
    for (CK_ULONG i = 0; i < maker->base.count; i++) {
        CK_ATTRIBUTE_TYPE type = maker->base.attributes[i].type;
        if (type != CKA_CLASS && type != CKA_KEY_TYPE)
            all[count++] = maker->base.attributes[i];
    }
    EXPECT_ANY(maker->make((struct template){all, count}), CKR_TEMPLATE_INCONSISTENT,
               CKR_ATTRIBUTE_VALUE_INVALID);
}

/* clang-format off */
static const struct check template_checks[] = {
    CHECK_ROW(FIX_USER, read_only, "Creating, modifying and copying objects", "CKR_ATTRIBUTE_READ_ONLY for what only the token may say"),
    CHECK_ROW(FIX_USER, unknown_type, "Creating, modifying and copying objects", "CKR_ATTRIBUTE_TYPE_INVALID for an attribute that there is not"),
    CHECK_ROW(FIX_USER, bad_value, "Creating, modifying and copying objects", "CKR_ATTRIBUTE_VALUE_INVALID for a CK_BBOOL of three bytes"),
    CHECK_ROW(FIX_USER, said_twice, "Creating, modifying and copying objects", "CKR_TEMPLATE_INCONSISTENT for two values of one attribute"),
    CHECK_ROW(FIX_USER, read_only_session, "CKR_SESSION_READ_ONLY", "no token object comes of a read-only session"),
};

static const struct check maker_checks[] = {
    CHECK_ROW(FIX_USER, not_logged_in, "CKR_USER_NOT_LOGGED_IN", "no private object comes of a public session"),
    CHECK_ROW(FIX_USER, wrong_class, "CKR_TEMPLATE_INCONSISTENT", "a class of which the function makes no objects"),
};

static const struct check incomplete_checks[] = {
    CHECK_ROW(FIX_USER, incomplete, "CKR_TEMPLATE_INCOMPLETE", "an attribute that must be given is not"),
};
/* clang-format on */

void chapter_makers(void)
{
    check_add_rows("makers", template_checks, makers);
    check_add_rows_if("makers", template_checks, changers,
                      row->make != set || template_checks[check_no].run_row != read_only_session);
    check_add_rows("makers", maker_checks, makers);
    check_add_rows_if("makers", incomplete_checks, makers, row->needed != 0);
}
