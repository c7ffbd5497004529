/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Usage: test_round_trip KEYKIST-MODULE SOFTHSM-MODULE CERTIFICATE
 * Objects of every class and attributes of every kind, on a token that is converted into a sealed
 * one and back: each module says the same of them before, between and after.
 */
#include <stdio.h>
#include <string.h>

#include "objects.h"

static char label[32];
static struct judge_login user = {label, CKU_USER, GUEST_PIN};

static char *hand; /* what a child has described */

static int make_token(void *path)
{
    guest_load(path);
    return guest_fine(p11->C_Initialize(NULL), "C_Initialize") &&
                   guest_token_make(label) != GUEST_NO_SLOT &&
                   guest_fine(p11->C_Finalize(NULL), "C_Finalize")
               ? 0
               : 1;
}

static bool make(CK_SESSION_HANDLE session, void *argument)
{
    return objects_make(session, *(enum side *)argument);
}

static bool describe(CK_SESSION_HANDLE session, void *argument)
{
    return objects_describe(session, *(enum side *)argument, hand);
}

/* What that side says of what SoftHSM or Keykist made. */
static bool described(enum side reader, enum side maker, char text[OBJECTS_TEXT])
{
    memset(hand, 0, OBJECTS_TEXT);
    bool good = judge_run(reader, &user, describe, &maker);
    memcpy(text, hand, OBJECTS_TEXT);
    return good && strlen(text) > 10000;
}

struct conversion {
    const char *module;
    const char *kind;
};

static int convert(void *context)
{
    struct conversion *conversion = context;
    guest_load(conversion->module);
    CK_UTF8CHAR kind[16];
    CK_UTF8CHAR pin[] = GUEST_PIN;
    CK_UTF8CHAR so_pin[] = GUEST_SO_PIN;
    CK_KEYKIST_REQUEST request = {
        .so_pin = so_pin, .so_pin_len = sizeof so_pin - 1, .pin = pin, .pin_len = sizeof pin - 1};
    CK_KEYKIST_RESULT result = {0};
    memset(kind, ' ', sizeof kind);
    memcpy(kind, conversion->kind, strlen(conversion->kind));
    if (vendor == NULL || !guest_fine(p11->C_Initialize(NULL), "C_Initialize")) {
        return 1;
    }
    bool good = guest_fine(vendor->convert_token(guest_token_find(label), kind, &request, &result),
                           conversion->kind);
    good = good && result.private_objects + result.public_objects > 10;
    return good && guest_fine(p11->C_Finalize(NULL), "C_Finalize") ? 0 : 1;
}

static void converted(const char *module, const char *kind)
{
    struct conversion conversion = {.module = module, .kind = kind};
    guest_ok(guest_wait(guest_fork(convert, &conversion)) == 0, "converted: %s", kind);
}

static void same(const char *first, const char *second, const char *what)
{
    size_t at = 0;
    while (first[at] != '\0' && first[at] == second[at]) {
        at++;
    }
    bool equal = first[at] == second[at];
    while (!equal && at > 0 && first[at - 1] != '\n') {
        at--;
    }
    if (!equal) {
        guest_note("  before: %.*s", (int)strcspn(first + at, "\n"), first + at);
        guest_note("  after:  %.*s", (int)strcspn(second + at, "\n"), second + at);
    }
    guest_ok(equal, "%s", what);
}

static void test_made_by(enum side maker, char **argv)
{
    static char before[OBJECTS_TEXT];
    static char between[OBJECTS_TEXT];
    static char after[OBJECTS_TEXT];
    (void)snprintf(label, sizeof label, "round-%s", side_names[maker]);
    guest_ok(guest_wait(guest_fork(make_token, argv[maker == KEYKIST ? 1 : 2])) == 0 &&
                 judge_run(maker, &user, make, &maker),
             "a token in SoftHSM's format with objects of every class, by %s", side_names[maker]);
    guest_ok(described(SOFTHSM, maker, before), "SoftHSM describes it");
    converted(argv[1], "sealed");
    guest_ok(described(KEYKIST, maker, between), "Keykist describes the sealed token");
    same(before, between, "which has every attribute of every object");
    converted(argv[1], "softhsm2");
    guest_ok(described(SOFTHSM, maker, after), "SoftHSM describes what came back");
    same(before, after, "which has every attribute of every object");
}

int main(int argc, char **argv)
{
    judge_begin(argc, argv);
    if (argc != 4) {
        guest_bail("usage: test_round_trip KEYKIST-MODULE SOFTHSM-MODULE CERTIFICATE");
    }
    objects_certificate = argv[3];
    hand = judge_share(OBJECTS_TEXT);
    test_made_by(SOFTHSM, argv);
    test_made_by(KEYKIST, argv);
    return guest_end();
}
