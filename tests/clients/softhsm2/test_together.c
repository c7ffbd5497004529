/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Usage: test_together KEYKIST-MODULE SOFTHSM-MODULE
 * Processes of Keykist and of SoftHSM at work on one token directory at once. Each has an attribute
 * of its own on every shared object and counts it up: what it finds there must be what it wrote.
 * Each makes and destroys objects of its own: what is there at the end must be what they left.
 *
 * One process of SoftHSM only: two of them lose each other's updates without our doing.
 */
#include <stdio.h>
#include <string.h>

#include "judge.h"

#define LABEL "together"
#define SHARED 3u
#define KEYKISTS 2u
#define WORKERS (KEYKISTS + 1)
#define OWN_MAX 200u
#define FOUND_MAX 512u

static const struct judge_login user = {LABEL, CKU_USER, GUEST_PIN};

static CK_BBOOL yes = CK_TRUE;

/* What the workers report. */
struct report {
    unsigned sets, lost, refused;
    unsigned made, destroyed;
    bool alive[OWN_MAX];
    bool is_done;
};
static struct report *reports;

static double seconds;

/* ---- set-up ---- */

static bool make_data(CK_SESSION_HANDLE session, const char *text, CK_OBJECT_HANDLE *ret_object)
{
    CK_ULONG object_class = CKO_SECRET_KEY;
    CK_ULONG type = CKK_GENERIC_SECRET;
    CK_BYTE value[16] = {1};
    CK_ATTRIBUTE attributes[] = {{CKA_CLASS, &object_class, sizeof object_class},
                                 {CKA_KEY_TYPE, &type, sizeof type},
                                 {CKA_TOKEN, &yes, sizeof yes},
                                 {CKA_PRIVATE, &yes, sizeof yes},
                                 {CKA_LABEL, (void *)(uintptr_t)text, strlen(text)},
                                 {CKA_VALUE, value, sizeof value}};
    return guest_fine(p11->C_CreateObject(session, attributes, 6, ret_object), "C_CreateObject");
}

static bool make_shared(CK_SESSION_HANDLE session, void *argument)
{
    (void)argument;
    bool good = true;
    for (unsigned i = 0; i < SHARED; i++) {
        char text[32];
        CK_OBJECT_HANDLE object = 0;
        (void)snprintf(text, sizeof text, "shared-%u", i);
        good = good && make_data(session, text, &object);
    }
    return good;
}

static int make_token(void *path)
{
    guest_load(path);
    return guest_fine(p11->C_Initialize(NULL), "C_Initialize") &&
                   guest_token_make(LABEL) != GUEST_NO_SLOT
               ? 0
               : 1;
}

/* ---- work ---- */

struct worker {
    unsigned number; /* the last one is SoftHSM */
    struct report *report;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE shared[SHARED];
    unsigned count[SHARED];
    bool unsure[SHARED]; /* the last set was refused: it may have come through or not */
    CK_OBJECT_HANDLE own[OWN_MAX];
};

/* Each worker's own attribute; all are there to be set on any key. */
static const CK_ATTRIBUTE_TYPE own_types[WORKERS] = {CKA_START_DATE, CKA_END_DATE, CKA_ID};

static void text_of(unsigned count, char text[9])
{
    (void)snprintf(text, 9, "%08u", count % 100000000);
}

static bool reads(struct worker *worker, unsigned i, unsigned count)
{
    char want[9];
    char got[16];
    CK_ATTRIBUTE attribute = {own_types[worker->number], got, sizeof got};
    text_of(count, want);
    CK_RV rv = p11->C_GetAttributeValue(worker->session, worker->shared[i], &attribute, 1);
    return rv == CKR_OK && (count == 0 ? attribute.ulValueLen == 0
                                       : attribute.ulValueLen == 8 && memcmp(got, want, 8) == 0);
}

/* What is there must be the last that was set. */
static void check_one(struct worker *worker, unsigned i)
{
    if (worker->unsure[i] && reads(worker, i, worker->count[i] + 1)) {
        worker->count[i]++;
    } else if (!reads(worker, i, worker->count[i])) {
        worker->report->lost++;
        guest_note("%u: update %u of shared-%u is lost", worker->number, worker->count[i], i);
    }
    worker->unsure[i] = false;
}

static void set_one(struct worker *worker, unsigned i)
{
    char text[9];
    CK_ATTRIBUTE attribute = {own_types[worker->number], text, 8};
    text_of(worker->count[i] + 1, text);
    CK_RV rv = p11->C_SetAttributeValue(worker->session, worker->shared[i], &attribute, 1);
    if (rv == CKR_OK) {
        worker->count[i]++;
        worker->report->sets++;
    } else {
        worker->unsure[i] = true;
        worker->report->refused++;
        if (worker->number < KEYKISTS) {
            guest_note("Keykist refused an update: %s", guest_code(rv));
        }
    }
}

static void own_name(const struct worker *worker, unsigned n, char text[32])
{
    (void)snprintf(text, 32, "own-%u-%u", worker->number, n);
}

static bool make_own(struct worker *worker, unsigned n)
{
    char text[32];
    own_name(worker, n, text);
    if (!make_data(worker->session, text, &worker->own[n])) {
        return worker->number == KEYKISTS; /* SoftHSM is allowed to fail; we are not */
    }
    worker->report->alive[n] = true;
    worker->report->made++;
    return true;
}

static bool destroy_own(struct worker *worker, unsigned n)
{
    if (!worker->report->alive[n]) {
        return true;
    }
    if (!guest_fine(p11->C_DestroyObject(worker->session, worker->own[n]), "C_DestroyObject")) {
        return worker->number == KEYKISTS;
    }
    worker->report->alive[n] = false;
    worker->report->destroyed++;
    return true;
}

static bool work(CK_SESSION_HANDLE session, void *argument)
{
    struct worker *worker = argument;
    worker->session = session;
    bool good = true;
    double end = guest_seconds() + seconds;
    for (unsigned i = 0; i < SHARED; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "shared-%u", i);
        worker->shared[i] = judge_find(session, CKO_SECRET_KEY, text);
        good = good && worker->shared[i] != 0;
    }
    unsigned made = 0;
    for (unsigned round = 0; good && guest_seconds() < end; round++) {
        unsigned i = guest_random(SHARED);
        check_one(worker, i);
        set_one(worker, i);
        if (round % 4 == 0 && made < OWN_MAX) {
            good = make_own(worker, made++);
        }
        if (round % 8 == 4 && made > 2) {
            good = good && destroy_own(worker, made - 2);
        }
    }
    guest_sleep_ms(100); /* who is still writing gets done */
    for (unsigned i = 0; i < SHARED; i++) {
        check_one(worker, i);
    }
    worker->report->is_done = true;
    return good;
}

/* ---- what is left ---- */

struct census {
    unsigned missing, left_over, found;
};
static struct census *census;

static bool is_expected(const char *text)
{
    unsigned number = 0;
    unsigned n = 0;
    if (sscanf(text, "own-%u-%u", &number, &n) == 2) {
        return number < WORKERS && n < OWN_MAX && reports[number].alive[n];
    }
    return strncmp(text, "shared-", 7) == 0;
}

static bool count_objects(CK_SESSION_HANDLE session, void *argument)
{
    static CK_OBJECT_HANDLE found[FOUND_MAX];
    CK_ULONG count = 0;
    unsigned expected = SHARED;
    (void)argument;
    *census = (struct census){0};
    bool good = guest_fine(guest_find(session, NULL, 0, found, FOUND_MAX, &count), "finding");
    for (CK_ULONG i = 0; i < count; i++) {
        char text[64] = {0};
        CK_ATTRIBUTE label = {CKA_LABEL, text, sizeof text - 1};
        CK_RV rv = p11->C_GetAttributeValue(session, found[i], &label, 1);
        if (rv != CKR_OK || !is_expected(text)) {
            guest_note("left over: \"%s\" (%s)", text, guest_code(rv));
            census->left_over++;
        } else {
            census->found++;
        }
    }
    for (unsigned w = 0; w < WORKERS; w++) {
        for (unsigned n = 0; n < OWN_MAX; n++) {
            expected += reports[w].alive[n];
        }
    }
    census->missing = expected - census->found;
    return good;
}

static void test_census(enum side side)
{
    bool good = judge_run(side, &user, count_objects, NULL);
    guest_ok(good && census->missing == 0 && census->left_over == 0,
             "for %s there are the objects that were left, and no others (%u; %u missing, %u too "
             "many)",
             side_names[side], census->found, census->missing, census->left_over);
}

/* ---- PINs, while SoftHSM writes the token's own file at each login ---- */

struct pins {
    unsigned changes, undone, logins;
};
static struct pins *pins;

static bool log_in_and_out(CK_SESSION_HANDLE session, void *argument)
{
    (void)argument;
    double end = guest_seconds() + seconds / 2;
    bool good = true;
    while (good && guest_seconds() < end) {
        good = guest_fine(guest_login(session, CKU_SO, GUEST_SO_PIN), "C_Login of SoftHSM") &&
               guest_fine(p11->C_Logout(session), "C_Logout of SoftHSM");
        pins->logins++;
    }
    return good;
}

/* Back and forth; each new PIN must open, once whoever may undo it has had his time. */
static bool change_pins(CK_SESSION_HANDLE session, void *argument)
{
    static const char *const both[] = {GUEST_PIN, "the other pin"};
    (void)argument;
    double end = guest_seconds() + seconds / 2;
    bool good = true;
    unsigned now = 0;
    while (good && (guest_seconds() < end || now == 1)) {
        const char *from = both[now];
        const char *to = both[1 - now];
        good = guest_fine(p11->C_SetPIN(session, (CK_BYTE_PTR)(uintptr_t)from, strlen(from),
                                        (CK_BYTE_PTR)(uintptr_t)to, strlen(to)),
                          "C_SetPIN");
        pins->changes++;
        guest_sleep_ms(20);
        CK_RV rv = guest_login(session, CKU_USER, to);
        good = good && guest_fine(rv, "C_Login with the new PIN");
        pins->undone += rv != CKR_OK;
        (void)p11->C_Logout(session);
        now = 1 - now;
    }
    return good;
}

static void test_pins(void)
{
    const struct judge_login nobody = {LABEL, CKU_USER, NULL};
    pins = judge_share(sizeof *pins);
    pid_t softhsm = judge_start(SOFTHSM, &nobody, log_in_and_out, NULL);
    pid_t keykist = judge_start(KEYKIST, &nobody, change_pins, NULL);
    bool changed = guest_wait(keykist) == 0;
    bool logged_in = guest_wait(softhsm) == 0;
    guest_note("%u changes of the PIN, %u undone, among %u logins of SoftHSM's", pins->changes,
               pins->undone, pins->logins);
    guest_ok(changed && logged_in && pins->undone == 0 && pins->changes > 5 && pins->logins > 20,
             "no change of a PIN is undone by SoftHSM's logins");
    guest_ok(judge_run(SOFTHSM, &user, count_objects, NULL) && census->missing == 0,
             "and SoftHSM opens the token with the last one");
}

int main(int argc, char **argv)
{
    static struct worker workers[WORKERS];
    pid_t pids[WORKERS];
    judge_begin(argc, argv);
    reports = judge_share(WORKERS * sizeof *reports);
    census = judge_share(sizeof *census);
    seconds = guest_amount(8, 60);
    if (guest_wait(guest_fork(make_token, argv[1])) != 0 ||
        !judge_run(SOFTHSM, &user, make_shared, NULL)) {
        guest_bail("cannot make a token");
    }
    for (unsigned w = 0; w < WORKERS; w++) {
        workers[w] = (struct worker){.number = w, .report = &reports[w]};
        pids[w] = judge_start(w < KEYKISTS ? KEYKIST : SOFTHSM, &user, work, &workers[w]);
    }
    for (unsigned w = 0; w < WORKERS; w++) {
        const struct report *report = &reports[w];
        bool good = guest_wait(pids[w]) == 0;
        const char *who = side_names[w < KEYKISTS ? KEYKIST : SOFTHSM];
        guest_note("%s: %u updates, %u refused, %u lost; %u made, %u destroyed", who, report->sets,
                   report->refused, report->lost, report->made, report->destroyed);
        guest_ok(good && report->is_done && report->lost == 0 && report->sets > 20,
                 "none of the updates of process %u (%s) is lost", w, who);
        guest_ok(w >= KEYKISTS || report->refused == 0, "none of them was refused by %s",
                 w < KEYKISTS ? who : "Keykist");
    }
    test_census(KEYKIST);
    test_census(SOFTHSM);
    test_pins();
    return guest_end();
}
