// How many threads a process has processors for.
#ifndef QED_BASE_PROCESSORS_H_
#define QED_BASE_PROCESSORS_H_

#include <algorithm>
#include <thread>

namespace qed {

// Where so many processes share this machine: at least 1.
inline int ProcessorsEach(int processes = 1) {
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()) / processes);
}

}  // namespace qed

#endif  // QED_BASE_PROCESSORS_H_
