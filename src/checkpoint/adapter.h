// LoRA adapters in PEFT's layout: a folder with adapter_config.json and
// adapter_model.safetensors. Only what merges exactly is accepted: plain LoRA
// (rsLoRA scaling included) on linear layers.
#ifndef QED_CHECKPOINT_ADAPTER_H_
#define QED_CHECKPOINT_ADAPTER_H_

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/status.h"
#include "checkpoint/checkpoint.h"

namespace qed {

// W' = W + scale * B * A for one weight, in HF row order.
struct LoraDelta {
  int64_t rank = 0;
  float scale = 1.0f;
  std::vector<float> a;  // [rank, in]
  std::vector<float> b;  // [out, rank]
};

struct Adapter {
  std::string path;
  std::map<std::string, LoraDelta> deltas;  // by HF weight name, ".weight" included
};

// Opens the folder and checks it against the checkpoint it is for: every pair
// complete, every target present, every shape right.
Result<Adapter> OpenAdapter(const std::string& path, const Checkpoint& checkpoint);

// weight[r, :] += scale * B[r, :] * A for rows [first_row, first_row + rows).
// weight is [rows, in], f32, HF row order.
void ApplyLora(const LoraDelta& delta, int64_t first_row, int64_t rows, std::span<float> weight);

}  // namespace qed

#endif  // QED_CHECKPOINT_ADAPTER_H_
