// Turns a matrix of a 16-bit checkpoint into codes and scales.
#ifndef QED_QUANTIZE_MATRIX_CODER_H_
#define QED_QUANTIZE_MATRIX_CODER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "kernels/code_rows.h"
#include "kernels/op_context.h"
#include "model/weight_reader.h"
#include "quantize/layer_sweep.h"
#include "quantize/rounding_feedback.h"
#include "tensor/weight_recipe.h"

namespace qed {

// Values that are read, turned into codes and written at a time.
inline constexpr int64_t kPieceValues = int64_t{8} << 20;

// Linears that readers multiply as one: q, k and v; gate and up; o; down. The group of a linear.
std::span<const TensorRole> JoinedLinears(TensorRole role);

class MatrixCoder {
 public:
  // With `joint_scales`, a scale a tensor is for the largest magnitude of all JoinedLinears. With
  // `sweep`, which stands before a layer or at it, codes compensate for each other's errors; else
  // they are the nearest ones. All must outlive the coder.
  MatrixCoder(const WeightReader& reader, const WeightRecipe& recipe, bool joint_scales,
              LayerSweep* sweep, ThreadPool& pool)
      : reader_(reader),
        recipe_(recipe),
        joint_scales_(joint_scales),
        sweep_(sweep),
        ctx_{&pool, DetectIsa()} {}

  struct Coded {
    std::vector<float> scales;  // [1] or [N]
    double error = 0;           // |code * scale - value| / |value|, over the matrix
  };
  // Gives the codes to `write`, which may change them, rows in their order, some at a time.
  // Matrices are coded in the order of their layers. kCorrupt, with the tensor's name, where a
  // value is not finite; else the errors of `write` and the sweep. The same bytes whatever the
  // threads.
  Result<Coded> Code(const CheckpointTensor& tensor,
                     const std::function<Status(std::span<std::byte>)>& write);

 private:
  // Up to 16 rows on their way to codes.
  struct Tile {
    std::span<const float> values;  // [rows, K]
    std::span<float> largest;       // [rows], of scales a row
    std::span<float> scales;        // [rows]
    std::span<std::byte> codes;     // [rows, K]
    std::span<CodeError> errors;    // [rows]
  };

  bool ScalesRows() const { return recipe_.scales == ScaleGranularity::kRow; }
  void CodeTile(const RoundingFeedback* feedback, size_t columns, const Tile& tile) const;
  template <typename Fn>
  void ForRows(const CheckpointTensor& tensor, int64_t first, int64_t rows, Fn fn) const;
  Result<float> JointMagnitude(const CheckpointTensor& tensor);
  Result<const RoundingFeedback*> FeedbackFor(const CheckpointTensor& tensor);

  const WeightReader& reader_;
  const WeightRecipe recipe_;
  const bool joint_scales_;
  LayerSweep* const sweep_;
  const OpContext ctx_;
  std::map<std::string, float> magnitudes_;  // by tensor, where a scale is for all of it
  std::optional<RoundingFeedback> feedback_;
  std::pair<int32_t, ObservedRows> feedback_of_ = {-1, ObservedRows::kKeys};  // layer and input
};

}  // namespace qed

#endif  // QED_QUANTIZE_MATRIX_CODER_H_
