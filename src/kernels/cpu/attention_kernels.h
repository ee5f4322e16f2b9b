// Attention of one tile of queries against one kv head, for any of the
// sixteen-lane vectors.
//
// The rows of a tile are its queries times the query heads of the kv head. For
// each partition: all scores (rows x tokens), then softmax row by row, then the
// weighted sum of values. Each score is one chain of fused multiply-adds over
// D, each weighted value one chain over the partition's tokens, so how rows and
// columns are grouped into registers never shows in the result.
#ifndef QED_KERNELS_CPU_ATTENTION_KERNELS_H_
#define QED_KERNELS_CPU_ATTENTION_KERNELS_H_

#include <cstdint>
#include <type_traits>
#include <utility>

#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/vec_math.h"

namespace qed {

inline constexpr int kBlock = 16;  // tokens of one vector of scores
inline constexpr int kPartitionBlocks = kAttentionPartition / kBlock;
inline constexpr int kMaxTileRows = kMaxAttentionGroup;

// A tile at work: on the stack of whoever runs it.
struct AttentionScratch {
  int rows;
  int limit[kMaxTileRows];  // tokens that row sees, counted from the start of the sequence
  alignas(64) float q[kMaxTileRows * kMaxAttentionHeadDim];        // scaled
  alignas(64) float scores[kMaxTileRows * kAttentionPartition];    // then probabilities
  alignas(64) float partial[kMaxTileRows * kMaxAttentionHeadDim];  // of this partition
  float max[kMaxTileRows], sum[kMaxTileRows];
  alignas(64) float total[kMaxTileRows * kMaxAttentionHeadDim];  // of the partitions before
  float total_max[kMaxTileRows], total_sum[kMaxTileRows];
};

// Where the blocks of one partition lie.
template <typename Elem>
struct PartitionBlocks {
  int tokens;  // of the partition that some row of the tile sees
  int blocks;
  const Elem* keys[kPartitionBlocks];    // [D, 16], rows page_size apart
  const Elem* values[kPartitionBlocks];  // [16, D]
};

template <class V>
inline typename V::F LoadKv(const uint16_t* p) {
  return V::LoadHalf(p);
}
template <class V>
inline typename V::F LoadKv(const float* p) {
  return V::Load(p);
}

// Calls fn.operator()<n>() for n in [1, kMost]: register tiles need their sizes
// at compile time.
template <int kMost, typename Fn>
inline void WithConstant(int n, Fn&& fn) {
  [&]<int... kI>(std::integer_sequence<int, kI...>) {
    ((n == kI + 1 ? fn.template operator()<kI + 1>() : void()), ...);
  }
  (std::make_integer_sequence<int, kMost>{});
}

// scores[r][16 c ...] = q[r] . keys[c] for kRows rows and kBlocks blocks.
template <class V, typename Elem, int kRows, int kBlocks>
inline void ScoreTile(const float* q, int dim, const Elem* const* keys, int64_t stride,
                      float* scores) {
  using F = typename V::F;
  F sum[kRows][kBlocks];
  for (int r = 0; r < kRows; ++r) {
    for (int c = 0; c < kBlocks; ++c) sum[r][c] = V::Zero();
  }
  for (int d = 0; d < dim; ++d) {
    F key[kBlocks];
    for (int c = 0; c < kBlocks; ++c) key[c] = LoadKv<V>(keys[c] + d * stride);
    for (int r = 0; r < kRows; ++r) {
      const F query = V::Set1(q[r * dim + d]);
      for (int c = 0; c < kBlocks; ++c) sum[r][c] = V::Fma(query, key[c], sum[r][c]);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int c = 0; c < kBlocks; ++c) {
      V::Store(scores + r * kAttentionPartition + c * kBlock, sum[r][c]);
    }
  }
}

template <class V, typename Elem>
void ScorePartition(const PartitionBlocks<Elem>& part, int dim, int64_t stride,
                    AttentionScratch& s) {
  for (int row = 0; row < s.rows; row += V::kScoreRows) {
    const int rows = s.rows - row < V::kScoreRows ? s.rows - row : V::kScoreRows;
    WithConstant<V::kScoreRows>(rows, [&]<int kRows>() {
      constexpr int kBlocks = V::ScoreBlocks(kRows);
      const float* q = s.q + row * dim;
      float* scores = s.scores + row * kAttentionPartition;
      int b = 0;
      for (; b + kBlocks <= part.blocks; b += kBlocks) {
        ScoreTile<V, Elem, kRows, kBlocks>(q, dim, part.keys + b, stride, scores + b * kBlock);
      }
      for (; b < part.blocks; ++b) {
        ScoreTile<V, Elem, kRows, 1>(q, dim, part.keys + b, stride, scores + b * kBlock);
      }
    });
  }
}

// Shares below e^-60 of the largest are taken for e^-60: nothing to a sum, but
// much smaller ones would make the weighted values subnormal, and those slow.
inline constexpr float kLowestExponent = -60.0f;

// Turns the first n scores of a row into exp(score - max), the rest of its
// blocks into zeros, whatever stood there.
template <class V>
void SoftmaxRow(int n, int blocks, float* scores, float* max, float* sum) {
  using F = typename V::F;
  const int whole = n > 0 ? n / kBlock : 0;  // blocks
  const int rest = n > 0 ? n % kBlock : 0;
  float* last = scores + whole * kBlock;
  const F lowest = V::Set1(-3.0e38f);
  F most = lowest;
  for (int b = 0; b < whole; ++b) most = V::Max(V::Load(scores + b * kBlock), most);
  if (rest > 0) most = V::Max(V::SelectFirst(rest, V::Load(last), lowest), most);
  *max = V::ReduceMax(most);
  const F shift = V::Set1(*max);
  F total = V::Zero();
  for (int b = 0; b < whole; ++b) {
    const F p = VecExp<V>(V::Sub(V::Load(scores + b * kBlock), shift), kLowestExponent);
    total = V::Add(total, p);
    V::Store(scores + b * kBlock, p);
  }
  if (rest > 0) {
    const F p = VecExp<V>(V::Sub(V::Load(last), shift), kLowestExponent);
    const F masked = V::SelectFirst(rest, p, V::Zero());
    total = V::Add(total, masked);
    V::Store(last, masked);
  }
  for (int b = whole + (rest > 0); b < blocks; ++b) V::Store(scores + b * kBlock, V::Zero());
  *sum = V::ReduceAdd(total);
}

// out[r][16 c ...] = sum over tokens of p[r][t] values[t][16 c ...].
template <class V, typename Elem, int kRows, int kColumns>
inline void ValueTile(const float* p, const PartitionBlocks<Elem>& part, int dim, int column,
                      float* out) {
  using F = typename V::F;
  F sum[kRows][kColumns];
  for (int r = 0; r < kRows; ++r) {
    for (int c = 0; c < kColumns; ++c) sum[r][c] = V::Zero();
  }
  for (int b = 0, first = 0; first < part.tokens; ++b, first += kBlock) {
    const int tokens = part.tokens - first < kBlock ? part.tokens - first : kBlock;
    const Elem* values = part.values[b] + column;
    for (int t = 0; t < tokens; ++t, values += dim) {
      F value[kColumns];
      for (int c = 0; c < kColumns; ++c) value[c] = LoadKv<V>(values + 16 * c);
      for (int r = 0; r < kRows; ++r) {
        const F weight = V::Set1(p[r * kAttentionPartition + first + t]);
        for (int c = 0; c < kColumns; ++c) sum[r][c] = V::Fma(weight, value[c], sum[r][c]);
      }
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int c = 0; c < kColumns; ++c) V::Store(out + r * dim + column + 16 * c, sum[r][c]);
  }
}

template <class V, typename Elem>
void WeighValues(const PartitionBlocks<Elem>& part, int dim, AttentionScratch& s) {
  const int columns = dim / 16;
  for (int row = 0; row < s.rows; row += V::kValueRows) {
    const int rows = s.rows - row < V::kValueRows ? s.rows - row : V::kValueRows;
    WithConstant<V::kValueRows>(rows, [&]<int kRows>() {
      const float* p = s.scores + row * kAttentionPartition;
      float* out = s.partial + row * dim;
      int c = 0;
      for (; c + V::kValueColumns <= columns; c += V::kValueColumns) {
        ValueTile<V, Elem, kRows, V::kValueColumns>(p, part, dim, 16 * c, out);
      }
      for (; c < columns; ++c) ValueTile<V, Elem, kRows, 1>(p, part, dim, 16 * c, out);
    });
  }
}

// Copies the tile's queries, scaled, and notes how far each one sees.
template <class V>
void LoadQueries(const AttentionArgs& args, const AttentionTile& tile, int kv_head,
                 AttentionScratch& s) {
  using F = typename V::F;
  const AttentionSequence& seq = args.plan->sequences[tile.sequence];
  const int dim = args.kv.head_dim;
  const F scale = V::Set1(args.scale);
  s.rows = 0;
  for (int i = tile.first_query; i < tile.first_query + tile.num_queries; ++i) {
    const float* q =
        args.q + (seq.first_row + i) * args.q_stride + int64_t{kv_head} * args.group * dim;
    for (int g = 0; g < args.group; ++g, q += dim, ++s.rows) {
      s.limit[s.rows] = seq.context - seq.num_rows + i + 1;
      for (int d = 0; d < dim; d += 16) {
        V::Store(s.q + s.rows * dim + d, V::Mul(V::Load(q + d), scale));
      }
    }
  }
}

template <typename Elem>
PartitionBlocks<Elem> FindBlocks(const AttentionArgs& args, const AttentionTile& tile, int kv_head,
                                 int partition, int last_limit) {
  const PagedKv& kv = args.kv;
  const int32_t* pages = args.plan->sequences[tile.sequence].pages;
  const int first = partition * kAttentionPartition;
  const int64_t head = int64_t{kv_head} * kv.head_dim * kv.page_size;
  PartitionBlocks<Elem> part;
  part.tokens = last_limit - first < kAttentionPartition ? last_limit - first : kAttentionPartition;
  part.blocks = (part.tokens + kBlock - 1) / kBlock;
  for (int b = 0; b < part.blocks; ++b) {
    const int position = first + b * kBlock;
    const int64_t page = pages[position / kv.page_size] * kv.page_stride;
    const int slot = position % kv.page_size;
    part.keys[b] = reinterpret_cast<const Elem*>(kv.keys + page) + head + slot;
    part.values[b] =
        reinterpret_cast<const Elem*>(kv.values + page) + head + int64_t{slot} * kv.head_dim;
  }
  return part;
}

// One partition into s.partial, s.max and s.sum. A row that sees nothing of it
// gets sum 0.
template <class V, typename Elem>
void AttendPartitionTyped(const AttentionArgs& args, const AttentionTile& tile, int kv_head,
                          int partition, AttentionScratch& s) {
  const int dim = args.kv.head_dim;
  const int first = partition * kAttentionPartition;
  const PartitionBlocks<Elem> part =
      FindBlocks<Elem>(args, tile, kv_head, partition, s.limit[s.rows - 1]);
  ScorePartition<V, Elem>(part, dim, args.kv.page_size, s);
  for (int r = 0; r < s.rows; ++r) {
    const int n = s.limit[r] - first < part.tokens ? s.limit[r] - first : part.tokens;
    SoftmaxRow<V>(n, part.blocks, s.scores + r * kAttentionPartition, &s.max[r], &s.sum[r]);
  }
  WeighValues<V, Elem>(part, dim, s);
}

template <class V>
void AttendPartitionInto(const AttentionArgs& args, const AttentionTile& tile, int kv_head,
                         int partition, AttentionScratch& s) {
  if (args.kv.dtype == DType::kF16) {
    AttendPartitionTyped<V, uint16_t>(args, tile, kv_head, partition, s);
  } else {
    AttendPartitionTyped<V, float>(args, tile, kv_head, partition, s);
  }
}

// Adds the next partition's result of row r to what the ones before gave.
template <class V>
void MergeRow(int dim, int r, float max, float sum, const float* values, AttentionScratch& s) {
  using F = typename V::F;
  if (sum == 0.0f) return;
  float* total = s.total + r * dim;
  if (s.total_sum[r] == 0.0f) {
    s.total_max[r] = max;
    s.total_sum[r] = sum;
    for (int d = 0; d < dim; d += 16) V::Store(total + d, V::Load(values + d));
    return;
  }
  const float most = s.total_max[r] > max ? s.total_max[r] : max;
  const F before = VecExp<V>(V::Set1(s.total_max[r] - most));
  const F now = VecExp<V>(V::Set1(max - most));
  for (int d = 0; d < dim; d += 16) {
    const F scaled = V::Mul(V::Load(total + d), before);
    V::Store(total + d, V::Fma(V::Load(values + d), now, scaled));
  }
  // In lane 0 of vectors, so that the exponentials are the ones used above.
  float lanes[16];
  V::Store(lanes, V::Fma(V::Set1(sum), now, V::Mul(V::Set1(s.total_sum[r]), before)));
  s.total_sum[r] = lanes[0];
  s.total_max[r] = most;
}

template <class V>
void StoreOutput(const AttentionArgs& args, const AttentionTile& tile, int kv_head,
                 const AttentionScratch& s) {
  const AttentionSequence& seq = args.plan->sequences[tile.sequence];
  const int dim = args.kv.head_dim;
  for (int r = 0; r < s.rows; ++r) {
    const int64_t row = seq.first_row + tile.first_query + r / args.group;
    const int64_t head = int64_t{kv_head} * args.group + r % args.group;
    float* out = args.out + row * args.out_stride + head * dim;
    const typename V::F factor = V::Set1(1.0f / s.total_sum[r]);
    for (int d = 0; d < dim; d += 16) {
      V::Store(out + d, V::Mul(V::Load(s.total + r * dim + d), factor));
    }
  }
}

inline int PartitionsFor(int tokens) {
  return (tokens + kAttentionPartition - 1) / kAttentionPartition;
}

template <class V>
void AttendTileKernel(const AttentionArgs& args, int32_t tile_index, int32_t kv_head) {
  const AttentionTile& tile = args.plan->tiles[tile_index];
  const int dim = args.kv.head_dim;
  AttentionScratch s;
  LoadQueries<V>(args, tile, kv_head, s);
  for (int r = 0; r < s.rows; ++r) s.total_sum[r] = 0.0f;
  const int partitions = PartitionsFor(s.limit[s.rows - 1]);
  for (int p = 0; p < partitions; ++p) {
    AttendPartitionInto<V>(args, tile, kv_head, p, s);
    for (int r = 0; r < s.rows; ++r) {
      MergeRow<V>(dim, r, s.max[r], s.sum[r], s.partial + r * dim, s);
    }
  }
  StoreOutput<V>(args, tile, kv_head, s);
}

template <class V>
void AttendPartitionKernel(const AttentionArgs& args, int32_t tile_index, int32_t kv_head,
                           int32_t partition, float* partials) {
  const AttentionTile& tile = args.plan->tiles[tile_index];
  const int dim = args.kv.head_dim;
  AttentionScratch s;
  LoadQueries<V>(args, tile, kv_head, s);
  if (partition >= PartitionsFor(s.limit[s.rows - 1])) return;
  AttendPartitionInto<V>(args, tile, kv_head, partition, s);
  for (int r = 0; r < s.rows; ++r, partials += AttentionPartialFloats(dim)) {
    partials[0] = s.max[r];
    partials[1] = s.sum[r];
    for (int d = 0; d < dim; d += 16) {
      V::Store(partials + 16 + d, V::Load(s.partial + r * dim + d));
    }
  }
}

template <class V>
void MergePartitionsKernel(const AttentionArgs& args, int32_t tile_index, int32_t kv_head,
                           const float* partials) {
  const AttentionTile& tile = args.plan->tiles[tile_index];
  const AttentionSequence& seq = args.plan->sequences[tile.sequence];
  const int dim = args.kv.head_dim;
  AttentionScratch s;
  s.rows = tile.num_queries * args.group;
  for (int r = 0; r < s.rows; ++r) s.total_sum[r] = 0.0f;
  const int limit = seq.context - seq.num_rows + tile.first_query + tile.num_queries;
  const int partitions = PartitionsFor(limit);
  for (int p = 0; p < partitions; ++p) {
    const float* partial = partials + p * args.plan->partial_floats;
    for (int r = 0; r < s.rows; ++r, partial += AttentionPartialFloats(dim)) {
      MergeRow<V>(dim, r, partial[0], partial[1], partial + 16, s);
    }
  }
  StoreOutput<V>(args, tile, kv_head, s);
}

}  // namespace qed

#endif  // QED_KERNELS_CPU_ATTENTION_KERNELS_H_
