// Keeps two runs out of one output folder.
#ifndef QED_SOLVE_FOLDER_LOCK_H_
#define QED_SOLVE_FOLDER_LOCK_H_

#include <memory>
#include <string>

#include "base/status.h"

namespace qed {

// Held until destroyed or until the process dies, however it dies. Child
// processes do not inherit it.
class FolderLock {
 public:
  static constexpr const char* kFileName = ".lock";

  // `folder` must exist. kUnavailable, naming the holder, where another process
  // has it; an I/O error where the folder cannot be written to.
  static Result<std::unique_ptr<FolderLock>> Take(const std::string& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace qed

#endif  // QED_SOLVE_FOLDER_LOCK_H_
