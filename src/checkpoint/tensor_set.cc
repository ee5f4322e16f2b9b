#include "checkpoint/tensor_set.h"

#include <map>
#include <optional>
#include <utility>

#include "checkpoint/network_tensors.h"
#include "checkpoint/stored_scales.h"
#include "tensor/quant_format.h"

namespace qed {
namespace {

// What is wrong in one way: how often, and the first few by name.
class Findings {
 public:
  explicit Findings(const char* title) : title_(title) {}

  void Add(const std::string& what) {
    if (++count_ > kShown) return;
    if (count_ > 1) names_ += ", ";
    names_ += what;
  }
  void AppendTo(std::string& message) const {
    if (count_ == 0) return;
    if (!message.empty()) message += "; ";
    message += std::to_string(count_) + " " + title_ + ": " + names_;
    if (count_ > kShown) message += ", ...";
  }

 private:
  static constexpr int kShown = 4;
  const char* title_;
  int count_ = 0;
  std::string names_;
};

// Tensors that published files hold and no network needs.
bool MayBeUnused(const std::string& name, NameStyle style, const ModelConfig& config) {
  if (style != NameStyle::kHf) return false;
  return name.ends_with(".rotary_emb.inv_freq") || IsUnusedScale(name) ||
         (config.tied_embeddings && name == "lm_head.weight");
}

// Vectors (norms, biases) are read as they are; only matrices come in blocks, and only
// linears as codes, where the configuration says how.
bool IsUsableType(const RawTensor& tensor, TensorRole role,
                  const QuantizationConfig* quantization) {
  if (IsCodeType(tensor.dtype)) return quantization != nullptr && IsLinear(role);
  if (tensor.shape.size() > 1) return IsWeightDType(tensor.dtype);
  return IsWeightDType(tensor.dtype) && BlockValues(tensor.dtype) == 1;
}

}  // namespace

Status TakeTensors(std::vector<RawTensor> tensors, NameStyle style, bool interleaved_rope,
                   const QuantizationConfig* quantization, Checkpoint& checkpoint) {
  std::map<std::string, RawTensor> by_name;
  for (RawTensor& tensor : tensors) {
    std::string name = tensor.name;
    by_name.emplace(std::move(name), std::move(tensor));
  }
  Findings missing("missing"), mis_shaped("of the wrong shape"), mis_typed("of the wrong type"),
      unused("not used");
  for (const ExpectedTensor& expected : ExpectedTensors(checkpoint.config)) {
    const std::string& name = style == NameStyle::kHf ? expected.hf_name : expected.gguf_name;
    if (quantization != nullptr && quantization->packed && IsLinear(expected.role)) {
      QED_RETURN_IF_ERROR(UnpackCodes(name, by_name));
    }
    auto found = by_name.find(name);
    if (found == by_name.end()) {
      missing.Add(name);
      continue;
    }
    const RawTensor& raw = found->second;
    if (raw.shape != expected.shape) {
      mis_shaped.Add(name + " is " + ShapeText(raw.shape) + " and must be " +
                     ShapeText(expected.shape));
    } else if (!IsUsableType(raw, expected.role, quantization)) {
      mis_typed.Add(name + " is " + std::string(DTypeName(raw.dtype)));
    }
    std::optional<StoredScales> scales;
    if (IsCodeType(raw.dtype) && IsUsableType(raw, expected.role, quantization) &&
        raw.shape == expected.shape) {
      QED_ASSIGN_OR_RETURN(scales, TakeStoredScales(raw, *quantization, by_name));
    }
    checkpoint.tensors.emplace(
        expected.hf_name,
        CheckpointTensor{.name = expected.hf_name,
                         .layer = expected.layer,
                         .role = expected.role,
                         .file_name = name,
                         .dtype = raw.dtype,
                         .shape = raw.shape,
                         .data = raw.data,
                         .interleaved_rope_rows = interleaved_rope && expected.rotated,
                         .scales = std::move(scales)});
    by_name.erase(found);
  }
  for (const auto& [name, tensor] : by_name) {
    if (!MayBeUnused(name, style, checkpoint.config)) unused.Add(Printable(name));
  }
  std::string message;
  for (const Findings* findings : {&missing, &mis_shaped, &mis_typed, &unused}) {
    findings->AppendTo(message);
  }
  JoinInputScales(checkpoint);
  if (message.empty()) return OkStatus();
  return Corrupt("tensors do not fit " + checkpoint.config.architecture + ": " + message);
}

}  // namespace qed
