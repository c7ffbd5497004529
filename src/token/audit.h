/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The audit log of one token: events become entries of a hash chain (docs/design/audit.md).
 *
 * Thread safe. No lock of rank KK_RANK_JOURNAL or above may be held by who writes.
 */
#pragma once

#include "base/uuid.h"
#include "crypto/provider.h"
#include "object/attrs.h"

#define KK_AUDIT_LINE_MAX 2048 /* bytes of an entry, without the newline */
#define KK_AUDIT_HASH 32

struct kk_audit;

/* Rows of the table in audit_entry.c. */
enum kk_audit_kind {
    KK_AUDIT_NONE,
    KK_AUDIT_BEGIN,    /* the log's own: the first entry */
    KK_AUDIT_EPOCH,    /* the first one of a new K_audit; bytes: the token's epoch */
    KK_AUDIT_CONTINUE, /* the first one of a further file; bytes: the hash of the line before;
                          number: the oldest entry that is kept */
    KK_AUDIT_ROTATE,   /* the last one of a full file */
    KK_AUDIT_TORN,     /* number and bytes: length and hash of what is torn before it */
    KK_AUDIT_GAP,      /* number: of the entry that is not there any more */
    KK_AUDIT_MISSED,   /* number: how many could not be written */
    KK_AUDIT_LOGIN,
    KK_AUDIT_LOGOUT,
    KK_AUDIT_PIN_FAILED,
    KK_AUDIT_GUARD_LOCKED, /* the TPM behind a PIN took none: no try was counted */
    KK_AUDIT_PIN_CHANGE,
    KK_AUDIT_PIN_INIT,
    KK_AUDIT_USER_ADD,
    KK_AUDIT_USER_REMOVE,
    KK_AUDIT_TOKEN_INIT,
    KK_AUDIT_TOKEN_DELETE,
    KK_AUDIT_REKEY,
    KK_AUDIT_REPAIR,    /* the first one of a token that a repair made */
    KK_AUDIT_RESTORE,   /* the first one of a token that was made from a backup */
    KK_AUDIT_BACKUP,    /* a backup of it is being written */
    KK_AUDIT_SET_ASIDE, /* the last one of a token of which a conversion made another */
    KK_AUDIT_UNPLUG,    /* it was taken out of its slot, */
    KK_AUDIT_PLUG,      /* and put back */
    KK_AUDIT_CREATE,
    KK_AUDIT_GENERATE,
    KK_AUDIT_DERIVE,
    KK_AUDIT_UNWRAP,
    KK_AUDIT_ENCAPSULATE,
    KK_AUDIT_DECAPSULATE,
    KK_AUDIT_COPY,
    KK_AUDIT_MODIFY,
    KK_AUDIT_DESTROY,
    KK_AUDIT_WRAP,
    KK_AUDIT_EXPORT,
    KK_AUDIT_ENCRYPT,
    KK_AUDIT_DECRYPT,
    KK_AUDIT_SIGN,
    KK_AUDIT_VERIFY,
    KK_AUDIT_SIGN_RECOVER,
    KK_AUDIT_VERIFY_RECOVER,
    KK_AUDIT_DIGEST_KEY,
    KK_AUDIT_KINDS
};

/* Who is logged in. */
enum kk_audit_who { KK_AUDIT_PUBLIC, KK_AUDIT_SO, KK_AUDIT_USER };

/* How an object came about: what a session tells along with it. Zeros: as it looks. */
struct kk_audit_note {
    enum kk_audit_kind kind;
    bool has_mechanism;
    CK_MECHANISM_TYPE mechanism;
    bool has_with;
    struct kk_uuid with; /* the key that unwrapped it, that it was derived or copied from */
};

/* One event; what does not apply is zero. Everything is borrowed. */
struct kk_audit_event {
    enum kk_audit_kind kind;
    enum kk_audit_who tried;      /* PIN_FAILED, GUARD_LOCKED: whose PIN */
    struct kk_span of;            /* the named user that it is about, or whose PIN that was */
    bool is_context;              /* LOGIN and these two: of C_Login with CKU_CONTEXT_SPECIFIC */
    const struct kk_uuid *object; /* and its attributes, for class and label */
    const struct kk_attrs *attrs;
    const struct kk_audit_note *note;
    CK_RV result; /* CKR_OK is left out */
    uint64_t number;
    struct kk_span bytes;
};

/* Where an entry stands. seq 0: nowhere. */
struct kk_audit_mark {
    uint64_t seq;
    uint64_t file; /* the number of its file's first entry */
    uint64_t offset;
    uint8_t hash[KK_AUDIT_HASH]; /* SHA-256 of the line */
    bool after_gap;              /* what stood in the log before is not there any more */
};

struct kk_audit_settings {
    int mode;     /* enum kk_config_audit */
    int on_error; /* enum kk_config_audit_error */
    unsigned long max_size_kib;
    unsigned long keep;
    unsigned int file_mode;
};

/* `dir` is the token's directory. Opens no file. */
KK_RV kk_audit_new(struct kk_crypto *crypto, const char *dir, const char serial[16],
                   const struct kk_audit_settings *settings, struct kk_audit **ret_audit);
void kk_audit_free(struct kk_audit *audit);
KK_DEFINE_CLEANUP(struct kk_audit *, kk_audit_free);

/* Who writes an entry, and with what. */
struct kk_audit_writer {
    enum kk_audit_who who;
    struct kk_span name;                /* a named user's */
    struct kk_span key;                 /* K_audit, 32 bytes; empty without a login */
    const struct kk_audit_mark *anchor; /* an entry that must be there (NULL: none known); where it
                                           is not, GAP goes before the event */
    bool is_quick;                      /* not synced, whatever the kind says */
    bool has_generation; /* the key is refused (CKR_SESSION_HANDLE_INVALID) when an EPOCH was
                            written since this generation */
    uint64_t generation;
};

/* Moves with each EPOCH that this process writes or finds. */
uint64_t kk_audit_generation(const struct kk_audit *audit);

/*
 * Writes the event's entry. When it returns CKR_OK the entry is in the file, or audit.on_error is
 * `continue`, or the settings leave events of this kind out. Otherwise the operation must be
 * refused: CKR_DEVICE_MEMORY (full disk), CKR_DEVICE_ERROR, CKR_HOST_MEMORY, CKR_FUNCTION_FAILED.
 * `ret_mark` may be NULL; its seq is 0 when nothing was written.
 */
KK_RV kk_audit_write(struct kk_audit *audit, const struct kk_audit_writer *writer,
                     const struct kk_audit_event *event, struct kk_audit_mark *ret_mark);

/* Removes files that were made and in which nothing was written. */
void kk_audit_discard(struct kk_audit *audit);

/* ---- reading ---- */

enum kk_audit_verdict { KK_AUDIT_SOUND, KK_AUDIT_BROKEN };

struct kk_audit_report {
    enum kk_audit_verdict verdict;
    bool has_log;
    bool has_key;            /* MACs were verified */
    bool anchor_is_damaged;  /* somebody else wrote the token's anchor */
    uint64_t files, entries; /* that were read: up to the break, when there is one */
    uint64_t first, last;    /* their numbers */
    uint64_t sealed;         /* the last one with a good MAC; all before it are sealed by it */
    uint64_t torn;           /* torn lines that a later entry tells of */
    uint64_t torn_tail;      /* bytes behind the last whole line */
    uint64_t missed;         /* entries that could not be written (audit.on_error = continue) */
    uint64_t break_at;       /* the first entry that does not fit; 0 when it has no number */
    char what[160];          /* what is wrong, "" when nothing is */
    char file[40];           /* in which file */
};

/* `key`: empty without a login. `anchor` may be NULL; what is in it was authenticated by the
 * caller, if it could be. A log that cannot be read gives a code, a broken one a report. */
KK_RV kk_audit_verify(struct kk_audit *audit, struct kk_span key,
                      const struct kk_audit_mark *anchor, struct kk_audit_report *ret_report);

/* Whole lines from the place on, as many as fit; a line that is longer is left out. The place
 * begins as zeros and moves. *ret_len is 0 at the end. */
struct kk_audit_place {
    uint64_t file; /* 0: the oldest */
    uint64_t offset;
};
KK_RV kk_audit_read(struct kk_audit *audit, struct kk_audit_place *place, uint8_t *text,
                    size_t room, size_t *ret_len);
