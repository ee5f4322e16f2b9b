// The part of one of several processes that work on one run: a folder below the run's with
// records of its own, so that no two processes write to one file.
//
// The parts belong to a run's folder (solve/run_folder.h), which takes them over when it is
// opened by one process for itself.
#ifndef QED_SOLVE_RUN_PART_H_
#define QED_SOLVE_RUN_PART_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/status.h"
#include "solve/folder_lock.h"
#include "solve/run_settings.h"
#include "solve/sample_store.h"

namespace qed {

// Not thread-safe.
class RunPart : public SampleStore {
 public:
  // Creates or goes on with the part `name` of the run in `path`, which is created where it is
  // not. Errors: other settings than the run's, the part is at work already.
  static Result<std::unique_ptr<RunPart>> Open(const std::string& path, const std::string& name,
                                               const RunSettings& settings);

  // As those of RunFolder, but that result files are made when the part is taken over.
  Status Append(const Sample& sample) override;
  Status AppendPartial(const Sample& sample) override;
  Status AppendSelection(const Selection& selection) override;

 private:
  RunPart() = default;

  std::string path_;  // of the part
  std::unique_ptr<FolderLock> lock_;
  std::unique_ptr<AppendFile> records_;
};

// OK where `path` is a run's folder, or could become one.
Status CheckMayHoldParts(const std::string& path);

// What a run has recorded so far, its parts included, while they may be at work.
struct RunSoFar {
  std::vector<Sample> samples;  // each once
  std::vector<Selection> selections;
};

// Nothing where there is no run yet. `wants` says of which problems (by their id); texts are cut
// by `shorten`.
Result<RunSoFar> ReadRunSoFar(const std::string& path,
                              const std::function<bool(const std::string& problem)>& wants,
                              const std::function<void(Sample&)>& shorten);

}  // namespace qed

#endif  // QED_SOLVE_RUN_PART_H_
