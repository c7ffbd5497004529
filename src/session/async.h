/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asynchronous operations (PKCS#11 3.2 chapter 5.21): in a session with CKF_ASYNC_SESSION key
 * generation and slow signatures run on a worker, as one job, and the call returns CKR_PENDING.
 *
 * A job takes the session's lock as any call does. Until C_AsyncComplete has fetched its result,
 * calls in the session get CKR_OPERATION_ACTIVE at once. A job writes nothing to the caller's
 * memory: C_AsyncComplete does. Closing the session, cancelling and finalizing abandon it, without
 * waiting.
 */
#pragma once

#include "session/keys.h"
#include "session/operation.h"
#include "session/session.h"

/* Whether the session wants its long calls to run on a worker. */
bool kk_async_wanted(const struct kk_call *call);

/* The counterparts of kk_call_generate_key() and its kin. `param` and the templates are taken over.
 * CKR_PENDING; without a thread the work is done at once and the code is its own. */
KK_RV kk_async_generate_key(struct kk_call *call, const struct kk_mechanism *mechanism,
                            struct kk_param *param, struct kk_attrs **tmpl,
                            CK_OBJECT_HANDLE *ret_key);
KK_RV kk_async_generate_pair(struct kk_call *call, const struct kk_mechanism *mechanism,
                             struct kk_param *param, struct kk_attrs **public_tmpl,
                             struct kk_attrs **private_tmpl, CK_OBJECT_HANDLE *ret_public,
                             CK_OBJECT_HANDLE *ret_private);
/* C_Sign and C_SignFinal; fast ones, length queries and errors are answered at once. */
KK_RV kk_async_sign(struct kk_call *call, enum kk_phase phase, struct kk_span in,
                    const struct kk_output *out);

/* C_AsyncComplete: CKR_PENDING, or the code of the function, whose results are in *result then;
 * *result is left alone when there are none.
 * CKR_OPERATION_NOT_INITIALIZED: no such function is pending, or its result went with a logout. */
KK_RV kk_async_complete(struct kk_app *app, CK_SESSION_HANDLE session, const char *function,
                        CK_ASYNC_DATA *result);

/* CKR_OK when that function is pending in the session, else CKR_OPERATION_NOT_INITIALIZED. */
KK_RV kk_async_is_pending(struct kk_app *app, CK_SESSION_HANDLE session, const char *function);

/* Abandons the session's job, if there is one and its function is of one of these CKF_ kinds. */
void kk_async_abandon(struct kk_session *session, CK_FLAGS kinds);

/* C_Finalize: ends the threads, after kk_session_close_all(). */
void kk_async_end(struct kk_app *app);

void kk_job_unref(struct kk_job *job);
