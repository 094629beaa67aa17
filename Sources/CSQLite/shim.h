#include <sqlite3.h>

// SQLITE_TRANSIENT is a cast macro, which Swift does not import: tells SQLite to copy the bytes while it is being
// called.
static inline sqlite3_destructor_type cmartlet_sqlite_transient(void) { return SQLITE_TRANSIENT; }
