// A run's output folder. Every finished sample is on disk before it counts, so
// that a run killed at any moment goes on with each sample exactly once.
//
//   run.json             the settings the samples depend on
//   samples.jsonl        a record of every finished sample: the truth
//   output-rs{seed}.jsonl  one line a problem, made from the records
//   selections.jsonl     a record of every selection, where there are any
//   partial.jsonl        samples that were interrupted; they will be run again
//   metrics.json         at the end
//   parts/NAME/          what other processes of this run have recorded (solve/run_part.h)
//   .lock                keeps a second run out
//
// Parts are taken over when the folder is opened: their records go to samples.jsonl, those that
// are there already (of a take-over that was killed) are skipped, and then the part goes.
//
// Sample i of each problem has seed `first_seed + i`.
#ifndef QED_SOLVE_RUN_FOLDER_H_
#define QED_SOLVE_RUN_FOLDER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/status.h"
#include "solve/folder_lock.h"
#include "solve/problem.h"
#include "solve/run_settings.h"
#include "solve/sample.h"
#include "solve/sample_store.h"

namespace qed {

struct RunFolderOptions {
  std::string path;
  bool resume = false;
  uint64_t first_seed = 0;
  int32_t num_samples = 1;  // of each problem
  RunSettings settings;
};

// Not thread-safe.
class RunFolder : public SampleStore {
 public:
  // Creates the folder or resumes the run in it; calls `on_record` for each
  // sample that is there. `problems` must outlive the object. Errors: a folder
  // with anything in it without `resume`, other settings than before, another
  // run, or one of its parts, at work in it, records that do not belong to these problems.
  static Result<std::unique_ptr<RunFolder>> Open(
      const RunFolderOptions& options, const std::vector<Problem>& problems,
      const std::function<void(const Sample&)>& on_record);

  // Appends the sample to the records, then to its result file; synced to disk
  // when it returns OK. After an error the folder can still be resumed.
  Status Append(const Sample& sample) override;
  Status AppendPartial(const Sample& sample) override;
  Status AppendSelection(const Selection& selection) override;
  // Calls `on_record` for each selection that is there. Before the first append.
  Status ReadSelections(int32_t num_selections,
                        const std::function<void(const Selection&)>& on_record);
  // Brings the result files into the problems' order and writes metrics.json.
  Status Finish(const std::string& metrics_json);

 private:
  struct Extent {
    int64_t offset = 0;
    size_t length = 0;  // 0: no record
  };

  RunFolder(const RunFolderOptions& options, const std::vector<Problem>& problems);
  std::string File(const std::string& name) const { return options_.path + "/" + name; }
  std::string ResultFile(int32_t sample) const;
  Status AddPartial(const std::string& line);
  Status Prepare();
  Status ReadRecords(const std::function<void(const Sample&)>& on_record);
  Status TakeOverParts(const std::function<void(const Sample&)>& on_record);
  Status TakeOverRecords(const std::string& part,
                         const std::function<void(const Sample&)>& on_record);
  Status TakeOverSelections(const std::string& part);
  Result<Extent*> Slot(const Sample& sample);
  Status Index(const Sample& sample, Extent extent);
  Status RewriteResults() const;

  RunFolderOptions options_;
  const std::vector<Problem>& problems_;
  std::map<std::string, size_t> problem_index_;
  std::unique_ptr<FolderLock> lock_;
  std::unique_ptr<AppendFile> records_;
  std::unique_ptr<AppendFile> selections_;    // null before the first
  int64_t records_size_ = 0;                  // bytes
  std::vector<std::vector<Extent>> extents_;  // [sample][problem], in samples.jsonl
};

}  // namespace qed

#endif  // QED_SOLVE_RUN_FOLDER_H_
