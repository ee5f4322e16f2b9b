// Folders that get their name when they are whole: what AtomicFile (base/file.h) is for
// one file.
#ifndef QED_BASE_PENDING_FOLDER_H_
#define QED_BASE_PENDING_FOLDER_H_

#include <string>
#include <system_error>
#include <utility>

#include "base/status.h"

namespace qed {

// A folder that lies beside its target until Commit, and goes where Commit is never
// reached. What a process that died left behind goes with the next one for the same target.
class PendingFolder {
 public:
  // kInvalidArgument where `target` (the value of --output) is there and no empty folder.
  static Result<PendingFolder> Create(const std::string& target);
  PendingFolder(PendingFolder&& other) noexcept
      : target_(std::move(other.target_)), path_(std::exchange(other.path_, {})) {}
  PendingFolder& operator=(PendingFolder&&) = delete;
  ~PendingFolder();

  std::string File(const std::string& name) const { return path_ + "/" + name; }
  Status MakeSubfolder(const std::string& name);
  // Copies a file into the folder; it is on disk when the call returns.
  Status CopyFile(const std::string& from, const std::string& name);

  // Syncs and renames. Nothing may be written after it.
  Status Commit();

 private:
  PendingFolder() = default;
  std::string target_;
  std::string path_;  // empty: committed
};

}  // namespace qed

#endif  // QED_BASE_PENDING_FOLDER_H_
