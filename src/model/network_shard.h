// What of a network one of several ranks computes.
//
// Heads, with their keys and values, and the inner columns of the feed-forward layers are
// split evenly; of the vocabulary's rows, each rank has an interval. Where there are fewer
// key-value heads than ranks, several ranks have the same one.
#ifndef QED_MODEL_NETWORK_SHARD_H_
#define QED_MODEL_NETWORK_SHARD_H_

#include <cstdint>

#include "config/model_config.h"
#include "model/weight_layout.h"

namespace qed {

struct NetworkShard {
  RankShard place;
  int32_t num_heads = 0;
  int32_t num_kv_heads = 0;
  int32_t intermediate_size = 0;
  // Rows of embedding and head.
  int32_t first_token = 0;
  int32_t num_tokens = 0;
  int32_t most_tokens = 0;  // of any rank

  bool whole() const { return place.ranks == 1; }
};

// REQUIRES: CheckShards(place.ranks) is OK.
NetworkShard ShardOf(const ModelConfig& config, RankShard place);

// The network's sizes as the rank's own memory has them.
ModelConfig ConfigOfShard(const ModelConfig& config, const NetworkShard& shard);

}  // namespace qed

#endif  // QED_MODEL_NETWORK_SHARD_H_
