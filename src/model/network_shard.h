// What of a network one of several ranks computes.
//
// Heads, with their keys and values, and the inner columns of the feed-forward layers are
// split evenly; of the vocabulary's rows, each rank has an interval. Where there are fewer
// key-value heads than ranks, several ranks have the same one. On a GPU every rank has all of
// the embedding beside its rows of the head.
#ifndef QED_MODEL_NETWORK_SHARD_H_
#define QED_MODEL_NETWORK_SHARD_H_

#include <cstdint>

#include "config/model_config.h"

namespace qed {

// One of `ranks` parts of a network.
struct RankShard {
  int32_t rank = 0;
  int32_t ranks = 1;
};

struct Interval {
  int64_t begin = 0;
  int64_t count = 0;
};

// A rank's part of `count` things in units that stay together. Where there are fewer units than
// ranks, neighbours have the same one.
Interval PartOf(int64_t count, int64_t unit, RankShard place);

// A rank's rows of `count` tokens of the vocabulary, the last one's with what is left over:
// whole blocks, as the kernels of a GPU like them, where there are enough.
Interval PartOfVocabulary(int64_t count, RankShard place);

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

// REQUIRES: CheckShards(place.ranks) is OK (model/weight_layout.h).
NetworkShard ShardOf(const ModelConfig& config, RankShard place);

// The network's sizes as the rank's own memory has them.
ModelConfig ConfigOfShard(const ModelConfig& config, const NetworkShard& shard);

}  // namespace qed

#endif  // QED_MODEL_NETWORK_SHARD_H_
