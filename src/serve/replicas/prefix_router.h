// Which of several replicas of a model gets a request.
//
// A replica answers sooner where its KV cache holds the beginning of the prompt already, and all
// answer soonest where all have equal work. What a beginning is worth goes with its length: it
// saves its prefill once, while one completion more makes every step of the others longer. So a
// request goes to the replica that was given the longest beginning of it before, among those that
// are no more ahead of the least busy one than their beginning is worth; where there is none, to
// the least busy one.
#ifndef QED_SERVE_REPLICAS_PREFIX_ROUTER_H_
#define QED_SERVE_REPLICAS_PREFIX_ROUTER_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "config/serve_config.h"

namespace qed {

// So many blocks (2 KiB, about 500 tokens) are worth one completion: on a GPU about 15 ms of
// prefill, and as much in 300 steps that another sequence makes 0.05 ms longer.
inline constexpr int32_t kBlocksPerCompletion = 16;

struct ReplicaLoad {
  bool available = false;  // may be given something
  int32_t in_flight = 0;   // completions it was given that have not ended
};

struct RouteChoice {
  int32_t replica = 0;
  bool by_prefix = false;  // it was given a beginning of the prompt before
};

// What it remembers is what replicas were given, not what their caches still hold: a guess that
// costs a prefill where it is wrong. Thread-compatible.
class PrefixRouter {
 public:
  // REQUIRES: 1 <= replicas <= kMaxReplicas. `max_ahead`: completions that a replica may have more
  // than the least busy one, however much it knows. `capacity`: blocks remembered, the ones used
  // last.
  PrefixRouter(int32_t replicas, int32_t max_ahead, size_t capacity = size_t{1} << 16);

  // Chooses among the available ones and remembers that the choice was given this prompt. Of equals
  // the less busy one, then the one that was chosen longer ago. nullopt: none is available.
  // REQUIRES: one load a replica. `blocks`: the prompt's blocks in order, each the hash of all
  // text up to its end (serve/replicas/route_key.h); may be empty.
  std::optional<RouteChoice> Choose(std::span<const uint64_t> blocks,
                                    std::span<const ReplicaLoad> loads);

  // The replica's cache is gone.
  void Forget(int32_t replica);

  size_t size() const { return known_.size(); }

 private:
  using Set = uint64_t;  // of replicas, a bit each
  struct Block {
    uint64_t hash;
    Set replicas;
  };

  // How many blocks from the beginning on each replica was given.
  std::vector<int32_t> KnownBlocks(std::span<const uint64_t> blocks) const;
  // REQUIRES: `among` is not empty.
  int32_t LeastBusy(Set among, std::span<const ReplicaLoad> loads) const;
  void Remember(std::span<const uint64_t> blocks, int32_t replica);

  const int32_t max_ahead_;
  const size_t capacity_;
  std::list<Block> used_;  // the last used first
  std::unordered_map<uint64_t, std::list<Block>::iterator> known_;
  std::vector<uint64_t> chosen_at_;  // by replica: the number of the choice
  uint64_t choices_ = 0;
};

}  // namespace qed

#endif  // QED_SERVE_REPLICAS_PREFIX_ROUTER_H_
