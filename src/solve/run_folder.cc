#include "solve/run_folder.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <system_error>
#include <utility>

#include "solve/run_files.h"

namespace qed {
namespace {

namespace fs = std::filesystem;

// Whether a run may write there.
Status CheckContent(const std::string& path, bool resume) {
  QED_ASSIGN_OR_RETURN(const bool fresh, IsFresh(path));
  if (fresh) return OkStatus();
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
  QED_RETURN_IF_ERROR(folder->TakeOverParts(on_record));
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
  QED_RETURN_IF_ERROR(CheckOrWriteSettings(options_.path, options_.settings));
  QED_ASSIGN_OR_RETURN(records_, AppendFile::Open(File(kRecordsFile)));
  return OkStatus();
}

Status RunFolder::ReadRecords(const std::function<void(const Sample&)>& on_record) {
  return ForEachLine(File(kRecordsFile),
                     [&](const std::string& line, const std::string& where) -> Status {
                       Result<Sample> sample = ParseRecordLine(line);
                       if (!sample.ok()) return sample.status().WithPrefix(where);
                       Status status = Index(*sample, {records_size_, line.size()});
                       if (!status.ok()) return status.WithPrefix(where);
                       records_size_ += static_cast<int64_t>(line.size()) + 1;
                       on_record(*sample);
                       return OkStatus();
                     });
}

Result<RunFolder::Extent*> RunFolder::Slot(const Sample& sample) {
  const auto problem = problem_index_.find(sample.problem_id);
  if (problem == problem_index_.end()) {
    return Corrupt("problem \"" + sample.problem_id + "\" is not among the problems");
  }
  if (sample.index < 0 || sample.index >= options_.num_samples) {
    return Corrupt("sample " + std::to_string(sample.index) + " is out of range");
  }
  return &extents_[static_cast<size_t>(sample.index)][problem->second];
}

Status RunFolder::Index(const Sample& sample, Extent extent) {
  QED_ASSIGN_OR_RETURN(Extent* const slot, Slot(sample));
  if (slot->length != 0) {
    return Corrupt("sample " + std::to_string(sample.index) + " of problem \"" + sample.problem_id +
                   "\" is there twice");
  }
  *slot = extent;
  return OkStatus();
}

Status RunFolder::TakeOverParts(const std::function<void(const Sample&)>& on_record) {
  const std::string parts = File(kPartsFolder);
  QED_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(parts));
  for (const std::string& name : names) {
    const std::string part = parts + "/" + name;
    QED_ASSIGN_OR_RETURN(const std::unique_ptr<FolderLock> lock, FolderLock::Take(part));
    QED_RETURN_IF_ERROR(TakeOverRecords(part, on_record));
    QED_RETURN_IF_ERROR(TakeOverSelections(part));
    QED_RETURN_IF_ERROR(ForEachLine(
        part + "/" + kPartialFile,
        [&](const std::string& line, const std::string&) -> Status { return AddPartial(line); }));
    std::error_code error;
    fs::remove_all(part, error);
    if (error) return IoError("cannot remove " + part + ": " + error.message());
  }
  std::error_code ignored;
  fs::remove(parts, ignored);
  return OkStatus();
}

Status RunFolder::TakeOverRecords(const std::string& part,
                                  const std::function<void(const Sample&)>& on_record) {
  return ForEachLine(part + "/" + kRecordsFile,
                     [&](const std::string& line, const std::string& where) -> Status {
                       Result<Sample> sample = ParseRecordLine(line);
                       if (!sample.ok()) return sample.status().WithPrefix(where);
                       Result<Extent*> slot = Slot(*sample);
                       if (!slot.ok()) return slot.status().WithPrefix(where);
                       if ((*slot)->length != 0) return OkStatus();
                       QED_RETURN_IF_ERROR(records_->AppendLine(line));
                       **slot = {records_size_, line.size()};
                       records_size_ += static_cast<int64_t>(line.size()) + 1;
                       on_record(*sample);
                       return OkStatus();
                     });
}

Status RunFolder::TakeOverSelections(const std::string& part) {
  const auto key = [](const Selection& selection) {
    return std::pair(selection.problem_id, selection.index);
  };
  std::set<std::pair<std::string, int32_t>> seen;
  const auto read = [&](const std::string& path, const auto& on_new) {
    return ForEachLine(path, [&](const std::string& line, const std::string& where) -> Status {
      const Result<Selection> selection = ParseSelectionLine(line);
      if (!selection.ok()) return selection.status().WithPrefix(where);
      return seen.insert(key(*selection)).second ? on_new(*selection) : OkStatus();
    });
  };
  QED_RETURN_IF_ERROR(
      read(File(kSelectionsFile), [](const Selection&) -> Status { return OkStatus(); }));
  return read(part + "/" + kSelectionsFile,
              [&](const Selection& selection) -> Status { return AppendSelection(selection); });
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

Status RunFolder::AppendPartial(const Sample& sample) { return AddPartial(ToRecordLine(sample)); }

Status RunFolder::AddPartial(const std::string& line) {
  QED_ASSIGN_OR_RETURN(const std::unique_ptr<AppendFile> file,
                       AppendFile::Open(File(kPartialFile)));
  return file->AppendLine(line);
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
  std::set<std::pair<std::string, int32_t>> seen;
  return ForEachLine(path, [&](const std::string& line, const std::string& where) -> Status {
    const Result<Selection> selection = ParseSelectionLine(line);
    if (!selection.ok()) return selection.status().WithPrefix(where);
    const bool ours = problem_index_.count(selection->problem_id) > 0 && selection->index >= 0 &&
                      selection->index < num_selections;
    if (!ours) return Corrupt(where + " is none of this run's selections");
    if (!seen.emplace(selection->problem_id, selection->index).second) {
      return Corrupt(where + " is there twice");
    }
    on_record(*selection);
    return OkStatus();
  });
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
