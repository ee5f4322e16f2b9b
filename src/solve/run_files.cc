#include "solve/run_files.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "base/file.h"
#include "solve/folder_lock.h"

namespace qed {

namespace fs = std::filesystem;

Status CreateFolder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return IoError("cannot create " + path + ": " + error.message());
  if (!fs::is_directory(path, error)) return InvalidArgument(path + " is not a folder");
  return OkStatus();
}

Result<std::vector<std::string>> ListFolder(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return IoError("cannot read folder " + path + ": " + error.message());
  }
  std::ranges::sort(names);
  return names;
}

bool IsTemporary(const std::string& name) {
  const bool ours = name.starts_with(kSettingsFile) || name.starts_with(kResultPrefix) ||
                    name.starts_with(kMetricsFile);
  return ours && name.find(".tmp.") != std::string::npos;
}

Result<bool> IsFresh(const std::string& path) {
  QED_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(path));
  return std::ranges::all_of(names, [](const std::string& name) {
    return name == FolderLock::kFileName || IsTemporary(name);
  });
}

Status CheckOrWriteSettings(const std::string& folder, const RunSettings& settings) {
  const std::string path = folder + "/" + kSettingsFile;
  Result<std::string> text = ReadFile(path);
  if (text.ok()) {
    QED_ASSIGN_OR_RETURN(const RunSettings then, ParseRunSettings(*text, path));
    return CheckSameSettings(then, settings);
  }
  if (text.status().code() != StatusCode::kNotFound) return text.status();
  return WriteFileAtomic(path, ToJsonText(settings));
}

Status ForEachLine(
    const std::string& path,
    const std::function<Status(const std::string& line, const std::string& where)>& on_line) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::error_code ignored;
    return fs::exists(path, ignored) ? IoError("cannot read " + path) : OkStatus();
  }
  std::string line;
  for (int64_t number = 1; std::getline(file, line) && !file.eof(); ++number) {
    QED_RETURN_IF_ERROR(on_line(line, path + " line " + std::to_string(number)));
  }
  return file.bad() ? IoError("cannot read " + path) : OkStatus();
}

}  // namespace qed
