#include "cli/own_command.h"

#include <filesystem>
#include <system_error>

#include "base/file.h"

namespace qed {

std::vector<std::string> OwnCommandLine() {
  std::vector<std::string> words;
  const Result<std::string> text = ReadFile("/proc/self/cmdline");
  for (size_t at = 0; text.ok() && at < text->size();) {
    words.emplace_back(text->c_str() + at);
    at += words.back().size() + 1;
  }
  return words;
}

std::string OwnProgram() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).string();
}

}  // namespace qed
