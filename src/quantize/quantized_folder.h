// Writes a 16-bit HF folder again with its linears as 8-bit codes.
#ifndef QED_QUANTIZE_QUANTIZED_FOLDER_H_
#define QED_QUANTIZE_QUANTIZED_FOLDER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "checkpoint/adapter.h"
#include "checkpoint/checkpoint.h"
#include "quantize/calibration.h"
#include "quantize/folder_config.h"
#include "tensor/weight_recipe.h"

namespace qed {

struct QuantizeSettings {
  // FP8 with a scale a tensor and static activations, FP8 with a scale a row and
  // activations scaled a token, or int8 with a scale a row.
  WeightRecipe recipe;
  ExportLayout layout = ExportLayout::kModelOpt;
  int64_t shard_bytes = int64_t{5} << 30;  // most of one safetensors file
};

// What became of one matrix.
struct MatrixReport {
  std::string name;
  double error = 0;  // |code * scale - value| / |value|, over the matrix
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
// one, the larger scale. `calibration` is there where the recipe has static activations. The folder
// gets its name when it is whole. Matrices are read and written in pieces, twice where a scale is
// for more than a row. Errors: kCorrupt, naming the tensor, where a weight is not finite;
// kInvalidArgument where the checkpoint is no 16-bit HF folder or `output` is taken; else of the
// file system. The same bytes whatever the threads.
Result<QuantizedFolder> WriteQuantizedFolder(const Checkpoint& checkpoint, const Adapter* adapter,
                                             const QuantizeSettings& settings,
                                             const Calibration* calibration,
                                             const std::string& output, ThreadPool& pool,
                                             const std::function<void(int64_t bytes)>& done);

}  // namespace qed

#endif  // QED_QUANTIZE_QUANTIZED_FOLDER_H_
