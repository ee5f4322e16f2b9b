#include "cli/solve_shared.h"

#include <chrono>
#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include "base/checksum.h"
#include "cli/interrupt.h"
#include "cli/ranks.h"
#include "cli/solve_alone.h"

namespace qed {
namespace {

// The problems of this process's shard, all where there are no shards.
struct Share {
  std::vector<size_t> chosen;  // by their numbers in the plan
  std::vector<Problem> problems;
  std::set<std::string> ids;
};

Share ShareOf(const SolvePlan& plan) {
  Share share;
  const auto count = static_cast<size_t>(plan.shard.count);
  for (size_t i = static_cast<size_t>(plan.shard.index); i < plan.problems.size(); i += count) {
    share.chosen.push_back(i);
    share.problems.push_back(plan.problems[i]);
    share.ids.insert(plan.problems[i].id);
  }
  return share;
}

std::string ShardName(const SolvePlan& plan) {
  return "shard-" + std::to_string(plan.shard.index + 1) + "-of-" +
         std::to_string(plan.shard.count);
}

Result<RunSoFar> ReadShare(const SolveWork& work, const Share& share) {
  return ReadRunSoFar(
      work.flags().solve.output, [&](const std::string& id) { return share.ids.contains(id); },
      [&](Sample& sample) { work.Shorten(sample); });
}

// Where the records of this process go, and what there is already.
struct Desk {
  std::unique_ptr<RunFolder> folder;  // one of them
  std::unique_ptr<RunPart> part;
  RunSoFar so_far;

  SampleStore& store() { return folder ? static_cast<SampleStore&>(*folder) : *part; }
};

Status OpenPart(const SolveWork& work, const Share& share, const std::string& name, bool resume,
                Desk& desk) {
  const std::string& path = work.flags().solve.output;
  QED_RETURN_IF_ERROR(CheckMayHoldParts(path));
  QED_ASSIGN_OR_RETURN(desk.so_far, ReadShare(work, share));
  if (!resume && !desk.so_far.samples.empty()) {
    return InvalidArgument(path +
                           " has samples of these problems: add --resume to go on with them, or "
                           "name another --output");
  }
  QED_ASSIGN_OR_RETURN(desk.part, RunPart::Open(path, name, work.settings()));
  return OkStatus();
}

Status Run(SolveWork& work, const Share& share, Desk& desk, ProblemQueue* queue,
           int32_t problems_in_flight) {
  SolverRun run(work, share.chosen, share.problems, desk.store(), queue, problems_in_flight);
  Restore(desk.so_far, run.solver());
  const Status status = run.solver().Run(CatchInterrupts());
  return status.ok() ? status : WithResumeHint(status, work.flags());
}

class HandedOut : public ProblemQueue {
 public:
  explicit HandedOut(RankGroups& replicas) : replicas_(replicas) {}
  std::optional<size_t> Take() override {
    const std::optional<int64_t> next = replicas_.TakeNext();
    return next ? std::optional(static_cast<size_t>(*next)) : std::nullopt;
  }

 private:
  RankGroups& replicas_;
};

// Those of the share that are not done. With selections any may lack one: whoever gets a problem
// that lacks nothing goes on to the next.
std::vector<int64_t> Unfinished(const SolveWork& work, const Share& share, const RunSoFar& so_far) {
  std::map<std::string, int32_t> done;
  for (const Sample& sample : so_far.samples) ++done[sample.problem_id];
  std::vector<int64_t> numbers;
  for (size_t i = 0; i < share.problems.size(); ++i) {
    const bool all_there = done[share.problems[i].id] == work.flags().solve.samples;
    if (!all_there || work.plan().select_prompt) numbers.push_back(static_cast<int64_t>(i));
  }
  return numbers;
}

std::string PartName(const SolvePlan& plan, int32_t rank) {
  const std::string name = "rank-" + std::to_string(rank);
  return plan.shard.count > 1 ? ShardName(plan) + "-" + name : name;
}

// On the first replica: it makes the folder, or goes on with what is in it.
Status OpenFirst(const SolveWork& work, const Share& share, Desk& desk) {
  const bool resume = work.flags().solve.resume;
  if (work.plan().shard.count > 1) {
    return OpenPart(work, share, PartName(work.plan(), 0), resume, desk);
  }
  QED_ASSIGN_OR_RETURN(desk.folder, OpenFolder(work, resume, desk.so_far));
  return OkStatus();
}

// The problems that one replica works on at a time are at most its equal share, lest the first to
// be ready takes them all.
int32_t MostInFlight(RankGroups& replicas, std::vector<int64_t> numbers) {
  auto count = static_cast<int64_t>(numbers.size());
  replicas.leaders()->Broadcast(std::as_writable_bytes(std::span(&count, 1)));
  if (replicas.rank() == 0) replicas.HandOut(std::move(numbers));
  const int64_t groups = replicas.num_groups();
  return static_cast<int32_t>(std::max<int64_t>(1, (count + groups - 1) / groups));
}

Status FinishShards(SolveWork& work, const Share& share) {
  const std::string& path = work.flags().solve.output;
  std::set<std::string> ids;
  for (const Problem& problem : work.plan().problems) ids.insert(problem.id);
  const auto all_there = [&]() -> Result<bool> {
    QED_ASSIGN_OR_RETURN(const RunSoFar so_far,
                         ReadRunSoFar(
                             path, [&](const std::string& id) { return ids.contains(id); },
                             [](Sample& sample) { sample.transcript.segments.clear(); }));
    return so_far.samples.size() == ids.size() * static_cast<size_t>(work.flags().solve.samples);
  };
  std::printf("%s: %zu of %zu problems are done\n", ShardName(work.plan()).c_str(),
              share.problems.size(), work.plan().problems.size());
  // Shards that end at the same time may each find another one's part in use.
  for (int attempt = 0; attempt < 12; ++attempt) {
    QED_ASSIGN_OR_RETURN(const bool complete, all_there());
    if (!complete) return OkStatus();
    const Status status = SolveAlone(work, /*resume=*/true);
    if (status.code() != StatusCode::kUnavailable) return status;
    std::this_thread::sleep_for(
        std::chrono::milliseconds(200 + 37 * work.plan().shard.index % 200));
  }
  return OkStatus();
}

// What the replicas make of a run, each in its place.
Status SolveTogether(SolveWork& work, const Share& share, RankGroups& replicas) {
  const bool first = replicas.rank() == 0;
  Desk desk;
  Status status = first ? OpenFirst(work, share, desk) : OkStatus();
  QED_RETURN_IF_ERROR(AgreeOnReplicas(replicas, status, 0));
  if (!first) status = OpenPart(work, share, PartName(work.plan(), replicas.rank()), true, desk);
  if (status.ok()) status = work.StartSandbox();
  QED_RETURN_IF_ERROR(AgreeOnReplicas(replicas, status, 0));
  const int32_t most =
      MostInFlight(replicas, first ? Unfinished(work, share, desk.so_far) : std::vector<int64_t>());
  replicas.OnInterrupt(RaiseInterrupt);
  HandedOut queue(replicas);
  status = Run(work, share, desk, &queue, most);
  if (status.code() != StatusCode::kCancelled) return status;
  replicas.Interrupt();
  return OkStatus();
}

}  // namespace

Status SolveOnReplicas(const SolveFlags& flags, RankGroups& replicas) {
  Result<std::unique_ptr<SolveWork>> work = SolveWork::Open(flags);
  Status status = work.ok() ? OkStatus() : work.status();
  if (status.ok() && flags.solve.output.empty()) {
    status = InvalidArgument("replicas need --output: the folder in which their records meet");
  }
  const std::string settings = work.ok() ? ToJsonText((*work)->settings()) : "";
  QED_RETURN_IF_ERROR(
      AgreeOnReplicas(replicas, status, Checksum(std::as_bytes(std::span(settings)))));
  const Share share = ShareOf((*work)->plan());
  QED_RETURN_IF_ERROR(SolveTogether(**work, share, replicas));
  // All have closed their parts when they say that they are done.
  QED_RETURN_IF_ERROR(AgreeOnReplicas(replicas, OkStatus(), 0));
  if (replicas.rank() != 0) return OkStatus();
  if (CatchInterrupts()) return WithResumeHint(Cancelled("interrupted"), flags);
  return (*work)->plan().shard.count > 1 ? FinishShards(**work, share)
                                         : SolveAlone(**work, /*resume=*/true);
}

Status SolveShard(SolveWork& work) {
  const Share share = ShareOf(work.plan());
  {
    Desk desk;
    QED_RETURN_IF_ERROR(
        OpenPart(work, share, ShardName(work.plan()), work.flags().solve.resume, desk));
    QED_RETURN_IF_ERROR(work.StartSandbox());
    QED_RETURN_IF_ERROR(Run(work, share, desk, nullptr, 0));
  }
  return FinishShards(work, share);
}

}  // namespace qed
