/* Calls that run on a thread of libuv's pool and settle a promise. */
#include "shim.h"

static void execute(napi_env env, void *data)
{
    (void)env;
    pm_work *work = data;
    work->run(work);
}

static void complete(napi_env env, napi_status status, void *data)
{
    pm_work *work = data;
    napi_value value = NULL;
    /* napi_cancelled: the environment is going away, nobody waits any more. */
    bool success = work->is_success != NULL ? work->is_success(work->status) : work->status == POINTMILL_OK;
    if (status == napi_ok && success)
        value = work->finish(env, work);
    if (value != NULL) {
        napi_resolve_deferred(env, work->deferred, value);
    } else if (status == napi_ok) {
        bool pending = false;
        napi_is_exception_pending(env, &pending);
        if (pending)
            napi_get_and_clear_last_exception(env, &value);
        else
            value = pm_error(env, work->status, work->error.detail);
        napi_reject_deferred(env, work->deferred, value);
    }
    work->dispose(env, work);
    if (work->kept != NULL)
        napi_delete_reference(env, work->kept);
    napi_delete_async_work(env, work->work);
    free(work);
}

napi_value pm_start(napi_env env, pm_work *work, napi_value kept)
{
    napi_value promise = NULL;
    work->error = (pointmill_error)POINTMILL_ERROR_INIT;
    if (kept != NULL)
        napi_create_reference(env, kept, 1, &work->kept);
    if (napi_create_promise(env, &work->deferred, &promise) != napi_ok
        || napi_create_async_work(env, NULL, pm_text(env, "pointmill", 9), execute, complete, work, &work->work) != napi_ok
        || napi_queue_async_work(env, work->work) != napi_ok) {
        work->dispose(env, work);
        free(work);
        return pm_throw(env, POINTMILL_E_NO_MEMORY, NULL);
    }
    return promise;
}
