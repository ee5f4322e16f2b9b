// A ReDrafter head as published (Apple's ml-recurrent-drafter, arXiv:2403.09919): a folder
// with config.json and model.safetensors, its tensors under Apple's and NeMo-Skills' names
// or TensorRT-LLM's.
//
//   s_0 = 0;  s_t = SiLU(W e(x_t) + U s_{t-1} + b)         with "rnn", else
//   s_t = s_{t-1} + e(x_t)
//   z = [h ; s_t], through input_proj where exit_dim is not 2 hidden_size
//   z = z + SiLU(A_i z + a_i)                               for each of the layers
//   logits = L z
// where e is the model's own embedding, h what its head saw when it gave x_1, and x_t the
// t-th token from there.
//
// Ours beside theirs: vocabulary.json, a list of token ids, for a head with a row for each
// of these alone; and "base_model_fingerprint" in config.json, which says whose drafter it is.
#ifndef QED_CHECKPOINT_DRAFTER_CHECKPOINT_H_
#define QED_CHECKPOINT_DRAFTER_CHECKPOINT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/status.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/raw_tensor.h"

namespace qed {

struct DrafterCheckpoint {
  std::string path;
  int32_t hidden_size = 0;  // E of the model
  int32_t vocab_size = 0;   // of the model
  int32_t exit_dim = 0;
  int32_t num_layers = 0;
  bool rnn = true;
  // Under Apple's names: "rnn_w.weight", "rnn_u.weight", "rnn_u.bias", "input_proj.weight",
  // "input_proj.bias", "lm_head.{i}.linear.weight", "lm_head.{i}.linear.bias" for i below
  // num_layers, "lm_head.{num_layers}.weight".
  std::map<std::string, RawTensor> tensors;
  // Row r of the last one gives the logit of token vocabulary[r]; empty: of token r.
  std::vector<int32_t> vocabulary;
  std::shared_ptr<const MappedFile> file;
  // Without tensors: whoever loads it makes values up.
  bool random = false;

  bool has_input_proj() const { return exit_dim != 2 * hidden_size; }
  int32_t head_rows() const {
    return vocabulary.empty() ? vocab_size : static_cast<int32_t>(vocabulary.size());
  }
  std::string head_name() const { return "lm_head." + std::to_string(num_layers) + ".weight"; }
};

// Opens the folder and checks it against the model it is for: sizes, tensors (missing,
// unknown, of another shape), numbers that are not numbers, whose drafter it is. Errors are
// one line that begins with the path.
Result<DrafterCheckpoint> OpenDrafter(const std::string& path, const Checkpoint& model);

// A head of two layers as wide as [h ; s], for the `tokens` lowest ids, that nobody trained: for
// measurements of what one costs.
DrafterCheckpoint MakeRandomDrafter(const ModelConfig& model, int32_t tokens);

// 16 hexadecimal digits that tell one model from another, however it is stored: of its
// last norm's weights in bfloat16.
std::string ModelFingerprint(const Checkpoint& model);

}  // namespace qed

#endif  // QED_CHECKPOINT_DRAFTER_CHECKPOINT_H_
