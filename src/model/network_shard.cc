#include "model/network_shard.h"

#include <algorithm>

namespace qed {

Interval PartOf(int64_t count, int64_t unit, RankShard place) {
  const int64_t units = count / unit;
  const int64_t begin = units * place.rank / place.ranks * unit;
  const int64_t end = units * (place.rank + 1) / place.ranks * unit;
  return {begin, std::max(end - begin, unit)};
}

Interval PartOfVocabulary(int64_t count, RankShard place) {
  constexpr int64_t kBlock = 64;
  const int64_t unit = count / kBlock >= place.ranks ? kBlock : 1;
  const auto border = [&](int64_t rank) {
    return rank == place.ranks ? count : count / unit * rank / place.ranks * unit;
  };
  return {border(place.rank), border(place.rank + 1) - border(place.rank)};
}

NetworkShard ShardOf(const ModelConfig& config, RankShard place) {
  const auto count_of = [](int64_t whole, RankShard of) {
    return static_cast<int32_t>(PartOf(whole, 1, of).count);
  };
  NetworkShard shard = {.place = place};
  shard.num_heads = count_of(config.num_heads, place);
  shard.num_kv_heads = count_of(config.num_kv_heads, place);
  shard.intermediate_size = count_of(config.intermediate_size, place);
  const Interval tokens = PartOfVocabulary(config.vocab_size, place);
  shard.first_token = static_cast<int32_t>(tokens.begin);
  shard.num_tokens = static_cast<int32_t>(tokens.count);
  for (int32_t rank = 0; rank < place.ranks; ++rank) {
    const Interval other = PartOfVocabulary(config.vocab_size, {rank, place.ranks});
    shard.most_tokens = std::max(shard.most_tokens, static_cast<int32_t>(other.count));
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
