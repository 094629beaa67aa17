internal import CSimdJSON

/// A small number of the calling thread, counted from 0 in the order of the first calls: what counters are spread by.
package func threadNumber() -> Int { cmartlet_thread_number() }
