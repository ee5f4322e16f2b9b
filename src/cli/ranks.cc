#include "cli/ranks.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/host_name.h"
#include "base/processors.h"
#include "cli/rank_launcher.h"
#include "parallel/agreement.h"
#include "parallel/launched_ranks.h"

namespace qed {
namespace {

std::string RankName(const RankGroups& ranks) {
  return "rank " + std::to_string(ranks.rank()) + " on " + HostName();
}

using LeadReplica = std::function<Status(RankGroups* replicas)>;

Status Lead(ModelFlags& flags, RankGroups& ranks, const LeadReplica& lead) {
  const bool shards = flags.engine.tp_size > 1;
  const bool first = ranks.rank() == 0;
  flags.ranks = shards ? &ranks.group() : nullptr;
  Status status = lead(ranks.num_groups() > 1 ? &ranks : nullptr);
  flags.ranks = nullptr;
  if (ranks.num_groups() > 1 && !status.ok() && status.code() != StatusCode::kCancelled) {
    if (!first) ranks.Fail("qed: " + RankName(ranks) + ": " + status.message());
    ranks.LeaveAlone();
    return status;
  }
  if (shards) ShareMessage(ranks.group(), {.kind = RankMessage::Kind::kEnd});
  return first ? status : OkStatus();
}

// Before the ranks have met nobody can say who is missing.
Result<std::unique_ptr<RankGroups>> JoinInTime(int32_t rank, const RankOptions& options) {
  constexpr double kLeast = 30;  // seconds; programs and libraries may come from a slow disk
  std::promise<void> met;
  const double patience = std::max(kLeast, options.stall_seconds);
  // The first rank says it; the second, where it is the first that hangs.
  const double limit = patience + 2.5 * std::min(rank, 2);
  std::thread watch([done = met.get_future(), rank, patience, limit] {
    if (done.wait_for(std::chrono::duration<double>(limit)) == std::future_status::ready) return;
    if (rank <= 1) {
      std::fprintf(stderr, "qed: rank %d on %s has waited %g s for the others to start\n", rank,
                   HostName().c_str(), patience);
    }
    std::_Exit(1);
  });
  Result<std::unique_ptr<RankGroups>> ranks = JoinRanks(options);
  met.set_value();
  watch.join();
  return ranks;
}

Status RunLaunched(const LaunchedRank& launched, ModelFlags& flags, const LeadReplica& lead) {
  EndWithLauncher(launched.rank, flags.engine.stall_seconds);
  QED_ASSIGN_OR_RETURN(const std::unique_ptr<RankGroups> ranks,
                       JoinInTime(launched.rank, {.group_size = flags.engine.tp_size,
                                                  .stall_seconds = flags.engine.stall_seconds}));
  if (flags.engine.threads == 0) flags.engine.threads = ProcessorsEach(launched.on_host);
  if (ranks->leaders() != nullptr) return Lead(flags, *ranks, lead);
  // The first rank ends the others; until then signals to all of them are its business.
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) std::signal(signal, SIG_IGN);
  const Status followed = FollowFirstRank(flags, ranks->group());
  if (!followed.ok() && followed.code() != StatusCode::kCancelled) {
    ranks->Fail("qed: " + RankName(*ranks) + ": " + followed.message());
  }
  return OkStatus();
}

// What is wrong is wrong on all ranks: the first one says it.
Status RunLaunched(ModelFlags& flags, bool may_replicate, const LeadReplica& lead) {
  const int32_t wanted = flags.engine.tp_size;
  const std::optional<LaunchedRank> launched = FindLauncher();
  if (!launched) {
    return wanted == 1 ? lead(nullptr) : StartLauncher(wanted, flags.engine.stall_seconds);
  }
  Status status = ValidateKnobs(flags.engine);
  if (status.ok() && launched->size % wanted != 0 && may_replicate) {
    status = InvalidArgument("the launcher has started " + std::to_string(launched->size) +
                             " ranks, which is no multiple of --tp-size " + std::to_string(wanted));
  }
  if (status.ok() && launched->size != wanted && !may_replicate) {
    status = InvalidArgument("--tp-size is " + std::to_string(wanted) +
                             ", but the launcher has started " + std::to_string(launched->size) +
                             " ranks: give --tp-size " + std::to_string(launched->size));
  }
  if (status.ok()) status = RunLaunched(*launched, flags, lead);
  return launched->rank == 0 ? status : OkStatus();
}

}  // namespace

Status RunOnRanks(ModelFlags& flags, const std::function<Status()>& lead) {
  return RunLaunched(flags, /*may_replicate=*/false, [&](RankGroups*) { return lead(); });
}

Status RunOnReplicas(ModelFlags& flags, const LeadReplica& lead) {
  return RunLaunched(flags, /*may_replicate=*/true, lead);
}

Status AgreeOnReplicas(RankGroups& replicas, const Status& mine, uint64_t fingerprint) {
  Communicator& leaders = *replicas.leaders();
  const Status verdict = AgreeOnNetwork(
      leaders, {.status = mine, .host = HostName(), .fingerprint = fingerprint, .num_pages = 0});
  if (verdict.ok() || leaders.rank() != 0) return verdict;
  ShareMessage(leaders, {.kind = RankMessage::Kind::kEnd});
  // What is wrong with this rank is, as a rule, wrong with all.
  return mine.ok() ? verdict : mine;
}

}  // namespace qed
