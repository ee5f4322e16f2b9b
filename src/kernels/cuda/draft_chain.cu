#include "base/check.h"
#include "cuda/launch.cuh"
#include "kernels/cuda/draft_chain.h"
#include "kernels/cuda/row.cuh"
#include "kernels/cuda/row_launch.cuh"
#include "kernels/cuda/token_choice.h"

namespace qed::cuda {
namespace {

__device__ __forceinline__ const BFloat16* EmbeddingOf(const DraftChains& chains, int32_t token) {
  const int32_t id = token < 0 || token >= chains.vocab_size ? 0 : token;
  return chains.embedding + int64_t{id} * chains.hidden;
}

// chains.input of chain `c`, from its token and its state; without `go_on` the state is zero
// and becomes so. A block a chain.
template <int kVectors>
__device__ __forceinline__ void WriteInput(const DraftChains& chains, int64_t c, int32_t token,
                                           bool go_on, float* scratch) {
  const RowPart part = {0, 2 * chains.hidden};
  const BFloat16* embedding = EmbeddingOf(chains, token);
  float* state = chains.state + c * chains.hidden;
  Four row[kVectors] = {};
#pragma unroll
  for (int i = 0; i < kVectors; ++i) {
    const int column = ColumnOf(part, i);
    if (column >= part.end) continue;
    if (column < chains.hidden) {
      row[i] = LoadFour(embedding + column);
    } else if (go_on) {
      row[i] = LoadFour(state + column - chains.hidden);
    } else {
      StoreFour(state + column - chains.hidden, row[i]);
    }
  }
  if (!chains.recurrent) return;
  StoreRow(row, part, part.end, c, chains.input,
           [&](float value) { return BlockLargest(value, scratch); });
}

template <int kVectors>
__global__ void __launch_bounds__(kMaxRowThreads<kVectors>)
    BeginChainsKernel(const __grid_constant__ DraftChains chains,
                      const __grid_constant__ SampledStep step) {
  WaitForKernelBefore();
  __shared__ float scratch[kWarp];
  const int64_t c = blockIdx.x;
  // Each thread follows the chain by itself: a few loads of the same values.
  int32_t row = step.first_rows[c];
  int32_t token = step.result[row].id;
  while (step.rows[row].draft >= 0 && step.rows[row].draft == token) token = step.result[++row].id;
  if (threadIdx.x == 0) {
    chains.latest[c] = row;
    chains.tokens[c] = token;
  }
  WriteInput<kVectors>(chains, c, token, /*go_on=*/false, scratch);
}

template <int kVectors>
__global__ void __launch_bounds__(kMaxRowThreads<kVectors>)
    AdvanceStatesKernel(const __grid_constant__ DraftChains chains, const BFloat16* hidden,
                        const Product recurrence, float* z, const Activations out) {
  WaitForKernelBefore();
  __shared__ float scratch[kWarp];
  const int64_t c = blockIdx.x;
  const RowPart part = {0, 2 * chains.hidden};
  const BFloat16* given = hidden + int64_t{chains.latest[c]} * chains.hidden;
  const BFloat16* embedding = EmbeddingOf(chains, chains.tokens[c]);
  float* state = chains.state + c * chains.hidden;
  Four row[kVectors] = {};
#pragma unroll
  for (int i = 0; i < kVectors; ++i) {
    const int column = ColumnOf(part, i);
    if (column >= part.end) continue;
    const int of_state = column - chains.hidden;
    if (of_state < 0) {
      row[i] = LoadFour(given + column);
    } else {
      if (chains.recurrent) {
        row[i] = LoadProduct(recurrence, chains.hidden, c, of_state);
#pragma unroll
        for (int j = 0; j < 4; ++j) row[i].v[j] = Silu(row[i].v[j]);
      } else {
        const Four before = LoadFour(state + of_state), more = LoadFour(embedding + of_state);
#pragma unroll
        for (int j = 0; j < 4; ++j) row[i].v[j] = before.v[j] + more.v[j];
      }
      StoreFour(state + of_state, row[i]);
    }
    StoreFour(z + c * part.end + column, row[i]);
  }
  StoreRow(row, part, part.end, c, out, [&](float value) { return BlockLargest(value, scratch); });
}

template <int kVectors>
__global__ void __launch_bounds__(kMaxRowThreads<kVectors>)
    AddBlockKernel(int width, const Product product, bool replace, float* z,
                   const Activations out) {
  WaitForKernelBefore();
  __shared__ float scratch[kWarp];
  const int64_t c = blockIdx.x;
  const RowPart part = {0, width};
  Four row[kVectors] = {};
#pragma unroll
  for (int i = 0; i < kVectors; ++i) {
    const int column = ColumnOf(part, i);
    if (column >= part.end) continue;
    row[i] = LoadProduct(product, width, c, column);
    float* at = z + c * width + column;
    if (!replace) {
      const Four before = LoadFour(at);
#pragma unroll
      for (int j = 0; j < 4; ++j) row[i].v[j] = before.v[j] + Silu(row[i].v[j]);
    }
    StoreFour(at, row[i]);
  }
  StoreRow(row, part, width, c, out, [&](float value) { return BlockLargest(value, scratch); });
}

// Logits without their row's scale, which is the same for all of a row.
__device__ __forceinline__ Four LogitsAt(const Product& logits, int64_t width, int64_t c, int n) {
  Product unscaled = logits;
  unscaled.row_scales = nullptr;
  return LoadProduct(unscaled, width, c, n);
}

// The larger, the likelier; of equal ones the lower row is.
__device__ __forceinline__ uint64_t RankOf(float logit, int row) {
  return uint64_t{KeyOfLogit(logit)} << 32 | ~static_cast<uint32_t>(row);
}

__device__ __forceinline__ uint64_t WarpHighest(uint64_t value) {
#pragma unroll
  for (int step = kWarp / 2; step > 0; step /= 2) {
    value = max(value, __shfl_xor_sync(kAllLanes, value, step));
  }
  return value;
}

template <int kVectors>
__global__ void __launch_bounds__(kMaxRowThreads<kVectors>)
    ChooseDraftsKernel(const __grid_constant__ DraftChains chains, const Product logits,
                       int head_rows, int width, DraftToken* drafts) {
  WaitForKernelBefore();
  __shared__ float scratch[kWarp];
  __shared__ uint64_t ranks[kWarp];
  const int64_t c = blockIdx.x;
  const int step = 4 * static_cast<int>(blockDim.x);
  uint64_t best = 0;
  for (int n = 4 * static_cast<int>(threadIdx.x); n < head_rows; n += step) {
    const Four four = LogitsAt(logits, width, c, n);
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      if (n + j < head_rows) best = max(best, RankOf(four.v[j], n + j));
    }
  }
  best = BlockReduce(best, ranks, WarpHighest, [](uint64_t a, uint64_t b) { return max(a, b); });
  const float highest = LogitOfKey(static_cast<uint32_t>(best >> 32));
  const float scale = logits.row_scales == nullptr ? 1.0F : logits.row_scales[c];
  float sum = 0;
  for (int n = 4 * static_cast<int>(threadIdx.x); n < head_rows; n += step) {
    const Four four = LogitsAt(logits, width, c, n);
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      if (n + j < head_rows) sum += __expf((four.v[j] - highest) * scale);
    }
  }
  sum = BlockReduce(sum, scratch, WarpSum, [](float a, float b) { return a + b; });
  const auto row = static_cast<int32_t>(~static_cast<uint32_t>(best));
  const int32_t token = chains.vocabulary == nullptr ? row : chains.vocabulary[row];
  if (threadIdx.x == 0) {
    drafts[c] = {token, 1.0F / sum};
    chains.tokens[c] = token;
  }
  WriteInput<kVectors>(chains, c, token, /*go_on=*/true, scratch);
}

}  // namespace

void BeginChains(const DraftChains& chains, const SampledStep& step, StreamHandle stream) {
  LaunchForRows(chains.count, 2 * chains.hidden, [&](auto vectors, dim3 grid, dim3 block) {
    Launch(BeginChainsKernel<vectors()>, grid, block, 0, stream, chains, step);
  });
}

void AdvanceStates(const DraftChains& chains, const BFloat16* hidden, const Product& recurrence,
                   float* z, const Activations& out, StreamHandle stream) {
  LaunchForRows(chains.count, 2 * chains.hidden, [&](auto vectors, dim3 grid, dim3 block) {
    Launch(AdvanceStatesKernel<vectors()>, grid, block, 0, stream, chains, hidden, recurrence, z,
           out);
  });
}

void AddBlock(int32_t chains, int32_t width, const Product& product, bool replace, float* z,
              const Activations& out, StreamHandle stream) {
  LaunchForRows(chains, width, [&](auto vectors, dim3 grid, dim3 block) {
    Launch(AddBlockKernel<vectors()>, grid, block, 0, stream, width, product, replace, z, out);
  });
}

void ChooseDrafts(const DraftChains& chains, const Product& logits, int32_t head_rows,
                  int32_t width, DraftToken* drafts, StreamHandle stream) {
  QED_CHECK(head_rows > 0 && head_rows <= width && width % 4 == 0) << head_rows;
  LaunchForRows(chains.count, 2 * chains.hidden, [&](auto vectors, dim3 grid, dim3 block) {
    Launch(ChooseDraftsKernel<vectors()>, grid, block, 0, stream, chains, logits, head_rows, width,
           drafts);
  });
}

}  // namespace qed::cuda
