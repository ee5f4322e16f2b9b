#include "model/network_shard.h"

#include <algorithm>

namespace qed {

NetworkShard ShardOf(const ModelConfig& config, RankShard place) {
  NetworkShard shard = {.place = place};
  shard.num_heads = config.num_heads / place.ranks;
  shard.num_kv_heads = std::max(1, config.num_kv_heads / place.ranks);
  shard.intermediate_size = config.intermediate_size / place.ranks;
  const auto begin_of = [&](int64_t rank) {
    return static_cast<int32_t>(config.vocab_size * rank / place.ranks);
  };
  shard.first_token = begin_of(place.rank);
  shard.num_tokens = begin_of(place.rank + 1) - shard.first_token;
  for (int32_t rank = 0; rank < place.ranks; ++rank) {
    shard.most_tokens = std::max(shard.most_tokens, begin_of(rank + 1) - begin_of(rank));
  }
  return shard;
}

ModelConfig ConfigOfShard(const ModelConfig& config, const NetworkShard& shard) {
  ModelConfig own = config;
  own.num_heads = shard.num_heads;
  own.num_kv_heads = shard.num_kv_heads;
  own.intermediate_size = shard.intermediate_size;
  return own;
}

}  // namespace qed
