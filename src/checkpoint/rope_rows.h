// The row order of GGUF's Llama q and k projections.
//
// HF rotates value i of a head with value i + D/2; llama.cpp's Llama rotates
// neighbours 2i and 2i + 1, and its converter moved the rows to match. QED
// computes as HF does, so such rows are moved back when they are read.
#ifndef QED_CHECKPOINT_ROPE_ROWS_H_
#define QED_CHECKPOINT_ROPE_ROWS_H_

#include <cstdint>

namespace qed {

// The row of the file that holds row `hf_row` of a q or k projection (or value
// `hf_row` of its bias) whose `interleaved_rope_rows` is set.
// head_dim is D, an even number.
constexpr int64_t InterleavedRopeRow(int64_t hf_row, int64_t head_dim) {
  const int64_t head_begin = hf_row / head_dim * head_dim;
  const int64_t in_head = hf_row % head_dim;
  const int64_t half = head_dim / 2;
  return head_begin + 2 * (in_head % half) + in_head / half;
}

}  // namespace qed

#endif  // QED_CHECKPOINT_ROPE_ROWS_H_
