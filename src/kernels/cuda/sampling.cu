#include <cuda_runtime.h>

#include <cstddef>

#include "base/check.h"
#include "cuda/launch.cuh"
#include "kernels/cuda/row_team.cuh"
#include "kernels/cuda/sampling.h"
#include "kernels/cuda/token_choice.h"

namespace qed::cuda {
namespace {

// Blocks of a row: the most that every GPU with clusters grants. Together their
// shared memory holds the whole row, which is then read from global memory once.
constexpr int kClusterBlocks = 8;
constexpr int kMaxVocab = 1 << 19;  // sums of that many masses fit in 64 bits

constexpr int kCountThreads = 256;

// Odd (kernels/cuda/row_team.cuh).
int32_t KeysPerThread(int32_t vocab_size, int blocks) {
  const int threads = blocks * kRowThreads;
  return ((vocab_size + threads - 1) / threads) | 1;
}

// Of one block.
int64_t KeyBytes(int32_t vocab_size, int blocks) {
  return int64_t{KeysPerThread(vocab_size, blocks)} * kRowThreads * sizeof(uint32_t);
}

template <int kBlocks>
struct KernelArgs {
  SamplingArgs args;
  int32_t per_thread;
};

template <int kBlocks>
__device__ __forceinline__ uint32_t* KeysOfBlock(const KernelArgs<kBlocks>& kernel, int row,
                                                 uint32_t* shared) {
  if constexpr (kBlocks > 1) return shared;
  return kernel.args.scratch + int64_t{row} * kRowThreads * kernel.per_thread;
}

// The token of one row, and what the next step is to know of it.
template <int kBlocks>
__device__ __forceinline__ void ChooseRow(const KernelArgs<kBlocks>& kernel) {
  using Shared = typename RowTeam<kBlocks>::Shared;
  __shared__ alignas(Shared) std::byte memory[sizeof(Shared)];
  extern __shared__ uint32_t shared_keys[];
  WaitForKernelBefore();
  const SamplingArgs& args = kernel.args;
  const int row = static_cast<int>(blockIdx.x) / kBlocks;
  const SamplingRow params = args.rows[row];
  RowTeam<kBlocks> team(reinterpret_cast<Shared&>(memory), KeysOfBlock(kernel, row, shared_keys),
                        args.vocab_size, kernel.per_thread);
  uint16_t* counts = params.has_penalties != 0 && params.next != 0
                         ? args.counts + int64_t{params.slot} * args.vocab_size
                         : nullptr;
  const TokenBias* biases = params.num_biases > 0 && params.next != 0
                                ? args.biases + int64_t{params.slot} * kMaxTokenBiases
                                : nullptr;
  const int32_t id = ChooseToken(team, params, args.rows + row,
                                 args.logits + int64_t{row} * args.vocab_size, counts, biases);
  if (team.is_first_block() && threadIdx.x == 0) {
    args.result[row] = {id, 0.0F};
    // What of a chain counts is known when all its rows are through.
    if (params.next != 0 && params.place == 0 && params.draft < 0) {
      args.sampled[params.slot] = id;
      if (counts != nullptr && id >= 0) counts[id] = CountOnce(counts[id], true);
    }
  }
  team.Sync();  // No block may end while another reads its shared memory.
}

template <int kBlocks>
__device__ __forceinline__ void FindRowLogprobs(const KernelArgs<kBlocks>& kernel) {
  using Shared = typename RowTeam<kBlocks>::Shared;
  __shared__ alignas(Shared) std::byte memory[sizeof(Shared)];
  extern __shared__ uint32_t shared_keys[];
  WaitForKernelBefore();
  const SamplingArgs& args = kernel.args;
  const int row = static_cast<int>(blockIdx.x) / kBlocks;
  const SamplingRow params = args.rows[row];
  if (params.logprobs == 0) return;
  RowTeam<kBlocks> team(reinterpret_cast<Shared&>(memory), KeysOfBlock(kernel, row, shared_keys),
                        args.vocab_size, kernel.per_thread);
  TokenLogprob* tops = args.result + args.num_rows + params.first_top;
  if (team.is_first_block() && static_cast<int>(threadIdx.x) < params.num_top) {
    tops[threadIdx.x] = TokenLogprob{};
  }
  const int32_t id = args.result[row].id;
  if (id < 0) return;
  const float logprob = FindLogprobs(team, params, args.logits + int64_t{row} * args.vocab_size, id,
                                     [&](int32_t rank, int32_t top, float value) {
                                       tops[rank] = {top, value};
                                     });
  if (team.is_first_block() && threadIdx.x == 0) args.result[row].logprob = logprob;
  team.Sync();
}

// Keeps and counts the tokens of chains, a thread a chain.
__global__ void FollowChains(const __grid_constant__ SamplingArgs args) {
  WaitForKernelBefore();
  const int first = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (first >= args.num_rows || args.rows[first].place > 0 || args.rows[first].draft < 0) return;
  const int32_t slot = args.rows[first].slot;
  uint16_t* counts =
      args.rows[first].has_penalties != 0 ? args.counts + int64_t{slot} * args.vocab_size : nullptr;
  for (int row = first;; ++row) {
    const int32_t id = args.result[row].id;
    args.sampled[slot] = id;
    if (counts != nullptr && id >= 0) counts[id] = CountOnce(counts[id], true);
    if (args.rows[row].draft < 0 || args.rows[row].draft != id) return;
  }
}

QED_CLUSTER(kClusterBlocks)
__global__ void __launch_bounds__(kRowThreads, 2)
    ChooseInCluster(const __grid_constant__ KernelArgs<kClusterBlocks> kernel) {
  ChooseRow(kernel);
}

__global__ void __launch_bounds__(kRowThreads)
    ChooseInBlock(const __grid_constant__ KernelArgs<1> kernel) {
  ChooseRow(kernel);
}

QED_CLUSTER(kClusterBlocks)
__global__ void __launch_bounds__(kRowThreads, 2)
    LogprobsInCluster(const __grid_constant__ KernelArgs<kClusterBlocks> kernel) {
  FindRowLogprobs(kernel);
}

__global__ void __launch_bounds__(kRowThreads)
    LogprobsInBlock(const __grid_constant__ KernelArgs<1> kernel) {
  FindRowLogprobs(kernel);
}

__global__ void AddCountsKernel(uint16_t* counts, int32_t vocab_size, const int32_t* tokens,
                                const uint8_t* generated, int32_t num_tokens) {
  WaitForKernelBefore();
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= num_tokens || tokens[i] < 0 || tokens[i] >= vocab_size) return;
  auto* count = reinterpret_cast<unsigned short*>(counts + tokens[i]);
  unsigned short seen = *count, expected;
  do {
    expected = seen;
    seen = atomicCAS(count, expected, CountOnce(expected, generated[i] != 0));
  } while (seen != expected);
}

constexpr int kOwnSharedBytes = sizeof(RowTeam<kClusterBlocks>::Shared);

// Whether the calling thread's GPU has clusters and shared memory for these rows.
bool FitsCluster(int32_t vocab_size) {
  return DeviceHasClusters() &&
         KeyBytes(vocab_size, kClusterBlocks) + kOwnSharedBytes <= DeviceSharedBytesPerBlock();
}

template <typename Kernel>
void AllowShared(Kernel* kernel) {
  QED_CUDA_CHECK(
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                           DeviceSharedBytesPerBlock() - (kOwnSharedBytes + 127) / 128 * 128));
}

void LaunchFollowChains(const SamplingArgs& args, StreamHandle stream) {
  if (!args.any_drafts) return;
  const dim3 grid(static_cast<unsigned>((args.num_rows + kCountThreads - 1) / kCountThreads));
  Launch(FollowChains, grid, dim3(kCountThreads), 0, stream, args);
}

}  // namespace

int64_t SamplingScratchBytes(int32_t vocab_size, int32_t max_rows) {
  return FitsCluster(vocab_size) ? 0 : KeyBytes(vocab_size, 1) * max_rows;
}

void Sample(const SamplingArgs& args, StreamHandle stream) {
  QED_CHECK(args.vocab_size >= 1 && args.vocab_size <= kMaxVocab) << args.vocab_size;
  if (args.num_rows == 0) return;
  const dim3 block(kRowThreads);
  if (args.scratch != nullptr) {
    const KernelArgs<1> kernel = {args, KeysPerThread(args.vocab_size, 1)};
    const dim3 grid(static_cast<unsigned>(args.num_rows));
    Launch(ChooseInBlock, grid, block, 0, stream, kernel);
    if (args.any_logprobs) Launch(LogprobsInBlock, grid, block, 0, stream, kernel);
    LaunchFollowChains(args, stream);
    return;
  }
  static const bool allowed = [] {
    AllowShared(ChooseInCluster);
    AllowShared(LogprobsInCluster);
    return true;
  }();
  QED_CHECK(allowed);
  const KernelArgs<kClusterBlocks> kernel = {args, KeysPerThread(args.vocab_size, kClusterBlocks)};
  const dim3 grid(static_cast<unsigned>(args.num_rows * kClusterBlocks));
  const size_t shared_bytes = KeyBytes(args.vocab_size, kClusterBlocks);
  Launch(ChooseInCluster, grid, block, shared_bytes, stream, kernel);
  if (args.any_logprobs) Launch(LogprobsInCluster, grid, block, shared_bytes, stream, kernel);
  LaunchFollowChains(args, stream);
}

void AddTokenCounts(uint16_t* counts, int32_t vocab_size, bool clear, const int32_t* tokens,
                    const uint8_t* generated, int32_t num_tokens, StreamHandle stream) {
  if (clear) Fill(counts, 0, static_cast<size_t>(vocab_size) * sizeof(uint16_t), stream);
  if (num_tokens == 0) return;
  const dim3 grid(static_cast<unsigned>((num_tokens + kCountThreads - 1) / kCountThreads));
  Launch(AddCountsKernel, grid, dim3(kCountThreads), 0, stream, counts, vocab_size, tokens,
         generated, num_tokens);
}

}  // namespace qed::cuda
