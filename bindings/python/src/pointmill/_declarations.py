"""The C header for ctypes. Generated from crates/pointmill-capi by `cargo xtask gen`. Do not edit.

Pointers are void pointers but for texts that end with NUL; `declare(library)` sets the functions' types.
"""

import ctypes as c

POINTMILL_OK = 0
POINTMILL_E_NULL = -1
POINTMILL_E_INVALID = -2
POINTMILL_E_ALIGNMENT = -3
POINTMILL_E_STRUCT_SIZE = -4
POINTMILL_E_BUFFER_TOO_SMALL = -5
POINTMILL_E_INDEX = -6
POINTMILL_E_UTF8 = -7
POINTMILL_E_HANDLE = -8
POINTMILL_E_KIND = -9
POINTMILL_E_FORMAT = -10
POINTMILL_E_NOT_FINITE = -20
POINTMILL_E_STALE_CONTEXT = -21
POINTMILL_E_TOO_OLD = -22
POINTMILL_E_TOO_NEW = -23
POINTMILL_E_INVALID_NAME = -24
POINTMILL_E_NO_ROOM = -25
POINTMILL_E_EMPTY = -26
POINTMILL_E_NO_SKETCH = -27
POINTMILL_E_TOO_MANY = -28
POINTMILL_E_UNKNOWN_OPTION = -40
POINTMILL_E_BAD_VALUE = -41
POINTMILL_E_ARENA_TOO_SMALL = -42
POINTMILL_E_NO_MEMORY = -43
POINTMILL_E_DECODE = -60
POINTMILL_E_ENCODE = -61
POINTMILL_E_DELIVERY_LATER = -70
POINTMILL_E_DELIVERY_DROPPED = -71
POINTMILL_E_CLOSED = -72
POINTMILL_E_PANIC = -80
POINTMILL_E_POISONED = -81
POINTMILL_ABI_MAJOR = 0
POINTMILL_ABI_MINOR = 1
POINTMILL_ERROR_DETAIL_BYTES = 240
POINTMILL_BINS_U16 = 1
POINTMILL_BINS_U32 = 2
POINTMILL_SKETCH_DDSKETCH_PROTO = 1
POINTMILL_SKETCH_DDSKETCH_COMPACT = 2
POINTMILL_SKETCH_AGENT = 3
POINTMILL_OPTION_NUMBER = 1
POINTMILL_OPTION_CHOICE = 2
POINTMILL_OPTION_FLAG = 3
POINTMILL_OPTION_TEXT = 4
POINTMILL_DISTRIBUTION = 1
POINTMILL_COUNT = 2
POINTMILL_GAUGE = 3
POINTMILL_HISTOGRAM = 4
POINTMILL_FLUSH_ALL = 1
POINTMILL_GROUP_MERGE_INTERVALS = 1
POINTMILL_LAMBDA_EXTENSION = 1
POINTMILL_LAMBDA_LOG = 2
POINTMILL_LAMBDA_HTTP = 3
POINTMILL_LAMBDA_DISABLED = 4
POINTMILL_LAMBDA_NOW = -(1 << 63)
POINTMILL_LAMBDA_FORCE_ASYNC = 1
POINTMILL_LAMBDA_BAD_NAME = 1
POINTMILL_LAMBDA_BAD_VALUE = 2
POINTMILL_LAMBDA_BAD_TIME = 3
POINTMILL_LAMBDA_BAD_TAGS = 4
POINTMILL_LAMBDA_PYTHON = 1
POINTMILL_LAMBDA_NODE = 2
POINTMILL_LAMBDA_GO = 3
POINTMILL_LAMBDA_RUBY = 4
POINTMILL_LAMBDA_JAVA = 5
POINTMILL_LAMBDA_START_AUTO = 0
POINTMILL_LAMBDA_START_COLD = 1
POINTMILL_LAMBDA_START_WARM = 2
POINTMILL_LAMBDA_START_PROACTIVE = 3
POINTMILL_LAMBDA_NOT_COUNTED = 1


class pointmill_str(c.Structure):
    _fields_ = [
        ("ptr", c.c_char_p),
        ("len", c.c_size_t),
    ]


class pointmill_error(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("code", c.c_int32),
        ("detail", c.c_char * POINTMILL_ERROR_DETAIL_BYTES),
    ]


class pointmill_summary(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("count", c.c_uint64),
        ("min", c.c_double),
        ("max", c.c_double),
        ("sum", c.c_double),
        ("avg", c.c_double),
    ]


class pointmill_option(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("type", c.c_uint32),
        ("name", pointmill_str),
        ("doc", pointmill_str),
        ("default_text", pointmill_str),
        ("default_number", c.c_uint64),
        ("min", c.c_uint64),
        ("max", c.c_uint64),
        ("choices_len", c.c_size_t),
    ]


class pointmill_engine_stats(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("reserved", c.c_uint32),
        ("recorded", c.c_uint64),
        ("flushed", c.c_uint64),
        ("pending", c.c_uint64),
        ("rejected_not_finite", c.c_uint64),
        ("rejected_stale", c.c_uint64),
        ("rejected_too_old", c.c_uint64),
        ("rejected_too_new", c.c_uint64),
        ("rejected_invalid_name", c.c_uint64),
        ("rejected_no_room", c.c_uint64),
        ("dropped_arena_full", c.c_uint64),
        ("dropped_stale", c.c_uint64),
        ("overflowed", c.c_uint64),
        ("contexts", c.c_uint64),
        ("contexts_expired", c.c_uint64),
        ("contexts_refused", c.c_uint64),
        ("flushes", c.c_uint64),
        ("utf8_mended", c.c_uint64),
        ("arena_used_bytes", c.c_uint64),
        ("arena_bytes", c.c_uint64),
    ]


class pointmill_payload(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("reserved", c.c_uint32),
        ("path", pointmill_str),
        ("content_type", pointmill_str),
        ("encoding", pointmill_str),
        ("body", c.c_void_p),
        ("body_len", c.c_size_t),
        ("points", c.c_uint64),
        ("entries", c.c_uint64),
    ]


class pointmill_skipped(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("reserved", c.c_uint32),
        ("cause", pointmill_str),
        ("detail", pointmill_str),
        ("entries", c.c_uint64),
        ("points", c.c_uint64),
        ("values", c.c_uint64),
    ]


class pointmill_entry(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("kind", c.c_uint32),
        ("name", pointmill_str),
        ("interval", c.c_int64),
        ("interval_s", c.c_uint32),
        ("series", c.c_uint32),
        ("tags_len", c.c_size_t),
        ("points", c.c_uint64),
        ("value", c.c_double),
        ("summary", pointmill_summary),
    ]


class pointmill_client_stats(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("reserved", c.c_uint32),
        ("flushed", c.c_uint64),
        ("adopted", c.c_uint64),
        ("accepted", c.c_uint64),
        ("queued", c.c_uint64),
        ("spooled", c.c_uint64),
        ("handed_over", c.c_uint64),
        ("skipped", c.c_uint64),
        ("dropped", c.c_uint64),
        ("dropped_queue_full", c.c_uint64),
        ("dropped_spool_full", c.c_uint64),
        ("dropped_spool_failed", c.c_uint64),
        ("dropped_expired", c.c_uint64),
        ("dropped_too_large", c.c_uint64),
        ("dropped_bad_request", c.c_uint64),
        ("dropped_forbidden", c.c_uint64),
        ("dropped_refused", c.c_uint64),
        ("dropped_closed", c.c_uint64),
        ("dropped_not_encoded", c.c_uint64),
        ("skipped_sketch_in_scalar_format", c.c_uint64),
        ("skipped_scalar_in_sketch_format", c.c_uint64),
        ("skipped_histogram_in_distribution_format", c.c_uint64),
        ("skipped_too_large", c.c_uint64),
        ("skipped_not_finite", c.c_uint64),
        ("skipped_unusable_name", c.c_uint64),
        ("skipped_no_values", c.c_uint64),
        ("skipped_expansion_limit", c.c_uint64),
        ("uncertain", c.c_uint64),
        ("dropped_uncertain", c.c_uint64),
        ("requests", c.c_uint64),
        ("failures", c.c_uint64),
        ("failed_connect", c.c_uint64),
        ("failed_timeout", c.c_uint64),
        ("failed_transport", c.c_uint64),
        ("failed_answer", c.c_uint64),
        ("failed_throttled", c.c_uint64),
        ("failed_server", c.c_uint64),
        ("failed_status", c.c_uint64),
        ("failed_key", c.c_uint64),
        ("stale_connections", c.c_uint64),
        ("splits", c.c_uint64),
        ("batches_queued", c.c_uint64),
        ("batches_spooled", c.c_uint64),
        ("queue_bytes", c.c_uint64),
        ("spool_damaged_files", c.c_uint64),
    ]


class pointmill_lambda_invocation(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("flags", c.c_uint32),
        ("start", c.c_uint32),
        ("memory_mb", c.c_uint32),
        ("deadline_unix_ms", c.c_int64),
        ("invoked_function_arn", pointmill_str),
        ("request_id", pointmill_str),
        ("function_name", pointmill_str),
        ("function_version", pointmill_str),
    ]


class pointmill_lambda_result(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("error", c.c_uint32),
        ("http_status", c.c_uint32),
        ("reserved", c.c_uint32),
        ("batch_item_failures", c.c_int64),
        ("time_to_first_byte_ms", c.c_double),
    ]


class pointmill_lambda_stats(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("mode", c.c_uint32),
        ("recorded", c.c_uint64),
        ("pending", c.c_uint64),
        ("accepted", c.c_uint64),
        ("queued", c.c_uint64),
        ("rejected_not_finite", c.c_uint64),
        ("rejected_invalid_name", c.c_uint64),
        ("rejected_too_old", c.c_uint64),
        ("rejected_stale", c.c_uint64),
        ("rejected_no_room", c.c_uint64),
        ("rejected_closed", c.c_uint64),
        ("rejected_bad_name", c.c_uint64),
        ("rejected_bad_value", c.c_uint64),
        ("rejected_bad_time", c.c_uint64),
        ("rejected_bad_tags", c.c_uint64),
        ("dropped_disabled", c.c_uint64),
        ("dropped_buffer_full", c.c_uint64),
        ("dropped_delivery", c.c_uint64),
        ("dropped_arena_full", c.c_uint64),
        ("overflowed", c.c_uint64),
        ("utf8_mended", c.c_uint64),
        ("enhanced", c.c_uint64),
        ("spilled", c.c_uint64),
        ("flushes", c.c_uint64),
        ("flush_failures", c.c_uint64),
        ("deadline_flushes", c.c_uint64),
        ("key_lookups", c.c_uint64),
        ("key_failures", c.c_uint64),
        ("invocations", c.c_uint64),
        ("invocations_open", c.c_uint64),
    ]


class pointmill_lambda_trace(c.Structure):
    _fields_ = [
        ("struct_size", c.c_uint32),
        ("priority", c.c_int32),
        ("trace_id", c.c_uint64),
        ("parent_id", c.c_uint64),
    ]


_FUNCTIONS = {
    "pointmill_version": (c.c_char_p, []),
    "pointmill_abi_version": (c.c_uint32, []),
    "pointmill_strerror": (c.c_char_p, [c.c_int32]),
    "pointmill_code_name": (c.c_char_p, [c.c_int32]),
    "pointmill_code_at": (c.c_int32, [c.c_size_t, c.c_void_p]),
    "pointmill_sketch_new": (c.c_int32, [c.c_void_p]),
    "pointmill_sketch_clone": (c.c_int32, [c.c_void_p, c.c_void_p]),
    "pointmill_sketch_free": (None, [c.c_void_p]),
    "pointmill_sketch_insert": (c.c_int32, [c.c_void_p, c.c_double]),
    "pointmill_sketch_insert_n": (c.c_int32, [c.c_void_p, c.c_double, c.c_uint64]),
    "pointmill_sketch_insert_sampled": (c.c_int32, [c.c_void_p, c.c_double, c.c_double]),
    "pointmill_sketch_insert_many": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_size_t]),
    "pointmill_sketch_insert_interpolated": (c.c_int32, [c.c_void_p, c.c_double, c.c_double, c.c_uint64]),
    "pointmill_sketch_merge": (c.c_int32, [c.c_void_p, c.c_void_p]),
    "pointmill_sketch_summary": (c.c_int32, [c.c_void_p, c.c_void_p]),
    "pointmill_sketch_quantile": (c.c_int32, [c.c_void_p, c.c_double, c.c_void_p]),
    "pointmill_sketch_quantile_agent": (c.c_int32, [c.c_void_p, c.c_double, c.c_void_p]),
    "pointmill_sketch_bins": (c.c_int32, [c.c_void_p, c.c_uint32, c.c_void_p, c.c_void_p, c.c_size_t, c.c_void_p]),
    "pointmill_sketch_key": (c.c_int32, [c.c_double, c.c_void_p]),
    "pointmill_sketch_encode": (c.c_int32, [c.c_void_p, c.c_uint32, c.c_void_p, c.c_size_t, c.c_void_p]),
    "pointmill_sketch_decode": (c.c_int32, [c.c_uint32, c.c_void_p, c.c_size_t, c.c_void_p, c.c_void_p]),
    "pointmill_config_new": (c.c_int32, [c.c_void_p]),
    "pointmill_config_set": (c.c_int32, [c.c_void_p, c.c_char_p, c.c_char_p, c.c_void_p]),
    "pointmill_config_get": (c.c_int32, [c.c_void_p, c.c_char_p, c.c_void_p, c.c_size_t, c.c_void_p]),
    "pointmill_config_free": (None, [c.c_void_p]),
    "pointmill_config_count": (c.c_size_t, []),
    "pointmill_config_option": (c.c_int32, [c.c_size_t, c.c_void_p]),
    "pointmill_config_choice": (c.c_int32, [c.c_size_t, c.c_size_t, c.c_void_p]),
    "pointmill_context": (c.c_int32, [c.c_void_p, c.c_uint32, pointmill_str, c.c_void_p, c.c_size_t, c.c_void_p]),
    "pointmill_engine_new": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_void_p]),
    "pointmill_engine_free": (None, [c.c_void_p]),
    "pointmill_tick": (c.c_int32, [c.c_void_p, c.c_int64]),
    "pointmill_flush": (c.c_int32, [c.c_void_p, c.c_int64, c.c_uint32, c.c_void_p]),
    "pointmill_stats": (c.c_int32, [c.c_void_p, c.c_void_p]),
    "pointmill_encode": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_void_p, c.c_void_p]),
    "pointmill_payloads_len": (c.c_size_t, [c.c_void_p]),
    "pointmill_payloads_get": (c.c_int32, [c.c_void_p, c.c_size_t, c.c_void_p]),
    "pointmill_payloads_skipped": (c.c_int32, [c.c_void_p, c.c_size_t, c.c_void_p]),
    "pointmill_payloads_free": (None, [c.c_void_p]),
    "pointmill_record": (c.c_int32, [c.c_void_p, c.c_uint64, c.c_double]),
    "pointmill_record_at": (c.c_int32, [c.c_void_p, c.c_uint64, c.c_double, c.c_int64]),
    "pointmill_record_sampled": (c.c_int32, [c.c_void_p, c.c_uint64, c.c_double, c.c_double]),
    "pointmill_record_sampled_at": (c.c_int32, [c.c_void_p, c.c_uint64, c.c_double, c.c_double, c.c_int64]),
    "pointmill_record_many": (c.c_int32, [c.c_void_p, c.c_uint64, c.c_void_p, c.c_size_t, c.c_void_p]),
    "pointmill_record_batch": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_void_p, c.c_size_t, c.c_void_p]),
    "pointmill_record_named": (c.c_int32, [c.c_void_p, c.c_uint32, c.c_void_p, c.c_size_t, c.c_double]),
    "pointmill_snapshot_free": (None, [c.c_void_p]),
    "pointmill_snapshot_len": (c.c_size_t, [c.c_void_p]),
    "pointmill_snapshot_entry": (c.c_int32, [c.c_void_p, c.c_size_t, c.c_void_p]),
    "pointmill_snapshot_tag": (c.c_int32, [c.c_void_p, c.c_size_t, c.c_size_t, c.c_void_p]),
    "pointmill_snapshot_quantile": (c.c_int32, [c.c_void_p, c.c_size_t, c.c_double, c.c_void_p]),
    "pointmill_snapshot_sketch": (c.c_int32, [c.c_void_p, c.c_size_t, c.c_void_p]),
    "pointmill_snapshot_merge": (c.c_int32, [c.c_void_p, c.c_size_t, c.c_void_p]),
    "pointmill_snapshot_group_by": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_size_t, c.c_uint32, c.c_void_p]),
    "pointmill_client_new": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_void_p, c.c_void_p]),
    "pointmill_client_new_with": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_void_p, c.c_void_p, c.c_void_p, c.c_void_p]),
    "pointmill_client_start": (c.c_int32, [c.c_void_p]),
    "pointmill_client_flush": (c.c_int32, [c.c_void_p, c.c_uint32, c.c_uint64]),
    "pointmill_client_close": (c.c_int32, [c.c_void_p, c.c_uint64]),
    "pointmill_client_stats_get": (c.c_int32, [c.c_void_p, c.c_void_p]),
    "pointmill_client_last_failure": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_size_t, c.c_void_p]),
    "pointmill_client_free": (None, [c.c_void_p]),
    "pointmill_lambda_new": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_void_p]),
    "pointmill_lambda_free": (None, [c.c_void_p]),
    "pointmill_lambda_mode": (c.c_int32, [c.c_void_p, c.c_void_p]),
    "pointmill_lambda_setting": (c.c_int32, [c.c_void_p, c.c_char_p, c.c_void_p]),
    "pointmill_lambda_warnings": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_size_t, c.c_void_p]),
    "pointmill_lambda_engine": (c.c_int32, [c.c_void_p, c.c_void_p]),
    "pointmill_lambda_metric": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_size_t, c.c_double]),
    "pointmill_lambda_metric_at": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_size_t, c.c_double, c.c_int64, c.c_uint32]),
    "pointmill_lambda_context": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_size_t, c.c_void_p]),
    "pointmill_lambda_record": (c.c_int32, [c.c_void_p, c.c_uint64, c.c_double]),
    "pointmill_lambda_record_at": (c.c_int32, [c.c_void_p, c.c_uint64, c.c_double, c.c_int64]),
    "pointmill_lambda_record_batch": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_void_p, c.c_void_p, c.c_size_t, c.c_void_p]),
    "pointmill_lambda_rejected": (c.c_int32, [c.c_void_p, c.c_uint32, c.c_uint64]),
    "pointmill_lambda_flush": (c.c_int32, [c.c_void_p, c.c_uint64]),
    "pointmill_lambda_flush_due": (c.c_int32, [c.c_void_p, c.c_void_p]),
    "pointmill_lambda_restored": (c.c_int32, [c.c_void_p]),
    "pointmill_lambda_close": (c.c_int32, [c.c_void_p, c.c_uint64]),
    "pointmill_lambda_last_failure": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_size_t, c.c_void_p]),
    "pointmill_lambda_config_new": (c.c_int32, [c.c_uint32, c.c_void_p]),
    "pointmill_lambda_config_free": (None, [c.c_void_p]),
    "pointmill_lambda_config_env": (c.c_int32, [c.c_void_p, pointmill_str, pointmill_str]),
    "pointmill_lambda_config_process_env": (c.c_int32, [c.c_void_p]),
    "pointmill_lambda_config_set": (c.c_int32, [c.c_void_p, c.c_char_p, pointmill_str, c.c_void_p]),
    "pointmill_lambda_begin": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_void_p]),
    "pointmill_lambda_end": (c.c_int32, [c.c_void_p, c.c_uint64, c.c_void_p, c.c_void_p]),
    "pointmill_lambda_stats_get": (c.c_int32, [c.c_void_p, c.c_void_p]),
    "pointmill_lambda_trace_of_xray": (c.c_int32, [pointmill_str, c.c_void_p]),
    "pointmill_lambda_trace_of_headers": (c.c_int32, [c.c_void_p, c.c_void_p, c.c_size_t, c.c_void_p]),
}


def declare(library):
    for name, (returns, arguments) in _FUNCTIONS.items():
        function = getattr(library, name)
        function.restype = returns
        function.argtypes = arguments
