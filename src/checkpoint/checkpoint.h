// A model: a GGUF file or an HF folder, as published, or an engine folder of our own; opened,
// checked and, but for engines, mapped.
//
// Both published kinds look the same from here: tensors carry HF's names
// ("model.layers.0.self_attn.q_proj.weight") and HF's row order (GGUF stores
// Llama's q and k rows interleaved for its RoPE; `interleaved_rope_rows` says
// that such a tensor's rows need the permutation of checkpoint/rope_rows.h).
#ifndef QED_CHECKPOINT_CHECKPOINT_H_
#define QED_CHECKPOINT_CHECKPOINT_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/status.h"
#include "checkpoint/network_tensors.h"
#include "config/model_config.h"
#include "config/sampling_defaults.h"
#include "config/tokenizer_spec.h"
#include "tensor/dtype.h"
#include "tensor/random_fill.h"
#include "tensor/weight_recipe.h"

namespace qed {

// Of a matrix whose values are codes: value [n, k] = code * its scale.
struct StoredScales {
  WeightRecipe recipe;
  // [1] of kTensor, [N] of kRow, [ceil(N / block_rows), ceil(K / block_columns)] of
  // kBlock. Finite and not negative.
  std::vector<float> scales;
  float input_scale = 0;  // of kStatic activations: above 0
  bool offset_codes =
      false;  // of int8: the file holds code + 128 (compressed-tensors' packed form)
};

// A tensor in a mapped file. Row-major; shape[0] is the slowest (for a linear
// layer [out, in]).
struct CheckpointTensor {
  std::string name;  // HF name
  int32_t layer = kNoLayer;
  TensorRole role = TensorRole::kEmbedding;
  std::string file_name;  // name in the file, for messages
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  std::span<const std::byte> data;  // inside a mapping held by the Checkpoint; may be unaligned
  bool interleaved_rope_rows = false;
  // Where dtype is kF8E4M3 or kI8.
  std::optional<StoredScales> scales = std::nullopt;
  // In place of data: values that are made, not read (checkpoint/random_checkpoint.h).
  std::optional<RandomFill> random = std::nullopt;
};

struct EngineFolder;

struct Checkpoint {
  std::string path;
  std::string format;        // "gguf", "hf", "random" or "engine"
  std::string quantization;  // of an HF folder, in words; empty: none
  ModelConfig config;
  TokenizerSpec tokenizer;
  SamplingDefaults sampling_defaults;
  std::map<std::string, CheckpointTensor> tensors;  // by HF name
  std::vector<std::shared_ptr<const MappedFile>> files;
  // Of format "engine" (checkpoint/engine_folder.h), which has no tensors here.
  std::shared_ptr<const EngineFolder> engine;

  // nullptr where there is none.
  const CheckpointTensor* Find(const std::string& name) const {
    auto it = tensors.find(name);
    return it == tensors.end() ? nullptr : &it->second;
  }
  const CheckpointTensor* Find(int32_t layer, TensorRole role) const {
    return Find(HfTensorName(layer, role));
  }
  // Lets go of the memory of a tensor that was read; it can be read again.
  void Forget(const CheckpointTensor& tensor) const {
    for (const auto& file : files) file->Forget(tensor.data);
  }
};

// Opens a GGUF file, an HF folder or an engine folder and checks everything that can be checked
// without reading weights: sizes, overlaps, offsets, types, the architecture,
// and that the set of tensors is exactly what the architecture needs, with the
// right shapes (missing, unused and mis-shaped tensors come in one error).
// Errors are one line that starts with the path.
Result<Checkpoint> OpenCheckpoint(const std::string& path);

}  // namespace qed

#endif  // QED_CHECKPOINT_CHECKPOINT_H_
