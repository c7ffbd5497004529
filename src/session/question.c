/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A caller's template as it came, beside what was made of it. It is read once, into this copy, and
 * the template is made of the copy.
 */
#include "session/question.h"

#include <string.h>

#include "base/memory.h"

#include "base/banned.h"

#define ELEMENTS_MAX 8u
#define BYTES_MAX 256u

struct kk_question {
    struct kk_attrs *tmpl; /* NULL: nothing is kept */
    size_t count;
    size_t used;
    CK_ATTRIBUTE elements[ELEMENTS_MAX]; /* their values lie in `bytes` */
    uint8_t bytes[BYTES_MAX];
};

/* Arrays inside a template need not be aligned. */
static CK_ATTRIBUTE element_at(const CK_ATTRIBUTE *attributes, size_t i)
{
    CK_ATTRIBUTE element;
    memcpy(&element, (const uint8_t *)attributes + i * sizeof element, sizeof element);
    return element;
}

static bool is_same(const struct kk_question *question, const CK_ATTRIBUTE *attributes,
                    CK_ULONG count)
{
    if (question->tmpl == NULL || question->count != count || attributes == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const CK_ATTRIBUTE *kept = &question->elements[i];
        CK_ATTRIBUTE asked = element_at(attributes, i);
        if (asked.type != kept->type || asked.ulValueLen != kept->ulValueLen ||
            (asked.ulValueLen > 0 && asked.pValue == NULL) ||
            !kk_mem_equal(asked.pValue, asked.ulValueLen, kept->pValue, kept->ulValueLen)) {
            return false;
        }
    }
    return true;
}

static void forget(struct kk_question *question)
{
    kk_attrs_free(KK_STEAL(question->tmpl));
    kk_wipe(question->bytes, question->used);
    question->used = 0;
    question->count = 0;
}

static bool take_element(struct kk_question *question, CK_ATTRIBUTE element)
{
    bool fits = (element.type & CKF_ARRAY_ATTRIBUTE) == 0 &&
                element.ulValueLen <= BYTES_MAX - question->used &&
                (element.ulValueLen == 0 || element.pValue != NULL);
    if (!fits) {
        return false;
    }
    uint8_t *place = question->bytes + question->used;
    if (element.ulValueLen > 0) {
        memcpy(place, element.pValue, element.ulValueLen);
    }
    question->used += element.ulValueLen;
    question->elements[question->count++] =
        (CK_ATTRIBUTE){element.type, element.ulValueLen > 0 ? place : NULL, element.ulValueLen};
    return true;
}

/* False when it is not one of the usual kind. */
static bool take(struct kk_question *question, const CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    bool fits = count <= ELEMENTS_MAX && (attributes != NULL || count == 0);
    for (size_t i = 0; fits && i < count; i++) {
        fits = take_element(question, element_at(attributes, i));
    }
    return fits;
}

static bool has_secret(const struct kk_attrs *tmpl)
{
    for (size_t i = 0; i < tmpl->count; i++) {
        if (tmpl->rows[i].is_secret) {
            return true;
        }
    }
    return false;
}

/* Makes the template of what was taken, and keeps it. */
static KK_RV keep(struct kk_question *question, struct kk_attrs **ret_own)
{
    struct kk_attrs *tmpl = NULL;
    CK_RV rv = kk_template_copy(question->elements, question->count, KK_VERB_FIND, &tmpl);
    if (rv != CKR_OK || has_secret(tmpl)) {
        forget(question);
        *ret_own = tmpl;
        return rv;
    }
    question->tmpl = tmpl;
    return CKR_OK;
}

KK_RV kk_call_find_template(struct kk_call *call, const CK_ATTRIBUTE *attributes, CK_ULONG count,
                            struct kk_attrs **ret_own, const struct kk_attrs **ret_template)
{
    struct kk_find *find = &call->session->find;
    struct kk_attrs *own = NULL;
    if (find->question == NULL) {
        KK_TRY(kk_alloc(sizeof *find->question, &find->question));
    }
    if (!is_same(find->question, attributes, count)) {
        forget(find->question);
        if (take(find->question, attributes, count)) {
            KK_TRY(keep(find->question, &own));
        } else {
            forget(find->question);
            KK_TRY(kk_template_copy(attributes, count, KK_VERB_FIND, &own));
        }
    }
    *ret_own = own;
    *ret_template = own != NULL ? own : find->question->tmpl;
    return CKR_OK;
}

void kk_question_free(struct kk_question *question)
{
    if (question != NULL) {
        forget(question);
        kk_free(question);
    }
}
