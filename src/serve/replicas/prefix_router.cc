#include "serve/replicas/prefix_router.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "base/check.h"

namespace qed {
namespace {

uint64_t Bit(size_t replica) { return uint64_t{1} << replica; }

}  // namespace

PrefixRouter::PrefixRouter(int32_t replicas, int32_t max_ahead, size_t capacity)
    : max_ahead_(max_ahead), capacity_(capacity), chosen_at_(static_cast<size_t>(replicas), 0) {
  QED_CHECK(replicas >= 1 && replicas <= kMaxReplicas) << replicas;
}

std::optional<RouteChoice> PrefixRouter::Choose(std::span<const uint64_t> blocks,
                                                std::span<const ReplicaLoad> loads) {
  QED_CHECK(loads.size() == chosen_at_.size());
  Set available = 0;
  int32_t least = std::numeric_limits<int32_t>::max();
  for (size_t i = 0; i < loads.size(); ++i) {
    if (!loads[i].available) continue;
    available |= Bit(i);
    least = std::min(least, loads[i].in_flight);
  }
  if (available == 0) return std::nullopt;
  const std::vector<int32_t> known = KnownBlocks(blocks);
  Set best = 0;  // those that know the most, of those that are not too far ahead
  int32_t most = 1;
  for (size_t i = 0; i < loads.size(); ++i) {
    const int32_t worth = std::min(max_ahead_, known[i] / kBlocksPerCompletion);
    if (!loads[i].available || known[i] < most || loads[i].in_flight - least > worth) continue;
    best = known[i] > most ? Bit(i) : best | Bit(i);
    most = known[i];
  }
  const int32_t chosen = LeastBusy(best != 0 ? best : available, loads);
  chosen_at_[static_cast<size_t>(chosen)] = ++choices_;
  Remember(blocks, chosen);
  return RouteChoice{chosen, best != 0};
}

std::vector<int32_t> PrefixRouter::KnownBlocks(std::span<const uint64_t> blocks) const {
  std::vector<int32_t> known(chosen_at_.size(), 0);
  Set still = ~Set{0};
  for (const uint64_t block : blocks) {
    const auto found = known_.find(block);
    if (found != known_.end()) still &= found->second->replicas;
    if (found == known_.end() || still == 0) break;
    for (size_t i = 0; i < known.size(); ++i) known[i] += (still & Bit(i)) != 0 ? 1 : 0;
  }
  return known;
}

int32_t PrefixRouter::LeastBusy(Set among, std::span<const ReplicaLoad> loads) const {
  size_t best = loads.size();
  for (size_t i = 0; i < loads.size(); ++i) {
    if ((among & Bit(i)) == 0) continue;
    if (best == loads.size() || std::tie(loads[i].in_flight, chosen_at_[i]) <
                                    std::tie(loads[best].in_flight, chosen_at_[best])) {
      best = i;
    }
  }
  return static_cast<int32_t>(best);
}

void PrefixRouter::Remember(std::span<const uint64_t> blocks, int32_t replica) {
  // The last block first: where room runs out, a beginning is worth more than what follows it.
  for (size_t i = std::min(blocks.size(), capacity_); i > 0; --i) {
    const uint64_t block = blocks[i - 1];
    const auto found = known_.find(block);
    if (found == known_.end()) {
      used_.push_front({block, 0});
      known_[block] = used_.begin();
    } else {
      used_.splice(used_.begin(), used_, found->second);
    }
    used_.front().replicas |= Bit(static_cast<size_t>(replica));
  }
  while (used_.size() > capacity_) {
    known_.erase(used_.back().hash);
    used_.pop_back();
  }
}

void PrefixRouter::Forget(int32_t replica) {
  for (auto block = used_.begin(); block != used_.end();) {
    block->replicas &= ~Bit(static_cast<size_t>(replica));
    if (block->replicas == 0) {
      known_.erase(block->hash);
      block = used_.erase(block);
    } else {
      ++block;
    }
  }
}

}  // namespace qed
