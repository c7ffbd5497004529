/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Jobs: a function's arguments, copied, and later its results.
 */
#include "session/async.h"

#include <string.h>

#include "base/memory.h"
#include "session/workers.h"

#include "base/banned.h"

enum job_kind { JOB_GENERATE_KEY, JOB_GENERATE_PAIR, JOB_SIGN, JOB_SIGN_FINAL };

struct kk_job {
    struct kk_work work;
    atomic_uint refs; /* the session's and the worker's */
    struct kk_app *app;
    CK_SESSION_HANDLE session;
    enum job_kind kind;
    atomic_bool abandoned;
    atomic_bool done; /* what follows the arguments holds */
    uint64_t login_round;

    const struct kk_mechanism *mechanism;
    struct kk_param param;
    struct kk_attrs *tmpls[2];
    uint8_t *in;
    size_t in_len;
    uint8_t *caller; /* where C_AsyncComplete puts a signature */
    CK_ULONG room;

    CK_RV rv;
    struct kk_secret *out;
    CK_ULONG out_len;
    CK_OBJECT_HANDLE handles[2];
};

typedef KK_RV run_fn(struct kk_call *call, struct kk_job *job);

static KK_RV run_generate_key(struct kk_call *call, struct kk_job *job)
{
    return kk_call_generate_key(call, job->mechanism, &job->param, job->tmpls[0], &job->handles[0]);
}

static KK_RV run_generate_pair(struct kk_call *call, struct kk_job *job)
{
    return kk_call_generate_pair(call, job->mechanism, &job->param, job->tmpls[0], job->tmpls[1],
                                 &job->handles[0], &job->handles[1]);
}

static KK_RV sign(struct kk_call *call, struct kk_job *job, enum kk_phase phase)
{
    job->out_len = kk_secret_len(job->out);
    return kk_operation_result(call, KK_OP_SIGN, phase, KK_SPAN(job->in, job->in_len),
                               &(struct kk_output){kk_secret_data(job->out), &job->out_len});
}

static KK_RV run_sign(struct kk_call *call, struct kk_job *job)
{
    return sign(call, job, KK_PHASE_SINGLE);
}

static KK_RV run_sign_final(struct kk_call *call, struct kk_job *job)
{
    return sign(call, job, KK_PHASE_FINAL);
}

static const struct {
    const char *function;
    CK_FLAGS flag; /* by which C_SessionCancel names it */
    run_fn *run;
} kinds[] = {
    [JOB_GENERATE_KEY] = {"C_GenerateKey", CKF_GENERATE, run_generate_key},
    [JOB_GENERATE_PAIR] = {"C_GenerateKeyPair", CKF_GENERATE_KEY_PAIR, run_generate_pair},
    [JOB_SIGN] = {"C_Sign", CKF_SIGN, run_sign},
    [JOB_SIGN_FINAL] = {"C_SignFinal", CKF_SIGN, run_sign_final},
};

static void job_free(struct kk_job *job)
{
    kk_param_clear(&job->param);
    kk_attrs_free(job->tmpls[0]);
    kk_attrs_free(job->tmpls[1]);
    if (job->in != NULL) {
        kk_wipe(job->in, job->in_len);
        kk_free(job->in);
    }
    kk_secret_free(job->out);
    kk_free(job);
}

void kk_job_unref(struct kk_job *job)
{
    if (job != NULL && atomic_fetch_sub_explicit(&job->refs, 1, memory_order_acq_rel) == 1) {
        job_free(job);
    }
}
KK_DEFINE_CLEANUP(struct kk_job *, kk_job_unref);

static KK_RV job_new(struct kk_call *call, enum job_kind kind, struct kk_job **ret_job)
{
    struct kk_job *job = NULL;
    KK_TRY(kk_alloc(sizeof *job, &job));
    atomic_init(&job->refs, 1);
    kk_param_init(&job->param);
    job->app = call->app;
    job->session = call->session->handle;
    job->login_round = atomic_load(&call->session->slot->login_round);
    job->kind = kind;
    *ret_job = job;
    return CKR_OK;
}

/* On the worker. */
static CK_RV run_call(struct kk_job *job)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_TRY(kk_call_begin_job(job->app, job->session, job, &job->abandoned, &call));
    return kinds[job->kind].run(&call, job);
}

static void run(struct kk_work *work)
{
    struct kk_job *job = (struct kk_job *)work;
    kk_crypto_enter();
    kk_crypto_stop_on(&job->abandoned);
    job->rv = run_call(job);
    kk_crypto_stop_on(NULL);
    kk_crypto_leave();
    atomic_store_explicit(&job->done, true, memory_order_release);
    kk_job_unref(job);
}

/* Puts the job into the session and hands it to a worker. False: there is none. The worker waits
 * for the session's lock, which the caller holds. */
static bool submit(struct kk_call *call, struct kk_job *job)
{
    KK_ASSERT_HELD(&call->session->lock);
    KK_LOCK_SCOPE(&call->app->state_lock);
    if (atomic_load(&call->session->dead)) {
        return false;
    }
    job->work.run = run;
    atomic_fetch_add(&job->refs, 1);
    atomic_store(&call->session->job, job);
    if (!kk_workers_give(call->app->workers, &job->work)) {
        atomic_store(&call->session->job, NULL);
        atomic_fetch_sub(&job->refs, 1);
        return false;
    }
    return true;
}

bool kk_async_wanted(const struct kk_call *call)
{
    return (call->session->flags & CKF_ASYNC_SESSION) != 0;
}

/* Both generations: where no thread is to be had, the call does the work itself. */
static KK_RV generate(struct kk_call *call, struct kk_job *job, CK_OBJECT_HANDLE *const handles[2])
{
    if (submit(call, job)) {
        return CKR_PENDING;
    }
    KK_TRY(kinds[job->kind].run(call, job));
    for (size_t i = 0; i < 2 && handles[i] != NULL; i++) {
        *handles[i] = job->handles[i];
    }
    return CKR_OK;
}

KK_RV kk_async_generate_key(struct kk_call *call, const struct kk_mechanism *mechanism,
                            struct kk_param *param, struct kk_attrs **tmpl,
                            CK_OBJECT_HANDLE *ret_key)
{
    struct kk_job *job = NULL;
    KK_TRY(job_new(call, JOB_GENERATE_KEY, &job));
    job->mechanism = mechanism;
    kk_param_move(&job->param, param);
    job->tmpls[0] = KK_STEAL(*tmpl);
    CK_RV rv = generate(call, job, (CK_OBJECT_HANDLE *[]){ret_key, NULL});
    if (rv != CKR_PENDING) {
        kk_job_unref(job);
    }
    return rv;
}

KK_RV kk_async_generate_pair(struct kk_call *call, const struct kk_mechanism *mechanism,
                             struct kk_param *param, struct kk_attrs **public_tmpl,
                             struct kk_attrs **private_tmpl, CK_OBJECT_HANDLE *ret_public,
                             CK_OBJECT_HANDLE *ret_private)
{
    struct kk_job *job = NULL;
    KK_TRY(job_new(call, JOB_GENERATE_PAIR, &job));
    job->mechanism = mechanism;
    kk_param_move(&job->param, param);
    job->tmpls[0] = KK_STEAL(*public_tmpl);
    job->tmpls[1] = KK_STEAL(*private_tmpl);
    CK_RV rv = generate(call, job, (CK_OBJECT_HANDLE *[]){ret_public, ret_private});
    if (rv != CKR_PENDING) {
        kk_job_unref(job);
    }
    return rv;
}

static KK_RV sign_job(struct kk_call *call, enum kk_phase phase, struct kk_span in,
                      const struct kk_output *out, struct kk_job **ret_job)
{
    KK_CLEANUP(kk_job_unrefp) struct kk_job *job = NULL;
    KK_TRY(job_new(call, phase == KK_PHASE_SINGLE ? JOB_SIGN : JOB_SIGN_FINAL, &job));
    if (in.len > 0) {
        KK_TRY(kk_memdup(in.data, in.len, &job->in));
        job->in_len = in.len;
    }
    KK_TRY(kk_secret_new(kk_operation_signature_length(call), &job->out));
    job->caller = out->data;
    job->room = *out->len;
    *ret_job = KK_STEAL(job);
    return CKR_OK;
}

KK_RV kk_async_sign(struct kk_call *call, enum kk_phase phase, struct kk_span in,
                    const struct kk_output *out)
{
    struct kk_job *job = NULL;
    if (kk_operation_is_slow(call, phase, out)) {
        KK_TRY(sign_job(call, phase, in, out, &job));
        if (submit(call, job)) {
            return CKR_PENDING;
        }
        kk_job_unref(job);
    }
    return kk_operation_result(call, KK_OP_SIGN, phase, in, out);
}

/* ---- what becomes of it ---- */

/* Takes the job out of its session; the reference is the caller's. Caller holds the state lock. */
static struct kk_job *detach(struct kk_session *session)
{
    KK_ASSERT_HELD(&session->app->state_lock);
    return atomic_exchange(&session->job, NULL);
}

/* The session's job for that function. Caller holds the state lock. */
static KK_RV find_job(struct kk_session *session, const char *function, struct kk_job **ret_job)
{
    struct kk_job *job = atomic_load(&session->job);
    KK_ENSURE(job != NULL && strcmp(kinds[job->kind].function, function) == 0,
              CKR_OPERATION_NOT_INITIALIZED);
    *ret_job = job;
    return CKR_OK;
}

/* A signature goes to the memory that the first call named. */
static void deliver(const struct kk_job *job, CK_ASYNC_DATA *result)
{
    *result = (CK_ASYNC_DATA){.pValue = job->caller};
    if (job->rv != CKR_OK) {
        return;
    }
    if (job->out != NULL && job->out_len <= job->room) {
        memcpy(job->caller, kk_secret_data(job->out), job->out_len);
        result->ulValue = job->out_len;
    }
    result->hObject = job->handles[0];
    result->hAdditionalObject = job->handles[1];
}

KK_RV kk_async_complete(struct kk_app *app, CK_SESSION_HANDLE handle, const char *function,
                        CK_ASYNC_DATA *result)
{
    uint64_t round = 0;
    KK_CLEANUP(kk_job_unrefp) struct kk_job *job = NULL;
    KK_CLEANUP(kk_session_unrefp) struct kk_session *session = NULL;
    KK_TRY(kk_session_living(app, handle, &session));
    KK_WITH_LOCK(&app->state_lock)
    {
        struct kk_job *found = NULL;
        KK_TRY(find_job(session, function, &found));
        KK_ENSURE(atomic_load_explicit(&found->done, memory_order_acquire), CKR_PENDING);
        job = detach(session);
        round = session->slot->login_round;
    }
    /* What a private key made goes with the login. */
    if (job->rv == CKR_OK && job->out != NULL && round != job->login_round) {
        job->rv = CKR_OPERATION_NOT_INITIALIZED;
    }
    deliver(job, result);
    return job->rv;
}

KK_RV kk_async_is_pending(struct kk_app *app, CK_SESSION_HANDLE handle, const char *function)
{
    struct kk_job *job = NULL;
    KK_CLEANUP(kk_session_unrefp) struct kk_session *session = NULL;
    KK_TRY(kk_session_living(app, handle, &session));
    KK_LOCK_SCOPE(&app->state_lock);
    return find_job(session, function, &job);
}

void kk_async_abandon(struct kk_session *session, CK_FLAGS kinds_wanted)
{
    struct kk_job *job = NULL;
    KK_WITH_LOCK(&session->app->state_lock)
    {
        const struct kk_job *present = atomic_load(&session->job);
        if (present != NULL && (kinds[present->kind].flag & kinds_wanted) != 0) {
            job = detach(session);
            atomic_store(&job->abandoned, true);
        }
    }
    kk_job_unref(job);
}

void kk_async_end(struct kk_app *app)
{
    kk_workers_end(app->workers);
}
