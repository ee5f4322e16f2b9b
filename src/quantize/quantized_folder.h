// Writes a 16-bit HF folder again with its linears as 8-bit codes.
#ifndef QED_QUANTIZE_QUANTIZED_FOLDER_H_
#define QED_QUANTIZE_QUANTIZED_FOLDER_H_

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "checkpoint/adapter.h"
#include "checkpoint/checkpoint.h"
#include "quantize/calibration.h"
#include "quantize/folder_config.h"
#include "quantize/layer_sweep.h"
#include "tensor/weight_recipe.h"

namespace qed {

struct QuantizeSettings {
  // FP8 with a scale a tensor and static activations, FP8 with a scale a row and
  // activations scaled a token, or int8 with a scale a row.
  WeightRecipe recipe;
  ExportLayout layout = ExportLayout::kModelOpt;
  int64_t shard_bytes = int64_t{5} << 30;  // most of one safetensors file
  // Modules ("model.layers.3.mlp.down_proj") that stay as they are: of linears that readers
  // multiply as one (quantize/matrix_coder.h) all or none.
  std::set<std::string> kept = {};
};

// Where codes and the scales of activations come from.
struct CodeSource {
  // Of static activations; `sweep` has its own.
  const Calibration* calibration = nullptr;
  // Where given, codes compensate for each other's errors. It stands before the first layer.
  LayerSweep* sweep = nullptr;
  // A folder of the same checkpoint in the same recipe and layout with nothing kept: where given,
  // its codes and scales are taken.
  const Checkpoint* coded = nullptr;
};

// What became of one matrix.
struct MatrixReport {
  std::string name;
  bool kept = false;  // in 16 bits
  double error = 0;   // |code * scale - value| / |value|, over the matrix; of copied codes 0
  int64_t bytes_before = 0;
  int64_t bytes_after = 0;  // scales included
};

struct QuantizedFolder {
  std::vector<MatrixReport> matrices;
  int64_t bytes_before = 0;  // of all tensors
  int64_t bytes_after = 0;
};

// `adapter`, if given, is merged into the values first. Writes `output`, which must not exist or be
// empty: weights, config.json, ModelOpt's hf_quant_config.json, and all other files of `source` but
// its weights. ModelOpt's layout gives q, k and v, and gate and up, which its readers multiply as
// one, the larger scale. A calibration or a sweep is there where the recipe has static activations.
// The folder gets its name when it is whole. Matrices are read and written in pieces, twice where a
// scale is for more than a row. Errors: kCorrupt, naming the tensor, where a weight is not finite;
// kInvalidArgument where the checkpoint is no 16-bit HF folder or `output` is taken; else of the
// file system. The same bytes whatever the threads.
Result<QuantizedFolder> WriteQuantizedFolder(const Checkpoint& checkpoint, const Adapter* adapter,
                                             const QuantizeSettings& settings,
                                             const CodeSource& source, const std::string& output,
                                             ThreadPool& pool,
                                             const std::function<void(int64_t bytes)>& done);

// The same without the other files, into a folder that is there: what can be opened and tried.
Result<QuantizedFolder> WriteQuantizedWeights(const Checkpoint& checkpoint, const Adapter* adapter,
                                              const QuantizeSettings& settings,
                                              const CodeSource& source, const std::string& folder,
                                              ThreadPool& pool,
                                              const std::function<void(int64_t bytes)>& done);

// Moves what WriteQuantizedWeights wrote to another folder that is there.
Status MoveQuantizedWeights(const std::string& from, const std::string& to);

}  // namespace qed

#endif  // QED_QUANTIZE_QUANTIZED_FOLDER_H_
