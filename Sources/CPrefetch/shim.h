// The compiler's prefetch has no name in Swift. Any address will do: one that is not mapped is ignored.
static inline void cmartlet_prefetch(const void *address) { __builtin_prefetch(address, 0, 3); }
