/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HSS signatures (RFC 8554, section 6): made with a leaf that the caller has taken, and verified.
 */
#include "crypto/hss.h"

#include <string.h>

#include "base/memory.h"
#include "crypto/hss_internal.h"

#include "base/banned.h"

#define OF_RANDOM                                                                                  \
    0xfffd /* C of the signature over a child tree's root, which is made anew each time            \
              and must be the same one each time */

static size_t length_of(const struct kk_hss *hss)
{
    size_t len = 4;
    for (unsigned i = 0; i < hss->levels; i++) {
        len += kk_lms_signature_len(&hss->level[i].set) + (i > 0 ? KK_LMS_PUBLIC : 0);
    }
    return len;
}

size_t kk_hss_length(const struct kk_key *key)
{
    if (key->hss == NULL) {
        return 0;
    }
    return key->is_private ? length_of(key->hss) : KK_HSS_SIGNATURE_MAX;
}

bool kk_hss_is_same(const struct kk_key *a, const struct kk_key *b)
{
    size_t len = KK_LMS_ID + KK_LMS_N;
    if (a->hss == NULL || b->hss == NULL || !a->is_private || !b->is_private ||
        a->hss->levels != b->hss->levels) {
        return false;
    }
    for (unsigned i = 0; i < a->hss->levels; i++) {
        if (a->hss->level[i].set.lms != b->hss->level[i].set.lms ||
            a->hss->level[i].set.lmots != b->hss->level[i].set.lmots) {
            return false;
        }
    }
    return kk_ct_equal(kk_secret_data(a->hss->secrets), kk_secret_data(b->hss->secrets), len);
}

/* ---- signing ---- */

KK_RV kk_hss_prepare(struct kk_crypto *crypto, struct kk_key *key, uint64_t leaf,
                     struct kk_buffer *ret_nodes)
{
    KK_CLEANUP(kk_lms_hash_clear) struct kk_lms_hash hash = {0};
    KK_ENSURE(key->hss != NULL && key->is_private, CKR_KEY_TYPE_INCONSISTENT);
    KK_TRY(kk_lms_hash_begin(crypto, &hash));
    KK_LOCK_SCOPE(&key->hss->lock);
    KK_TRY(kk_hss_go_to(key->hss, &hash, leaf));
    return kk_hss_nodes(key->hss, ret_nodes);
}

/* What a signature needs of one level, so that others may go on with the trees meanwhile. */
struct place {
    uint8_t id[KK_LMS_ID];
    uint8_t seed[KK_LMS_N];
    uint8_t root[KK_LMS_N];
    uint8_t path[KK_LMS_N * KK_HSS_HEIGHT_MADE];
    uint32_t q;
};

static KK_RV find_places(struct kk_hss *hss, struct kk_lms_hash *hash, uint64_t leaf,
                         struct place *places)
{
    KK_LOCK_SCOPE(&hss->lock);
    KK_TRY(kk_hss_go_to(hss, hash, leaf));
    for (unsigned i = 0; i < hss->levels; i++) {
        struct kk_lms_tree tree = kk_hss_tree(hss, i);
        memcpy(places[i].id, tree.id, KK_LMS_ID);
        memcpy(places[i].seed, tree.seed, KK_LMS_N);
        memcpy(places[i].root, kk_hss_root(hss, i), KK_LMS_N);
        kk_hss_path(hss, i, leaf, places[i].path);
        places[i].q = kk_hss_leaf_of(hss, i, leaf);
    }
    return CKR_OK;
}

static struct kk_lms_tree tree_of(const struct kk_hss *hss, const struct place *places, unsigned i)
{
    return (struct kk_lms_tree){&hss->level[i].set, places[i].id, places[i].seed};
}

/* Level i signs the public key of the tree below it: both go into the signature. */
static KK_RV sign_child(const struct kk_hss *hss, struct kk_lms_hash *hash,
                        const struct place *places, unsigned i, uint8_t *out)
{
    uint8_t random[KK_LMS_N];
    const struct kk_lms_tree tree = tree_of(hss, places, i);
    const struct kk_lms_tree child = tree_of(hss, places, i + 1);
    uint8_t *child_public = out + kk_lms_signature_len(tree.set);
    kk_lms_public(&child, places[i + 1].root, child_public);
    KK_TRY(kk_lms_secret(hash, &tree, places[i].q, OF_RANDOM, random));
    return kk_lms_sign(hash, &tree, places[i].q, places[i].path, random,
                       KK_SPAN(child_public, KK_LMS_PUBLIC), out);
}

static KK_RV sign_all(const struct kk_hss *hss, struct kk_lms_hash *hash,
                      const struct place *places, const uint8_t random[KK_LMS_N],
                      struct kk_span message, uint8_t *out)
{
    unsigned last = hss->levels - 1;
    kk_store_u32(out, last);
    out += 4;
    for (unsigned i = 0; i < last; i++) {
        KK_TRY(sign_child(hss, hash, places, i, out));
        out += kk_lms_signature_len(&hss->level[i].set) + KK_LMS_PUBLIC;
    }
    const struct kk_lms_tree tree = tree_of(hss, places, last);
    return kk_lms_sign(hash, &tree, places[last].q, places[last].path, random, message, out);
}

KK_RV kk_hss_sign(struct kk_crypto *crypto, struct kk_key *key, uint64_t leaf,
                  struct kk_span message, uint8_t *out, size_t *ret_len)
{
    KK_CLEANUP(kk_lms_hash_clear) struct kk_lms_hash hash = {0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *room = NULL;
    uint8_t random[KK_LMS_N];
    KK_ENSURE(key->hss != NULL && key->is_private, CKR_KEY_TYPE_INCONSISTENT);
    KK_TRY(kk_lms_hash_begin(crypto, &hash));
    KK_TRY(kk_secret_new(sizeof(struct place) * key->hss->levels, &room));
    struct place *places = (struct place *)(void *)kk_secret_data(room);
    KK_TRY(find_places(key->hss, &hash, leaf, places));
    KK_TRY(kk_crypto_random(crypto, random, sizeof random));
    KK_TRY(sign_all(key->hss, &hash, places, random, message, out));
    *ret_len = length_of(key->hss);
    return CKR_OK;
}

/* ---- verification ---- */

/* The tree whose turn it is. */
struct verifying {
    struct kk_lms_hash hash;
    struct kk_lms_set set;
    struct kk_lms_tree tree;
    const uint8_t *root;
};

static void verifying_clear(struct verifying *verifying)
{
    kk_lms_hash_clear(&verifying->hash);
}

static KK_RV check_one(struct verifying *verifying, struct kk_span message,
                       struct kk_span signature)
{
    uint8_t root[KK_LMS_N];
    KK_TRY(kk_lms_root_of(&verifying->hash, &verifying->tree, message, signature, root));
    KK_ENSURE(kk_ct_equal(root, verifying->root, sizeof root), CKR_SIGNATURE_INVALID);
    return CKR_OK;
}

/* Goes down into the tree whose public key was signed. */
static KK_RV go_down(struct verifying *verifying, struct kk_span child)
{
    struct kk_reader reader = kk_reader_new(child);
    uint32_t lms = kk_reader_u32(&reader);
    uint32_t lmots = kk_reader_u32(&reader);
    KK_ENSURE(kk_lms_set_find(lms, lmots, &verifying->set), CKR_SIGNATURE_INVALID);
    verifying->tree.id = kk_reader_take(&reader, KK_LMS_ID).data;
    verifying->root = kk_reader_take(&reader, KK_LMS_N).data;
    return CKR_OK;
}

KK_RV kk_hss_verify(struct kk_crypto *crypto, const struct kk_key *key, struct kk_span message,
                    struct kk_span signature)
{
    KK_ENSURE(key->hss != NULL && !key->is_private, CKR_KEY_TYPE_INCONSISTENT);
    const struct kk_hss *hss = key->hss;
    KK_CLEANUP(verifying_clear) struct verifying verifying = {
        .set = hss->level[0].set, .tree = {.id = hss->id}, .root = hss->root};
    struct kk_reader reader = kk_reader_new(signature);
    verifying.tree.set = &verifying.set;
    KK_ENSURE(signature.len >= 4 && signature.len <= KK_HSS_SIGNATURE_MAX, CKR_SIGNATURE_LEN_RANGE);
    KK_ENSURE(kk_reader_u32(&reader) == hss->levels - 1, CKR_SIGNATURE_INVALID);
    KK_TRY(kk_lms_hash_begin(crypto, &verifying.hash));
    for (unsigned i = 1; i < hss->levels; i++) {
        struct kk_span own = kk_reader_take(&reader, kk_lms_signature_len(&verifying.set));
        struct kk_span child = kk_reader_take(&reader, KK_LMS_PUBLIC);
        KK_ENSURE(!reader.failed, CKR_SIGNATURE_LEN_RANGE);
        KK_TRY(check_one(&verifying, child, own));
        KK_TRY(go_down(&verifying, child));
    }
    struct kk_span last = kk_reader_take(&reader, kk_lms_signature_len(&verifying.set));
    KK_ENSURE(kk_reader_done(&reader), CKR_SIGNATURE_LEN_RANGE);
    return check_one(&verifying, message, last);
}
