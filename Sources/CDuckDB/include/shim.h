// The part of DuckDB's C API that Martlet uses, declared by hand because the Python wheel that carries the library has
// no header (docs/adr/0002). Each function forwards to the library that `cmartlet_duckdb_load` opened; calling one
// before that is a programming error and traps.
#ifndef CMARTLET_DUCKDB_SHIM_H
#define CMARTLET_DUCKDB_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t cmartlet_idx;
typedef struct cmartlet_duckdb_database_ *cmartlet_duckdb_database;
typedef struct cmartlet_duckdb_connection_ *cmartlet_duckdb_connection;
typedef struct cmartlet_duckdb_config_ *cmartlet_duckdb_config;
typedef struct cmartlet_duckdb_prepared_ *cmartlet_duckdb_prepared;
typedef struct cmartlet_duckdb_pending_ *cmartlet_duckdb_pending;
typedef struct cmartlet_duckdb_chunk_ *cmartlet_duckdb_chunk;
typedef struct cmartlet_duckdb_vector_ *cmartlet_duckdb_vector;
typedef struct cmartlet_duckdb_type_ *cmartlet_duckdb_type;
typedef struct cmartlet_duckdb_value_ *cmartlet_duckdb_value;
typedef struct cmartlet_duckdb_table_function_ *cmartlet_duckdb_table_function;
typedef struct cmartlet_duckdb_scalar_function_ *cmartlet_duckdb_scalar_function;
typedef struct cmartlet_duckdb_info_ *cmartlet_duckdb_info;

typedef struct {
    cmartlet_idx deprecated_column_count;
    cmartlet_idx deprecated_row_count;
    cmartlet_idx deprecated_rows_changed;
    void *deprecated_columns;
    char *deprecated_error_message;
    void *internal_data;
} cmartlet_duckdb_result;

/// A string in a vector, 16 bytes: up to 12 bytes of text stand inline from byte 4 on (all of them zero beyond the
/// length), longer text stands behind `pointer`.
typedef struct {
    uint32_t length;
    char prefix[4];
    char *pointer;
} cmartlet_duckdb_string;

typedef struct {
    uint64_t lower;
    int64_t upper;
} cmartlet_duckdb_hugeint;

/// Where the elements of one list stand among those of its vector.
typedef struct {
    uint64_t offset;
    uint64_t length;
} cmartlet_duckdb_list_entry;

enum {
    CMARTLET_DUCKDB_BOOLEAN = 1,
    CMARTLET_DUCKDB_TINYINT = 2,
    CMARTLET_DUCKDB_SMALLINT = 3,
    CMARTLET_DUCKDB_INTEGER = 4,
    CMARTLET_DUCKDB_BIGINT = 5,
    CMARTLET_DUCKDB_UTINYINT = 6,
    CMARTLET_DUCKDB_USMALLINT = 7,
    CMARTLET_DUCKDB_UINTEGER = 8,
    CMARTLET_DUCKDB_UBIGINT = 9,
    CMARTLET_DUCKDB_FLOAT = 10,
    CMARTLET_DUCKDB_DOUBLE = 11,
    CMARTLET_DUCKDB_TIMESTAMP = 12,
    CMARTLET_DUCKDB_DATE = 13,
    CMARTLET_DUCKDB_HUGEINT = 16,
    CMARTLET_DUCKDB_VARCHAR = 17,
    CMARTLET_DUCKDB_BLOB = 18,
    CMARTLET_DUCKDB_DECIMAL = 19,
    CMARTLET_DUCKDB_LIST = 24,
    CMARTLET_DUCKDB_MAP = 26,
    CMARTLET_DUCKDB_TIMESTAMP_TZ = 31,
    CMARTLET_DUCKDB_ANY = 34,
};

typedef void (*cmartlet_duckdb_callback)(cmartlet_duckdb_info info);
typedef void (*cmartlet_duckdb_scan)(cmartlet_duckdb_info info, cmartlet_duckdb_chunk output);
typedef void (*cmartlet_duckdb_scalar)(
    cmartlet_duckdb_info info, cmartlet_duckdb_chunk input, cmartlet_duckdb_vector output);
typedef void (*cmartlet_duckdb_delete)(void *data);

/// Opens the library at `path` (and, before it, the Python library whose symbols the wheel's build refers to).
/// Returns NULL, or a sentence that says what failed; the sentence is valid until the next call. Not thread-safe.
const char *cmartlet_duckdb_load(const char *path, const char *python_library);

/// Lets the C library's allocator keep up to 64 MiB of what was freed, and use it again for columns of up to 32 MiB.
/// Queries make and drop columns of megabytes all the time; memory that went back to the system in between has to be
/// cleared, page by page, when it comes again.
void cmartlet_keep_freed_memory(void);

#define CMARTLET_DUCKDB_FUNCTIONS(X) \
    X(int, create_config, (cmartlet_duckdb_config *out), (out)) \
    X(int, set_config, (cmartlet_duckdb_config config, const char *name, const char *option), (config, name, option)) \
    X(void, destroy_config, (cmartlet_duckdb_config *config), (config)) \
    X(int, open_ext, (const char *path, cmartlet_duckdb_database *out, cmartlet_duckdb_config config, char **error), \
      (path, out, config, error)) \
    X(void, close, (cmartlet_duckdb_database *database), (database)) \
    X(int, connect, (cmartlet_duckdb_database database, cmartlet_duckdb_connection *out), (database, out)) \
    X(void, disconnect, (cmartlet_duckdb_connection *connection), (connection)) \
    X(void, interrupt, (cmartlet_duckdb_connection connection), (connection)) \
    X(void, free, (void *pointer), (pointer)) \
    X(int, query, (cmartlet_duckdb_connection connection, const char *sql, cmartlet_duckdb_result *out), \
      (connection, sql, out)) \
    X(void, destroy_result, (cmartlet_duckdb_result *result), (result)) \
    X(const char *, result_error, (cmartlet_duckdb_result *result), (result)) \
    X(cmartlet_idx, column_count, (cmartlet_duckdb_result *result), (result)) \
    X(cmartlet_idx, row_count, (cmartlet_duckdb_result *result), (result)) \
    X(const char *, column_name, (cmartlet_duckdb_result *result, cmartlet_idx column), (result, column)) \
    X(cmartlet_duckdb_type, column_logical_type, (cmartlet_duckdb_result *result, cmartlet_idx column), \
      (result, column)) \
    X(cmartlet_duckdb_chunk, fetch_chunk, (cmartlet_duckdb_result result), (result)) \
    X(int, prepare, (cmartlet_duckdb_connection connection, const char *sql, cmartlet_duckdb_prepared *out), \
      (connection, sql, out)) \
    X(const char *, prepare_error, (cmartlet_duckdb_prepared prepared), (prepared)) \
    X(void, destroy_prepare, (cmartlet_duckdb_prepared *prepared), (prepared)) \
    X(cmartlet_idx, nparams, (cmartlet_duckdb_prepared prepared), (prepared)) \
    X(int, bind_value, (cmartlet_duckdb_prepared prepared, cmartlet_idx index, cmartlet_duckdb_value value), \
      (prepared, index, value)) \
    X(int, execute_prepared, (cmartlet_duckdb_prepared prepared, cmartlet_duckdb_result *out), (prepared, out)) \
    X(int, pending_prepared_streaming, (cmartlet_duckdb_prepared prepared, cmartlet_duckdb_pending *out), \
      (prepared, out)) \
    X(const char *, pending_error, (cmartlet_duckdb_pending pending), (pending)) \
    X(int, execute_pending, (cmartlet_duckdb_pending pending, cmartlet_duckdb_result *out), (pending, out)) \
    X(void, destroy_pending, (cmartlet_duckdb_pending *pending), (pending)) \
    X(cmartlet_duckdb_value, create_null_value, (void), ()) \
    X(cmartlet_duckdb_value, create_bool, (bool value), (value)) \
    X(cmartlet_duckdb_value, create_int32, (int32_t value), (value)) \
    X(cmartlet_duckdb_value, create_int64, (int64_t value), (value)) \
    X(cmartlet_duckdb_value, create_float, (float value), (value)) \
    X(cmartlet_duckdb_value, create_double, (double value), (value)) \
    X(cmartlet_duckdb_value, create_varchar_length, (const char *text, cmartlet_idx length), (text, length)) \
    X(cmartlet_duckdb_value, create_blob, (const uint8_t *data, cmartlet_idx length), (data, length)) \
    X(cmartlet_duckdb_value, create_timestamp_tz, (int64_t microseconds), (microseconds)) \
    X(int64_t, get_int64, (cmartlet_duckdb_value value), (value)) \
    X(void, destroy_value, (cmartlet_duckdb_value *value), (value)) \
    X(cmartlet_idx, vector_size, (void), ()) \
    X(cmartlet_idx, data_chunk_get_size, (cmartlet_duckdb_chunk chunk), (chunk)) \
    X(void, data_chunk_set_size, (cmartlet_duckdb_chunk chunk, cmartlet_idx size), (chunk, size)) \
    X(cmartlet_duckdb_vector, data_chunk_get_vector, (cmartlet_duckdb_chunk chunk, cmartlet_idx column), \
      (chunk, column)) \
    X(void, destroy_data_chunk, (cmartlet_duckdb_chunk *chunk), (chunk)) \
    X(void *, vector_get_data, (cmartlet_duckdb_vector vector), (vector)) \
    X(uint64_t *, vector_get_validity, (cmartlet_duckdb_vector vector), (vector)) \
    X(void, vector_ensure_validity_writable, (cmartlet_duckdb_vector vector), (vector)) \
    X(void, vector_assign_string_element_len, (cmartlet_duckdb_vector vector, \
      cmartlet_idx row, const char *text, cmartlet_idx length), \
      (vector, row, text, length)) \
    X(cmartlet_duckdb_vector, list_vector_get_child, (cmartlet_duckdb_vector vector), (vector)) \
    X(cmartlet_idx, list_vector_get_size, (cmartlet_duckdb_vector vector), (vector)) \
    X(int, list_vector_set_size, (cmartlet_duckdb_vector vector, cmartlet_idx size), (vector, size)) \
    X(int, list_vector_reserve, (cmartlet_duckdb_vector vector, cmartlet_idx capacity), (vector, capacity)) \
    X(cmartlet_duckdb_vector, struct_vector_get_child, (cmartlet_duckdb_vector vector, cmartlet_idx index), \
      (vector, index)) \
    X(cmartlet_duckdb_type, create_list_type, (cmartlet_duckdb_type element), (element)) \
    X(cmartlet_duckdb_type, create_map_type, (cmartlet_duckdb_type key, cmartlet_duckdb_type value), (key, value)) \
    X(cmartlet_duckdb_type, list_type_child_type, (cmartlet_duckdb_type type), (type)) \
    X(cmartlet_duckdb_type, map_type_key_type, (cmartlet_duckdb_type type), (type)) \
    X(cmartlet_duckdb_type, map_type_value_type, (cmartlet_duckdb_type type), (type)) \
    X(cmartlet_duckdb_type, create_logical_type, (int type), (type)) \
    X(void, destroy_logical_type, (cmartlet_duckdb_type *type), (type)) \
    X(int, get_type_id, (cmartlet_duckdb_type type), (type)) \
    X(uint8_t, decimal_scale, (cmartlet_duckdb_type type), (type)) \
    X(int, decimal_internal_type, (cmartlet_duckdb_type type), (type)) \
    X(cmartlet_duckdb_table_function, create_table_function, (void), ()) \
    X(void, destroy_table_function, (cmartlet_duckdb_table_function *function), (function)) \
    X(void, table_function_set_name, (cmartlet_duckdb_table_function function, const char *name), (function, name)) \
    X(void, table_function_add_parameter, (cmartlet_duckdb_table_function function, cmartlet_duckdb_type type), \
      (function, type)) \
    X(void, table_function_set_extra_info, \
      (cmartlet_duckdb_table_function function, void *info, cmartlet_duckdb_delete destroy), \
      (function, info, destroy)) \
    X(void, table_function_set_bind, (cmartlet_duckdb_table_function function, cmartlet_duckdb_callback bind), \
      (function, bind)) \
    X(void, table_function_set_init, (cmartlet_duckdb_table_function function, cmartlet_duckdb_callback init), \
      (function, init)) \
    X(void, table_function_set_function, (cmartlet_duckdb_table_function function, cmartlet_duckdb_scan scan), \
      (function, scan)) \
    X(void, table_function_supports_projection_pushdown, (cmartlet_duckdb_table_function function, bool pushdown), \
      (function, pushdown)) \
    X(int, register_table_function, (cmartlet_duckdb_connection connection, cmartlet_duckdb_table_function function), \
      (connection, function)) \
    X(void *, bind_get_extra_info, (cmartlet_duckdb_info info), (info)) \
    X(cmartlet_duckdb_value, bind_get_parameter, (cmartlet_duckdb_info info, cmartlet_idx index), (info, index)) \
    X(void, bind_add_result_column, (cmartlet_duckdb_info info, const char *name, cmartlet_duckdb_type type), \
      (info, name, type)) \
    X(void, bind_set_bind_data, (cmartlet_duckdb_info info, void *data, cmartlet_duckdb_delete destroy), \
      (info, data, destroy)) \
    X(void, bind_set_cardinality, (cmartlet_duckdb_info info, cmartlet_idx rows, bool exact), (info, rows, exact)) \
    X(void, bind_set_error, (cmartlet_duckdb_info info, const char *message), (info, message)) \
    X(void *, init_get_bind_data, (cmartlet_duckdb_info info), (info)) \
    X(void, init_set_init_data, (cmartlet_duckdb_info info, void *data, cmartlet_duckdb_delete destroy), \
      (info, data, destroy)) \
    X(cmartlet_idx, init_get_column_count, (cmartlet_duckdb_info info), (info)) \
    X(cmartlet_idx, init_get_column_index, (cmartlet_duckdb_info info, cmartlet_idx column), (info, column)) \
    X(void, init_set_max_threads, (cmartlet_duckdb_info info, cmartlet_idx threads), (info, threads)) \
    X(cmartlet_idx, prepared_statement_column_count, (cmartlet_duckdb_prepared prepared), (prepared)) \
    X(const char *, prepared_statement_column_name, (cmartlet_duckdb_prepared prepared, cmartlet_idx column), \
      (prepared, column)) \
    X(cmartlet_duckdb_type, prepared_statement_column_logical_type, \
      (cmartlet_duckdb_prepared prepared, cmartlet_idx column), (prepared, column)) \
    X(cmartlet_duckdb_scalar_function, create_scalar_function, (void), ()) \
    X(void, destroy_scalar_function, (cmartlet_duckdb_scalar_function *function), (function)) \
    X(void, scalar_function_set_name, (cmartlet_duckdb_scalar_function function, const char *name), \
      (function, name)) \
    X(void, scalar_function_add_parameter, (cmartlet_duckdb_scalar_function function, cmartlet_duckdb_type type), \
      (function, type)) \
    X(void, scalar_function_set_varargs, (cmartlet_duckdb_scalar_function function, cmartlet_duckdb_type type), \
      (function, type)) \
    X(void, scalar_function_set_return_type, (cmartlet_duckdb_scalar_function function, cmartlet_duckdb_type type), \
      (function, type)) \
    X(void, scalar_function_set_special_handling, (cmartlet_duckdb_scalar_function function), (function)) \
    X(void, scalar_function_set_volatile, (cmartlet_duckdb_scalar_function function), (function)) \
    X(void, scalar_function_set_extra_info, \
      (cmartlet_duckdb_scalar_function function, void *info, cmartlet_duckdb_delete destroy), \
      (function, info, destroy)) \
    X(void, scalar_function_set_function, \
      (cmartlet_duckdb_scalar_function function, cmartlet_duckdb_scalar body), (function, body)) \
    X(int, register_scalar_function, \
      (cmartlet_duckdb_connection connection, cmartlet_duckdb_scalar_function function), (connection, function)) \
    X(void *, scalar_function_get_extra_info, (cmartlet_duckdb_info info), (info)) \
    X(void, scalar_function_set_error, (cmartlet_duckdb_info info, const char *message), (info, message)) \
    X(void *, function_get_init_data, (cmartlet_duckdb_info info), (info)) \
    X(void, function_set_error, (cmartlet_duckdb_info info, const char *message), (info, message))

#define CMARTLET_DUCKDB_DECLARE(RESULT, NAME, PARAMETERS, ARGUMENTS) RESULT cmartlet_duckdb_##NAME PARAMETERS;
CMARTLET_DUCKDB_FUNCTIONS(CMARTLET_DUCKDB_DECLARE)

#endif
