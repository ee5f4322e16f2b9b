#include "data/dataset_files.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>

namespace qed {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxDepth = 4;
constexpr size_t kMaxShown = 20;

Result<std::map<std::string, std::vector<std::string>>> ListSplits(const std::string& folder) {
  std::map<std::string, std::vector<std::string>> splits;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    // Tools keep their notes in hidden folders.
    const bool hidden = entry->path().filename().string().starts_with('.');
    if (hidden || entry.depth() == kMaxDepth) entry.disable_recursion_pending();
    std::error_code ignored;
    if (hidden || !fs::is_regular_file(entry->path(), ignored)) continue;
    const std::string split = SplitOf(entry->path().lexically_relative(folder).string());
    if (!split.empty()) splits[split].push_back(entry->path().string());
  }
  if (error) return IoError("cannot read the folder " + folder + ": " + error.message());
  return splits;
}

}  // namespace

std::string SplitOf(std::string_view relative_path) {
  static const std::regex kTable(R"((.*)\.(parquet|jsonl|csv|tsv))");
  static const std::regex kShard(R"((.*?)-\d{5}-of-\d{5}(-[0-9a-f]+)?)");
  const fs::path path = relative_path;
  const std::string name = path.filename().string();
  std::smatch match;
  if (!std::regex_match(name, match, kTable)) return "";
  const std::string stem = match[1];
  if (std::regex_match(stem, match, kShard)) return match[1];
  // Hubs that convert data sets number the shards of a folder named after the split.
  const bool numbered = stem.find_first_not_of("0123456789") == stem.npos;
  return numbered && path.has_parent_path() ? path.parent_path().filename().string() : stem;
}

Result<std::vector<std::string>> FindSplit(const std::string& path, const std::string& split) {
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    if (fs::exists(path, error)) return std::vector<std::string>{path};
    return NotFound("there is no file or folder " + path);
  }
  QED_ASSIGN_OR_RETURN(auto splits, ListSplits(path));
  if (splits.empty()) {
    return NotFound(path + " holds no tables (*.parquet, *.jsonl, *.csv, *.tsv)");
  }
  const auto found = split.empty() ? splits.begin() : splits.find(split);
  if (found == splits.end() || (split.empty() && splits.size() > 1)) {
    std::string names;
    size_t count = 0;
    for (const auto& [name, files] : splits) {
      if (++count <= kMaxShown) names += (names.empty() ? "" : ", ") + name;
    }
    if (count > kMaxShown) names += ", ...";
    return InvalidArgument(path +
                           (split.empty() ? " holds several splits" : " has no split " + split) +
                           "; name one with --split: " + names);
  }
  std::sort(found->second.begin(), found->second.end());
  return found->second;
}

}  // namespace qed
