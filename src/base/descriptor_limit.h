// How many files this process may have open at a time.
#ifndef QED_BASE_DESCRIPTOR_LIMIT_H_
#define QED_BASE_DESCRIPTOR_LIMIT_H_

#include <cstdint>

namespace qed {

// Raises the soft limit (ulimit -n) to `wanted` or as near as the hard one allows, and returns what
// it is then: more than `wanted` where it was; 0 where it cannot be read.
uint64_t RaiseDescriptorLimit(uint64_t wanted);

}  // namespace qed

#endif  // QED_BASE_DESCRIPTOR_LIMIT_H_
