// What lies between a layer's query-key-value product and its attention: bias,
// head norms (Qwen3), RoPE, and the write of keys and values into their pages,
// in one pass.
#ifndef QED_KERNELS_CUDA_ROPE_H_
#define QED_KERNELS_CUDA_ROPE_H_

#include <cstdint>

#include "cuda/stream.h"
#include "kernels/cuda/types.h"

namespace qed::cuda {

// Fills table[p, i] = factor * {cos(p * frequencies[i]), sin(p * frequencies[i])} for
// p in [0, positions), i in [0, half): 8 * positions * half bytes. In double,
// since position * frequency is large where the angle is not. `frequencies` lies
// on the device (model/rope_frequencies.h).
void FillRopeTable(const double* frequencies, int32_t half, int32_t positions, float factor,
                   float* table, StreamHandle stream);

struct QkvShape {
  int32_t num_heads = 0;     // H
  int32_t num_kv_heads = 0;  // KVH
  int32_t head_dim = 0;      // D: a multiple of 8, at most 256
};

struct RotateAndStoreArgs {
  Product qkv;                    // [T, (H + 2 KVH) D]; rotated queries are written in place
  const float* q_norm = nullptr;  // [D], both or neither
  const float* k_norm = nullptr;  // [D]
  float norm_eps = 0;
  const float* rope_table = nullptr;   // FillRopeTable's
  const int32_t* positions = nullptr;  // [T]
  // [T] page * page_size + place in the page; -1: a row of padding, whose keys and
  // values go nowhere.
  const int32_t* slots = nullptr;
  BFloat16* pages = nullptr;  // this layer's [pages, {keys, values}, page_size, KVH, D]
  int32_t page_size = 0;
};

// REQUIRES: positions below the table's, slots below the pages'.
void RotateAndStore(const QkvShape& shape, int32_t rows, const RotateAndStoreArgs& args,
                    StreamHandle stream);

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_ROPE_H_
