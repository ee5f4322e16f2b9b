// Bytes handed to a process of the jail as a file that nobody can change.
#ifndef QED_SANDBOX_MEMORY_FILE_H_
#define QED_SANDBOX_MEMORY_FILE_H_

#include <string_view>

#include "base/status.h"
#include "base/unique_fd.h"

namespace qed {

// A sealed file in memory that holds `content`, at its begin. `name` is for
// people who look into /proc.
Result<UniqueFd> MemoryFile(const char* name, std::string_view content);

}  // namespace qed

#endif  // QED_SANDBOX_MEMORY_FILE_H_
