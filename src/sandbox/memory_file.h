// Bytes handed to a process of the jail as a file that nobody can change.
#ifndef QED_SANDBOX_MEMORY_FILE_H_
#define QED_SANDBOX_MEMORY_FILE_H_

#include <string_view>
#include <utility>

#include "base/status.h"
#include "base/unique_fd.h"

namespace qed {

// A sealed file in memory that holds `content`, at its begin. `name` is for
// people who look into /proc.
Result<UniqueFd> MemoryFile(const char* name, std::string_view content);

// The same for one reader and a while: at the end of its life the file is empty, however
// many descriptors of it are kept elsewhere. Pages of it that are mapped then are gone.
class LentFile {
 public:
  static Result<LentFile> Create(const char* name, std::string_view content);
  ~LentFile();
  LentFile(LentFile&&) = default;
  LentFile& operator=(LentFile&&) = delete;

  // To be handed over: it reads and does nothing else.
  int reader() const { return reader_.get(); }

 private:
  LentFile(UniqueFd file, UniqueFd reader) : file_(std::move(file)), reader_(std::move(reader)) {}
  UniqueFd file_;
  UniqueFd reader_;
};

}  // namespace qed

#endif  // QED_SANDBOX_MEMORY_FILE_H_
