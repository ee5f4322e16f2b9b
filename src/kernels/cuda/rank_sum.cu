#include "base/check.h"
#include "cuda/launch.cuh"
#include "kernels/cuda/rank_links.cuh"
#include "kernels/cuda/rank_sum.h"
#include "kernels/cuda/rms_norm_row.cuh"
#include "kernels/cuda/row_launch.cuh"

namespace qed::cuda {
namespace {

// Rank r's part of a product. The bias is in the first one's.
__device__ __forceinline__ Product OfRank(const RankLinks& links, int r, Product product) {
  product.data = On(links, r, product.data);
  product.row_scales = On(links, r, product.row_scales);
  if (r != 0) product.bias = nullptr;
  return product;
}

// A block a row.
template <int kVectors>
__global__ void __launch_bounds__(kMaxRowThreads<kVectors>)
    NormOfAllKernel(int width, const RmsNormArgs args, const __grid_constant__ RankLinks links,
                    int slot) {
  WaitForKernelBefore();
  __shared__ RowFacts scratch[kWarp];
  const int t = static_cast<int>(blockIdx.x);
  const int64_t source = args.row_ids == nullptr ? t : args.row_ids[t];
  const RowPart part = {0, width};
  uint32_t* const turn_place = &ExchangeOf(links, links.rank).turns[slot][t];
  const uint32_t turn = LoadTurn(turn_place) ^ 1;
  const Product delta = OfRank(links, links.rank, args.delta);
  Four row[kVectors];
#pragma unroll
  for (int i = 0; i < kVectors; ++i) {
    const int column = ColumnOf(part, i);
    if (column >= width) continue;
    row[i] = LoadProduct(delta, width, source, column);
    SendToRanks(links, slot, t, column, row[i], turn);
  }
  RowFacts facts = {0, 0};
  float* residual = args.residual + source * width;
  constexpr int kAtOnce = kVectors < 2 ? kVectors : 2;  // as many as registers allow
#pragma unroll
  for (int base = 0; base < kVectors; base += kAtOnce) {
    int column[kAtOnce];
    Four own[kAtOnce] = {}, value[kAtOnce] = {};
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      column[i] = ColumnOf(part, base + i);
      if (column[i] >= width) continue;
      own[i] = row[base + i];
      value[i] = LoadFour(residual + column[i]);
    }
    AddOfRanks(links, slot, t, column, width, turn, own, value);
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      if (column[i] >= width) continue;
      if (args.row_ids == nullptr) StoreFour(residual + column[i], value[i]);
      WeighFour(value[i], LoadFour(args.weight + column[i]), facts);
      row[base + i] = value[i];
    }
  }
  facts = FactsOfBlock(facts, scratch);  // all threads have read the turn
  if (threadIdx.x == 0) *turn_place = turn;
  const float factor = NormFactor(facts, width, args.eps);
  ScaleRow(row, factor);
  StoreRow(row, part, width, t, args.out, [&](float) { return factor * facts.largest; });
}

__device__ __forceinline__ Activations OfRank(const RankLinks& links, int r, Activations out) {
  out.bf16 = On(links, r, out.bf16);
  out.fp8 = On(links, r, out.fp8);
  out.scales = On(links, r, out.scales);
  return out;
}

// The first of a step's rows whose sums are rank r's.
__host__ __device__ __forceinline__ int64_t ShareBegin(int64_t all_rows, int r, int ranks) {
  return all_rows * r / ranks;
}

// A block a row of this rank's share; `first` is the first of them where there are no row ids.
template <int kVectors>
__global__ void __launch_bounds__(kMaxRowThreads<kVectors>)
    NormOfShareKernel(int width, int all_rows, int first, const RmsNormArgs args,
                      const __grid_constant__ RankLinks links) {
  WaitForKernelBefore();
  __shared__ RowFacts scratch[kWarp];
  const int64_t t = first + static_cast<int>(blockIdx.x);
  const int64_t source = args.row_ids == nullptr ? t : args.row_ids[t];
  const bool own = source >= ShareBegin(all_rows, links.rank, links.ranks) &&
                   source < ShareBegin(all_rows, links.rank + 1, links.ranks);
  if (!own) return;
  const RowPart part = {0, width};
  float* residual = args.residual + source * width;
  Four row[kVectors] = {};
  for (int r = 0; r < links.ranks; ++r) {
    const Product delta = OfRank(links, r, args.delta);
#pragma unroll
    for (int i = 0; i < kVectors; ++i) {
      const int column = ColumnOf(part, i);
      if (column >= width) continue;
      const Four value = LoadProduct(delta, width, source, column);
#pragma unroll
      for (int j = 0; j < 4; ++j) row[i].v[j] += value.v[j];
    }
  }
  RowFacts facts = {0, 0};
#pragma unroll
  for (int i = 0; i < kVectors; ++i) {
    const int column = ColumnOf(part, i);
    if (column >= width) continue;
    const Four before = LoadFour(residual + column);
#pragma unroll
    for (int j = 0; j < 4; ++j) row[i].v[j] += before.v[j];
    if (args.row_ids == nullptr) StoreFour(residual + column, row[i]);
    WeighFour(row[i], LoadFour(args.weight + column), facts);
  }
  facts = FactsOfBlock(facts, scratch);
  const float factor = NormFactor(facts, width, args.eps);
  ScaleRow(row, factor);
  for (int r = 0; r < links.ranks; ++r) {
    StoreRow(row, part, width, t, OfRank(links, r, args.out),
             [&](float) { return factor * facts.largest; });
  }
}

// Tells all ranks that this one has come, with all that it has written, and waits until all
// have. One thread a rank.
__device__ __forceinline__ void MeetRanks(const RankLinks& links) {
  RankExchange& own = ExchangeOf(links, links.rank);
  const uint32_t meeting = own.meetings + 1;
  __syncthreads();
  const int r = static_cast<int>(threadIdx.x);
  if (r < links.ranks) {
    __threadfence_system();
    asm volatile(
        "st.release.sys.global.u32 [%0], %1;\n" ::"l"(&ExchangeOf(links, r).met[links.rank]),
        "r"(meeting)
        : "memory");
    RankPatience patience;
    for (bool there = false; !there;) {
      uint32_t met;
      asm volatile("ld.acquire.sys.global.u32 %0, [%1];\n"
                   : "=r"(met)
                   : "l"(&own.met[r])
                   : "memory");
      there = static_cast<int32_t>(met - meeting) >= 0 || patience.IsOver(links, r);
    }
    __threadfence_system();
  }
  __syncthreads();
  if (threadIdx.x == 0) own.meetings = meeting;
}

__global__ void MeetKernel(const __grid_constant__ RankLinks links) {
  WaitForKernelBefore();
  MeetRanks(links);
}

// One block.
__global__ void ShareTokensKernel(const __grid_constant__ RankLinks links, int32_t* tokens,
                                  int count) {
  WaitForKernelBefore();
  if (links.rank == 0) {
    for (int r = 1; r < links.ranks; ++r) {
      int32_t* const to = On(links, r, tokens);
      for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(blockDim.x)) {
        to[i] = tokens[i];
      }
    }
  }
  __syncthreads();
  MeetRanks(links);
}

// A row a block in y.
__global__ void SendColumnsKernel(const __grid_constant__ RankLinks links, int columns,
                                  const float* part, float* all, int64_t stride, int first) {
  WaitForKernelBefore();
  const int64_t t = blockIdx.y;
  float* const to = On(links, 0, all) + t * stride + first;
  const float* const from = part + t * columns;
  const int step = static_cast<int>(gridDim.x * blockDim.x);
  for (int n = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); n < columns; n += step) {
    to[n] = from[n];
  }
}

void Meet(const RankLinks& links, StreamHandle stream) {
  Launch(MeetKernel, dim3(1), dim3(kWarp), 0, stream, links);
}

}  // namespace

int64_t RankExchangeBytes(int32_t ranks, int32_t width) {
  return kRankExchangeHead +
         int64_t{kRankSlots} * ranks * kOneShotRows * width * static_cast<int64_t>(sizeof(float));
}

void AddRmsNormOfAll(int32_t rows, int32_t width, const RmsNormArgs& args, const RankLinks& links,
                     int slot, StreamHandle stream) {
  QED_CHECK(rows > 0 && rows <= kOneShotRows && width == links.width) << rows;
  LaunchForRows(rows, width, [&](auto vectors, dim3 grid, dim3 block) {
    Launch(NormOfAllKernel<vectors()>, grid, block, 0, stream, width, args, links, slot);
  });
}

void AddRmsNormOfShare(int32_t rows, int32_t width, int32_t all_rows, const RmsNormArgs& args,
                       const RankLinks& links, StreamHandle stream) {
  QED_CHECK(rows > 0 && all_rows > 0);
  Meet(links, stream);
  const auto border = [&](int32_t rank) {
    return static_cast<int32_t>(ShareBegin(all_rows, rank, links.ranks));
  };
  const int32_t first = args.row_ids == nullptr ? border(links.rank) : 0;
  const int32_t own = args.row_ids == nullptr ? border(links.rank + 1) - first : rows;
  if (own > 0) {
    LaunchForRows(own, width, [&](auto vectors, dim3 grid, dim3 block) {
      Launch(NormOfShareKernel<vectors()>, grid, block, 0, stream, width, all_rows, first, args,
             links);
    });
  }
  Meet(links, stream);
}

void ShareTokens(const RankLinks& links, int32_t* tokens, int32_t count, StreamHandle stream) {
  Launch(ShareTokensKernel, dim3(1), dim3(256), 0, stream, links, tokens, count);
}

void GatherColumns(const RankLinks& links, int32_t rows, int32_t columns, const float* part,
                   float* all, int64_t stride, int32_t first, StreamHandle stream) {
  constexpr int kThreads = 256, kOfThread = 8;
  const int blocks = (columns + kThreads * kOfThread - 1) / (kThreads * kOfThread);
  Launch(SendColumnsKernel, dim3(static_cast<unsigned>(blocks), static_cast<unsigned>(rows)),
         dim3(kThreads), 0, stream, links, columns, part, all, stride, first);
  Meet(links, stream);
}

}  // namespace qed::cuda
