// The steps of `qed quantize`: codes, how near they stay to the 16-bit model on text, and which
// linears stay in 16 bits for the sake of that.
#ifndef QED_QUANTIZE_QUANTIZER_H_
#define QED_QUANTIZE_QUANTIZER_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "checkpoint/adapter.h"
#include "checkpoint/checkpoint.h"
#include "config/quantize_config.h"
#include "cuda/device.h"
#include "quantize/error_report.h"
#include "quantize/text_runner.h"

namespace qed {

struct QuantizeTask {
  const Checkpoint* checkpoint = nullptr;  // a 16-bit HF folder
  const Adapter* adapter = nullptr;        // merged first, where there is one
  QuantizeConfig config;
  std::vector<std::string> ignored;  // modules that stay in 16 bits (ModulesThatFit)
  std::string output;                // must not exist or be empty
  // To calibrate on, and to measure quality on: both or neither.
  std::vector<TokenText> calibration_texts, held_back_texts;
  // Runs the texts where given, else the CPU does.
  std::optional<cuda::DeviceInfo> gpu;
};

// What is being done, and which part of it is through, from 0 to 1.
using QuantizeProgress = std::function<void(const std::string& what, double part)>;

// Writes the folder, the report's JSON within (quantization_report.json), and returns the report.
// The folder gets its name when it is whole; nothing is left where it is not. The weights are the
// same bytes whatever the threads and the device. Errors: kInvalidArgument for settings that
// contradict each other, before anything is computed; otherwise those of
// quantize/quantized_folder.h and quantize/text_model.h.
Result<ErrorReport> Quantize(QuantizeTask task, ThreadPool& pool, const QuantizeProgress& progress);

}  // namespace qed

#endif  // QED_QUANTIZE_QUANTIZER_H_
