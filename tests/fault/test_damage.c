/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random damage to a token's files: a bit, a byte, a block, the end cut off, a file deleted. Never
 * a crash, a hang, or wrong key material; what is missing is told of, and the rest is usable.
 *
 * In SoftHSM's directories nothing is authenticated, and what can be told of a damage is less:
 *
 *   told    the order, the types and the lengths in an object's file; a private value whose last
 *           block or the one before is touched (padding, but for one in 256); the value of a key
 *           that has a check value, or CKA_PUBLIC_KEY_INFO; a user's PIN whose letters, padding or
 *           last blocks are touched; a journal that is not whole
 *   not     a file that is gone; one that ends between two attributes, where the standard has
 *           defaults for the rest; flags, numbers, dates, public values and CKA_ID of public
 *           objects; the first blocks of other private values; the name and the SO's PIN in
 *           token.object; the first blocks of a user's PIN, which make a master key that opens
 *           nothing
 *
 * There the damage stays where it is: only the object of the damaged file may be another one or
 * gone, everything else is whole and the login works. With a damaged token.object nothing wrong is
 * handed out: a master key that is not the right one opens no object.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk.h"
#include "io.h"
#include "things.h"

#define LABEL "damage"
#define KEYS 24u
#define LATE 6u
#define PAIRS (KEYS / 3) /* two objects each */
#define FILES_MAX 200u

/* --- the token, and copies of it -------------------------------------------------------------- */

struct file {
    char path[300]; /* below the tokens' directory */
    uint8_t *data;
    size_t len;
    bool is_directory;
};

/* What the tokens' directory holds, whole. */
struct image {
    struct file files[FILES_MAX];
    size_t count;
};

/* One that was just made and closed; one that had big objects, and has room where they were; one
 * whose last process was killed, and left changes in the log. */
enum { IMAGE_YOUNG, IMAGE_OLD, IMAGE_KILLED, IMAGES };
static const char *const image_names[] = {"young", "old", "killed"};
static const unsigned image_objects[] = {KEYS, KEYS + 1, KEYS + 1 + LATE};
static struct image images[IMAGES];
static char tokens[4200];
static char log_path[4200];

static void load_file(struct file *file)
{
    char path[4600];
    struct stat status;
    (void)snprintf(path, sizeof path, "%s/%s", tokens, file->path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) {
        guest_bail("cannot read %s", path);
    }
    file->len = (size_t)status.st_size;
    file->data = malloc(file->len + 1);
    if (file->data == NULL || read(fd, file->data, file->len) != (ssize_t)file->len) {
        guest_bail("cannot read %s", path);
    }
    (void)close(fd);
}

static void load_directory(struct image *image, const char *below)
{
    char path[4600];
    (void)snprintf(path, sizeof path, "%s/%s", tokens, below);
    DIR *dir = opendir(path);
    const struct dirent *entry = NULL;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        if (image->count == FILES_MAX) {
            guest_bail("too many files");
        }
        struct file *file = &image->files[image->count++];
        (void)snprintf(file->path, sizeof file->path, "%s%s%.200s", below,
                       below[0] == '\0' ? "" : "/", entry->d_name);
        file->is_directory = entry->d_type == DT_DIR;
        if (file->is_directory) {
            load_directory(image, file->path);
        } else {
            load_file(file);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
}

static void store_file(const struct file *file)
{
    char path[4600];
    (void)snprintf(path, sizeof path, "%s/%s", tokens, file->path);
    if (file->is_directory) {
        if (mkdir(path, 0700) != 0) {
            guest_bail("cannot make %s", path);
        }
        return;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, file->data, file->len) != (ssize_t)file->len) {
        guest_bail("cannot write %s: %s", path, strerror(errno));
    }
    (void)close(fd);
}

static void store_image(const struct image *image)
{
    disk_delete(tokens);
    if (mkdir(tokens, 0700) != 0) {
        guest_bail("cannot make %s", tokens);
    }
    for (size_t i = 0; i < image->count; i++) {
        store_file(&image->files[i]);
    }
}

static void need(CK_RV rv, const char *what)
{
    if (!guest_fine(rv, what)) {
        (void)fflush(stdout);
        _exit(93);
    }
}

static int make_young(void *unused)
{
    static const enum thing_kind kinds[] = {THING_KEY, THING_PAIR, THING_DATA};
    (void)unused;
    need(p11->C_Initialize(NULL), "C_Initialize");
    if (guest_token_make(LABEL) == GUEST_NO_SLOT) {
        return 1;
    }
    need(p11->C_Finalize(NULL), "C_Finalize");
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    for (unsigned i = 0; i < KEYS; i++) {
        struct thing thing = thing_named(kinds[i % 3], 0, i);
        need(thing_make(session, &thing, 1 + i % 2), "an object");
    }
    return p11->C_Finalize(NULL) == CKR_OK ? 0 : 1;
}

/* As much as fills a log, and a little more. */
static int make_old(void *unused)
{
    (void)unused;
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    for (unsigned i = 0; i < 6; i++) {
        struct thing big = thing_named(THING_BIG, 50, i);
        need(thing_make(session, &big, 1), "a big object");
        need(thing_change(session, &big, THING_GONE), "destroying it");
    }
    struct thing last = thing_named(THING_KEY, 0, KEYS);
    need(thing_make(session, &last, 1), "a last object");
    return p11->C_Finalize(NULL) == CKR_OK ? 0 : 1;
}

/* In front of the write that begins to change an object in place, or a log's last page. */
static int die_in_a_write(const struct io_call *call)
{
    static unsigned writes;
    if (call->kind == IO_WRITE && ++writes == 4) {
        _exit(0);
    }
    return 0;
}

/* Ends without C_Finalize, in the middle of a last change. */
static int be_killed(void *unused)
{
    static const struct io_hooks deadly = {.before = die_in_a_write};
    (void)unused;
    CK_SESSION_HANDLE session = guest_enter(LABEL);
    struct thing late = {.handle = 0};
    for (unsigned i = 0; i < LATE; i++) {
        late = thing_named(i % 2 == 0 ? THING_KEY : THING_DATA, 0, KEYS + 1 + i);
        need(thing_make(session, &late, 2), "a late object");
    }
    io_hook(&deadly);
    (void)thing_change(session, &late, 3);
    return 1; /* it was to die in there */
}

/* --- damage ----------------------------------------------------------------------------------- */

enum damage_kind { DAMAGE_BIT, DAMAGE_BYTE, DAMAGE_BLOCK, DAMAGE_CUT, DAMAGE_DELETED, DAMAGES };
static const char *const damage_names[] = {"a bit of", "a byte of", "a block of", "the end of",
                                           "all of"};

struct damage {
    enum damage_kind kind;
    int image;
    size_t file;
    size_t at;
    size_t len;
};

static struct damage some_damage(void)
{
    struct damage damage = {.kind = (enum damage_kind)guest_random(DAMAGES),
                            .image = (int)guest_random(IMAGES)};
    const struct image *image = &images[damage.image];
    const struct file *file = NULL;
    do { /* a deleted file is one of few cases; the others want something to damage */
        damage.file = guest_random((uint32_t)image->count);
        file = &image->files[damage.file];
    } while (file->is_directory || (damage.kind != DAMAGE_DELETED && file->len == 0) ||
             (file->len <= 4096 && guest_random(4) != 0));
    if (damage.kind == DAMAGE_DELETED && guest_random(4) != 0) {
        damage.kind = DAMAGE_BYTE;
    }
    damage.at = file->len > 0 ? guest_random((uint32_t)file->len) : 0;
    damage.len = 1;
    if (damage.kind == DAMAGE_BLOCK) {
        damage.len = guest_random(2) == 0 ? 512 : 4096;
        damage.at -= damage.at % damage.len;
    }
    if (file->len == 0) {
        damage.kind = DAMAGE_DELETED;
    }
    return damage;
}

static void do_damage(const struct damage *damage)
{
    char path[4600];
    uint8_t block[4096];
    const struct file *file = &images[damage->image].files[damage->file];
    bool is_zero = guest_random(2) == 0;
    (void)snprintf(path, sizeof path, "%s/%s", tokens, file->path);
    if (damage->kind == DAMAGE_DELETED) {
        (void)unlink(path);
        return;
    }
    if (damage->kind == DAMAGE_CUT) {
        if (truncate(path, (off_t)damage->at) != 0) {
            guest_bail("cannot cut %s", path);
        }
        return;
    }
    for (size_t i = 0; i < damage->len; i++) {
        block[i] = damage->kind == DAMAGE_BLOCK && is_zero ? 0 : (uint8_t)guest_random(256);
    }
    if (damage->kind == DAMAGE_BIT) {
        block[0] = (uint8_t)(file->data[damage->at] ^ (1u << guest_random(8)));
    }
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || pwrite(fd, block, damage->len, (off_t)damage->at) < 0) {
        guest_bail("cannot damage %s", path);
    }
    (void)close(fd);
}

/* --- the look --------------------------------------------------------------------------------- */

struct seen {
    CK_RV login; /* CKR_TOKEN_NOT_PRESENT: no such token */
    CK_RV look;
    CK_RV write;
    unsigned found;
    unsigned wrong;
    CK_ULONG listed; /* objects that a search for everything finds */
};

static int pipe_ends[2];

static void tally(const struct thing *thing, unsigned version, bool whole, void *context)
{
    struct seen *seen = context;
    bool is_half = thing->handle == 0; /* a public key whose private one is damaged */
    (void)version;
    seen->found += !is_half;
    seen->wrong += !whole && !is_half;
}

static void write_something(CK_SESSION_HANDLE session, struct seen *seen)
{
    struct thing thing = thing_named(THING_DATA, 97, 1);
    seen->write = thing_make(session, &thing, 2);
    if (seen->write == CKR_OK) {
        seen->write = p11->C_DestroyObject(session, thing.handle);
    }
}

static int look(void *unused)
{
    static const struct io_hooks quick = {.syncs_nothing = true};
    struct seen seen = {.login = CKR_TOKEN_NOT_PRESENT};
    (void)unused;
    (void)alarm(40);
    io_hook(&quick);
    CK_RV rv = p11->C_Initialize(NULL);
    if (!guest_fine(rv, "C_Initialize")) {
        return 90;
    }
    CK_SLOT_ID slot = guest_token_find(LABEL);
    CK_SESSION_HANDLE session = 0;
    if (slot != GUEST_NO_SLOT) {
        seen.login =
            p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
    }
    if (seen.login == CKR_OK) {
        seen.login = guest_login(session, CKU_USER, GUEST_PIN);
    }
    if (seen.login == CKR_OK) {
        CK_OBJECT_HANDLE all[200];
        seen.look = things_each(session, tally, &seen);
        (void)guest_find(session, NULL, 0, all, 200, &seen.listed);
        write_something(session, &seen);
    }
    if (write(pipe_ends[1], &seen, sizeof seen) != sizeof seen) {
        return 92;
    }
    return guest_fine(p11->C_Finalize(NULL), "C_Finalize") ? 0 : 91;
}

/* A damaged row of the user's looks like a wrong PIN, a damaged count like too many tries, a log
 * that is gone like the time before it. */
static const CK_RV login_codes[] = {
    CKR_OK,
    CKR_DEVICE_ERROR,
    CKR_TOKEN_NOT_PRESENT,
    CKR_PIN_INCORRECT,
    CKR_PIN_LOCKED,
    CKR_TOKEN_NOT_RECOGNIZED,
    CKR_USER_PIN_NOT_INITIALIZED,
    CKR_TOKEN_WRITE_PROTECTED,
};
static const CK_RV work_codes[] = {CKR_OK, CKR_DEVICE_ERROR, CKR_TOKEN_WRITE_PROTECTED,
                                   CKR_TOKEN_NOT_RECOGNIZED};

static bool is_one_of(CK_RV rv, const CK_RV *codes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (codes[i] == rv) {
            return true;
        }
    }
    return false;
}

#define IS_ONE_OF(rv, codes) is_one_of(rv, codes, sizeof(codes) / sizeof(codes)[0])

static bool log_tells(void)
{
    char line[2000];
    bool found = false;
    FILE *file = fopen(log_path, "r");
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
        found = strstr(line, "ERROR") != NULL || strstr(line, "WARNING") != NULL;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return found;
}

/* --- judging ---------------------------------------------------------------------------------- */

static struct {
    unsigned damages;
    unsigned bad;
    unsigned whole;  /* nothing was lost */
    unsigned partly; /* some objects were */
    unsigned none;   /* no login */
    unsigned hidden; /* from a search by attribute, not from one for everything */
    unsigned untold; /* lost, and not a line of it */
    unsigned wrong;  /* an object is another one: where nothing is signed */
    unsigned objects_lost;
} totals[IMAGES][DAMAGES];

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* Whether more than the object of the damaged file is not what it was (where nothing is signed). */
static bool reaches_further(const struct damage *damage, const struct seen *seen)
{
    const char *name = last_part(images[damage->image].files[damage->file].path);
    unsigned all = image_objects[damage->image];
    if (strcmp(name, "token.object") == 0) {
        return seen->wrong > 0;
    }
    bool is_of_object = strchr(name, '-') != NULL && strstr(name, ".lock") == NULL;
    unsigned changed = all - seen->found + seen->wrong;
    bool has_wrong = seen->wrong > 0 && damage->kind == DAMAGE_DELETED;
    return seen->login != CKR_OK || has_wrong || seen->found > all ||
           changed > (is_of_object ? 1 : 0);
}

static void judge(const struct damage *damage, int code, const struct seen *seen)
{
    const struct file *file = &images[damage->image].files[damage->file];
    unsigned all = image_objects[damage->image];
    bool is_signed = guest_kind()->lists_damage;
    bool is_lost = seen->login != CKR_OK || seen->found < all;
    bool is_hidden = is_lost && seen->listed >= all + PAIRS;
    bool is_untold = is_lost && seen->login != CKR_PIN_INCORRECT && seen->login != CKR_PIN_LOCKED &&
                     !log_tells();
    bool is_bad = code != 0 || !IS_ONE_OF(seen->login, login_codes) ||
                  !IS_ONE_OF(seen->look, work_codes) || !IS_ONE_OF(seen->write, work_codes) ||
                  (is_signed ? seen->wrong > 0 || is_untold : reaches_further(damage, seen));
    totals[damage->image][damage->kind].damages++;
    totals[damage->image][damage->kind].bad += is_bad;
    totals[damage->image][damage->kind].whole += !is_lost;
    totals[damage->image][damage->kind].partly += is_lost && seen->login == CKR_OK;
    totals[damage->image][damage->kind].none += seen->login != CKR_OK;
    totals[damage->image][damage->kind].hidden += is_hidden;
    totals[damage->image][damage->kind].untold += is_untold;
    totals[damage->image][damage->kind].wrong += seen->wrong > 0;
    if (is_bad || getenv("KEYKIST_FAULT_VERBOSE") != NULL) {
        guest_note(
            "%s token, %s %s at %zu: end %d, login %s, look %s, write %s, %u of %u found, %u "
            "wrong%s",
            image_names[damage->image], damage_names[damage->kind], last_part(file->path),
            damage->at, code, guest_code(seen->login), guest_code(seen->look),
            guest_code(seen->write), seen->found, all, seen->wrong, is_untold ? ", untold" : "");
    }
    if (is_bad && getenv("KEYKIST_FAULT_KEEP") != NULL) {
        store_image(&images[damage->image]);
        do_damage(damage);
        guest_bail("the damaged token is left in %s", tokens);
    }
}

static int look_anew(struct seen *seen)
{
    *seen = (struct seen){.login = CKR_GENERAL_ERROR};
    (void)unlink(log_path);
    if (pipe(pipe_ends) != 0) {
        guest_bail("no pipe");
    }
    pid_t pid = guest_fork(look, NULL);
    (void)close(pipe_ends[1]);
    (void)!read(pipe_ends[0], seen, sizeof *seen);
    (void)close(pipe_ends[0]);
    return guest_wait(pid);
}

static void damage_once(void)
{
    struct damage damage = some_damage();
    struct seen seen;
    store_image(&images[damage.image]);
    do_damage(&damage);
    int code = look_anew(&seen);
    judge(&damage, code, &seen);
}

/* What is damaged below is whole before. */
static void look_at_whole(void)
{
    for (int image = 0; image < IMAGES; image++) {
        struct seen seen;
        store_image(&images[image]);
        int code = look_anew(&seen);
        guest_ok(code == 0 && seen.login == CKR_OK && seen.look == CKR_OK && seen.write == CKR_OK &&
                     seen.found == image_objects[image] && seen.wrong == 0,
                 "the %s token: %u of %u objects, %u wrong", image_names[image], seen.found,
                 image_objects[image], seen.wrong);
    }
}

static void report(void)
{
    for (int image = 0; image < IMAGES; image++) {
        unsigned bad = 0;
        unsigned damages = 0;
        for (int kind = 0; kind < DAMAGES; kind++) {
            guest_note(
                "%s token, %s a file: %u, nothing lost after %u, some after %u, all after %u, "
                "hidden %u, untold %u, changed %u",
                image_names[image], damage_names[kind], totals[image][kind].damages,
                totals[image][kind].whole, totals[image][kind].partly, totals[image][kind].none,
                totals[image][kind].hidden, totals[image][kind].untold, totals[image][kind].wrong);
            bad += totals[image][kind].bad;
            damages += totals[image][kind].damages;
        }
        guest_count("damages", damages);
        guest_ok(damages > 0 && bad == 0, "%u damages to the %s token", damages,
                 image_names[image]);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    (void)snprintf(tokens, sizeof tokens, "%s/damaged", guest_folder());
    (void)snprintf(log_path, sizeof log_path, "%s/log", guest_folder());
    guest_use_tokens(tokens, "");
    guest_load(argv[1]);
    if (guest_wait(guest_fork(make_young, NULL)) != 0) {
        guest_bail("cannot make a token");
    }
    load_directory(&images[IMAGE_YOUNG], "");
    if (guest_wait(guest_fork(make_old, NULL)) != 0) {
        guest_bail("cannot make the token old");
    }
    load_directory(&images[IMAGE_OLD], "");
    if (guest_wait(guest_fork(be_killed, NULL)) != 0) {
        guest_bail("cannot leave something in the log");
    }
    load_directory(&images[IMAGE_KILLED], "");
    look_at_whole();
    unsigned many = guest_amount(350, 10000);
    for (unsigned i = 0; i < many; i++) {
        damage_once();
    }
    report();
    return guest_end();
}
