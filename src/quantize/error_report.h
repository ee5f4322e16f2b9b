// What quantization did to a model: JSON for programs, a table for people.
#ifndef QED_QUANTIZE_ERROR_REPORT_H_
#define QED_QUANTIZE_ERROR_REPORT_H_

#include <optional>
#include <string>

#include "quantize/calibration.h"
#include "quantize/quantized_folder.h"
#include "quantize/text_quality.h"
#include "tensor/weight_recipe.h"

namespace qed {

struct ErrorReport {
  WeightRecipe recipe;
  QuantizedFolder folder;
  bool compensated = false;                // codes make up for each other's errors
  std::optional<Calibration> calibration;  // of activations, where text was run
  std::optional<TextQuality> quality;      // where text was held back
  // Where linears stay in 16 bits for the sake of quality: without that.
  std::optional<TextQuality> quality_all_coded;
};

// All matrices, all observed inputs, the quality on text.
std::string ErrorReportJson(const ErrorReport& report);

// A screenful: bytes, quality, the ten matrices with the largest errors.
std::string ErrorReportTable(const ErrorReport& report);

}  // namespace qed

#endif  // QED_QUANTIZE_ERROR_REPORT_H_
