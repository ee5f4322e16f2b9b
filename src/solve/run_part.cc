#include "solve/run_part.h"

#include <algorithm>
#include <set>
#include <utility>

#include "solve/run_files.h"

namespace qed {

Result<std::unique_ptr<RunPart>> RunPart::Open(const std::string& path, const std::string& name,
                                               const RunSettings& settings) {
  std::unique_ptr<RunPart> part(new RunPart);
  part->path_ = path + "/" + kPartsFolder + "/" + name;
  QED_RETURN_IF_ERROR(CreateFolder(part->path_));
  QED_RETURN_IF_ERROR(CheckOrWriteSettings(path, settings));
  QED_ASSIGN_OR_RETURN(part->lock_, FolderLock::Take(part->path_));
  QED_ASSIGN_OR_RETURN(part->records_, AppendFile::Open(part->path_ + "/" + kRecordsFile));
  return part;
}

Status RunPart::Append(const Sample& sample) { return records_->AppendLine(ToRecordLine(sample)); }

Status RunPart::AppendPartial(const Sample& sample) {
  QED_ASSIGN_OR_RETURN(const std::unique_ptr<AppendFile> file,
                       AppendFile::Open(path_ + "/" + kPartialFile));
  return file->AppendLine(ToRecordLine(sample));
}

Status RunPart::AppendSelection(const Selection& selection) {
  QED_ASSIGN_OR_RETURN(const std::unique_ptr<AppendFile> file,
                       AppendFile::Open(path_ + "/" + kSelectionsFile));
  return file->AppendLine(ToRecordLine(selection));
}

Status CheckMayHoldParts(const std::string& path) {
  QED_RETURN_IF_ERROR(CreateFolder(path));
  QED_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(path));
  const bool is_run = std::ranges::any_of(names, [](const std::string& name) {
    return name == kSettingsFile || name == kPartsFolder || IsTemporary(name);
  });
  QED_ASSIGN_OR_RETURN(const bool fresh, IsFresh(path));
  if (is_run || fresh) return OkStatus();
  return InvalidArgument(path + " holds something else than a run: name another --output");
}

Result<RunSoFar> ReadRunSoFar(const std::string& path,
                              const std::function<bool(const std::string& problem)>& wants,
                              const std::function<void(Sample&)>& shorten) {
  RunSoFar so_far;
  std::vector<std::string> folders = {path};
  QED_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(path + "/" + kPartsFolder));
  for (const std::string& name : names) folders.push_back(path + "/" + kPartsFolder + "/" + name);
  std::set<std::pair<std::string, int32_t>> samples, selections;
  for (const std::string& folder : folders) {
    QED_RETURN_IF_ERROR(ForEachLine(
        folder + "/" + kRecordsFile, [&](const std::string& line, const std::string& where) {
          Result<Sample> sample = ParseRecordLine(line);
          if (!sample.ok()) return sample.status().WithPrefix(where);
          if (!wants(sample->problem_id)) return OkStatus();
          if (!samples.emplace(sample->problem_id, sample->index).second) return OkStatus();
          shorten(*sample);
          so_far.samples.push_back(*std::move(sample));
          return OkStatus();
        }));
    QED_RETURN_IF_ERROR(ForEachLine(
        folder + "/" + kSelectionsFile, [&](const std::string& line, const std::string& where) {
          Result<Selection> selection = ParseSelectionLine(line);
          if (!selection.ok()) return selection.status().WithPrefix(where);
          if (!wants(selection->problem_id)) return OkStatus();
          if (!selections.emplace(selection->problem_id, selection->index).second) {
            return OkStatus();
          }
          so_far.selections.push_back(*std::move(selection));
          return OkStatus();
        }));
  }
  return so_far;
}

}  // namespace qed
