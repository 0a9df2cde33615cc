/* Calls without the GVL. */
#include "native.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

/* ---- short ones: computing ---- */

typedef struct {
    void (*call)(void *arg, pointmill_engine *handle);
    void *arg;
    pointmill_engine *handle;
    bool done;
} Unlocked;

static void *unlocked(void *data) {
    Unlocked *self = data;
    self->call(self->arg, self->handle);
    self->done = true;
    return NULL;
}

void without_gvl(Engine *engine, void (*call)(void *arg, pointmill_engine *handle), void *arg) {
    Unlocked self = {call, arg, NULL, false};
    while (!self.done) {
        if (engine != NULL) {
            self.handle = engine->handle;
            if (self.handle == NULL)
                raise_closed("engine");
            atomic_fetch_add(&engine->busy, 1);
        }
        /* The form that neither raises nor calls Ruby: it comes back without having run if an interrupt waits. */
        rb_thread_call_without_gvl2(unlocked, &self, NULL, NULL);
        if (engine != NULL && atomic_fetch_sub(&engine->busy, 1) == 1 && engine->closing != NULL) {
            pointmill_engine_free(engine->closing);
            engine->closing = NULL;
        }
        if (!self.done)
            rb_thread_check_ints();
    }
}

/* Starts a thread that is nobody's to join and gets no signals: those are Ruby's. */
static bool start(void *(*run)(void *), void *arg) {
    sigset_t all, before;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&thread, NULL, run, arg) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started)
        pthread_detach(thread);
    return started;
}

/* ---- handles that are shared with a thread ---- */

Shared *shared_new(void *handle, void (*free_handle)(void *handle)) {
    Shared *self = malloc(sizeof *self);
    if (self == NULL) {
        free_handle(handle);
        rb_memerror();
    }
    self->handle = handle;
    self->free = free_handle;
    atomic_init(&self->references, 1);
    atomic_init(&self->idle, false);
    return self;
}

static void *free_shared(void *data) {
    Shared *self = data;
    self->free(self->handle);
    free(self);
    return NULL;
}

void shared_drop(Shared *self) {
    if (self == NULL || atomic_fetch_sub(&self->references, 1) > 1)
        return;
    if (atomic_load(&self->idle) || !start(free_shared, self))
        free_shared(self);
}

/* ---- long ones: waiting ---- */

typedef struct {
    void *handle;
    Timed call;
    uint32_t flags;
    uint64_t timeout_ms;
    int32_t status;
} Here;

static void call_here(void *arg, pointmill_engine *unused) {
    (void)unused;
    Here *here = arg;
    here->status = here->call(here->handle, here->flags, here->timeout_ms);
}

int32_t wait_here(Shared *shared, Timed call, uint32_t flags, uint64_t timeout_ms) {
    Here here = {shared->handle, call, flags, timeout_ms, POINTMILL_OK};
    without_gvl(NULL, call_here, &here);
    return here.status;
}

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    Shared *shared;
    Timed call;
    uint32_t flags;
    uint64_t timeout_ms;
    int32_t status;
    bool done, interrupted;
    int references; /* the Ruby thread and the one that makes the call; under the lock */
} Job;

static void job_drop(Job *job) {
    pthread_mutex_lock(&job->lock);
    bool last = --job->references == 0;
    pthread_mutex_unlock(&job->lock);
    if (!last)
        return;
    pthread_cond_destroy(&job->changed);
    pthread_mutex_destroy(&job->lock);
    free(job);
}

static void *job_run(void *data) {
    Job *job = data;
    int32_t status = job->call(job->shared->handle, job->flags, job->timeout_ms);
    shared_drop(job->shared);
    pthread_mutex_lock(&job->lock);
    job->status = status;
    job->done = true;
    pthread_cond_signal(&job->changed);
    pthread_mutex_unlock(&job->lock);
    job_drop(job);
    return NULL;
}

static void *job_wait(void *data) {
    Job *job = data;
    pthread_mutex_lock(&job->lock);
    while (!job->done && !job->interrupted)
        pthread_cond_wait(&job->changed, &job->lock);
    job->interrupted = false;
    pthread_mutex_unlock(&job->lock);
    return NULL;
}

static void job_interrupt(void *data) {
    Job *job = data;
    pthread_mutex_lock(&job->lock);
    job->interrupted = true;
    pthread_cond_signal(&job->changed);
    pthread_mutex_unlock(&job->lock);
}

static VALUE job_await(VALUE data) {
    Job *job = (Job *)data;
    for (;;) {
        rb_thread_call_without_gvl2(job_wait, job, job_interrupt, job);
        pthread_mutex_lock(&job->lock);
        bool done = job->done;
        pthread_mutex_unlock(&job->lock);
        if (done)
            return Qnil;
        rb_thread_check_ints();
    }
}

static VALUE job_leave(VALUE data) {
    job_drop((Job *)data);
    return Qnil;
}

typedef struct {
    Job *job;
    int32_t status;
} Awaited;

static VALUE job_answer(VALUE data) {
    Awaited *awaited = (Awaited *)data;
    job_await((VALUE)awaited->job);
    awaited->status = awaited->job->status;
    return Qnil;
}

int32_t wait_for(Shared *shared, Timed call, uint32_t flags, uint64_t timeout_ms) {
    Job *job = calloc(1, sizeof *job);
    if (job == NULL)
        rb_memerror();
    *job = (Job){.shared = shared, .call = call, .flags = flags, .timeout_ms = timeout_ms, .references = 2};
    pthread_mutex_init(&job->lock, NULL);
    pthread_cond_init(&job->changed, NULL);
    atomic_fetch_add(&shared->references, 1);
    if (!start(job_run, job)) {
        /* No thread to be had: here then, and not to be interrupted. The object that holds `shared` is on the stack. */
        int32_t status = wait_here(shared, call, flags, timeout_ms);
        atomic_fetch_sub(&shared->references, 1);
        job->references = 1;
        job_drop(job);
        return status;
    }
    Awaited awaited = {job, POINTMILL_OK};
    rb_ensure(job_answer, (VALUE)&awaited, job_leave, (VALUE)job);
    return awaited.status;
}
