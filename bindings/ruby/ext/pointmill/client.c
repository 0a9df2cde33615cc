/* An engine with delivery. */
#include "native.h"

typedef struct {
    Shared *shared;
    VALUE engine;
    VALUE send; /* called with each body instead of a destination; nil: a destination */
} Client;

static void client_mark(void *data) {
    const Client *self = data;
    rb_gc_mark_movable(self->engine);
    rb_gc_mark_movable(self->send);
}

static void client_compact(void *data) {
    Client *self = data;
    self->engine = rb_gc_location(self->engine);
    self->send = rb_gc_location(self->send);
}

static void client_free(void *data) {
    shared_drop(((Client *)data)->shared);
    xfree(data);
}

static void handle_free(void *handle) {
    pointmill_client_free(handle);
}

static size_t client_size(const void *data) {
    (void)data;
    return sizeof(Client);
}

static const rb_data_type_t client_type = {
    .wrap_struct_name = "Pointmill::Client",
    .function = {.dmark = client_mark, .dfree = client_free, .dsize = client_size, .dcompact = client_compact},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY | RUBY_TYPED_WB_PROTECTED,
};

static VALUE client_allocate(VALUE class) {
    Client *self;
    VALUE object = TypedData_Make_Struct(class, Client, &client_type, self);
    self->engine = self->send = Qnil;
    return object;
}

static inline Client *of(VALUE self) {
    return RTYPEDDATA_DATA(self);
}

static Shared *shared_of(VALUE self) {
    if (of(self)->shared == NULL)
        raise_closed("client");
    return of(self)->shared;
}

static pointmill_client *handle_of(VALUE self) {
    return shared_of(self)->handle;
}

/* ---- bodies that go to a block ---- */

/* What must not end in the block: a Thread#kill, a throw, a signal's exception. It goes on once the flush has ended,
 * which is on this very thread. */
static _Thread_local int unwinding;

typedef struct {
    Client *client;
    const pointmill_payload *payload;
    uint64_t timeout_ms;
    int32_t answer;
} Sending;

static VALUE send_protected(VALUE data) {
    Sending *sending = (Sending *)data;
    VALUE args[] = {payload_from(sending->payload), DBL2NUM((double)sending->timeout_ms / 1000)};
    VALUE result = rb_proc_call_with_block(sending->client->send, 2, args, Qnil);
    sending->answer = NIL_P(result) ? 200 : NUM2INT(result);
    return Qnil;
}

static void *send_with_gvl(void *data) {
    Sending *sending = data;
    int state = 0;
    rb_protect(send_protected, (VALUE)sending, &state);
    if (state == 0)
        return NULL;
    sending->answer = 0; /* kept, and tried again */
    VALUE error = rb_errinfo();
    if (!RTEST(rb_obj_is_kind_of(error, rb_eStandardError))) {
        unwinding = state;
        return NULL;
    }
    rb_set_errinfo(Qnil);
    rb_warn("pointmill: the block of a Client raised %" PRIsVALUE " (%" PRIsVALUE "); the body is kept and tried again",
            rb_obj_class(error), rb_check_funcall(error, rb_intern("message"), 0, NULL));
    return NULL;
}

static int32_t send_body(void *user, const pointmill_payload *payload, uint64_t timeout_ms) {
    Sending sending = {user, payload, timeout_ms, 0};
    /* A client that the collector frees: there is nobody to ask. */
    if (ruby_native_thread_p() && unwinding == 0)
        rb_thread_call_with_gvl(send_with_gvl, &sending);
    return sending.answer;
}

/* ---- making one ---- */

static VALUE client_open(VALUE self, VALUE engine, VALUE pairs, VALUE send) {
    Client *client = of(self);
    if (client->shared != NULL)
        rb_raise(rb_eTypeError, "the client has been made already");
    pointmill_engine *from = engine_of(engine)->handle;
    if (from == NULL)
        raise_closed("engine");
    pointmill_config *config = config_of(pairs);
    pointmill_client *handle = NULL;
    pointmill_error error = POINTMILL_ERROR_INIT;
    int32_t status = NIL_P(send) ? pointmill_client_new(from, config, &handle, &error)
                                 : pointmill_client_new_with(from, config, send_body, client, &handle, &error);
    pointmill_config_free(config);
    if (status != POINTMILL_OK)
        raise_code(status, error.detail);
    client->shared = shared_new(handle, handle_free);
    RB_OBJ_WRITE(self, &client->engine, engine);
    RB_OBJ_WRITE(self, &client->send, send);
    return self;
}

static VALUE client_start(VALUE self) {
    int32_t status = pointmill_client_start(handle_of(self));
    if (status != POINTMILL_E_CLOSED)
        check(status);
    return Qnil;
}

/* ---- flush and close ---- */

static int32_t flush_timed(void *handle, uint32_t flags, uint64_t timeout_ms) {
    return pointmill_client_flush(handle, flags, timeout_ms);
}

static int32_t close_timed(void *handle, uint32_t flags, uint64_t timeout_ms) {
    (void)flags;
    return pointmill_client_close(handle, timeout_ms);
}

static int32_t last_failure(const void *handle, char *buffer, size_t cap, size_t *len) {
    return pointmill_client_last_failure(handle, buffer, cap, len);
}

/* true: everything has arrived; false: something is kept for later. What was given up is an exception. */
static VALUE timed(VALUE self, Timed call, uint32_t flags, VALUE timeout) {
    uint64_t timeout_ms = NUM2ULL(timeout);
    int32_t status;
    if (NIL_P(of(self)->send)) {
        status = wait_for(shared_of(self), call, flags, timeout_ms);
    } else {
        /* The block wants a Ruby thread, so this one makes the call. */
        status = wait_here(shared_of(self), call, flags, timeout_ms);
        if (unwinding != 0) {
            int state = unwinding;
            unwinding = 0;
            rb_jump_tag(state);
        }
    }
    RB_GC_GUARD(self);
    if (status == POINTMILL_OK)
        return Qtrue;
    if (status == POINTMILL_E_DELIVERY_LATER)
        return Qfalse;
    VALUE failure = status == POINTMILL_E_DELIVERY_DROPPED ? written(last_failure, handle_of(self)) : Qnil;
    if (NIL_P(failure))
        raise_code(status, NULL);
    VALUE text = rb_sprintf("%s; the last failure: %" PRIsVALUE, pointmill_strerror(status), failure);
    rb_exc_raise(rb_exc_new_str(rb_hash_lookup(known.by_code, INT2FIX(status)), text));
}

static VALUE client_flush(VALUE self, VALUE all, VALUE timeout) {
    return timed(self, flush_timed, RTEST(all) ? POINTMILL_FLUSH_ALL : 0, timeout);
}

static VALUE client_close(VALUE self, VALUE timeout) {
    return timed(self, close_timed, 0, timeout);
}

/* ---- what it says of itself ---- */

static VALUE client_stats(VALUE self) {
    pointmill_client_stats stats = POINTMILL_CLIENT_STATS_INIT;
    check(pointmill_client_stats_get(handle_of(self), &stats));
    if (known.client_stats == 0)
        known.client_stats = counters_type("ClientStats", sizeof stats);
    return counters_from(known.client_stats, &stats, sizeof stats);
}

static VALUE client_last_failure(VALUE self) {
    return written(last_failure, handle_of(self));
}

static VALUE client_engine(VALUE self) {
    return of(self)->engine;
}

void client_add(void) {
    VALUE class = known.client = rb_define_class_under(known.module, "Client", rb_cObject);
    rb_define_alloc_func(class, client_allocate);
    rb_undef_method(class, "initialize_copy");
    rb_define_private_method(class, "open", METHOD(client_open), 3);
    rb_define_private_method(class, "flush_for", METHOD(client_flush), 2);
    rb_define_private_method(class, "close_within", METHOD(client_close), 1);
    rb_define_method(class, "start", METHOD(client_start), 0);
    rb_define_method(class, "stats", METHOD(client_stats), 0);
    rb_define_method(class, "last_failure", METHOD(client_last_failure), 0);
    rb_define_method(class, "engine", METHOD(client_engine), 0);
}
