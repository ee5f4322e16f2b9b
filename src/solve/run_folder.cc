#include "solve/run_folder.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <system_error>
#include <utility>

namespace qed {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSettingsFile = "run.json";
constexpr const char* kPartialFile = "partial.jsonl";
constexpr const char* kSelectionsFile = "selections.jsonl";
constexpr const char* kMetricsFile = "metrics.json";
constexpr const char* kResultPrefix = "output-rs";

Status CreateFolder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return IoError("cannot create " + path + ": " + error.message());
  if (!fs::is_directory(path, error)) return InvalidArgument(path + " is not a folder");
  return OkStatus();
}

// What WriteFileAtomic leaves behind when it is killed while it writes one of our files.
bool IsTemporary(const std::string& name) {
  const bool ours = name.starts_with(kSettingsFile) || name.starts_with(kResultPrefix) ||
                    name.starts_with(kMetricsFile);
  return ours && name.find(".tmp.") != std::string::npos;
}

Result<std::vector<std::string>> ListFolder(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  if (error) return IoError("cannot read folder " + path + ": " + error.message());
  return names;
}

// Whether a run may write there.
Status CheckContent(const std::string& path, bool resume) {
  QED_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(path));
  const bool empty = std::all_of(names.begin(), names.end(), [](const std::string& name) {
    return name == FolderLock::kFileName || IsTemporary(name);
  });
  if (empty) return OkStatus();
  if (!resume) {
    return InvalidArgument(path +
                           " is not empty: add --resume to go on with the run in it, or name "
                           "another --output");
  }
  if (!fs::exists(path + "/" + kSettingsFile)) {
    return InvalidArgument(path + " holds no run that could be resumed (no " + kSettingsFile +
                           " in it): name another --output");
  }
  return OkStatus();
}

}  // namespace

RunFolder::RunFolder(const RunFolderOptions& options, const std::vector<Problem>& problems)
    : options_(options),
      problems_(problems),
      extents_(static_cast<size_t>(options.num_samples), std::vector<Extent>(problems.size())) {
  for (size_t i = 0; i < problems.size(); ++i) problem_index_[problems[i].id] = i;
}

Result<std::unique_ptr<RunFolder>> RunFolder::Open(
    const RunFolderOptions& options, const std::vector<Problem>& problems,
    const std::function<void(const Sample&)>& on_record) {
  std::unique_ptr<RunFolder> folder(new RunFolder(options, problems));
  QED_RETURN_IF_ERROR(folder->Prepare());
  QED_RETURN_IF_ERROR(folder->ReadRecords(on_record));
  QED_RETURN_IF_ERROR(folder->RewriteResults());
  return folder;
}

Status RunFolder::Prepare() {
  QED_RETURN_IF_ERROR(CreateFolder(options_.path));
  // Once before the lock file is made, so that a stranger's folder stays as it is.
  QED_RETURN_IF_ERROR(CheckContent(options_.path, options_.resume));
  QED_ASSIGN_OR_RETURN(lock_, FolderLock::Take(options_.path));
  QED_RETURN_IF_ERROR(CheckContent(options_.path, options_.resume));
  QED_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(options_.path));
  for (const std::string& name : names) {
    std::error_code ignored;
    if (IsTemporary(name)) fs::remove(File(name), ignored);
  }
  QED_RETURN_IF_ERROR(CheckOrWriteSettings());
  QED_ASSIGN_OR_RETURN(records_, AppendFile::Open(File(kRecordsFile)));
  return OkStatus();
}

Status RunFolder::CheckOrWriteSettings() {
  const std::string path = File(kSettingsFile);
  Result<std::string> text = ReadFile(path);
  if (text.ok()) {
    QED_ASSIGN_OR_RETURN(const RunSettings then, ParseRunSettings(*text, path));
    return CheckSameSettings(then, options_.settings);
  }
  if (text.status().code() != StatusCode::kNotFound) return text.status();
  return WriteFileAtomic(path, ToJsonText(options_.settings));
}

Status RunFolder::ReadRecords(const std::function<void(const Sample&)>& on_record) {
  const std::string path = File(kRecordsFile);
  std::ifstream file(path, std::ios::binary);
  if (!file) return IoError("cannot read " + path);
  std::string line;
  for (int64_t number = 1; std::getline(file, line); ++number) {
    const std::string where = path + " line " + std::to_string(number);
    Result<Sample> sample = ParseRecordLine(line);
    if (!sample.ok()) return sample.status().WithPrefix(where);
    if (Status status = Index(*sample, {records_size_, line.size()}); !status.ok()) {
      return status.WithPrefix(where);
    }
    records_size_ += static_cast<int64_t>(line.size()) + 1;
    on_record(*sample);
  }
  if (file.bad()) return IoError("cannot read " + path);
  return OkStatus();
}

Status RunFolder::Index(const Sample& sample, Extent extent) {
  const auto problem = problem_index_.find(sample.problem_id);
  if (problem == problem_index_.end()) {
    return Corrupt("problem \"" + sample.problem_id + "\" is not among the problems");
  }
  if (sample.index < 0 || sample.index >= options_.num_samples) {
    return Corrupt("sample " + std::to_string(sample.index) + " is out of range");
  }
  Extent& slot = extents_[static_cast<size_t>(sample.index)][problem->second];
  if (slot.length != 0) {
    return Corrupt("sample " + std::to_string(sample.index) + " of problem \"" + sample.problem_id +
                   "\" is there twice");
  }
  slot = extent;
  return OkStatus();
}

std::string RunFolder::ResultFile(int32_t sample) const {
  const uint64_t seed = options_.first_seed + static_cast<uint64_t>(sample);
  return File(kResultPrefix + std::to_string(seed) + ".jsonl");
}

Status RunFolder::Append(const Sample& sample) {
  const std::string line = ToRecordLine(sample);
  QED_RETURN_IF_ERROR(records_->AppendLine(line));
  const Status indexed = Index(sample, {records_size_, line.size()});
  QED_CHECK(indexed.ok()) << indexed.message();
  records_size_ += static_cast<int64_t>(line.size()) + 1;

  // A death between the two is mended on resume: results are made anew from the records.
  const Problem& problem = problems_[problem_index_.at(sample.problem_id)];
  QED_ASSIGN_OR_RETURN(const std::unique_ptr<AppendFile> results,
                       AppendFile::Open(ResultFile(sample.index)));
  return results->AppendLine(ToResultLine(problem, sample));
}

Status RunFolder::AppendPartial(const Sample& sample) {
  QED_ASSIGN_OR_RETURN(const std::unique_ptr<AppendFile> file,
                       AppendFile::Open(File(kPartialFile)));
  return file->AppendLine(ToRecordLine(sample));
}

Status RunFolder::AppendSelection(const Selection& selection) {
  if (selections_ == nullptr) {
    QED_ASSIGN_OR_RETURN(selections_, AppendFile::Open(File(kSelectionsFile)));
  }
  return selections_->AppendLine(ToRecordLine(selection));
}

Status RunFolder::ReadSelections(int32_t num_selections,
                                 const std::function<void(const Selection&)>& on_record) {
  const std::string path = File(kSelectionsFile);
  if (!fs::exists(path)) return OkStatus();
  QED_ASSIGN_OR_RETURN(selections_, AppendFile::Open(path));
  std::ifstream file(path, std::ios::binary);
  std::set<std::pair<std::string, int32_t>> seen;
  std::string line;
  for (int64_t number = 1; std::getline(file, line); ++number) {
    const std::string where = path + " line " + std::to_string(number);
    const Result<Selection> selection = ParseSelectionLine(line);
    if (!selection.ok()) return selection.status().WithPrefix(where);
    const bool ours = problem_index_.count(selection->problem_id) > 0 && selection->index >= 0 &&
                      selection->index < num_selections;
    if (!ours) return Corrupt(where + " is none of this run's selections");
    if (!seen.emplace(selection->problem_id, selection->index).second) {
      return Corrupt(where + " is there twice");
    }
    on_record(*selection);
  }
  return file.bad() ? IoError("cannot read " + path) : OkStatus();
}

Status RunFolder::RewriteResults() const {
  const std::string path = File(kRecordsFile);
  std::ifstream records(path, std::ios::binary);
  if (!records) return IoError("cannot read " + path);
  std::string line;
  for (int32_t sample = 0; sample < options_.num_samples; ++sample) {
    std::string content;
    for (size_t problem = 0; problem < problems_.size(); ++problem) {
      const Extent& extent = extents_[static_cast<size_t>(sample)][problem];
      if (extent.length == 0) continue;
      line.resize(extent.length);
      records.seekg(extent.offset);
      if (!records.read(line.data(), static_cast<std::streamsize>(line.size()))) {
        return IoError("cannot read " + path);
      }
      Result<Sample> record = ParseRecordLine(line);
      if (!record.ok()) return record.status().WithPrefix(path);
      content += ToResultLine(problems_[problem], *record) + "\n";
    }
    const std::string result_file = ResultFile(sample);
    if (content.empty() && !fs::exists(result_file)) continue;
    QED_RETURN_IF_ERROR(WriteFileAtomic(result_file, content));
  }
  return OkStatus();
}

Status RunFolder::Finish(const std::string& metrics_json) {
  QED_RETURN_IF_ERROR(RewriteResults());
  return WriteFileAtomic(File(kMetricsFile), metrics_json);
}

}  // namespace qed
