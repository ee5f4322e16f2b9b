#include "base/pending_folder.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>

#include "base/publish_file.h"
#include "base/unique_fd.h"

namespace qed {
namespace {

namespace fs = std::filesystem;

constexpr char kPending[] = ".partial.";

Status FileError(const std::string& what, const std::error_code& error) {
  if (error == std::errc::no_space_on_device || error == std::errc::file_too_large) {
    return ResourceExhausted(what + ": " + error.message());
  }
  return IoError(what + ": " + error.message());
}

// Removes folders for `target` whose process is gone.
void RemoveLeftOvers(const fs::path& target) {
  std::error_code error;
  const fs::path parent = target.has_parent_path() ? target.parent_path() : fs::path(".");
  const std::string begin = target.filename().string() + kPending;
  for (const fs::directory_entry& entry : fs::directory_iterator(parent, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(begin)) continue;
    pid_t process = 0;
    const char* end = name.data() + name.size();
    const auto [stop, bad] = std::from_chars(name.data() + begin.size(), end, process);
    if (bad != std::errc() || stop != end || process <= 0) continue;
    if (::kill(process, 0) == 0 || errno != ESRCH) continue;
    std::error_code ignored;
    fs::remove_all(entry.path(), ignored);
  }
}

}  // namespace

Result<PendingFolder> PendingFolder::Create(const std::string& target) {
  std::error_code error;
  if (fs::exists(target, error) &&
      !(fs::is_directory(target, error) && fs::is_empty(target, error))) {
    return InvalidArgument("--output " + target + " exists and is not an empty folder");
  }
  fs::path path = fs::path(target).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  PendingFolder folder;
  folder.target_ = path.string();
  folder.path_ = folder.target_ + kPending + std::to_string(::getpid());
  error.clear();
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
  if (!error) {
    RemoveLeftOvers(path);
    fs::create_directory(folder.path_, error);
  }
  if (error) {
    folder.path_.clear();
    return FileError("cannot write " + target, error);
  }
  return folder;
}

PendingFolder::~PendingFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

Status PendingFolder::MakeSubfolder(const std::string& name) {
  std::error_code error;
  fs::create_directory(File(name), error);
  return error ? FileError("cannot write " + target_ + "/" + name, error) : OkStatus();
}

Status PendingFolder::CopyFile(const std::string& from, const std::string& name) {
  std::error_code error;
  const std::string temporary = File(name) + ".copy";
  fs::copy_file(from, temporary, error);
  if (error) return FileError("cannot copy " + from + " to " + target_, error);
  return PublishFile(temporary, File(name));
}

Status PendingFolder::Commit() {
  QED_RETURN_IF_ERROR(SyncFolderOf(File("x")));
  std::error_code error;
  fs::remove(target_, error);  // an empty folder
  fs::rename(path_, target_, error);
  if (error) return FileError("cannot write " + target_, error);
  path_.clear();
  return SyncFolderOf(target_);
}

}  // namespace qed
