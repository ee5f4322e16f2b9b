// What lies in a run's folder, for the parts of a run too (solve/run_folder.h).
// Private to src/solve.
#ifndef QED_SOLVE_RUN_FILES_H_
#define QED_SOLVE_RUN_FILES_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "solve/run_settings.h"

namespace qed {

inline constexpr const char* kSettingsFile = "run.json";
inline constexpr const char* kRecordsFile = "samples.jsonl";
inline constexpr const char* kSelectionsFile = "selections.jsonl";
inline constexpr const char* kPartialFile = "partial.jsonl";
inline constexpr const char* kMetricsFile = "metrics.json";
inline constexpr const char* kResultPrefix = "output-rs";
inline constexpr const char* kPartsFolder = "parts";

Status CreateFolder(const std::string& path);

// Names in the folder, sorted. None where there is no such folder.
Result<std::vector<std::string>> ListFolder(const std::string& path);

// Whether nothing is in the folder but what every run makes before its first record: a lock, and
// what WriteFileAtomic leaves behind when it is killed.
Result<bool> IsFresh(const std::string& path);

// What WriteFileAtomic leaves behind when it is killed while it writes one of our files.
bool IsTemporary(const std::string& name);

// Writes the settings, or compares them with those that are there.
Status CheckOrWriteSettings(const std::string& folder, const RunSettings& settings);

// Calls `on_line` for each whole line, with "path line N" for messages; a torn last line is none.
// No file: no lines. Stops at the first error, and returns it.
Status ForEachLine(
    const std::string& path,
    const std::function<Status(const std::string& line, const std::string& where)>& on_line);

}  // namespace qed

#endif  // QED_SOLVE_RUN_FILES_H_
