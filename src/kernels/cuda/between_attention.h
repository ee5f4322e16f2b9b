// All that a step of few rows does between one layer's attention and the next one's, as one
// launch: the products o, gate-up, down and the next layer's qkv, the norms and the gate between
// them, and the roundings of their inputs. For compute capability 9.0.
//
// Weights are on their way to shared memory all the time, across the borders of products, for
// nobody has to wait for them: what a product must wait for, its input, costs no time in which
// the memory is idle. As in kernels/cuda/few_rows_linear.h a row's sums are made in one order
// whatever the other rows are.
#ifndef QED_KERNELS_CUDA_BETWEEN_ATTENTION_H_
#define QED_KERNELS_CUDA_BETWEEN_ATTENTION_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "cuda/stream.h"
#include "kernels/cuda/linear.h"
#include "kernels/cuda/rank_links.h"
#include "kernels/cuda/types.h"

namespace qed::cuda {

// Rows of a step at most. With more, cuBLASLt's products and launches of their own are as fast.
inline constexpr int32_t kBetweenRows = 32;

// The four weights have one format.
struct BetweenAttention {
  int32_t rows = 0;
  float* residual = nullptr;  // [rows, hidden], hidden is o.n
  float norm_eps = 0;

  BFloat16* attention = nullptr;  // [rows, o.k], the input
  Activations attended;           // [rows, o.k], scratch in FP8: the input as codes
  DeviceWeight o;
  const float* o_bias = nullptr;  // [hidden] or null

  const float* ffn_norm = nullptr;  // [hidden]
  Activations normed;               // [rows, hidden], scratch
  DeviceWeight gate_up;
  Activations gated;  // [rows, down.k], scratch
  DeviceWeight down;

  // Null in the last layer, whose result is what `down` gives.
  const float* next_norm = nullptr;  // [hidden]
  DeviceWeight qkv;

  BFloat16* out = nullptr;  // [rows, qkv.n], or [rows, hidden]: scales applied, no bias

  // Of several ranks, each of which has a GPU of its own and launches the same: what the residual
  // stream gets are the sums over them of `o`, in slot 0 of the exchange
  // (kernels/cuda/rank_sum.h), and of `down`, in slot 1, but for the last layer's. Null: alone.
  const RankLinks* links = nullptr;
};

// Whether the calling thread's GPU does it for these weights with so many rows.
bool HasBetweenAttention(const BetweenAttention& args);

// Widths of rows in a network's layers.
struct LayerWidths {
  int32_t hidden, queries, qkv, inner;
};

// Bytes of workspace it needs in such a network, whatever the format and the rows; 0 where the
// calling thread's GPU does not do it. All of it must be zero before the first launch; each
// leaves it ready for the next in the stream.
size_t BetweenAttentionWorkspace(const LayerWidths& widths);

// REQUIRES: HasBetweenAttention(args); `workspace` as above. Other rows are neither read nor
// written.
void RunBetweenAttention(const BetweenAttention& args, std::span<std::byte> workspace,
                         StreamHandle stream);

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_BETWEEN_ATTENTION_H_
