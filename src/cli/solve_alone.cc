#include "cli/solve_alone.h"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "cli/interrupt.h"
#include "solve/metrics.h"

namespace qed {
namespace {

std::vector<size_t> AllOf(const std::vector<Problem>& problems) {
  std::vector<size_t> all(problems.size());
  std::iota(all.begin(), all.end(), size_t{0});
  return all;
}

Status SumUp(SolveWork& work, Solver& solver, RunFolder* folder) {
  const SolveFlags& flags = work.flags();
  Metrics metrics = ComputeMetrics(work.plan().problems, solver.outcomes(), flags.solve.samples,
                                   solver.seconds());
  if (work.plan().select_prompt) {
    AddSelections(solver.selections(), flags.solve.select_samples, metrics);
  }
  metrics.model = work.source().model();
  metrics.server = work.source().server();
  std::fputs(FormatSummary(metrics).c_str(), stdout);
  if (const std::string drafts = work.source().draft_report(); !drafts.empty()) {
    std::printf("%s\n", drafts.c_str());
  }
  if (folder == nullptr) return OkStatus();
  const std::string benchmark = std::filesystem::path(flags.problems).stem().string();
  return folder->Finish(MetricsToJson(metrics, benchmark));
}

}  // namespace

Result<std::unique_ptr<RunFolder>> OpenFolder(const SolveWork& work, bool resume,
                                              RunSoFar& so_far) {
  RunFolderOptions options;
  options.path = work.flags().solve.output;
  options.resume = resume;
  options.first_seed = work.flags().sampling.seed;
  options.num_samples = work.flags().solve.samples;
  options.settings = work.settings();
  QED_ASSIGN_OR_RETURN(std::unique_ptr<RunFolder> folder,
                       RunFolder::Open(options, work.plan().problems, [&](const Sample& sample) {
                         so_far.samples.push_back(sample);
                         work.Shorten(so_far.samples.back());
                       }));
  if (work.plan().select_prompt) {
    QED_RETURN_IF_ERROR(folder->ReadSelections(
        work.flags().solve.select_samples,
        [&](const Selection& selection) { so_far.selections.push_back(selection); }));
  }
  return folder;
}

void Restore(const RunSoFar& so_far, Solver& solver) {
  for (const Sample& sample : so_far.samples) solver.Restore(sample);
  for (const Selection& selection : so_far.selections) solver.RestoreSelection(selection);
}

Status SolveAlone(SolveWork& work, bool resume) {
  RunSoFar so_far;
  std::unique_ptr<RunFolder> folder;
  if (!work.flags().solve.output.empty()) {
    QED_ASSIGN_OR_RETURN(folder, OpenFolder(work, resume, so_far));
  }
  QED_RETURN_IF_ERROR(work.StartSandbox());
  NoSampleStore no_store;
  SampleStore& store = folder ? static_cast<SampleStore&>(*folder) : no_store;
  SolverRun run(work, AllOf(work.plan().problems), work.plan().problems, store);
  Solver& solver = run.solver();
  Restore(so_far, solver);
  const Status status = solver.Run(CatchInterrupts());
  if (!status.ok()) return folder ? WithResumeHint(status, work.flags()) : status;
  return SumUp(work, solver, folder.get());
}

Status WithResumeHint(const Status& status, const SolveFlags& flags) {
  return {status.code(),
          status.message() + "; the same command with --resume goes on with " + flags.solve.output};
}

}  // namespace qed
