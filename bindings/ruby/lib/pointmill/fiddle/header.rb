# frozen_string_literal: true

# The C header for Fiddle. Generated from include/pointmill.h by scripts/gen.rb. Do not edit.
module Pointmill
  module Header
    OK = 0
    E_NULL = -1
    E_INVALID = -2
    E_ALIGNMENT = -3
    E_STRUCT_SIZE = -4
    E_BUFFER_TOO_SMALL = -5
    E_INDEX = -6
    E_UTF8 = -7
    E_HANDLE = -8
    E_KIND = -9
    E_FORMAT = -10
    E_NOT_FINITE = -20
    E_STALE_CONTEXT = -21
    E_TOO_OLD = -22
    E_TOO_NEW = -23
    E_INVALID_NAME = -24
    E_NO_ROOM = -25
    E_EMPTY = -26
    E_NO_SKETCH = -27
    E_TOO_MANY = -28
    E_UNKNOWN_OPTION = -40
    E_BAD_VALUE = -41
    E_ARENA_TOO_SMALL = -42
    E_NO_MEMORY = -43
    E_DECODE = -60
    E_ENCODE = -61
    E_DELIVERY_LATER = -70
    E_DELIVERY_DROPPED = -71
    E_CLOSED = -72
    E_PANIC = -80
    E_POISONED = -81
    ABI_MAJOR = 0
    ABI_MINOR = 1
    ERROR_DETAIL_BYTES = 240
    BINS_U16 = 1
    BINS_U32 = 2
    SKETCH_DDSKETCH_PROTO = 1
    SKETCH_DDSKETCH_COMPACT = 2
    SKETCH_AGENT = 3
    OPTION_NUMBER = 1
    OPTION_CHOICE = 2
    OPTION_FLAG = 3
    OPTION_TEXT = 4
    DISTRIBUTION = 1
    COUNT = 2
    GAUGE = 3
    HISTOGRAM = 4
    FLUSH_ALL = 1
    GROUP_MERGE_INTERVALS = 1
    LAMBDA_EXTENSION = 1
    LAMBDA_LOG = 2
    LAMBDA_HTTP = 3
    LAMBDA_DISABLED = 4
    LAMBDA_NOW = -(1 << 63)
    LAMBDA_FORCE_ASYNC = 1
    LAMBDA_BAD_NAME = 1
    LAMBDA_BAD_VALUE = 2
    LAMBDA_BAD_TIME = 3
    LAMBDA_BAD_TAGS = 4
    LAMBDA_PYTHON = 1
    LAMBDA_NODE = 2
    LAMBDA_GO = 3
    LAMBDA_RUBY = 4
    LAMBDA_JAVA = 5
    LAMBDA_START_AUTO = 0
    LAMBDA_START_COLD = 1
    LAMBDA_START_WARM = 2
    LAMBDA_START_PROACTIVE = 3
    LAMBDA_NOT_COUNTED = 1

    # {struct: [size, {field: [offset, letter of String#unpack1]}]}; 'text' is a pointmill_str.
    STRUCTS = {
      summary: [48, {
        struct_size: [0, 'L'],
        count: [8, 'Q'],
        min: [16, 'D'],
        max: [24, 'D'],
        sum: [32, 'D'],
        avg: [40, 'D']
      }],
      error: [248, {
        struct_size: [0, 'L'],
        code: [4, 'l'],
        detail: [8, 'Z240']
      }],
      option: [88, {
        struct_size: [0, 'L'],
        type: [4, 'L'],
        name: [8, 'text'],
        doc: [24, 'text'],
        default_text: [40, 'text'],
        default_number: [56, 'Q'],
        min: [64, 'Q'],
        max: [72, 'Q'],
        choices_len: [80, 'J']
      }],
      engine_stats: [160, {
        struct_size: [0, 'L'],
        reserved: [4, 'L'],
        recorded: [8, 'Q'],
        flushed: [16, 'Q'],
        pending: [24, 'Q'],
        rejected_not_finite: [32, 'Q'],
        rejected_stale: [40, 'Q'],
        rejected_too_old: [48, 'Q'],
        rejected_too_new: [56, 'Q'],
        rejected_invalid_name: [64, 'Q'],
        rejected_no_room: [72, 'Q'],
        dropped_arena_full: [80, 'Q'],
        dropped_stale: [88, 'Q'],
        overflowed: [96, 'Q'],
        contexts: [104, 'Q'],
        contexts_expired: [112, 'Q'],
        contexts_refused: [120, 'Q'],
        flushes: [128, 'Q'],
        utf8_mended: [136, 'Q'],
        arena_used_bytes: [144, 'Q'],
        arena_bytes: [152, 'Q']
      }],
      payload: [88, {
        struct_size: [0, 'L'],
        reserved: [4, 'L'],
        path: [8, 'text'],
        content_type: [24, 'text'],
        encoding: [40, 'text'],
        body: [56, 'J'],
        body_len: [64, 'J'],
        points: [72, 'Q'],
        entries: [80, 'Q']
      }],
      skipped: [64, {
        struct_size: [0, 'L'],
        reserved: [4, 'L'],
        cause: [8, 'text'],
        detail: [24, 'text'],
        entries: [40, 'Q'],
        points: [48, 'Q'],
        values: [56, 'Q']
      }],
      entry: [112, {
        struct_size: [0, 'L'],
        kind: [4, 'L'],
        name: [8, 'text'],
        interval: [24, 'q'],
        interval_s: [32, 'L'],
        series: [36, 'L'],
        tags_len: [40, 'J'],
        points: [48, 'Q'],
        value: [56, 'D'],
        summary: [64, 'pointmill_summary']
      }],
      client_stats: [360, {
        struct_size: [0, 'L'],
        reserved: [4, 'L'],
        flushed: [8, 'Q'],
        adopted: [16, 'Q'],
        accepted: [24, 'Q'],
        queued: [32, 'Q'],
        spooled: [40, 'Q'],
        handed_over: [48, 'Q'],
        skipped: [56, 'Q'],
        dropped: [64, 'Q'],
        dropped_queue_full: [72, 'Q'],
        dropped_spool_full: [80, 'Q'],
        dropped_spool_failed: [88, 'Q'],
        dropped_expired: [96, 'Q'],
        dropped_too_large: [104, 'Q'],
        dropped_bad_request: [112, 'Q'],
        dropped_forbidden: [120, 'Q'],
        dropped_refused: [128, 'Q'],
        dropped_closed: [136, 'Q'],
        dropped_not_encoded: [144, 'Q'],
        skipped_sketch_in_scalar_format: [152, 'Q'],
        skipped_scalar_in_sketch_format: [160, 'Q'],
        skipped_histogram_in_distribution_format: [168, 'Q'],
        skipped_too_large: [176, 'Q'],
        skipped_not_finite: [184, 'Q'],
        skipped_unusable_name: [192, 'Q'],
        skipped_no_values: [200, 'Q'],
        skipped_expansion_limit: [208, 'Q'],
        uncertain: [216, 'Q'],
        dropped_uncertain: [224, 'Q'],
        requests: [232, 'Q'],
        failures: [240, 'Q'],
        failed_connect: [248, 'Q'],
        failed_timeout: [256, 'Q'],
        failed_transport: [264, 'Q'],
        failed_answer: [272, 'Q'],
        failed_throttled: [280, 'Q'],
        failed_server: [288, 'Q'],
        failed_status: [296, 'Q'],
        failed_key: [304, 'Q'],
        stale_connections: [312, 'Q'],
        splits: [320, 'Q'],
        batches_queued: [328, 'Q'],
        batches_spooled: [336, 'Q'],
        queue_bytes: [344, 'Q'],
        spool_damaged_files: [352, 'Q']
      }],
      lambda_invocation: [88, {
        struct_size: [0, 'L'],
        flags: [4, 'L'],
        start: [8, 'L'],
        memory_mb: [12, 'L'],
        deadline_unix_ms: [16, 'q'],
        invoked_function_arn: [24, 'text'],
        request_id: [40, 'text'],
        function_name: [56, 'text'],
        function_version: [72, 'text']
      }],
      lambda_result: [32, {
        struct_size: [0, 'L'],
        error: [4, 'L'],
        http_status: [8, 'L'],
        reserved: [12, 'L'],
        batch_item_failures: [16, 'q'],
        time_to_first_byte_ms: [24, 'D']
      }],
      lambda_stats: [240, {
        struct_size: [0, 'L'],
        mode: [4, 'L'],
        recorded: [8, 'Q'],
        pending: [16, 'Q'],
        accepted: [24, 'Q'],
        queued: [32, 'Q'],
        rejected_not_finite: [40, 'Q'],
        rejected_invalid_name: [48, 'Q'],
        rejected_too_old: [56, 'Q'],
        rejected_stale: [64, 'Q'],
        rejected_no_room: [72, 'Q'],
        rejected_closed: [80, 'Q'],
        rejected_bad_name: [88, 'Q'],
        rejected_bad_value: [96, 'Q'],
        rejected_bad_time: [104, 'Q'],
        rejected_bad_tags: [112, 'Q'],
        dropped_disabled: [120, 'Q'],
        dropped_buffer_full: [128, 'Q'],
        dropped_delivery: [136, 'Q'],
        dropped_arena_full: [144, 'Q'],
        overflowed: [152, 'Q'],
        utf8_mended: [160, 'Q'],
        enhanced: [168, 'Q'],
        spilled: [176, 'Q'],
        flushes: [184, 'Q'],
        flush_failures: [192, 'Q'],
        deadline_flushes: [200, 'Q'],
        key_lookups: [208, 'Q'],
        key_failures: [216, 'Q'],
        invocations: [224, 'Q'],
        invocations_open: [232, 'Q']
      }],
      lambda_trace: [24, {
        struct_size: [0, 'L'],
        priority: [4, 'l'],
        trace_id: [8, 'Q'],
        parent_id: [16, 'Q']
      }]
    }.freeze

    # {function: [result, arguments]}; a text by value is a pointer and a size.
    FUNCTIONS = {
      version: [:pointer, %i[]],
      abi_version: [:uint32, %i[]],
      strerror: [:pointer, %i[int32]],
      code_name: [:pointer, %i[int32]],
      code_at: [:int32, %i[size pointer]],
      sketch_new: [:int32, %i[pointer]],
      sketch_clone: [:int32, %i[pointer pointer]],
      sketch_free: [:void, %i[pointer]],
      sketch_insert: [:int32, %i[pointer double]],
      sketch_insert_n: [:int32, %i[pointer double int64]],
      sketch_insert_sampled: [:int32, %i[pointer double double]],
      sketch_insert_many: [:int32, %i[pointer pointer size]],
      sketch_insert_interpolated: [:int32, %i[pointer double double int64]],
      sketch_merge: [:int32, %i[pointer pointer]],
      sketch_summary: [:int32, %i[pointer pointer]],
      sketch_quantile: [:int32, %i[pointer double pointer]],
      sketch_quantile_agent: [:int32, %i[pointer double pointer]],
      sketch_bins: [:int32, %i[pointer uint32 pointer pointer size pointer]],
      sketch_key: [:int32, %i[double pointer]],
      sketch_encode: [:int32, %i[pointer uint32 pointer size pointer]],
      sketch_decode: [:int32, %i[uint32 pointer size pointer pointer]],
      config_new: [:int32, %i[pointer]],
      config_set: [:int32, %i[pointer pointer pointer pointer]],
      config_get: [:int32, %i[pointer pointer pointer size pointer]],
      config_free: [:void, %i[pointer]],
      config_count: [:size, %i[]],
      config_option: [:int32, %i[size pointer]],
      config_choice: [:int32, %i[size size pointer]],
      context: [:int32, %i[pointer uint32 pointer size pointer size pointer]],
      engine_new: [:int32, %i[pointer pointer pointer]],
      engine_free: [:void, %i[pointer]],
      tick: [:int32, %i[pointer int64]],
      flush: [:int32, %i[pointer int64 uint32 pointer]],
      stats: [:int32, %i[pointer pointer]],
      encode: [:int32, %i[pointer pointer pointer pointer]],
      payloads_len: [:size, %i[pointer]],
      payloads_get: [:int32, %i[pointer size pointer]],
      payloads_skipped: [:int32, %i[pointer size pointer]],
      payloads_free: [:void, %i[pointer]],
      record: [:int32, %i[pointer int64 double]],
      record_at: [:int32, %i[pointer int64 double int64]],
      record_sampled: [:int32, %i[pointer int64 double double]],
      record_sampled_at: [:int32, %i[pointer int64 double double int64]],
      record_many: [:int32, %i[pointer int64 pointer size pointer]],
      record_batch: [:int32, %i[pointer pointer pointer size pointer]],
      record_named: [:int32, %i[pointer uint32 pointer size double]],
      snapshot_free: [:void, %i[pointer]],
      snapshot_len: [:size, %i[pointer]],
      snapshot_entry: [:int32, %i[pointer size pointer]],
      snapshot_tag: [:int32, %i[pointer size size pointer]],
      snapshot_quantile: [:int32, %i[pointer size double pointer]],
      snapshot_sketch: [:int32, %i[pointer size pointer]],
      snapshot_merge: [:int32, %i[pointer size pointer]],
      snapshot_group_by: [:int32, %i[pointer pointer size uint32 pointer]],
      client_new: [:int32, %i[pointer pointer pointer pointer]],
      client_new_with: [:int32, %i[pointer pointer pointer pointer pointer pointer]],
      client_start: [:int32, %i[pointer]],
      client_flush: [:int32, %i[pointer uint32 int64]],
      client_close: [:int32, %i[pointer int64]],
      client_stats_get: [:int32, %i[pointer pointer]],
      client_last_failure: [:int32, %i[pointer pointer size pointer]],
      client_free: [:void, %i[pointer]],
      lambda_new: [:int32, %i[pointer pointer pointer]],
      lambda_free: [:void, %i[pointer]],
      lambda_mode: [:int32, %i[pointer pointer]],
      lambda_setting: [:int32, %i[pointer pointer pointer]],
      lambda_warnings: [:int32, %i[pointer pointer size pointer]],
      lambda_engine: [:int32, %i[pointer pointer]],
      lambda_metric: [:int32, %i[pointer pointer size double]],
      lambda_metric_at: [:int32, %i[pointer pointer size double int64 uint32]],
      lambda_context: [:int32, %i[pointer pointer size pointer]],
      lambda_record: [:int32, %i[pointer int64 double]],
      lambda_record_at: [:int32, %i[pointer int64 double int64]],
      lambda_record_batch: [:int32, %i[pointer pointer pointer pointer size pointer]],
      lambda_rejected: [:int32, %i[pointer uint32 int64]],
      lambda_flush: [:int32, %i[pointer int64]],
      lambda_flush_due: [:int32, %i[pointer pointer]],
      lambda_restored: [:int32, %i[pointer]],
      lambda_close: [:int32, %i[pointer int64]],
      lambda_last_failure: [:int32, %i[pointer pointer size pointer]],
      lambda_config_new: [:int32, %i[uint32 pointer]],
      lambda_config_free: [:void, %i[pointer]],
      lambda_config_env: [:int32, %i[pointer pointer size pointer size]],
      lambda_config_process_env: [:int32, %i[pointer]],
      lambda_config_set: [:int32, %i[pointer pointer pointer size pointer]],
      lambda_begin: [:int32, %i[pointer pointer pointer]],
      lambda_end: [:int32, %i[pointer int64 pointer pointer]],
      lambda_stats_get: [:int32, %i[pointer pointer]],
      lambda_trace_of_xray: [:int32, %i[pointer size pointer]],
      lambda_trace_of_headers: [:int32, %i[pointer pointer size pointer]]
    }.freeze
  end
  private_constant :Header
end
