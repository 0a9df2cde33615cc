/*
 * pointmill: metrics aggregated in your process.
 *
 * Record points; take a snapshot; read percentiles from it or encode it as payloads that Datadog's
 * intake accepts. This header is the manual. A complete program (cc first.c -lpointmill):
 *
 *     // Records three latencies and prints the median: two lines are all it takes in your own code.
 *     #include <pointmill.h>
 *     #include <stdio.h>
 *     #include <time.h>
 *
 *     int main(void) {
 *         pointmill_engine *engine = NULL;
 *         pointmill_error err = POINTMILL_ERROR_INIT;
 *         if (pointmill_engine_new(NULL, &engine, &err) != POINTMILL_OK) {
 *             fprintf(stderr, "%s\n", err.detail);
 *             return 1;
 *         }
 *         pointmill_str name = {"request.duration", 16}, tags[] = {{"route:/cart", 11}};
 *         uint64_t context = 0;
 *         int32_t status = pointmill_context(engine, POINTMILL_DISTRIBUTION, name, tags, 1, &context);
 *
 *         double ms[] = {12.5, 14.0, 90.0};
 *         for (int i = 0; i < 3 && status == POINTMILL_OK; i++)
 *             status = pointmill_record(engine, context, ms[i]);
 *
 *         pointmill_snapshot *snapshot = NULL;
 *         double median = 0;
 *         if (status == POINTMILL_OK)
 *             status = pointmill_flush(engine, (int64_t)time(NULL), POINTMILL_FLUSH_ALL, &snapshot);
 *         if (status == POINTMILL_OK)
 *             status = pointmill_snapshot_quantile(snapshot, 0, 0.5, &median);
 *         printf("median %.2f ms: %s\n", median, pointmill_strerror(status));
 *         pointmill_snapshot_free(snapshot);
 *         pointmill_engine_free(engine);
 *         return status == POINTMILL_OK ? 0 : 1;
 *     }
 *
 * RULES
 *
 * Status.   A function that can fail returns int32_t: POINTMILL_OK (0) or a negative code.
 *           pointmill_strerror gives cause and remedy. Where more can be said there is a last
 *           argument `pointmill_error *err`, which may be NULL. Any function may answer
 *           POINTMILL_E_PANIC: a defect of this library was caught; if the call could change an
 *           object, that object then answers POINTMILL_E_POISONED to every further change.
 * Outputs.  They come last, and are written only on success. The one exception: a call that ends
 *           with POINTMILL_E_BUFFER_TOO_SMALL writes the length needed to its out_len.
 * Structs.  Structs that come back are the caller's and begin with struct_size, to be set to
 *           sizeof: start with the POINTMILL_..._INIT macro. The library writes no more than that,
 *           and sets struct_size to what it filled. New fields are added at the end, so old programs
 *           work with new libraries and new programs with old ones.
 * Handles.  Opaque structs, made by a function with `out`, released once by their _free, for which
 *           NULL is fine. No handle needs another one to live: free them in any order.
 * Pointers. Must point to what their type says, for the length given, unless the function says that
 *           NULL is fine. NULL, a misaligned address and a handle of another type are answered
 *           with a code; a dangling pointer cannot be. An array of length 0 may be NULL.
 * Texts.    pointmill_str is UTF-8 with a length, lent to the library for the call only. Names and
 *           tags that are not UTF-8 are mended and counted. Texts that come back as pointmill_str
 *           have no NUL at their end.
 * Threads.  Stated for each type. No function keeps state of the calling thread, so a call may come
 *           from any thread, also while another call on another object is under way.
 * Fork.     A child's copy of an engine begins empty: the parent's points stay the parent's. So does
 *           its copy of a client, which shares neither connections nor bodies with the parent's, and
 *           has its own thread from the child's first call on. Other objects are ordinary memory.
 * Process.  The library installs no signal handler. It reads the clock once in
 *           pointmill_engine_new. Only a client and a pointmill_lambda do more: they read the clock,
 *           open the sockets and files that their options name, and start one thread, if their
 *           options say so; and one for each look-up of a host name, which ends with it. Only
 *           pointmill_lambda_config_process_env reads environment variables. A library built without
 *           delivery (cargo's --no-default-features) has neither and does no input or output at all.
 *
 * STABILITY
 *
 * A function, constant or struct field of this header keeps its name, its arguments and its meaning
 * within an ABI major; additions raise the ABI minor. The shared library's name carries the major
 * (libpointmill.so.0). Numbers of codes are never used again. While the major is 0 a release may
 * raise it, never otherwise break it; docs/ABI.md says what changed and why.
 */

#ifndef POINTMILL_H
#define POINTMILL_H

/* Generated from crates/pointmill-capi by `cargo xtask gen`. Do not edit. */

#include <stddef.h>
#include <stdint.h>

/* The release this header belongs to; pointmill_version() is the library's. */
#define POINTMILL_VERSION_MAJOR 0
#define POINTMILL_VERSION_MINOR 1
#define POINTMILL_VERSION_PATCH 0
#define POINTMILL_VERSION_STRING "0.1.0"

/* The ABI this header describes; pointmill_abi_version() is the library's. */
#define POINTMILL_ABI_VERSION \
    (((uint32_t)POINTMILL_ABI_MAJOR << 16) | (uint32_t)POINTMILL_ABI_MINOR)

#ifndef POINTMILL_API
#if defined(_WIN32) && !defined(POINTMILL_STATIC)
#define POINTMILL_API __declspec(dllimport)
#elif defined(__GNUC__)
#define POINTMILL_API __attribute__((visibility("default")))
#else
#define POINTMILL_API
#endif
#endif

/* Initial values of the structs that the caller provides. */
#define POINTMILL_ERROR_INIT \
    { (uint32_t)sizeof(pointmill_error), 0, { 0 } }
#define POINTMILL_SUMMARY_INIT \
    { (uint32_t)sizeof(pointmill_summary), 0, 0, 0, 0, 0 }
#define POINTMILL_OPTION_INIT \
    { (uint32_t)sizeof(pointmill_option), 0, { 0, 0 }, { 0, 0 }, { 0, 0 }, 0, 0, 0, 0 }
#define POINTMILL_ENGINE_STATS_INIT \
    { (uint32_t)sizeof(pointmill_engine_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
#define POINTMILL_PAYLOAD_INIT \
    { (uint32_t)sizeof(pointmill_payload), 0, { 0, 0 }, { 0, 0 }, { 0, 0 }, 0, 0, 0, 0 }
#define POINTMILL_SKIPPED_INIT \
    { (uint32_t)sizeof(pointmill_skipped), 0, { 0, 0 }, { 0, 0 }, 0, 0, 0 }
#define POINTMILL_ENTRY_INIT \
    { (uint32_t)sizeof(pointmill_entry), 0, { 0, 0 }, 0, 0, 0, 0, 0, 0, POINTMILL_SUMMARY_INIT }
#define POINTMILL_CLIENT_STATS_INIT \
    { (uint32_t)sizeof(pointmill_client_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
#define POINTMILL_LAMBDA_INVOCATION_INIT \
    { (uint32_t)sizeof(pointmill_lambda_invocation), 0, 0, 0, 0, { 0, 0 }, { 0, 0 }, { 0, 0 }, { 0, 0 } }
#define POINTMILL_LAMBDA_RESULT_INIT \
    { (uint32_t)sizeof(pointmill_lambda_result), 0, 0, 0, -1, -1 }
#define POINTMILL_LAMBDA_STATS_INIT \
    { (uint32_t)sizeof(pointmill_lambda_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
#define POINTMILL_LAMBDA_TRACE_INIT \
    { (uint32_t)sizeof(pointmill_lambda_trace), 0, 0, 0 }

/**
 * success
 */
#define POINTMILL_OK 0

/**
 * a pointer is NULL that must not be; only arrays of length 0 and an err argument may be NULL
 */
#define POINTMILL_E_NULL -1

/**
 * an argument is outside its range (a length, a flag, a profile, or a bound below the other);
 * see the function's documentation
 */
#define POINTMILL_E_INVALID -2

/**
 * a pointer is not aligned for its type; copy the data into an array of that type first
 */
#define POINTMILL_E_ALIGNMENT -3

/**
 * struct_size is smaller than this struct ever was; set it to sizeof the struct before the
 * call, or begin with its POINTMILL_..._INIT macro
 */
#define POINTMILL_E_STRUCT_SIZE -4

/**
 * the buffer is too small; out_len says the length needed, call again with that much
 */
#define POINTMILL_E_BUFFER_TOO_SMALL -5

/**
 * an index is past the end; ask for the length first
 */
#define POINTMILL_E_INDEX -6

/**
 * a text is not UTF-8; convert it first
 */
#define POINTMILL_E_UTF8 -7

/**
 * a handle is of another type or has been freed; look at which handle goes to which call
 */
#define POINTMILL_E_HANDLE -8

/**
 * no kind has this number; use POINTMILL_DISTRIBUTION, _COUNT, _GAUGE or _HISTOGRAM
 */
#define POINTMILL_E_KIND -9

/**
 * no format has this number or name; see the documentation of encode
 */
#define POINTMILL_E_FORMAT -10

/**
 * a value is NaN or infinite; record finite values only
 */
#define POINTMILL_E_NOT_FINITE -20

/**
 * the context id is stale or not of this engine; ask for the context again
 */
#define POINTMILL_E_STALE_CONTEXT -21

/**
 * the timestamp is too far in the past; raise the option past_max_s or drop the point
 */
#define POINTMILL_E_TOO_OLD -22

/**
 * the timestamp is too far in the future; check the clock and the unit (seconds), or raise the
 * option future_max_s
 */
#define POINTMILL_E_TOO_NEW -23

/**
 * the metric name is empty or too long, or a tag is too long; shorten it, or raise the options
 * name_bytes_max or tag_bytes_max
 */
#define POINTMILL_E_INVALID_NAME -24

/**
 * no room is left for a new metric; raise the options contexts_max, names_bytes or
 * arena_bytes, or use fewer metric names
 */
#define POINTMILL_E_NO_ROOM -25

/**
 * the sketch holds no value and has no quantile; insert values first
 */
#define POINTMILL_E_EMPTY -26

/**
 * the entry is a count or a gauge and has no sketch; look at its kind, read its value
 */
#define POINTMILL_E_NO_SKETCH -27

/**
 * the sketch would hold more than 2^44 values; use smaller weights or larger sample rates
 */
#define POINTMILL_E_TOO_MANY -28

/**
 * no option has this name; look it up in the list of options
 */
#define POINTMILL_E_UNKNOWN_OPTION -40

/**
 * the value is not one that the option allows; look up its range in the list of options
 */
#define POINTMILL_E_BAD_VALUE -41

/**
 * the limits ask for more than arena_bytes holds; raise it, or lower contexts_max, names_bytes
 * or threads_max
 */
#define POINTMILL_E_ARENA_TOO_SMALL -42

/**
 * the system gave no memory; lower the option arena_bytes
 */
#define POINTMILL_E_NO_MEMORY -43

/**
 * the bytes are not a message of this format, or exceed the limits of a decoder; look at the
 * byte that the detail names
 */
#define POINTMILL_E_DECODE -60

/**
 * the snapshot or sketch could not be encoded; look at the detail
 */
#define POINTMILL_E_ENCODE -61

/**
 * not everything has arrived yet; it is kept and sent again, so there is nothing to do; if it
 * lasts, look at the last failure
 */
#define POINTMILL_E_DELIVERY_LATER -70

/**
 * points were given up, or the format cannot carry them; the stats tell how many and why
 */
#define POINTMILL_E_DELIVERY_DROPPED -71

/**
 * the object has been closed; make a new one
 */
#define POINTMILL_E_CLOSED -72

/**
 * an internal error was caught: a defect of this library; please report it with its text
 */
#define POINTMILL_E_PANIC -80

/**
 * an earlier call on this object ended with POINTMILL_E_PANIC, so it takes no more; free it
 * and make a new one
 */
#define POINTMILL_E_POISONED -81

/**
 * Number of the ABI before the point: something was removed or changed. It is in the soname.
 */
#define POINTMILL_ABI_MAJOR 0

/**
 * Number of the ABI after the point: something was added.
 */
#define POINTMILL_ABI_MINOR 1

/**
 * Bytes of the text in a `pointmill_error`, its NUL included.
 */
#define POINTMILL_ERROR_DETAIL_BYTES 240

/**
 * Bins with counts up to 65,535, as released Datadog Agents send them.
 */
#define POINTMILL_BINS_U16 1

/**
 * Bins with counts up to 4,294,967,295.
 */
#define POINTMILL_BINS_U32 2

/**
 * The protobuf message DDSketch as DataDog's sketches-go and sketches-java write it (those for
 * JavaScript and Python put a bin's upper edge inside the bin, which the bytes do not say). Carries
 * bins; min, max, sum and mean come back as estimates from them.
 */
#define POINTMILL_SKETCH_DDSKETCH_PROTO 1

/**
 * The compact encoding of sketches-go and sketches-java, with the exact count, sum, min and max.
 */
#define POINTMILL_SKETCH_DDSKETCH_COMPACT 2

/**
 * The protobuf message Dogsketch of the Agent's payloads. Carries everything, to the last bit.
 */
#define POINTMILL_SKETCH_AGENT 3

/**
 * A whole number from min to max.
 */
#define POINTMILL_OPTION_NUMBER 1

/**
 * One of choices_len words; pointmill_config_choice lists them.
 */
#define POINTMILL_OPTION_CHOICE 2

/**
 * "true" or "false".
 */
#define POINTMILL_OPTION_FLAG 3

/**
 * Text of at most max bytes.
 */
#define POINTMILL_OPTION_TEXT 4

/**
 * Values go into a sketch that the receiver can merge and query.
 */
#define POINTMILL_DISTRIBUTION 1

/**
 * Values are added up.
 */
#define POINTMILL_COUNT 2

/**
 * The last value of an interval stands.
 */
#define POINTMILL_GAUGE 3

/**
 * Values go into a sketch of which avg, count, median, 95percentile and max are sent.
 */
#define POINTMILL_HISTOGRAM 4

/**
 * Flag of pointmill_flush: take the open intervals too.
 */
#define POINTMILL_FLUSH_ALL 1

/**
 * Flag of pointmill_snapshot_group_by: merge over all intervals too.
 */
#define POINTMILL_GROUP_MERGE_INTERVALS 1

/**
 * Custom points go to the Datadog extension, as DogStatsD.
 */
#define POINTMILL_LAMBDA_EXTENSION 1

/**
 * Custom points go to the function's log, as lines of JSON.
 */
#define POINTMILL_LAMBDA_LOG 2

/**
 * Custom points go to the intake.
 */
#define POINTMILL_LAMBDA_HTTP 3

/**
 * Custom points go nowhere and are counted: FIPS rules, no extension, no log mode.
 */
#define POINTMILL_LAMBDA_DISABLED 4

/**
 * The time of pointmill_lambda_metric_at that means now.
 */
#define POINTMILL_LAMBDA_NOW INT64_MIN

/**
 * Flag of pointmill_lambda_metric_at: to the log unless there is an extension.
 */
#define POINTMILL_LAMBDA_FORCE_ASYNC 1

/**
 * Cause of pointmill_lambda_rejected: the name is no text.
 */
#define POINTMILL_LAMBDA_BAD_NAME 1

/**
 * The value is no number.
 */
#define POINTMILL_LAMBDA_BAD_VALUE 2

/**
 * The time is none.
 */
#define POINTMILL_LAMBDA_BAD_TIME 3

/**
 * The tags are no list of texts.
 */
#define POINTMILL_LAMBDA_BAD_TAGS 4

/**
 * The function is written in Python; datadog-lambda-python is stood in for.
 */
#define POINTMILL_LAMBDA_PYTHON 1

/**
 * JavaScript; datadog-lambda-js.
 */
#define POINTMILL_LAMBDA_NODE 2

/**
 * Go; datadog-lambda-go.
 */
#define POINTMILL_LAMBDA_GO 3

/**
 * Ruby; datadog-lambda-rb.
 */
#define POINTMILL_LAMBDA_RUBY 4

/**
 * Java; datadog-lambda-java.
 */
#define POINTMILL_LAMBDA_JAVA 5

/**
 * Start of an invocation: found out. The first one of a process is cold, or proactive if it comes
 * more than ten seconds after loaded_unix_ms; later ones are warm.
 */
#define POINTMILL_LAMBDA_START_AUTO 0

/**
 * Somebody waited for the initialisation of the sandbox.
 */
#define POINTMILL_LAMBDA_START_COLD 1

/**
 * Not the first of its sandbox.
 */
#define POINTMILL_LAMBDA_START_WARM 2

/**
 * The first of a sandbox that had been initialised ahead of time.
 */
#define POINTMILL_LAMBDA_START_PROACTIVE 3

/**
 * Flag of an invocation: it is not counted. For a module that did not load: begin with this, end
 * with error.
 */
#define POINTMILL_LAMBDA_NOT_COUNTED 1

/**
 * An engine with delivery: takes what the engine holds, encodes it, sends it, tries again, and
 * keeps books of every point. Every call from any thread, all at once, but for
 * pointmill_client_free. Recording goes to the engine and never waits for a client.
 *
 * Made by pointmill_client_new or pointmill_client_new_with, freed by pointmill_client_free. It
 * keeps what it needs of its engine alive. In a forked child it begins with nothing: it shares
 * neither the parent's bodies nor its connections, and has its own thread from the child's
 * first call on.
 */
typedef struct pointmill_client pointmill_client;

/**
 * Options of engines, encoders and clients. One thread at a time.
 *
 * Made by pointmill_config_new, freed by pointmill_config_free. Whoever takes one copies what
 * it needs: a change afterwards changes nothing there.
 */
typedef struct pointmill_config pointmill_config;

/**
 * An engine. Every call from any thread, all at once, but for pointmill_engine_free.
 *
 * Made by pointmill_engine_new, freed by pointmill_engine_free. Snapshots do not need it to
 * live. After a fork the child's copy is empty and can be used; the parent's is untouched.
 */
typedef struct pointmill_engine pointmill_engine;

/**
 * The metrics of a Lambda function: one a process. Every call from any thread, all at once, but
 * for pointmill_lambda_free.
 *
 * Made by pointmill_lambda_new, freed by pointmill_lambda_free. In a forked child it begins with
 * no points and no invocations; ids of contexts stay valid there.
 */
typedef struct pointmill_lambda pointmill_lambda;

/**
 * Where the settings of a pointmill_lambda come from. One thread at a time.
 *
 * An option beats every variable, DD_ variables beat DATADOG_ ones, and then comes the default.
 * docs/LAMBDA.md lists options and variables.
 */
typedef struct pointmill_lambda_config pointmill_lambda_config;

/**
 * The bodies of one snapshot, ready to be sent. Immutable: share it between threads freely,
 * but for pointmill_payloads_free.
 *
 * Made by pointmill_encode, freed by pointmill_payloads_free. It depends on nothing else.
 */
typedef struct pointmill_payloads pointmill_payloads;

/**
 * A sketch of a distribution: the Datadog Agent's, bit for bit. One thread at a time.
 *
 * Made by pointmill_sketch_new, _clone, _decode and pointmill_snapshot_sketch; freed by
 * pointmill_sketch_free. It depends on nothing else.
 */
typedef struct pointmill_sketch pointmill_sketch;

/**
 * The flushed values of some intervals. Immutable: share it between threads freely, but for
 * pointmill_snapshot_free.
 *
 * Made by pointmill_flush, pointmill_snapshot_merge and pointmill_snapshot_group_by; freed by
 * pointmill_snapshot_free. It depends on nothing else, not even on its engine.
 */
typedef struct pointmill_snapshot pointmill_snapshot;

/**
 * Count, smallest, largest, sum and mean of a sketch. All 0 while it is empty. The caller's
 * struct. Start with POINTMILL_SUMMARY_INIT.
 */
typedef struct pointmill_summary {
    /**
     * sizeof(pointmill_summary), set by the caller.
     */
    uint32_t struct_size;
    /**
     * Values, each with its weight.
     */
    uint64_t count;
    /**
     * The smallest value.
     */
    double min;
    /**
     * The largest value.
     */
    double max;
    /**
     * The sum, rounded at every step.
     */
    double sum;
    /**
     * The running mean, as the Agent computes it.
     */
    double avg;
} pointmill_summary;

/**
 * What went wrong, in words that name the very argument. The caller's struct; one thread at a
 * time. Start with POINTMILL_ERROR_INIT.
 *
 * A function that takes one fills it only when it fails. NULL instead of it is fine.
 */
typedef struct pointmill_error {
    /**
     * sizeof(pointmill_error), set by the caller.
     */
    uint32_t struct_size;
    /**
     * The code that the function returned.
     */
    int32_t code;
    /**
     * Cause and remedy. Ends with NUL; cut at the end of a character if too long.
     */
    char detail[POINTMILL_ERROR_DETAIL_BYTES];
} pointmill_error;

/**
 * A text with its length: UTF-8, need not end with NUL. Empty if len is 0, whatever ptr is.
 *
 * As an argument it is borrowed for the call. As a result it is borrowed from the object it was
 * asked of and lives as long as that object.
 */
typedef struct pointmill_str {
    /**
     * The first byte.
     */
    const char *ptr;
    /**
     * Bytes.
     */
    size_t len;
} pointmill_str;

/**
 * One option. The caller's struct. Start with POINTMILL_OPTION_INIT. All texts are static.
 */
typedef struct pointmill_option {
    /**
     * sizeof(pointmill_option), set by the caller.
     */
    uint32_t struct_size;
    /**
     * POINTMILL_OPTION_NUMBER, _CHOICE, _FLAG or _TEXT. More may come.
     */
    uint32_t type;
    /**
     * Its name.
     */
    struct pointmill_str name;
    /**
     * What it does, in a sentence or two.
     */
    struct pointmill_str doc;
    /**
     * The value when nothing is set, as text; empty for engine options, which are numbers.
     */
    struct pointmill_str default_text;
    /**
     * The value when nothing is set; 0 unless it is a number.
     */
    uint64_t default_number;
    /**
     * Smallest number allowed; 0 unless it is a number.
     */
    uint64_t min;
    /**
     * Largest number allowed, most bytes of a text; 0 otherwise.
     */
    uint64_t max;
    /**
     * Words to choose from; 0 unless it is a choice.
     */
    size_t choices_len;
} pointmill_option;

/**
 * The ledger. The caller's struct. Start with POINTMILL_ENGINE_STATS_INIT.
 *
 * While no call is under way: recorded = flushed + pending + the sum of every rejected_... + the
 * sum of every dropped_.... A call that is refused for its arguments (POINTMILL_E_NULL,
 * _ALIGNMENT, _HANDLE, _KIND, _INVALID) hands no point over and is in none of them.
 */
typedef struct pointmill_engine_stats {
    /**
     * sizeof(pointmill_engine_stats), set by the caller.
     */
    uint32_t struct_size;
    /**
     * 0.
     */
    uint32_t reserved;
    /**
     * Points handed to a recording call, whatever became of them.
     */
    uint64_t recorded;
    /**
     * Points that left in a snapshot.
     */
    uint64_t flushed;
    /**
     * Points that wait for a flush.
     */
    uint64_t pending;
    /**
     * Refused: the value was NaN or infinite.
     */
    uint64_t rejected_not_finite;
    /**
     * Refused: the context id was stale or unknown.
     */
    uint64_t rejected_stale;
    /**
     * Refused: the timestamp was too far in the past.
     */
    uint64_t rejected_too_old;
    /**
     * Refused: the timestamp was too far in the future.
     */
    uint64_t rejected_too_new;
    /**
     * Refused: the name was empty or too long, or a tag too long.
     */
    uint64_t rejected_invalid_name;
    /**
     * Refused: no room for the context nor for an overflow context of its metric.
     */
    uint64_t rejected_no_room;
    /**
     * Taken but lost: no memory in the arena.
     */
    uint64_t dropped_arena_full;
    /**
     * Taken but lost: the context was given back while the point was on its way.
     */
    uint64_t dropped_stale;
    /**
     * Points that kept their value but lost their tags to a limit; in flushed or pending too.
     */
    uint64_t overflowed;
    /**
     * Contexts alive.
     */
    uint64_t contexts;
    /**
     * Contexts given back after their idle time.
     */
    uint64_t contexts_expired;
    /**
     * Requests for a context that a limit turned into an overflow context.
     */
    uint64_t contexts_refused;
    /**
     * Flushes done.
     */
    uint64_t flushes;
    /**
     * Names or tags whose bytes were not UTF-8 and were mended.
     */
    uint64_t utf8_mended;
    /**
     * Bytes of the arena in use.
     */
    uint64_t arena_used_bytes;
    /**
     * Bytes of the arena.
     */
    uint64_t arena_bytes;
} pointmill_engine_stats;

/**
 * One body. The caller's struct. Start with POINTMILL_PAYLOAD_INIT.
 */
typedef struct pointmill_payload {
    /**
     * sizeof(pointmill_payload), set by the caller.
     */
    uint32_t struct_size;
    /**
     * 0.
     */
    uint32_t reserved;
    /**
     * Path of the intake's route; empty for formats that do not travel by HTTP. Static.
     */
    struct pointmill_str path;
    /**
     * The Content-Type. Static.
     */
    struct pointmill_str content_type;
    /**
     * The Content-Encoding; empty if the body is not compressed. Static.
     */
    struct pointmill_str encoding;
    /**
     * The bytes to send; they live as long as the payloads.
     */
    const uint8_t *body;
    /**
     * How many.
     */
    size_t body_len;
    /**
     * Points that were recorded into the entries of this body.
     */
    uint64_t points;
    /**
     * Entries of the snapshot in this body.
     */
    uint64_t entries;
} pointmill_payload;

/**
 * What the format cannot carry, for one cause. The caller's struct. Start with
 * POINTMILL_SKIPPED_INIT.
 */
typedef struct pointmill_skipped {
    /**
     * sizeof(pointmill_skipped), set by the caller.
     */
    uint32_t struct_size;
    /**
     * 0.
     */
    uint32_t reserved;
    /**
     * The cause in a word, for counters and tags. Static.
     */
    struct pointmill_str cause;
    /**
     * The cause and its remedy in a sentence; lives as long as the payloads.
     */
    struct pointmill_str detail;
    /**
     * Entries that are in no payload.
     */
    uint64_t entries;
    /**
     * Points that were recorded into those entries.
     */
    uint64_t points;
    /**
     * Values left out of entries that are in a payload otherwise.
     */
    uint64_t values;
} pointmill_skipped;

/**
 * One series in one interval. The caller's struct. Start with POINTMILL_ENTRY_INIT.
 */
typedef struct pointmill_entry {
    /**
     * sizeof(pointmill_entry), set by the caller.
     */
    uint32_t struct_size;
    /**
     * POINTMILL_DISTRIBUTION, _COUNT, _GAUGE or _HISTOGRAM.
     */
    uint32_t kind;
    /**
     * The metric's name, without a NUL; lives as long as the snapshot.
     */
    struct pointmill_str name;
    /**
     * Start of the interval, seconds since 1970-01-01 UTC.
     */
    int64_t interval;
    /**
     * Length of the interval in seconds.
     */
    uint32_t interval_s;
    /**
     * Number of the series (kind, name and tags) within this snapshot: two entries have the same
     * exactly if they are of one series.
     */
    uint32_t series;
    /**
     * Tags; pointmill_snapshot_tag reads them.
     */
    size_t tags_len;
    /**
     * Points that were recorded into this entry; a sampled one counts as one.
     */
    uint64_t points;
    /**
     * A count's sum or a gauge's last value; 0 for distributions and histograms.
     */
    double value;
    /**
     * The summary of a distribution's or histogram's sketch; all 0 for counts and gauges. Its
     * layout here never grows; its struct_size is set by the library.
     */
    struct pointmill_summary summary;
} pointmill_entry;

/**
 * A function that sends a body for a client. It gets user as it was given, the body (lent for the
 * call), and how long it may take, and answers as an HTTP server would: 200 to 299 taken; 413 cut
 * it in two; 408, 429, 500 and above, or 0 for no answer, keep it and try again; 400, 401, 403 and
 * others give it up. It runs on the thread that flushes, several at once if several flush, and must
 * not call back into its client.
 */
typedef int32_t (*pointmill_send_fn)(void *user,
                                     const struct pointmill_payload *payload,
                                     uint64_t timeout_ms);

/**
 * Where every point is that left the engine through a client. The caller's struct. Start with
 * POINTMILL_CLIENT_STATS_INIT. Counts are points, or what the name says.
 *
 * While no call is under way and the background thread rests: flushed + adopted = accepted + queued
 * + spooled + handed_over + skipped + dropped.
 */
typedef struct pointmill_client_stats {
    /**
     * sizeof(pointmill_client_stats), set by the caller.
     */
    uint32_t struct_size;
    /**
     * 0.
     */
    uint32_t reserved;
    /**
     * Points that the engine gave to this client.
     */
    uint64_t flushed;
    /**
     * Points in spool files of other processes that this one has dealt with.
     */
    uint64_t adopted;
    /**
     * The destination has taken them.
     */
    uint64_t accepted;
    /**
     * In memory, to be sent.
     */
    uint64_t queued;
    /**
     * In spool files that this process wrote, to be sent.
     */
    uint64_t spooled;
    /**
     * In spool files that this process wrote and another one has taken up.
     */
    uint64_t handed_over;
    /**
     * The format cannot carry them; the sum of the skipped_... below.
     */
    uint64_t skipped;
    /**
     * Given up; the sum of the dropped_... down to dropped_not_encoded.
     */
    uint64_t dropped;
    /**
     * The queue was full and there is no spool.
     */
    uint64_t dropped_queue_full;
    /**
     * The spool was full, and these were the oldest in it.
     */
    uint64_t dropped_spool_full;
    /**
     * The spool could not be written or read: a full disk, a damaged file.
     */
    uint64_t dropped_spool_failed;
    /**
     * Older than the option batch_age_max_s.
     */
    uint64_t dropped_expired;
    /**
     * Too large for the receiver (413), and only one series.
     */
    uint64_t dropped_too_large;
    /**
     * The receiver called the body wrong (400).
     */
    uint64_t dropped_bad_request;
    /**
     * The receiver does not know the key (401, 403): check api_key and site.
     */
    uint64_t dropped_forbidden;
    /**
     * The receiver refused for good with another status.
     */
    uint64_t dropped_refused;
    /**
     * Still there when the client was closed, without a spool.
     */
    uint64_t dropped_closed;
    /**
     * The encoder failed.
     */
    uint64_t dropped_not_encoded;
    /**
     * Distributions in a format for numbers.
     */
    uint64_t skipped_sketch_in_scalar_format;
    /**
     * Counts and gauges in a format for sketches.
     */
    uint64_t skipped_scalar_in_sketch_format;
    /**
     * Histograms in a format for distributions.
     */
    uint64_t skipped_histogram_in_distribution_format;
    /**
     * One series alone is larger than a body may be.
     */
    uint64_t skipped_too_large;
    /**
     * The value is not finite: the sum of a count ran over.
     */
    uint64_t skipped_not_finite;
    /**
     * The format has no way to write the name.
     */
    uint64_t skipped_unusable_name;
    /**
     * A sketch without values.
     */
    uint64_t skipped_no_values;
    /**
     * More values than the option expand_max.
     */
    uint64_t skipped_expansion_limit;
    /**
     * Points in requests whose whole body went out and got no answer. They were sent again under
     * the same DD-Pointmill-Batch header; a receiver that does not know it may have them twice.
     */
    uint64_t uncertain;
    /**
     * Of the dropped points those that may have arrived all the same.
     */
    uint64_t dropped_uncertain;
    /**
     * Attempts made.
     */
    uint64_t requests;
    /**
     * Attempts that did not deliver; the sum of the failed_... below.
     */
    uint64_t failures;
    /**
     * No connection: name not found, refused, TLS.
     */
    uint64_t failed_connect;
    /**
     * No answer within the time.
     */
    uint64_t failed_timeout;
    /**
     * The connection broke.
     */
    uint64_t failed_transport;
    /**
     * The answer was not HTTP.
     */
    uint64_t failed_answer;
    /**
     * Status 408, 425 or 429.
     */
    uint64_t failed_throttled;
    /**
     * Status 5xx.
     */
    uint64_t failed_server;
    /**
     * Any other status that is not 2xx.
     */
    uint64_t failed_status;
    /**
     * The API key could not be had.
     */
    uint64_t failed_key;
    /**
     * Requests made once more at once because a kept connection had gone stale.
     */
    uint64_t stale_connections;
    /**
     * Bodies cut in two after a 413.
     */
    uint64_t splits;
    /**
     * Bodies in memory.
     */
    uint64_t batches_queued;
    /**
     * Bodies in spool files that this process wrote.
     */
    uint64_t batches_spooled;
    /**
     * Bytes the queue is charged with.
     */
    uint64_t queue_bytes;
    /**
     * Damaged spool files that were put aside.
     */
    uint64_t spool_damaged_files;
} pointmill_client_stats;

/**
 * What the context of an invocation says. The caller's struct. Start with
 * POINTMILL_LAMBDA_INVOCATION_INIT; what is not known stays zero.
 */
typedef struct pointmill_lambda_invocation {
    /**
     * sizeof(pointmill_lambda_invocation), set by the caller.
     */
    uint32_t struct_size;
    /**
     * 0 or POINTMILL_LAMBDA_NOT_COUNTED.
     */
    uint32_t flags;
    /**
     * POINTMILL_LAMBDA_START_AUTO, _COLD, _WARM or _PROACTIVE.
     */
    uint32_t start;
    /**
     * Memory limit in MB; 0: that of the environment.
     */
    uint32_t memory_mb;
    /**
     * When the platform ends it, milliseconds since 1970-01-01 UTC; 0: unknown, then no flush comes
     * before it.
     */
    int64_t deadline_unix_ms;
    /**
     * The invoked ARN. One that is none becomes a warning.
     */
    struct pointmill_str invoked_function_arn;
    /**
     * The id of the request.
     */
    struct pointmill_str request_id;
    /**
     * The function's name; empty: that of the environment.
     */
    struct pointmill_str function_name;
    /**
     * The function's version; empty: that of the environment.
     */
    struct pointmill_str function_version;
} pointmill_lambda_invocation;

/**
 * What came of an invocation. The caller's struct. Start with POINTMILL_LAMBDA_RESULT_INIT: it went
 * well, nothing to report. In a struct that was zeroed instead, batch_item_failures and
 * time_to_first_byte_ms are values and are emitted.
 */
typedef struct pointmill_lambda_result {
    /**
     * sizeof(pointmill_lambda_result), set by the caller.
     */
    uint32_t struct_size;
    /**
     * 1 if the handler raised, rejected or panicked, else 0.
     */
    uint32_t error;
    /**
     * Status of the answer to an HTTP trigger (API Gateway, function URL, load balancer), 502 if it
     * gave none; 0 without such a trigger.
     */
    uint32_t http_status;
    /**
     * 0.
     */
    uint32_t reserved;
    /**
     * Length of the list batchItemFailures; -1 if the result has none.
     */
    int64_t batch_item_failures;
    /**
     * Milliseconds to the first byte of a streamed response; negative if it is none.
     */
    double time_to_first_byte_ms;
} pointmill_lambda_result;

/**
 * Where every point is. The caller's struct. Start with POINTMILL_LAMBDA_STATS_INIT.
 *
 * While no call is under way and the thread rests: recorded = pending + delivered + queued + the sum
 * of every rejected_... + the sum of every refused_... + the sum of every dropped_....
 */
typedef struct pointmill_lambda_stats {
    /**
     * sizeof(pointmill_lambda_stats), set by the caller.
     */
    uint32_t struct_size;
    /**
     * POINTMILL_LAMBDA_EXTENSION, _LOG, _HTTP or _DISABLED.
     */
    uint32_t mode;
    /**
     * Points handed to a recording call or reported as refused, and enhanced ones.
     */
    uint64_t recorded;
    /**
     * Wait for a flush, in the engine or the buffer.
     */
    uint64_t pending;
    /**
     * Taken by the intake, written to the log, sent to the extension.
     */
    uint64_t accepted;
    /**
     * Encoded; a later flush sends them.
     */
    uint64_t queued;
    /**
     * Refused: not a finite number.
     */
    uint64_t rejected_not_finite;
    /**
     * Refused: the name is empty or too long, or a tag too long.
     */
    uint64_t rejected_invalid_name;
    /**
     * Refused: more than four hours old, in extension mode.
     */
    uint64_t rejected_too_old;
    /**
     * Refused: no context has this id.
     */
    uint64_t rejected_stale;
    /**
     * Refused: no room for a further name.
     */
    uint64_t rejected_no_room;
    /**
     * Refused: after the end.
     */
    uint64_t rejected_closed;
    /**
     * Refused by the wrapper: the name.
     */
    uint64_t rejected_bad_name;
    /**
     * Refused by the wrapper: the value.
     */
    uint64_t rejected_bad_value;
    /**
     * Refused by the wrapper: the time.
     */
    uint64_t rejected_bad_time;
    /**
     * Refused by the wrapper: the tags.
     */
    uint64_t rejected_bad_tags;
    /**
     * Custom points for which there is no way under FIPS rules.
     */
    uint64_t dropped_disabled;
    /**
     * The buffer was full and could not be emptied.
     */
    uint64_t dropped_buffer_full;
    /**
     * Given up by delivery.
     */
    uint64_t dropped_delivery;
    /**
     * The engine's memory was full.
     */
    uint64_t dropped_arena_full;
    /**
     * Kept their value but lost their tags to a limit of the engine; counted elsewhere too.
     */
    uint64_t overflowed;
    /**
     * Names or tags whose bytes were not UTF-8 and were mended.
     */
    uint64_t utf8_mended;
    /**
     * Enhanced metrics made here; counted elsewhere too.
     */
    uint64_t enhanced;
    /**
     * Points written out early because the buffer was full; counted elsewhere too.
     */
    uint64_t spilled;
    /**
     * Flushes.
     */
    uint64_t flushes;
    /**
     * Flushes after which something was left or had been given up.
     */
    uint64_t flush_failures;
    /**
     * Flushes done because a deadline came near.
     */
    uint64_t deadline_flushes;
    /**
     * Look-ups of the API key.
     */
    uint64_t key_lookups;
    /**
     * Those that failed.
     */
    uint64_t key_failures;
    /**
     * Invocations begun.
     */
    uint64_t invocations;
    /**
     * Invocations begun and not ended.
     */
    uint64_t invocations_open;
} pointmill_lambda_stats;

/**
 * A trace and the span to continue from. The caller's struct. Start with
 * POINTMILL_LAMBDA_TRACE_INIT.
 */
typedef struct pointmill_lambda_trace {
    /**
     * sizeof(pointmill_lambda_trace), set by the caller.
     */
    uint32_t struct_size;
    /**
     * 2: keep, by the user's will; 1: keep; 0: reject; -1: reject, by the user's will.
     */
    int32_t priority;
    /**
     * The trace's id, its low 64 bits.
     */
    uint64_t trace_id;
    /**
     * The id of the span that called.
     */
    uint64_t parent_id;
} pointmill_lambda_trace;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the library that is loaded, for instance "0.1.0".
 *
 * Threads:   any.
 * Ownership: the text is static: never freed, valid for ever.
 * NULL:      takes no pointer.
 * Outputs:   none.
 * Returns:   a text that ends with NUL.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API const char *pointmill_version(void);

/**
 * The ABI of the library that is loaded.
 *
 * A program that loads the library at run time works with it if the major number is the one
 * it was written for and the minor number is not smaller.
 *
 * Threads:   any.
 * Ownership: none.
 * NULL:      takes no pointer.
 * Outputs:   none.
 * Returns:   major << 16 | minor, as POINTMILL_ABI_VERSION in the header was.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API uint32_t pointmill_abi_version(void);

/**
 * The cause of a code and its remedy, in one English sentence.
 *
 * Threads:   any.
 * Ownership: the text is static: never freed, valid for ever.
 * NULL:      takes no pointer.
 * Outputs:   none.
 * Returns:   a text that ends with NUL; for a number that is no code of this library, one that
 *            says so. Never NULL.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API const char *pointmill_strerror(int32_t code);

/**
 * The name of a code, for instance "POINTMILL_E_NULL".
 *
 * Threads:   any.
 * Ownership: the text is static: never freed, valid for ever.
 * NULL:      takes no pointer.
 * Outputs:   none.
 * Returns:   a text that ends with NUL; "POINTMILL_E_UNKNOWN" for a number that is no code of
 *            this library. Never NULL.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API const char *pointmill_code_name(int32_t code);

/**
 * The i-th code of the library, for wrappers that turn codes into exceptions.
 *
 * Threads:   any.
 * Ownership: none.
 * NULL:      out: POINTMILL_E_NULL.
 * Outputs:   out, a code; written only on success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_INDEX (past
 *            the last one: the end of a loop), POINTMILL_E_PANIC.
 * Units:     i counts from 0; the first code is POINTMILL_OK.
 * Since:     0.1
 */
POINTMILL_API int32_t pointmill_code_at(size_t i, int32_t *out);

/**
 * Makes an empty sketch.
 *
 * Threads:   any.
 * Ownership: the caller frees *out with pointmill_sketch_free.
 * NULL:      out: POINTMILL_E_NULL.
 * Outputs:   out; written only on success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_PANIC.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API int32_t pointmill_sketch_new(struct pointmill_sketch **out);

/**
 * Makes a second sketch with the same contents.
 *
 * Threads:   one at a time on sketch.
 * Ownership: the caller frees *out with pointmill_sketch_free; the two share nothing.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   out; written only on success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_PANIC.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_sketch_clone(const struct pointmill_sketch *sketch,
                               struct pointmill_sketch **out);

/**
 * Frees a sketch.
 *
 * Threads:   no other call may use the sketch now or later.
 * Ownership: takes the sketch.
 * NULL:      does nothing.
 * Outputs:   none.
 * Returns:   nothing.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API void pointmill_sketch_free(struct pointmill_sketch *sketch);

/**
 * Adds one value.
 *
 * Threads:   one at a time on sketch.
 * Ownership: none.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   none.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_NOT_FINITE (NaN and infinities), POINTMILL_E_POISONED,
 *            POINTMILL_E_PANIC. On failure nothing changed.
 * Units:     value: any, finite.
 * Since:     0.1
 */
POINTMILL_API int32_t pointmill_sketch_insert(struct pointmill_sketch *sketch, double value);

/**
 * Adds a value n times at once. With n = 0 nothing changes.
 *
 * Threads:   one at a time on sketch.
 * Ownership: none.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   none.
 * Returns:   as pointmill_sketch_insert, and POINTMILL_E_TOO_MANY.
 * Units:     value: any, finite. n: times.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_sketch_insert_n(struct pointmill_sketch *sketch,
                                  double value,
                                  uint64_t n);

/**
 * Adds a value that stands for 1/rate values, as the Agent does: its bin grows by the whole
 * part of 1/rate. A rate of 1, of 0 or less, above 1, or NaN counts the value once.
 *
 * Threads:   one at a time on sketch.
 * Ownership: none.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   none.
 * Returns:   as pointmill_sketch_insert, and POINTMILL_E_TOO_MANY.
 * Units:     value: any, finite. rate: share of the values that was kept, above 0, at most 1.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_sketch_insert_sampled(struct pointmill_sketch *sketch,
                                        double value,
                                        double rate);

/**
 * Adds many values: the same as one pointmill_sketch_insert each, only faster. If one of them
 * is NaN or infinite, none is added.
 *
 * Threads:   one at a time on sketch.
 * Ownership: values is borrowed for the call.
 * NULL:      sketch: POINTMILL_E_NULL. values: the same, unless len is 0.
 * Outputs:   none.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_INVALID (len is no possible length), POINTMILL_E_NOT_FINITE,
 *            POINTMILL_E_TOO_MANY, POINTMILL_E_POISONED, POINTMILL_E_PANIC. On failure nothing
 *            changed.
 * Units:     values: any, finite. len: values, not bytes.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_sketch_insert_many(struct pointmill_sketch *sketch,
                                     const double *values,
                                     size_t len);

/**
 * Adds n values spread evenly over [lower, upper], as the Agent does with a histogram's bucket.
 *
 * Threads:   one at a time on sketch.
 * Ownership: none.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   none.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_NOT_FINITE (a bound is NaN or infinite), POINTMILL_E_INVALID (upper is
 *            below lower), POINTMILL_E_TOO_MANY, POINTMILL_E_POISONED, POINTMILL_E_PANIC. On
 *            failure nothing changed.
 * Units:     bounds: any, finite. n: values.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_sketch_insert_interpolated(struct pointmill_sketch *sketch,
                                             double lower,
                                             double upper,
                                             uint64_t n);

/**
 * Adds everything that other holds. Other stays as it is; the two may be the same sketch.
 *
 * Threads:   one at a time on either.
 * Ownership: none.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   none.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_TOO_MANY (nothing changed), POINTMILL_E_POISONED, POINTMILL_E_PANIC.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_sketch_merge(struct pointmill_sketch *sketch,
                               const struct pointmill_sketch *other);

/**
 * Count, smallest, largest, sum and mean: exact, not estimates from bins.
 *
 * Threads:   one at a time on sketch.
 * Ownership: none.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   out, up to out->struct_size bytes; written only on success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_STRUCT_SIZE, POINTMILL_E_PANIC.
 * Units:     those of the values.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_sketch_summary(const struct pointmill_sketch *sketch,
                                 struct pointmill_summary *out);

/**
 * The element of rank roundTiesEven(q * (count - 1)), to within 1/129 of itself.
 *
 * Exactly: the harmonic mean of the edges of the bin that holds this element, clamped to
 * [min, max]. q at or below 0 gives min, q at or above 1 gives max. Magnitudes below 1e-9 lie
 * in the bin of 0; above 4e211 there is one last bin, and the guarantee ends.
 *
 * Threads:   one at a time on sketch.
 * Ownership: none.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   out; written only on success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_INVALID (q is NaN), POINTMILL_E_EMPTY, POINTMILL_E_PANIC.
 * Units:     q: share, 0.99 for the 99th percentile. out: that of the values.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_sketch_quantile(const struct pointmill_sketch *sketch,
                                  double q,
                                  double *out);

/**
 * The quantile as the Datadog Agent computes it, to the last bit: interpolated inside a bin,
 * not clamped, up to 2.4 % off. For comparisons with an Agent; pointmill_sketch_quantile is
 * the accurate one.
 *
 * Threads:   one at a time on sketch.
 * Ownership: none.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   out; written only on success. May be NaN or infinite when values above 4e211 are
 *            in the sketch.
 * Returns:   as pointmill_sketch_quantile.
 * Units:     q: share, 0.99 for the 99th percentile. out: that of the values.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_sketch_quantile_agent(const struct pointmill_sketch *sketch,
                                        double q,
                                        double *out);

/**
 * The bins as the wire has them: keys ascending, a key whose count exceeds the profile's bin
 * several times.
 *
 * Threads:   one at a time on sketch.
 * Ownership: keys and counts are the caller's.
 * NULL:      sketch, out_len: POINTMILL_E_NULL. keys, counts: the same, unless cap is 0.
 * Outputs:   keys, counts, the first out_len of each; written only on success. out_len, also
 *            written with POINTMILL_E_BUFFER_TOO_SMALL: the bins there are.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_INVALID (no such profile), POINTMILL_E_BUFFER_TOO_SMALL,
 *            POINTMILL_E_PANIC.
 * Units:     profile: POINTMILL_BINS_U16 or POINTMILL_BINS_U32. cap, out_len: bins. 4,096 bins
 *            are always enough, but for keys whose count exceeds the profile's bin.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_sketch_bins(const struct pointmill_sketch *sketch,
                              uint32_t profile,
                              int16_t *keys,
                              uint32_t *counts,
                              size_t cap,
                              size_t *out_len);

/**
 * The key of the bin that a value falls into: the Agent's, on every platform.
 *
 * Threads:   any.
 * Ownership: none.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   out, -32767 to 32767, 0 for magnitudes below 1e-9; written only on success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_NOT_FINITE,
 *            POINTMILL_E_PANIC.
 * Units:     value: any, finite.
 * Since:     0.1
 */
POINTMILL_API int32_t pointmill_sketch_key(double value, int16_t *out);

/**
 * A sketch as bytes, in one of the formats POINTMILL_SKETCH_DDSKETCH_PROTO,
 * POINTMILL_SKETCH_DDSKETCH_COMPACT and POINTMILL_SKETCH_AGENT.
 *
 * The DDSketch formats use the logarithmic mapping with gamma 65/64 and offset 1338.5, whose
 * bins are those of the sketch.
 *
 * Threads:   one at a time on sketch.
 * Ownership: buf is the caller's.
 * NULL:      sketch, out_len: POINTMILL_E_NULL. buf: the same, unless cap is 0.
 * Outputs:   buf, the first out_len bytes; written only on success. out_len, also written with
 *            POINTMILL_E_BUFFER_TOO_SMALL: the bytes needed.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_FORMAT, POINTMILL_E_ENCODE (a sketch with a sum that is not finite in a
 *            format that cannot say so), POINTMILL_E_BUFFER_TOO_SMALL, POINTMILL_E_PANIC.
 * Units:     cap, out_len: bytes.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_sketch_encode(const struct pointmill_sketch *sketch,
                                uint32_t format,
                                uint8_t *buf,
                                size_t cap,
                                size_t *out_len);

/**
 * The sketch in some bytes, which may be hostile: they are checked, and memory stays bounded.
 *
 * DDSketches of any mapping are taken; bins of another mapping than the Agent's are spread over
 * the Agent's as the Agent does it, and counts are rounded to whole numbers.
 *
 * Threads:   any.
 * Ownership: the caller frees *out with pointmill_sketch_free; ptr is borrowed for the call.
 * NULL:      ptr may be NULL if len is 0. err may be NULL. out: POINTMILL_E_NULL.
 * Outputs:   out; written only on success. err, on failure, names the byte.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_INVALID (len is
 *            no possible length), POINTMILL_E_STRUCT_SIZE (err), POINTMILL_E_FORMAT,
 *            POINTMILL_E_DECODE, POINTMILL_E_PANIC.
 * Units:     len: bytes.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_sketch_decode(uint32_t format,
                                const uint8_t *ptr,
                                size_t len,
                                struct pointmill_sketch **out,
                                struct pointmill_error *err);

/**
 * Makes a configuration with every option at its default.
 *
 * Threads:   any.
 * Ownership: the caller frees *out with pointmill_config_free.
 * NULL:      out: POINTMILL_E_NULL.
 * Outputs:   out; written only on success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_PANIC.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API int32_t pointmill_config_new(struct pointmill_config **out);

/**
 * Sets an option from text. The value is checked and copied at once.
 *
 * Threads:   one at a time on config.
 * Ownership: name and value are borrowed for the call.
 * NULL:      err may be NULL; config, name, value: POINTMILL_E_NULL.
 * Outputs:   err, on failure, names the option and what it allows; for an unknown name, the
 *            names that are nearest.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_STRUCT_SIZE (err), POINTMILL_E_UTF8, POINTMILL_E_UNKNOWN_OPTION,
 *            POINTMILL_E_BAD_VALUE, POINTMILL_E_POISONED, POINTMILL_E_PANIC. On failure nothing
 *            changed.
 * Units:     name, value: UTF-8 that ends with NUL. The unit of a number stands in its name.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_config_set(struct pointmill_config *config,
                             const char *name,
                             const char *value,
                             struct pointmill_error *err);

/**
 * The value of an option, as text that pointmill_config_set takes. For an api_key that is set
 * it is "***".
 *
 * Threads:   one at a time on config.
 * Ownership: name is borrowed for the call; buf is the caller's.
 * NULL:      config, name, out_len: POINTMILL_E_NULL. buf: the same, unless cap is 0.
 * Outputs:   buf, the first out_len bytes, without a NUL; written only on success. out_len,
 *            also written with POINTMILL_E_BUFFER_TOO_SMALL: the length of the text.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_UTF8, POINTMILL_E_UNKNOWN_OPTION, POINTMILL_E_BUFFER_TOO_SMALL,
 *            POINTMILL_E_PANIC.
 * Units:     cap, out_len: bytes.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_config_get(const struct pointmill_config *config,
                             const char *name,
                             char *buf,
                             size_t cap,
                             size_t *out_len);

/**
 * Frees a configuration.
 *
 * Threads:   no other call may use it now or later.
 * Ownership: takes the configuration; engines and payloads made with it do not need it.
 * NULL:      does nothing.
 * Outputs:   none.
 * Returns:   nothing.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API void pointmill_config_free(struct pointmill_config *config);

/**
 * How many options there are.
 *
 * Threads:   any.
 * Ownership: none.
 * NULL:      takes no pointer.
 * Outputs:   none.
 * Returns:   the number of options.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API size_t pointmill_config_count(void);

/**
 * The i-th option: name, type, default, range and explanation.
 *
 * Threads:   any.
 * Ownership: the texts in *out are static.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   out, up to out->struct_size bytes; written only on success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_STRUCT_SIZE,
 *            POINTMILL_E_INDEX, POINTMILL_E_PANIC.
 * Units:     i counts from 0: engine options first, then those of the encoder, then those
 *            of the client.
 * Since:     0.1
 */
POINTMILL_API int32_t pointmill_config_option(size_t i, struct pointmill_option *out);

/**
 * The j-th word that the i-th option, a choice, allows.
 *
 * Threads:   any.
 * Ownership: the text in *out is static.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   out; written only on success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_INDEX (no such
 *            option, not a choice, or past its last word), POINTMILL_E_PANIC.
 * Units:     i, j count from 0.
 * Since:     0.1
 */
POINTMILL_API int32_t pointmill_config_choice(size_t i, size_t j, struct pointmill_str *out);

/**
 * The id of a context: kind, name and set of tags. Ask once, keep it, record with it.
 *
 * The order of tags and duplicates among them do not matter. At a limit the answer is the
 * overflow context of the metric (tag pointmill.overflow:true), so that totals stay right.
 * Bytes that are not UTF-8 are mended.
 *
 * Threads:   any, at once.
 * Ownership: name and tags are borrowed for the call.
 * NULL:      POINTMILL_E_NULL; tags may be NULL if tags_len is 0, a text's ptr if its len is 0.
 * Outputs:   out, below 2^53; written only on success. The same for the same context, until
 *            the context has been idle for idle_flushes flushes.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_INVALID (a length), POINTMILL_E_KIND, POINTMILL_E_INVALID_NAME,
 *            POINTMILL_E_NO_ROOM, POINTMILL_E_POISONED, POINTMILL_E_PANIC.
 * Units:     kind: POINTMILL_DISTRIBUTION, _COUNT, _GAUGE or _HISTOGRAM. tags_len: texts.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_context(struct pointmill_engine *engine,
                          uint32_t kind,
                          struct pointmill_str name,
                          const struct pointmill_str *tags,
                          size_t tags_len,
                          uint64_t *out);

/**
 * Makes an engine. All its memory is reserved here, and touched as it is needed; its first
 * interval begins by the system's clock.
 *
 * Threads:   any; one at a time on config.
 * Ownership: the caller frees *out with pointmill_engine_free; config is copied.
 * NULL:      config: every option at its default. err may be NULL. out: POINTMILL_E_NULL.
 * Outputs:   out; written only on success. err, on failure.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_STRUCT_SIZE (err), POINTMILL_E_BAD_VALUE, POINTMILL_E_ARENA_TOO_SMALL,
 *            POINTMILL_E_NO_MEMORY, POINTMILL_E_PANIC.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_engine_new(const struct pointmill_config *config,
                             struct pointmill_engine **out,
                             struct pointmill_error *err);

/**
 * Frees an engine. Points that were not flushed are lost: flush with POINTMILL_FLUSH_ALL
 * first.
 *
 * Threads:   no other call may use the engine now or later.
 * Ownership: takes the engine; its snapshots live on.
 * NULL:      does nothing.
 * Outputs:   none.
 * Returns:   nothing.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API void pointmill_engine_free(struct pointmill_engine *engine);

/**
 * Tells the engine the time. From here on points without a time of their own belong to the
 * interval that holds it. pointmill_flush does the same.
 *
 * Threads:   any, at once.
 * Ownership: none.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   none.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_POISONED, POINTMILL_E_PANIC.
 * Units:     now_unix_s: seconds since 1970-01-01 UTC.
 * Since:     0.1
 */
POINTMILL_API int32_t pointmill_tick(struct pointmill_engine *engine, int64_t now_unix_s);

/**
 * Takes the points of the intervals that have ended by now, with POINTMILL_FLUSH_ALL those of
 * the open ones too. Recording goes on meanwhile.
 *
 * Threads:   any, at once; two flushes wait for each other.
 * Ownership: the caller frees *out with pointmill_snapshot_free.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   out; written only on success. With no point to take it is an empty snapshot.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_INVALID (an unknown flag), POINTMILL_E_POISONED, POINTMILL_E_PANIC.
 * Units:     now_unix_s: seconds since 1970-01-01 UTC. flags: 0 or POINTMILL_FLUSH_ALL.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_flush(struct pointmill_engine *engine,
                        int64_t now_unix_s,
                        uint32_t flags,
                        struct pointmill_snapshot **out);

/**
 * What became of every point so far. Works on a poisoned engine too.
 *
 * Threads:   any, at once; the sums agree exactly only while no other call is under way.
 * Ownership: none.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   out, up to out->struct_size bytes; written only on success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_STRUCT_SIZE, POINTMILL_E_PANIC.
 * Units:     points, or what the field's name says.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_stats(const struct pointmill_engine *engine,
                        struct pointmill_engine_stats *out);

/**
 * Encodes a snapshot into bodies that keep within their route's limits.
 *
 * Nothing vanishes: what the format cannot carry is counted, see pointmill_payloads_skipped.
 *
 * Threads:   any, at once on snapshot; one at a time on config.
 * Ownership: the caller frees *out with pointmill_payloads_free; it needs neither snapshot nor
 *            config.
 * NULL:      config: every option at its default (format intake). err may be NULL. snapshot,
 *            out: POINTMILL_E_NULL.
 * Outputs:   out; written only on success. err, on failure.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_STRUCT_SIZE (err), POINTMILL_E_ENCODE (options that contradict each
 *            other, or a codec that failed), POINTMILL_E_PANIC.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_encode(const struct pointmill_snapshot *snapshot,
                         const struct pointmill_config *config,
                         struct pointmill_payloads **out,
                         struct pointmill_error *err);

/**
 * How many bodies there are.
 *
 * Threads:   any, at once.
 * Ownership: none.
 * NULL:      0.
 * Outputs:   none.
 * Returns:   the number of bodies; 0 also for NULL and for a handle of another type.
 * Units:     bodies.
 * Since:     0.1
 */
POINTMILL_API size_t pointmill_payloads_len(const struct pointmill_payloads *payloads);

/**
 * The i-th body.
 *
 * Threads:   any, at once.
 * Ownership: body in *out is borrowed from the payloads; the texts are static.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   out, up to out->struct_size bytes; written only on success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_STRUCT_SIZE, POINTMILL_E_INDEX, POINTMILL_E_PANIC.
 * Units:     i counts from 0.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_payloads_get(const struct pointmill_payloads *payloads,
                               size_t i,
                               struct pointmill_payload *out);

/**
 * The i-th cause for which something is in no payload. A format that carries everything has
 * none.
 *
 * Threads:   any, at once.
 * Ownership: detail in *out is borrowed from the payloads; cause is static.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   out, up to out->struct_size bytes; written only on success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_STRUCT_SIZE, POINTMILL_E_INDEX (past the last one: the end of a loop),
 *            POINTMILL_E_PANIC.
 * Units:     i counts from 0.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_payloads_skipped(const struct pointmill_payloads *payloads,
                                   size_t i,
                                   struct pointmill_skipped *out);

/**
 * Frees payloads.
 *
 * Threads:   no other call may use the payloads now or later.
 * Ownership: takes the payloads and everything borrowed from them.
 * NULL:      does nothing.
 * Outputs:   none.
 * Returns:   nothing.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API void pointmill_payloads_free(struct pointmill_payloads *payloads);

/**
 * Records one point in the open interval.
 *
 * Threads:   any, at once; no lock that another recorder can hold.
 * Ownership: none.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   none.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_NOT_FINITE, POINTMILL_E_STALE_CONTEXT, POINTMILL_E_POISONED,
 *            POINTMILL_E_PANIC. A point refused for its value or context is counted.
 * Units:     context: from pointmill_context of this engine. value: any, finite.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_record(struct pointmill_engine *engine,
                         uint64_t context,
                         double value);

/**
 * Records one point in the interval that holds unix_s.
 *
 * Threads:   any, at once.
 * Ownership: none.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   none.
 * Returns:   as pointmill_record, and POINTMILL_E_TOO_OLD, POINTMILL_E_TOO_NEW (options
 *            past_max_s and future_max_s, against the engine's time; counted).
 * Units:     unix_s: seconds since 1970-01-01 UTC.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_record_at(struct pointmill_engine *engine,
                            uint64_t context,
                            double value,
                            int64_t unix_s);

/**
 * Records one point that stands for 1/rate points, as the Agent does: a distribution's bin
 * grows by the whole part of 1/rate, a count by value/rate; a gauge ignores the rate. A rate of
 * 1, of 0 or less, above 1, or NaN counts the point once.
 *
 * Threads:   any, at once.
 * Ownership: none.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   none.
 * Returns:   as pointmill_record.
 * Units:     rate: share of the points that was kept, above 0, at most 1.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_record_sampled(struct pointmill_engine *engine,
                                 uint64_t context,
                                 double value,
                                 double rate);

/**
 * Records one point that is both sampled and timed: pointmill_record_sampled in the interval
 * that holds unix_s.
 *
 * Threads:   any, at once.
 * Ownership: none.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   none.
 * Returns:   as pointmill_record_at.
 * Units:     rate: share of the points that was kept. unix_s: seconds since 1970-01-01 UTC.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_record_sampled_at(struct pointmill_engine *engine,
                                    uint64_t context,
                                    double value,
                                    double rate,
                                    int64_t unix_s);

/**
 * Records many points of one context. Those that are refused do not stop the others.
 *
 * Threads:   any, at once.
 * Ownership: values is borrowed for the call.
 * NULL:      engine, out_rejected: POINTMILL_E_NULL. values: the same, unless len is 0.
 * Outputs:   out_rejected, how many were refused (and counted) for not being finite; written
 *            only on success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_INVALID (len is no possible length), POINTMILL_E_STALE_CONTEXT (all
 *            were refused and counted), POINTMILL_E_POISONED, POINTMILL_E_PANIC.
 * Units:     len: values, not bytes.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_record_many(struct pointmill_engine *engine,
                              uint64_t context,
                              const double *values,
                              size_t len,
                              size_t *out_rejected);

/**
 * Records many points, each of its own context: values[i] goes to contexts[i]. Those that are
 * refused do not stop the others.
 *
 * Threads:   any, at once.
 * Ownership: contexts and values are borrowed for the call.
 * NULL:      engine, out_rejected: POINTMILL_E_NULL. contexts, values: the same, unless len is
 *            0.
 * Outputs:   out_rejected, how many were refused, each counted by its cause; written only on
 *            success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_INVALID (len is no possible length), POINTMILL_E_POISONED,
 *            POINTMILL_E_PANIC.
 * Units:     len: points, the length of either array.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_record_batch(struct pointmill_engine *engine,
                               const uint64_t *contexts,
                               const double *values,
                               size_t len,
                               size_t *out_rejected);

/**
 * Records one point by name and tags, for callers whose own look-up would cost more than the
 * engine's. A context that is new is made on the way.
 *
 * Threads:   any, at once.
 * Ownership: the texts are borrowed for the call.
 * NULL:      POINTMILL_E_NULL; a text's ptr may be NULL if its len is 0.
 * Outputs:   none.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_INVALID (a length), POINTMILL_E_KIND, and, counted:
 *            POINTMILL_E_NOT_FINITE, POINTMILL_E_INVALID_NAME (also with len 0),
 *            POINTMILL_E_NO_ROOM, POINTMILL_E_POISONED, POINTMILL_E_PANIC.
 * Units:     name_then_tags: the name first, then the tags. len: texts, the name included.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_record_named(struct pointmill_engine *engine,
                               uint32_t kind,
                               const struct pointmill_str *name_then_tags,
                               size_t len,
                               double value);

/**
 * Frees a snapshot.
 *
 * Threads:   no other call may use the snapshot now or later.
 * Ownership: takes the snapshot and all texts borrowed from it; sketches and payloads made of
 *            it live on.
 * NULL:      does nothing.
 * Outputs:   none.
 * Returns:   nothing.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API void pointmill_snapshot_free(struct pointmill_snapshot *snapshot);

/**
 * How many entries a snapshot has.
 *
 * Threads:   any, at once.
 * Ownership: none.
 * NULL:      0.
 * Outputs:   none.
 * Returns:   the number of entries; 0 also for NULL and for a handle of another type.
 * Units:     entries.
 * Since:     0.1
 */
POINTMILL_API size_t pointmill_snapshot_len(const struct pointmill_snapshot *snapshot);

/**
 * The i-th entry.
 *
 * Threads:   any, at once.
 * Ownership: the name in *out is borrowed from the snapshot.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   out, up to out->struct_size bytes; written only on success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_STRUCT_SIZE, POINTMILL_E_INDEX, POINTMILL_E_PANIC.
 * Units:     i counts from 0.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_snapshot_entry(const struct pointmill_snapshot *snapshot,
                                 size_t i,
                                 struct pointmill_entry *out);

/**
 * A tag of the i-th entry. Tags are sorted and without duplicates.
 *
 * Threads:   any, at once.
 * Ownership: the text in *out is borrowed from the snapshot.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   out, without a NUL; written only on success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_INDEX (no such entry or tag), POINTMILL_E_PANIC.
 * Units:     i, tag count from 0.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_snapshot_tag(const struct pointmill_snapshot *snapshot,
                               size_t i,
                               size_t tag,
                               struct pointmill_str *out);

/**
 * The quantile of the i-th entry's sketch; pointmill_sketch_quantile says which number that
 * is.
 *
 * Threads:   any, at once.
 * Ownership: none.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   out; written only on success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_INDEX, POINTMILL_E_NO_SKETCH (a count or gauge), POINTMILL_E_INVALID (q
 *            is NaN), POINTMILL_E_EMPTY, POINTMILL_E_PANIC.
 * Units:     q: share, 0.99 for the 99th percentile.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_snapshot_quantile(const struct pointmill_snapshot *snapshot,
                                    size_t i,
                                    double q,
                                    double *out);

/**
 * A copy of the i-th entry's sketch.
 *
 * Threads:   any, at once.
 * Ownership: the caller frees *out with pointmill_sketch_free; it lives without the snapshot.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   out; written only on success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_INDEX, POINTMILL_E_NO_SKETCH (a count or gauge), POINTMILL_E_PANIC.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_snapshot_sketch(const struct pointmill_snapshot *snapshot,
                                  size_t i,
                                  struct pointmill_sketch **out);

/**
 * One snapshot of many: entries of the same kind, name, tags and interval become one. Sketches
 * merge, counts add up, and of two gauges the one of the later snapshot in the array stands.
 *
 * Threads:   any, at once.
 * Ownership: the caller frees *out with pointmill_snapshot_free; the snapshots stay the
 *            caller's and are not needed by *out.
 * NULL:      out, and every element of snapshots: POINTMILL_E_NULL. snapshots: the same, unless
 *            len is 0, which gives an empty snapshot.
 * Outputs:   out; written only on success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_INVALID (len is no possible length), POINTMILL_E_PANIC.
 * Units:     len: snapshots.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_snapshot_merge(const struct pointmill_snapshot *const *snapshots,
                                 size_t len,
                                 struct pointmill_snapshot **out);

/**
 * A snapshot merged over every tag whose key (the part before the first colon) is not among
 * keys; with len 0 over all tags. Sketches merge, counts add up, gauges of one interval are
 * averaged.
 *
 * Threads:   any, at once.
 * Ownership: the caller frees *out with pointmill_snapshot_free; keys is borrowed for the call.
 * NULL:      POINTMILL_E_NULL; keys may be NULL if len is 0.
 * Outputs:   out; written only on success. With POINTMILL_GROUP_MERGE_INTERVALS every series
 *            has one entry, that of its earliest interval; a gauge then shows its latest.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_INVALID (an unknown flag, or a length), POINTMILL_E_PANIC.
 * Units:     len: texts. flags: 0 or POINTMILL_GROUP_MERGE_INTERVALS.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_snapshot_group_by(const struct pointmill_snapshot *snapshot,
                                    const struct pointmill_str *keys,
                                    size_t len,
                                    uint32_t flags,
                                    struct pointmill_snapshot **out);

/**
 * Makes a client that delivers to the destination of the options. No connection is made yet, so
 * an intake that is down is no error. With the option background (the default) its thread
 * starts here; without it nothing happens outside the calls, and no thread runs but one that
 * looks up a host name.
 *
 * Threads:   any, at once on engine; one at a time on config.
 * Ownership: the caller frees *out with pointmill_client_free; config is copied; the engine may
 *            be freed before or after. A descriptor of the option log_fd is duplicated.
 * NULL:      config: every option at its default, which lacks the api_key that http needs. err
 *            may be NULL. engine, out: POINTMILL_E_NULL.
 * Outputs:   out; written only on success. err, on failure, names the option.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_STRUCT_SIZE (err), POINTMILL_E_BAD_VALUE (options that contradict each
 *            other, or name what cannot be used), POINTMILL_E_POISONED, POINTMILL_E_PANIC.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_client_new(struct pointmill_engine *engine,
                             const struct pointmill_config *config,
                             struct pointmill_client **out,
                             struct pointmill_error *err);

/**
 * Makes a client whose bodies go to a function of the caller's instead of a destination.
 *
 * Threads:   any, at once on engine; one at a time on config.
 * Ownership: as for pointmill_client_new. user stays the caller's and must live until the
 *            client has been freed.
 * NULL:      config: every option at its default. user, err may be NULL. engine, send, out:
 *            POINTMILL_E_NULL.
 * Outputs:   out; written only on success. err, on failure, names the option.
 * Returns:   as pointmill_client_new.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_client_new_with(struct pointmill_engine *engine,
                                  const struct pointmill_config *config,
                                  pointmill_send_fn send,
                                  void *user,
                                  struct pointmill_client **out,
                                  struct pointmill_error *err);

/**
 * Starts the background thread of this process if the option background asks for one and none
 * runs: for the child's side of a fork, when the child records but calls no other function of
 * the client. pointmill_client_flush and pointmill_client_stats_get do the same.
 *
 * Threads:   any, at once.
 * Ownership: none.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   none.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_POISONED, POINTMILL_E_PANIC.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API int32_t pointmill_client_start(struct pointmill_client *client);

/**
 * Takes the closed intervals from the engine, with POINTMILL_FLUSH_ALL the open ones too, and
 * sends them and what was kept before, for at most timeout_ms. It returns early when everything
 * has arrived, and when nothing more can be tried within the time. What has not arrived is
 * kept. The time is the system's.
 *
 * Threads:   any, at once.
 * Ownership: none.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   none.
 * Returns:   POINTMILL_OK (everything has arrived), POINTMILL_E_DELIVERY_LATER,
 *            POINTMILL_E_DELIVERY_DROPPED, POINTMILL_E_CLOSED, POINTMILL_E_NULL,
 *            POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE, POINTMILL_E_INVALID (an unknown flag),
 *            POINTMILL_E_POISONED, POINTMILL_E_PANIC.
 * Units:     flags: 0 or POINTMILL_FLUSH_ALL. timeout_ms: milliseconds; 0 takes and sends
 *            nothing.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_client_flush(struct pointmill_client *client,
                               uint32_t flags,
                               uint64_t timeout_ms);

/**
 * Ends delivery: takes everything from the engine, sends for at most timeout_ms, stops the
 * thread, and puts what has not arrived into the spool; without one it is dropped and counted
 * (dropped_closed). A second call does nothing.
 *
 * Threads:   any, at once. Other calls then answer POINTMILL_E_CLOSED or go on to tell what
 *            they know.
 * Ownership: none; the client is still to be freed.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   none.
 * Returns:   POINTMILL_OK (everything has arrived), POINTMILL_E_DELIVERY_LATER (it is in the
 *            spool), POINTMILL_E_DELIVERY_DROPPED, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT,
 *            POINTMILL_E_HANDLE, POINTMILL_E_POISONED, POINTMILL_E_PANIC.
 * Units:     timeout_ms: milliseconds.
 * Since:     0.1
 */
POINTMILL_API int32_t pointmill_client_close(struct pointmill_client *client, uint64_t timeout_ms);

/**
 * Where every point is that left the engine through this client. Works on a closed client too.
 *
 * Threads:   any, at once; the sums agree exactly only while no other call is under way and the
 *            background thread rests.
 * Ownership: none.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   out, up to out->struct_size bytes; written only on success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_STRUCT_SIZE, POINTMILL_E_PANIC.
 * Units:     points, or what the field's name says.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_client_stats_get(const struct pointmill_client *client,
                                   struct pointmill_client_stats *out);

/**
 * What the last attempt that did not deliver came to, for a line in a log, such as "POST
 * https://api.datadoghq.eu/api/beta/sketches: status 403; check api_key and site". It never
 * holds the key.
 *
 * Threads:   any, at once.
 * Ownership: buf is the caller's.
 * NULL:      client, out_len: POINTMILL_E_NULL. buf: the same, unless cap is 0.
 * Outputs:   buf, the first out_len bytes, without a NUL; written only on success. out_len,
 *            also written with POINTMILL_E_BUFFER_TOO_SMALL: the length of the text; 0 if no
 *            attempt has failed.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_BUFFER_TOO_SMALL, POINTMILL_E_PANIC.
 * Units:     cap, out_len: bytes.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_client_last_failure(const struct pointmill_client *client,
                                      char *buf,
                                      size_t cap,
                                      size_t *out_len);

/**
 * Frees a client; one that was not closed is closed with a timeout of 0. Close it first: what
 * is dropped here, nobody can read in its stats.
 *
 * Threads:   no other call may use the client now or later.
 * Ownership: takes the client; the engine is not touched.
 * NULL:      does nothing.
 * Outputs:   none.
 * Returns:   nothing.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API void pointmill_client_free(struct pointmill_client *client);

/**
 * Makes the object: settles the settings and chooses where custom points go. No I/O but the test
 * for the extension's file, no thread (the first pointmill_lambda_begin or the first point starts
 * it, unless flush_in_thread is off), no look-up of a key (the first flush that has something to
 * post does it).
 *
 * Threads:   any; one at a time on config.
 * Ownership: the caller frees *out with pointmill_lambda_free; config is copied. A descriptor of
 *            the option log_fd is duplicated.
 * NULL:      err may be NULL. config, out: POINTMILL_E_NULL.
 * Outputs:   out; written only on success. err, on failure.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_STRUCT_SIZE (err), POINTMILL_E_BAD_VALUE (an option names a descriptor or
 *            socket that is none), POINTMILL_E_NO_MEMORY, POINTMILL_E_PANIC.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_lambda_new(const struct pointmill_lambda_config *config,
                             struct pointmill_lambda **out,
                             struct pointmill_error *err);

/**
 * Frees the object without flushing: call pointmill_lambda_close first.
 *
 * Threads:   no other call may use it now or later.
 * Ownership: takes the object.
 * NULL:      does nothing.
 * Outputs:   none.
 * Returns:   nothing.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API void pointmill_lambda_free(struct pointmill_lambda *lambda);

/**
 * Where custom points go.
 *
 * Threads:   any, at once.
 * Ownership: none.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   out; written only on success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_PANIC.
 * Units:     out: POINTMILL_LAMBDA_EXTENSION, _LOG, _HTTP or _DISABLED.
 * Since:     0.1
 */
POINTMILL_API int32_t pointmill_lambda_mode(const struct pointmill_lambda *lambda, uint32_t *out);

/**
 * A setting in effect, as text: true or false for a flag, empty for none, *** for a secret.
 *
 * Threads:   any, at once.
 * Ownership: *out lives as long as the object.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   out; written only on success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_UTF8, POINTMILL_E_UNKNOWN_OPTION, POINTMILL_E_PANIC.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_lambda_setting(const struct pointmill_lambda *lambda,
                                 const char *name,
                                 struct pointmill_str *out);

/**
 * What a person should read since the last call, one a line, each once, for the language's logger:
 * variables that make no sense, ARNs that are none, points refused for their age. They are gone
 * once they have been written.
 *
 * Threads:   any, at once.
 * Ownership: buf is the caller's.
 * NULL:      lambda, out_len: POINTMILL_E_NULL. buf: the same, unless cap is 0.
 * Outputs:   buf, the first out_len bytes, without a NUL; written only on success. out_len, also
 *            written with POINTMILL_E_BUFFER_TOO_SMALL: the length of the text; 0 if there is
 *            none.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_BUFFER_TOO_SMALL, POINTMILL_E_POISONED, POINTMILL_E_PANIC.
 * Units:     cap, out_len: bytes.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_lambda_warnings(struct pointmill_lambda *lambda,
                                  char *buf,
                                  size_t cap,
                                  size_t *out_len);

/**
 * The engine behind the object, for snapshots, percentiles and other kinds of metrics. Its points
 * are delivered with the others: in HTTP mode to the intake, elsewhere as distributions.
 *
 * Threads:   any, at once.
 * Ownership: the caller frees *out with pointmill_engine_free, before or after the object.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   out; written only on success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_PANIC.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_lambda_engine(const struct pointmill_lambda *lambda,
                                struct pointmill_engine **out);

/**
 * Records a custom point of now: the drop-in call. It is taken at once, also before the first
 * invocation, between invocations and after the last. dd_lambda_layer is added here. Known names
 * with known tags cost neither an allocation nor a system call; but where points are written one by
 * one and no invocation is open, a point wakes the thread that writes it, if it does not know yet.
 *
 * Refused points are counted by cause. Bytes that are not UTF-8 are mended, empty tags left out.
 *
 * Threads:   any, at once.
 * Ownership: the texts are borrowed for the call.
 * NULL:      POINTMILL_E_NULL; a text's ptr may be NULL if its len is 0.
 * Outputs:   none.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_INVALID (a length), POINTMILL_E_INVALID_NAME (empty or too long),
 *            POINTMILL_E_NOT_FINITE, POINTMILL_E_NO_ROOM, POINTMILL_E_CLOSED,
 *            POINTMILL_E_POISONED, POINTMILL_E_PANIC.
 * Units:     name_then_tags: the name first, then the tags. len: texts, the name included.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_lambda_metric(struct pointmill_lambda *lambda,
                                const struct pointmill_str *name_then_tags,
                                size_t len,
                                double value);

/**
 * Records a custom point of a time. In extension mode one of more than four hours ago is refused,
 * as in the layers.
 *
 * Threads:   any, at once.
 * Ownership: the texts are borrowed for the call.
 * NULL:      POINTMILL_E_NULL; a text's ptr may be NULL if its len is 0.
 * Outputs:   none.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_INVALID (a length, an unknown flag), POINTMILL_E_INVALID_NAME (empty or
 *            too long), POINTMILL_E_NOT_FINITE, POINTMILL_E_TOO_OLD, POINTMILL_E_NO_ROOM,
 *            POINTMILL_E_CLOSED, POINTMILL_E_POISONED, POINTMILL_E_PANIC.
 * Units:     unix_s: seconds since 1970-01-01 UTC, or POINTMILL_LAMBDA_NOW. flags: 0 or
 *            POINTMILL_LAMBDA_FORCE_ASYNC.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_lambda_metric_at(struct pointmill_lambda *lambda,
                                   const struct pointmill_str *name_then_tags,
                                   size_t len,
                                   double value,
                                   int64_t unix_s,
                                   uint32_t flags);

/**
 * The id of a custom metric and its tags: ask once, keep it, record with it.
 *
 * Threads:   any, at once.
 * Ownership: the texts are borrowed for the call.
 * NULL:      POINTMILL_E_NULL; a text's ptr may be NULL if its len is 0.
 * Outputs:   out, below 2^53; written only on success. Valid as long as the object, also in a
 *            forked child.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_INVALID (a length), POINTMILL_E_INVALID_NAME, POINTMILL_E_NO_ROOM,
 *            POINTMILL_E_POISONED, POINTMILL_E_PANIC.
 * Units:     len: texts, the name included.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_lambda_context(struct pointmill_lambda *lambda,
                                 const struct pointmill_str *name_then_tags,
                                 size_t len,
                                 uint64_t *out);

/**
 * Records a point of now to a held context.
 *
 * Threads:   any, at once.
 * Ownership: none.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   none.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_NOT_FINITE, POINTMILL_E_STALE_CONTEXT (no such id), POINTMILL_E_CLOSED,
 *            POINTMILL_E_POISONED, POINTMILL_E_PANIC.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_lambda_record(struct pointmill_lambda *lambda,
                                uint64_t context,
                                double value);

/**
 * Records a point of a time to a held context.
 *
 * Threads:   any, at once.
 * Ownership: none.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   none.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_NOT_FINITE, POINTMILL_E_STALE_CONTEXT (no such id), POINTMILL_E_TOO_OLD,
 *            POINTMILL_E_CLOSED, POINTMILL_E_POISONED, POINTMILL_E_PANIC.
 * Units:     unix_s: seconds since 1970-01-01 UTC.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_lambda_record_at(struct pointmill_lambda *lambda,
                                   uint64_t context,
                                   double value,
                                   int64_t unix_s);

/**
 * Records columns of points: values[i] to contexts[i], at unix_s[i] or now. Those that are refused
 * do not stop the others.
 *
 * Threads:   any, at once.
 * Ownership: the columns are borrowed for the call.
 * NULL:      unix_s: all now. lambda, out_rejected: POINTMILL_E_NULL. contexts, values: the same,
 *            unless len is 0.
 * Outputs:   out_rejected, how many were refused, each counted by its cause; written only on
 *            success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_INVALID (a length), POINTMILL_E_POISONED, POINTMILL_E_PANIC.
 * Units:     len: points. unix_s: seconds since 1970-01-01 UTC.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_lambda_record_batch(struct pointmill_lambda *lambda,
                                      const uint64_t *contexts,
                                      const double *values,
                                      const int64_t *unix_s,
                                      size_t len,
                                      size_t *out_rejected);

/**
 * Counts points that the caller refused before it could hand them over, so that the ledger is
 * whole.
 *
 * Threads:   any, at once.
 * Ownership: none.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   none.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_INVALID (no such cause), POINTMILL_E_POISONED, POINTMILL_E_PANIC.
 * Units:     cause: POINTMILL_LAMBDA_BAD_NAME, _BAD_VALUE, _BAD_TIME or _BAD_TAGS.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_lambda_rejected(struct pointmill_lambda *lambda,
                                  uint32_t cause,
                                  uint64_t points);

/**
 * Sends everything that waits, for at most timeout_ms: after pointmill_lambda_end, before the
 * response goes out. Release an interpreter's lock around it, or call it from a thread of its own.
 *
 * Threads:   any, at once.
 * Ownership: none.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   none.
 * Returns:   POINTMILL_OK (everything has arrived), POINTMILL_E_DELIVERY_LATER (the rest is kept
 *            for the next flush), POINTMILL_E_DELIVERY_DROPPED (points were given up; see the
 *            ledger), POINTMILL_E_CLOSED, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT,
 *            POINTMILL_E_HANDLE, POINTMILL_E_POISONED, POINTMILL_E_PANIC.
 * Units:     timeout_ms: milliseconds, such as pointmill_lambda_end answers; 0 sends nothing.
 * Since:     0.1
 */
POINTMILL_API int32_t pointmill_lambda_flush(struct pointmill_lambda *lambda, uint64_t timeout_ms);

/**
 * Without the thread (option flush_in_thread): whether a flush is due now, because an interval is
 * over, the buffer is half full, or a deadline is near. With the thread never.
 *
 * Threads:   any, at once.
 * Ownership: none.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   out_budget_ms: how long that flush may take, 0 if none is due; written only on
 *            success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_POISONED, POINTMILL_E_PANIC.
 * Units:     out_budget_ms: milliseconds.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_lambda_flush_due(struct pointmill_lambda *lambda,
                                   uint64_t *out_budget_ms);

/**
 * After a restore from a snapshot of the sandbox (SnapStart, CRIU): the next invocation is its
 * first, and the API key is looked up anew.
 *
 * Threads:   any, at once.
 * Ownership: none.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   none.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_POISONED, POINTMILL_E_PANIC.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API int32_t pointmill_lambda_restored(struct pointmill_lambda *lambda);

/**
 * Flushes everything and ends: for SIGTERM and the end of the process. The thread stops, later
 * points answer POINTMILL_E_CLOSED and are counted, what has not arrived is counted as dropped. A
 * second call does nothing.
 *
 * Threads:   any, at once.
 * Ownership: none; the object is still to be freed.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   none.
 * Returns:   POINTMILL_OK (everything has arrived), POINTMILL_E_DELIVERY_LATER (the rest is kept
 *            for the next flush), POINTMILL_E_DELIVERY_DROPPED (points were given up; see the
 *            ledger), POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_POISONED, POINTMILL_E_PANIC.
 * Units:     timeout_ms: milliseconds.
 * Since:     0.1
 */
POINTMILL_API int32_t pointmill_lambda_close(struct pointmill_lambda *lambda, uint64_t timeout_ms);

/**
 * What went wrong last (a look-up of the key, a request, a write), for a line in a log. It never
 * holds a key.
 *
 * Threads:   any, at once.
 * Ownership: buf is the caller's.
 * NULL:      lambda, out_len: POINTMILL_E_NULL. buf: the same, unless cap is 0.
 * Outputs:   buf, the first out_len bytes, without a NUL; written only on success. out_len, also
 *            written with POINTMILL_E_BUFFER_TOO_SMALL: the length of the text; 0 if nothing went
 *            wrong.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_BUFFER_TOO_SMALL, POINTMILL_E_PANIC.
 * Units:     cap, out_len: bytes.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_lambda_last_failure(const struct pointmill_lambda *lambda,
                                      char *buf,
                                      size_t cap,
                                      size_t *out_len);

/**
 * Makes a configuration for a function in a language: no variables, no options.
 *
 * Threads:   any.
 * Ownership: the caller frees *out with pointmill_lambda_config_free.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   out; written only on success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_INVALID (no such
 *            language), POINTMILL_E_PANIC.
 * Units:     language: POINTMILL_LAMBDA_PYTHON, _NODE, _GO, _RUBY or _JAVA.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_lambda_config_new(uint32_t language,
                                    struct pointmill_lambda_config **out);

/**
 * Frees a configuration.
 *
 * Threads:   no other call may use it now or later.
 * Ownership: takes the configuration; objects made with it do not need it.
 * NULL:      does nothing.
 * Outputs:   none.
 * Returns:   nothing.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API void pointmill_lambda_config_free(struct pointmill_lambda_config *config);

/**
 * Adds a variable of the environment, in place of an earlier one of that name. Names that no
 * setting is read from are passed over. A value that makes no sense is no error: it becomes a
 * warning of the object, since nobody could act on an error while a function starts.
 *
 * Threads:   one at a time on config.
 * Ownership: name and value are borrowed for the call.
 * NULL:      POINTMILL_E_NULL; a text's ptr may be NULL if its len is 0.
 * Outputs:   none.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_INVALID (a length), POINTMILL_E_UTF8 (the name), POINTMILL_E_POISONED,
 *            POINTMILL_E_PANIC.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_lambda_config_env(struct pointmill_lambda_config *config,
                                    struct pointmill_str name,
                                    struct pointmill_str value);

/**
 * Adds the variables of this process that settings are read from (DD_*, DATADOG_*, AWS_*,
 * POINTMILL_*, proxies). The environment is read here and never again.
 *
 * Threads:   one at a time on config; no other thread may change the environment meanwhile.
 * Ownership: none.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   none.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_POISONED, POINTMILL_E_PANIC.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API int32_t pointmill_lambda_config_process_env(struct pointmill_lambda_config *config);

/**
 * Sets an option, which beats every variable.
 *
 * Threads:   one at a time on config.
 * Ownership: name and value are borrowed for the call.
 * NULL:      err may be NULL. Others: POINTMILL_E_NULL; value.ptr may be NULL if its len is 0.
 * Outputs:   err, on failure, says what is allowed.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_STRUCT_SIZE (err), POINTMILL_E_INVALID (a length), POINTMILL_E_UTF8,
 *            POINTMILL_E_UNKNOWN_OPTION, POINTMILL_E_BAD_VALUE, POINTMILL_E_POISONED,
 *            POINTMILL_E_PANIC.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_lambda_config_set(struct pointmill_lambda_config *config,
                                    const char *name,
                                    struct pointmill_str value,
                                    struct pointmill_error *err);

/**
 * Begins an invocation: emits aws.lambda.enhanced.invocations (unless the extension does), moves
 * the engine's clock, provides for the flush before the deadline. No I/O, no waiting. Several may
 * be open at once.
 *
 * Threads:   any, at once.
 * Ownership: the struct and its texts are borrowed for the call.
 * NULL:      invocation: nothing is known. lambda, out_token: POINTMILL_E_NULL.
 * Outputs:   out_token; written only on success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_STRUCT_SIZE, POINTMILL_E_INVALID (a length, a flag, a start, or bytes
 *            past this version's struct that are not zero), POINTMILL_E_POISONED,
 *            POINTMILL_E_PANIC.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_lambda_begin(struct pointmill_lambda *lambda,
                               const struct pointmill_lambda_invocation *invocation,
                               uint64_t *out_token);

/**
 * Ends an invocation: emits at most one aws.lambda.enhanced.errors (unless the extension does),
 * then batch_item_failures and time_to_first_byte. No I/O, no waiting: call pointmill_lambda_flush
 * with the budget before the response goes out.
 *
 * Threads:   any, at once.
 * Ownership: the struct is borrowed for the call.
 * NULL:      result: it went well, nothing to report. lambda, out_budget_ms: POINTMILL_E_NULL.
 * Outputs:   out_budget_ms: how long the flush may take; 0 if there is nothing to send. Written
 *            only on success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_STRUCT_SIZE, POINTMILL_E_INVALID (bytes past this version's struct that
 *            are not zero), POINTMILL_E_STALE_CONTEXT (no open invocation has this token; nothing
 *            was emitted), POINTMILL_E_POISONED, POINTMILL_E_PANIC.
 * Units:     out_budget_ms: milliseconds.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_lambda_end(struct pointmill_lambda *lambda,
                             uint64_t token,
                             const struct pointmill_lambda_result *result,
                             uint64_t *out_budget_ms);

/**
 * The ledger. Works on a closed object too.
 *
 * Threads:   any, at once; the sums agree exactly only while no other call is under way and the
 *            thread rests.
 * Ownership: none.
 * NULL:      POINTMILL_E_NULL.
 * Outputs:   out, up to out->struct_size bytes; written only on success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
 *            POINTMILL_E_STRUCT_SIZE, POINTMILL_E_PANIC.
 * Units:     points, or what the field's name says.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_lambda_stats_get(const struct pointmill_lambda *lambda,
                                   struct pointmill_lambda_stats *out);

/**
 * The trace context of X-Ray's header, or of _X_AMZN_TRACE_ID, such as
 * "Root=1-5ce31dc2-2c779014b90ce44db5e03875;Parent=0b11cc4230d3e09e;Sampled=1". Sampled is
 * priority 2, else -1.
 *
 * Threads:   any.
 * Ownership: header is borrowed for the call.
 * NULL:      POINTMILL_E_NULL; header.ptr may be NULL if its len is 0.
 * Outputs:   out, up to out->struct_size bytes; written only on success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_STRUCT_SIZE,
 *            POINTMILL_E_UTF8, POINTMILL_E_INVALID (no such header), POINTMILL_E_PANIC.
 * Units:     none.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_lambda_trace_of_xray(struct pointmill_str header,
                                       struct pointmill_lambda_trace *out);

/**
 * The trace context of the headers x-datadog-trace-id, x-datadog-parent-id and
 * x-datadog-sampling-priority, whose names may be in any case. Without a priority it is 1. Headers
 * that are not UTF-8 are passed over.
 *
 * Threads:   any.
 * Ownership: the texts are borrowed for the call.
 * NULL:      out: POINTMILL_E_NULL. names, values: the same, unless len is 0.
 * Outputs:   out, up to out->struct_size bytes; written only on success.
 * Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_STRUCT_SIZE,
 *            POINTMILL_E_INVALID (an id is missing or no number), POINTMILL_E_PANIC.
 * Units:     len: headers.
 * Since:     0.1
 */
POINTMILL_API
int32_t pointmill_lambda_trace_of_headers(const struct pointmill_str *names,
                                          const struct pointmill_str *values,
                                          size_t len,
                                          struct pointmill_lambda_trace *out);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* POINTMILL_H */
