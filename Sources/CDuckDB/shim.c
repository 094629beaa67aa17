#include "shim.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

// One pointer for each function, filled by cmartlet_duckdb_load.
#define CMARTLET_POINTER(RESULT, NAME, PARAMETERS, ARGUMENTS) static RESULT(*pointer_##NAME) PARAMETERS;
CMARTLET_DUCKDB_FUNCTIONS(CMARTLET_POINTER)

#define CMARTLET_DEFINE(RESULT, NAME, PARAMETERS, ARGUMENTS) \
    RESULT cmartlet_duckdb_##NAME PARAMETERS { return pointer_##NAME ARGUMENTS; }
CMARTLET_DUCKDB_FUNCTIONS(CMARTLET_DEFINE)

static char message[1024];

const char *cmartlet_duckdb_load(const char *path, const char *python_library) {
    // The wheel's build refers to symbols of Python; they must be visible before it is opened. A plain build of DuckDB
    // does not need them, so a missing Python library is reported only if opening DuckDB then fails.
    void *python = dlopen(python_library, RTLD_LAZY | RTLD_GLOBAL);
    void *library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
    if (library == NULL) {
        const char *why = dlerror();
        snprintf(message, sizeof message, "%s%s%s", why != NULL ? why : "unknown reason",
                 python == NULL ? "; also missing: " : "", python == NULL ? python_library : "");
        return message;
    }
#define CMARTLET_RESOLVE(RESULT, NAME, PARAMETERS, ARGUMENTS) \
    *(void **)&pointer_##NAME = dlsym(library, "duckdb_" #NAME); \
    if (pointer_##NAME == NULL) { \
        snprintf(message, sizeof message, "%s has no function duckdb_%s", path, #NAME); \
        return message; \
    }
    CMARTLET_DUCKDB_FUNCTIONS(CMARTLET_RESOLVE)
    return NULL;
}

void cmartlet_keep_freed_memory(void) {
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
}
