/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Usage: test_turns KEYKIST-MODULE SOFTHSM-MODULE CERTIFICATE
 * Keykist and SoftHSM take turns on one token directory: each sees what the other wrote, whoever
 * made the token.
 */
#include <stdio.h>
#include <string.h>

#include "objects.h"

static char label[32];
static struct judge_login user = {label, CKU_USER, GUEST_PIN};
static struct judge_login so = {label, CKU_SO, GUEST_SO_PIN};
static struct judge_login nobody = {label, CKU_USER, NULL};

static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;

/* What children hand over. */
struct hand {
    char text[OBJECTS_TEXT];
    CK_BYTE bytes[8][512];
    CK_ULONG lens[8];
};
static struct hand *hand;

static enum side other(enum side side)
{
    return side == KEYKIST ? SOFTHSM : KEYKIST;
}

/* ---- tokens ---- */

static bool no_work(CK_SESSION_HANDLE session, void *argument)
{
    (void)session;
    (void)argument;
    return true;
}

static int make_token(void *path)
{
    guest_load(path);
    return guest_fine(p11->C_Initialize(NULL), "C_Initialize") &&
                   guest_token_make(label) != GUEST_NO_SLOT &&
                   guest_fine(p11->C_Finalize(NULL), "C_Finalize")
               ? 0
               : 1;
}

/* ---- objects ---- */

static bool make(CK_SESSION_HANDLE session, void *argument)
{
    return objects_make(session, *(enum side *)argument);
}

static bool describe(CK_SESSION_HANDLE session, void *argument)
{
    return objects_describe(session, *(enum side *)argument, hand->text);
}

static unsigned differences(const char *a, const char *b)
{
    unsigned count = 0;
    while (*a != '\0' || *b != '\0') {
        size_t a_len = strcspn(a, "\n");
        size_t b_len = strcspn(b, "\n");
        if (a_len != b_len || memcmp(a, b, a_len) != 0) {
            guest_note("  maker:  %.*s", (int)a_len, a);
            guest_note("  reader: %.*s", (int)b_len, b);
            count++;
        }
        a += a_len + (a[a_len] == '\n');
        b += b_len + (b[b_len] == '\n');
    }
    return count;
}

static void test_described_alike(enum side maker)
{
    static char first[OBJECTS_TEXT];
    bool good = judge_run(maker, &user, describe, &maker);
    memcpy(first, hand->text, sizeof first);
    good = good && judge_run(other(maker), &user, describe, &maker);
    size_t lines = 0;
    for (const char *at = first; *at != '\0'; at++) {
        lines += *at == '\n';
    }
    guest_ok(good && lines > 500 && differences(first, hand->text) == 0,
             "every attribute of every object of %s's is the same for %s", side_names[maker],
             side_names[other(maker)]);
}

/* ---- using keys ---- */

static const struct {
    const char *what;
    CK_MECHANISM_TYPE mechanism;
} signers[] = {{"rsa", CKM_SHA256_RSA_PKCS}, {"ec", CKM_ECDSA}, {"ed25519", CKM_EDDSA}};

static CK_BYTE message[32] = "thirty-two bytes to be signed...";

static CK_OBJECT_HANDLE find_of(CK_SESSION_HANDLE session, enum side maker, CK_ULONG object_class,
                                const char *what)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%c-%s", objects_letter(maker), what);
    CK_OBJECT_HANDLE object = judge_find(session, object_class, text);
    if (object == 0) {
        guest_note("there is not one object of class %lu labelled %s", object_class, text);
    }
    return object;
}

static bool sign_all(CK_SESSION_HANDLE session, void *argument)
{
    enum side maker = *(enum side *)argument;
    bool good = true;
    for (size_t i = 0; i < 3; i++) {
        CK_MECHANISM mechanism = {signers[i].mechanism, NULL, 0};
        CK_OBJECT_HANDLE key = find_of(session, maker, CKO_PRIVATE_KEY, signers[i].what);
        hand->lens[i] = sizeof hand->bytes[i];
        good &= guest_fine(p11->C_SignInit(session, &mechanism, key), signers[i].what) &&
                guest_fine(
                    p11->C_Sign(session, message, sizeof message, hand->bytes[i], &hand->lens[i]),
                    signers[i].what);
    }
    CK_MECHANISM ecb = {CKM_AES_ECB, NULL, 0};
    hand->lens[3] = sizeof hand->bytes[3];
    CK_OBJECT_HANDLE aes = find_of(session, maker, CKO_SECRET_KEY, "aes");
    return good && guest_fine(p11->C_EncryptInit(session, &ecb, aes), "C_EncryptInit") &&
           guest_fine(
               p11->C_Encrypt(session, message, sizeof message, hand->bytes[3], &hand->lens[3]),
               "C_Encrypt");
}

static bool verify_all(CK_SESSION_HANDLE session, void *argument)
{
    enum side maker = *(enum side *)argument;
    bool good = true;
    CK_BYTE plain[64];
    CK_ULONG len = sizeof plain;
    for (size_t i = 0; i < 3; i++) {
        CK_MECHANISM mechanism = {signers[i].mechanism, NULL, 0};
        CK_OBJECT_HANDLE key = find_of(session, maker, CKO_PUBLIC_KEY, signers[i].what);
        good &= guest_fine(p11->C_VerifyInit(session, &mechanism, key), signers[i].what) &&
                guest_fine(
                    p11->C_Verify(session, message, sizeof message, hand->bytes[i], hand->lens[i]),
                    signers[i].what);
    }
    CK_MECHANISM ecb = {CKM_AES_ECB, NULL, 0};
    CK_OBJECT_HANDLE aes = find_of(session, maker, CKO_SECRET_KEY, "aes");
    return good && guest_fine(p11->C_DecryptInit(session, &ecb, aes), "C_DecryptInit") &&
           guest_fine(p11->C_Decrypt(session, hand->bytes[3], hand->lens[3], plain, &len),
                      "C_Decrypt") &&
           len == sizeof message && memcmp(plain, message, len) == 0;
}

/* A shared secret of the maker's private key with its own public one. */
static bool agree(CK_SESSION_HANDLE session, enum side maker, const char *what, size_t place)
{
    CK_BYTE point[256];
    CK_ULONG object_class = CKO_SECRET_KEY;
    CK_ULONG type = CKK_GENERIC_SECRET;
    CK_ULONG len = 32;
    CK_OBJECT_HANDLE secret = 0;
    CK_ATTRIBUTE get = {CKA_EC_POINT, point, sizeof point};
    CK_ATTRIBUTE value = {CKA_VALUE, hand->bytes[place], sizeof hand->bytes[place]};
    CK_ATTRIBUTE attributes[] = {{CKA_CLASS, &object_class, sizeof object_class},
                                 {CKA_KEY_TYPE, &type, sizeof type},
                                 {CKA_VALUE_LEN, &len, sizeof len},
                                 {CKA_SENSITIVE, &no, sizeof no},
                                 {CKA_EXTRACTABLE, &yes, sizeof yes}};
    CK_OBJECT_HANDLE public_key = find_of(session, maker, CKO_PUBLIC_KEY, what);
    CK_OBJECT_HANDLE private_key = find_of(session, maker, CKO_PRIVATE_KEY, what);
    CK_RV rv = p11->C_GetAttributeValue(session, public_key, &get, 1);
    CK_ECDH1_DERIVE_PARAMS params = {CKD_NULL, 0, NULL, get.ulValueLen, point};
    CK_MECHANISM mechanism = {CKM_ECDH1_DERIVE, &params, sizeof params};
    rv = rv == CKR_OK ? p11->C_DeriveKey(session, &mechanism, private_key, attributes, 5, &secret)
                      : rv;
    rv = rv == CKR_OK ? p11->C_GetAttributeValue(session, secret, &value, 1) : rv;
    hand->lens[place] = value.ulValueLen;
    return guest_fine(rv, what);
}

static bool agree_first(CK_SESSION_HANDLE session, void *argument)
{
    enum side maker = *(enum side *)argument;
    return agree(session, maker, "ec", 4) && agree(session, maker, "x25519", 5);
}

static bool agree_again(CK_SESSION_HANDLE session, void *argument)
{
    enum side maker = *(enum side *)argument;
    return agree(session, maker, "ec", 6) && agree(session, maker, "x25519", 7) &&
           memcmp(hand->bytes[4], hand->bytes[6], 32) == 0 &&
           memcmp(hand->bytes[5], hand->bytes[7], 32) == 0;
}

static void test_used_by_both(enum side maker)
{
    enum side reader = other(maker);
    bool good =
        judge_run(reader, &user, sign_all, &maker) && judge_run(maker, &user, verify_all, &maker);
    guest_ok(good, "%s signs and encrypts with %s's keys, which takes it", side_names[reader],
             side_names[maker]);
    good =
        judge_run(maker, &user, sign_all, &maker) && judge_run(reader, &user, verify_all, &maker);
    guest_ok(good, "%s verifies and decrypts with %s's keys", side_names[reader],
             side_names[maker]);
    good = judge_run(maker, &user, agree_first, &maker) &&
           judge_run(reader, &user, agree_again, &maker);
    guest_ok(good, "%s agrees on the same secrets with %s's keys", side_names[reader],
             side_names[maker]);
}

/* ---- changing ---- */

static CK_BYTE new_id[] = {0xca, 0xfe, 0x00, 0x01};

static bool change_all(CK_SESSION_HANDLE session, void *argument)
{
    enum side maker = *(enum side *)argument;
    CK_DATE date = {{'2', '0', '4', '0'}, {'0', '5'}, {'0', '6'}};
    CK_ATTRIBUTE key[] = {{CKA_ID, new_id, sizeof new_id}, {CKA_ENCRYPT, &no, sizeof no}};
    CK_ATTRIBUTE dated = {CKA_START_DATE, &date, sizeof date};
    CK_ATTRIBUTE labelled = {CKA_LABEL, (CK_BYTE_PTR) "changed", 7};
    return guest_fine(p11->C_SetAttributeValue(
                          session, find_of(session, maker, CKO_SECRET_KEY, "aes"), key, 2),
                      "aes") &&
           guest_fine(p11->C_SetAttributeValue(
                          session, find_of(session, maker, CKO_PUBLIC_KEY, "rsa"), &dated, 1),
                      "rsa") &&
           guest_fine(p11->C_SetAttributeValue(
                          session, find_of(session, maker, CKO_DATA, "private"), &labelled, 1),
                      "data") &&
           guest_fine(p11->C_DestroyObject(session, find_of(session, maker, CKO_DATA, "public")),
                      "destroying");
}

static bool holds(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                  const void *value, CK_ULONG len)
{
    CK_BYTE got[64];
    CK_ATTRIBUTE attribute = {type, got, sizeof got};
    return guest_fine(p11->C_GetAttributeValue(session, object, &attribute, 1), "reading") &&
           attribute.ulValueLen == len && memcmp(got, value, len) == 0;
}

static bool changes_are_seen(CK_SESSION_HANDLE session, void *argument)
{
    enum side maker = *(enum side *)argument;
    char text[32];
    (void)snprintf(text, sizeof text, "%c-public", objects_letter(maker));
    CK_OBJECT_HANDLE aes = find_of(session, maker, CKO_SECRET_KEY, "aes");
    return holds(session, aes, CKA_ID, new_id, sizeof new_id) &&
           holds(session, aes, CKA_ENCRYPT, &no, sizeof no) &&
           holds(session, find_of(session, maker, CKO_PUBLIC_KEY, "rsa"), CKA_START_DATE,
                 "20400506", 8) &&
           judge_find(session, CKO_DATA, "changed") != 0 &&
           judge_find(session, CKO_DATA, text) == 0;
}

static bool destroy_changed(CK_SESSION_HANDLE session, void *argument)
{
    (void)argument;
    return guest_fine(p11->C_DestroyObject(session, judge_find(session, CKO_DATA, "changed")),
                      "destroying");
}

static void test_changed(enum side maker)
{
    enum side changer = other(maker);
    bool good = judge_run(changer, &user, change_all, &maker) &&
                judge_run(maker, &user, changes_are_seen, &maker) &&
                judge_run(maker, &user, destroy_changed, &maker);
    guest_ok(good, "%s changes and destroys objects of %s's, which sees it", side_names[changer],
             side_names[maker]);
    good = judge_run(changer, &user, describe, &maker) && strstr(hand->text, "-aes") != NULL &&
           strstr(hand->text, "-public") == NULL;
    guest_ok(good, "and everything else is still there");
}

/* ---- dates of private objects, which SoftHSM writes in clear and reads encrypted ---- */

static bool set_date(CK_SESSION_HANDLE session, void *argument)
{
    enum side maker = *(enum side *)argument;
    CK_DATE date = {{'2', '0', '4', '0'}, {'0', '5'}, {'0', '6'}};
    CK_ATTRIBUTE dated = {CKA_START_DATE, &date, sizeof date};
    return guest_fine(p11->C_SetAttributeValue(
                          session, find_of(session, maker, CKO_SECRET_KEY, "generic"), &dated, 1),
                      "a date");
}

static bool has_date(CK_SESSION_HANDLE session, void *argument)
{
    enum side maker = *(enum side *)argument;
    return holds(session, find_of(session, maker, CKO_SECRET_KEY, "generic"), CKA_START_DATE,
                 "20400506", 8);
}

static void test_private_dates(enum side maker)
{
    bool good =
        judge_run(SOFTHSM, &user, set_date, &maker) && judge_run(KEYKIST, &user, has_date, &maker);
    guest_ok(good, "a date that SoftHSM sets on a private object of %s's is read by Keykist",
             side_names[maker]);
    good =
        judge_run(KEYKIST, &user, set_date, &maker) && judge_run(SOFTHSM, &user, has_date, &maker);
    guest_ok(good, "a date that Keykist sets on it is read by SoftHSM");
}

/* ---- a session that is open while the other one writes ---- */

struct watching {
    enum side watcher, maker;
};

static bool watch(CK_SESSION_HANDLE session, void *argument)
{
    const struct watching *watching = argument;
    CK_OBJECT_HANDLE aes = find_of(session, watching->maker, CKO_SECRET_KEY, "aes");
    CK_BYTE before[64];
    CK_ATTRIBUTE attribute = {CKA_ID, before, sizeof before};
    CK_MECHANISM ecb = {CKM_AES_ECB, NULL, 0};
    enum side maker = watching->maker;
    bool good = aes != 0 &&
                guest_fine(p11->C_GetAttributeValue(session, aes, &attribute, 1), "reading") &&
                guest_fine(p11->C_EncryptInit(session, &ecb, aes), "C_EncryptInit");
    CK_ULONG len = sizeof before;
    (void)p11->C_Encrypt(session, message, sizeof message, before, &len);
    good = good && judge_run(other(watching->watcher), &user, change_all, &maker);
    good = good && changes_are_seen(session, &maker) &&
           holds(session, aes, CKA_ID, new_id, sizeof new_id);
    /* SoftHSM asks the key, too: it may not encrypt any more. */
    return good && p11->C_EncryptInit(session, &ecb, aes) == CKR_KEY_FUNCTION_NOT_PERMITTED;
}

/* ---- PINs ---- */

struct pin_change {
    const char *from, *to;
};

static bool set_pin(CK_SESSION_HANDLE session, void *argument)
{
    const struct pin_change *change = argument;
    return guest_fine(p11->C_SetPIN(session, (CK_BYTE_PTR)(uintptr_t)change->from,
                                    strlen(change->from), (CK_BYTE_PTR)(uintptr_t)change->to,
                                    strlen(change->to)),
                      "C_SetPIN");
}

static bool init_pin(CK_SESSION_HANDLE session, void *pin)
{
    return guest_fine(p11->C_InitPIN(session, pin, strlen(pin)), "C_InitPIN");
}

static bool pin_is_wrong(CK_SESSION_HANDLE session, void *pin)
{
    return guest_login(session, CKU_USER, pin) == CKR_PIN_INCORRECT;
}

static void test_pins(enum side changer)
{
    static char new_pin[] = "another user pin";
    static char new_so_pin[] = "another so pin";
    static char old_pin[] = GUEST_PIN;
    struct pin_change forth = {GUEST_PIN, new_pin};
    struct pin_change so_forth = {GUEST_SO_PIN, new_so_pin};
    struct pin_change so_back = {new_so_pin, GUEST_SO_PIN};
    struct judge_login with_new = {label, CKU_USER, new_pin};
    struct judge_login so_with_new = {label, CKU_SO, new_so_pin};
    enum side reader = other(changer);
    bool good = judge_run(changer, &user, set_pin, &forth) &&
                judge_run(reader, &with_new, no_work, NULL) &&
                judge_run(reader, &nobody, pin_is_wrong, old_pin);
    guest_ok(good, "%s changes the user's PIN: the new one opens for %s, the old one does not",
             side_names[changer], side_names[reader]);
    good = judge_run(changer, &so, set_pin, &so_forth) &&
           judge_run(reader, &so_with_new, set_pin, &so_back) &&
           judge_run(changer, &so, no_work, NULL);
    guest_ok(good, "%s changes the SO's PIN, and %s changes it back", side_names[changer],
             side_names[reader]);
    good = judge_run(changer, &so, init_pin, old_pin) && judge_run(reader, &user, no_work, NULL);
    guest_ok(good, "%s sets the user's PIN as SO: it opens for %s", side_names[changer],
             side_names[reader]);
}

/* ---- C_InitToken once more ---- */

static bool reinitialise(CK_SESSION_HANDLE session, void *argument)
{
    CK_SESSION_INFO info;
    CK_UTF8CHAR padded[33];
    (void)argument;
    (void)snprintf((char *)padded, sizeof padded, "%-32s", label);
    return guest_fine(p11->C_GetSessionInfo(session, &info), "C_GetSessionInfo") &&
           guest_fine(p11->C_CloseAllSessions(info.slotID), "C_CloseAllSessions") &&
           guest_fine(p11->C_InitToken(info.slotID, (CK_BYTE_PTR)GUEST_SO_PIN,
                                       sizeof GUEST_SO_PIN - 1, padded),
                      "C_InitToken");
}

static bool is_empty(CK_SESSION_HANDLE session, void *argument)
{
    CK_OBJECT_HANDLE found[4];
    CK_ULONG count = 0;
    (void)argument;
    return guest_fine(guest_find(session, NULL, 0, found, 4, &count), "finding") && count == 0;
}

static void test_reinitialised(enum side side)
{
    static char pin[] = GUEST_PIN;
    enum side reader = other(side);
    bool good = judge_run(side, &nobody, reinitialise, NULL) &&
                judge_run(reader, &so, init_pin, pin) && judge_run(reader, &user, is_empty, NULL) &&
                judge_run(reader, &user, make, &reader) &&
                judge_run(side, &user, describe, &reader);
    guest_ok(good && strstr(hand->text, "-aes") != NULL,
             "%s initializes the token anew: for %s it is empty, and both go on with it",
             side_names[side], side_names[reader]);
}

/* ---- all of it, on a token of either's ---- */

static void test_token_of(enum side owner, char *path)
{
    (void)snprintf(label, sizeof label, "made by %s", side_names[owner]);
    guest_ok(guest_wait(guest_fork(make_token, path)) == 0 &&
                 judge_run(other(owner), &user, no_work, NULL) &&
                 judge_run(other(owner), &so, no_work, NULL),
             "a token made by %s opens for %s", side_names[owner], side_names[other(owner)]);
    for (enum side maker = KEYKIST; maker <= SOFTHSM; maker++) {
        guest_ok(judge_run(maker, &user, make, &maker), "%s makes its objects", side_names[maker]);
        test_described_alike(maker);
        test_used_by_both(maker);
    }
    test_private_dates(KEYKIST);
    test_private_dates(SOFTHSM);
    test_pins(KEYKIST);
    test_pins(SOFTHSM);
    test_changed(KEYKIST);
    test_changed(SOFTHSM);
    test_reinitialised(owner);
    test_reinitialised(other(owner));
    for (enum side watcher = KEYKIST; watcher <= SOFTHSM; watcher++) {
        struct watching watching = {watcher, owner};
        guest_ok(judge_run(watcher, &user, watch, &watching),
                 "an open session of %s sees at once what %s changes", side_names[watcher],
                 side_names[other(watcher)]);
        if (watcher == KEYKIST) {
            test_reinitialised(other(owner));
        }
    }
}

int main(int argc, char **argv)
{
    judge_begin(argc, argv);
    if (argc != 4) {
        guest_bail("usage: test_turns KEYKIST-MODULE SOFTHSM-MODULE CERTIFICATE");
    }
    objects_certificate = argv[3];
    hand = judge_share(sizeof *hand);
    test_token_of(KEYKIST, argv[1]);
    test_token_of(SOFTHSM, argv[2]);
    return guest_end();
}
