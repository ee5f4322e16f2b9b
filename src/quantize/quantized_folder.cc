#include "quantize/quantized_folder.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "base/pending_folder.h"
#include "checkpoint/network_tensors.h"
#include "checkpoint/raw_tensor.h"
#include "checkpoint/safetensors_writer.h"
#include "checkpoint/side_files.h"
#include "model/weight_reader.h"
#include "nlohmann/json.hpp"
#include "quantize/matrix_coder.h"
#include "tensor/quant_format.h"

namespace qed {
namespace {

// Makes the codes of linears and puts all tensors into shards.
class FolderWriter {
 public:
  FolderWriter(const Checkpoint& checkpoint, const Adapter* adapter,
               const QuantizeSettings& settings, const CodeSource& source,
               const std::string& folder, ThreadPool& pool,
               const std::function<void(int64_t)>& done)
      : checkpoint_(checkpoint),
        reader_(checkpoint, adapter),
        settings_(settings),
        source_(source),
        folder_(folder),
        coder_(reader_, settings.recipe, settings.layout == ExportLayout::kModelOpt, source.sweep,
               pool),
        done_(done) {}

  Result<QuantizedFolder> Write() {
    for (const ExpectedTensor& expected : ExpectedTensors(checkpoint_.config)) {
      AddOutputs(expected);
    }
    const std::vector<size_t> ends = ShardEnds();
    size_t first = 0;
    for (size_t i = 0; i < ends.size(); ++i) {
      QED_RETURN_IF_ERROR(WriteShard(first, ends[i], ShardName(i, ends.size())));
      first = ends[i];
    }
    if (ends.size() > 1) QED_RETURN_IF_ERROR(WriteIndex(ends));
    return std::move(result_);
  }

 private:
  enum class Kind : uint8_t {
    kWhole,       // `tensor` as it is
    kCodes,       // `tensor` as codes
    kScales,      // of the codes before it
    kShape,       // of the codes before it, where they are packed
    kInputScale,  // of the rows `observed` in the tensor's layer
  };
  // A tensor of the new folder.
  struct Output {
    SafetensorsEntry entry;
    Kind kind = Kind::kWhole;
    const CheckpointTensor* tensor = nullptr;
    ObservedRows observed = ObservedRows::kKeys;
    int64_t bytes = 0;
  };

  // What compressed-tensors' own reader expects of int8 weights without int8 activations.
  bool Packs() const {
    return settings_.layout == ExportLayout::kCompressedTensors &&
           settings_.recipe.format == WeightFormat::kInt8;
  }
  bool ScalesRows() const { return settings_.recipe.scales == ScaleGranularity::kRow; }

  void Add(Output output) {
    const auto bytes = TensorBytes(output.entry.dtype, output.entry.shape);
    QED_CHECK(bytes.ok()) << output.entry.name;
    output.bytes = static_cast<int64_t>(*bytes);
    result_.bytes_after += output.bytes;
    outputs_.push_back(std::move(output));
  }

  void AddOutputs(const ExpectedTensor& expected) {
    const CheckpointTensor& tensor = reader_.Tensor(expected.layer, expected.role);
    result_.bytes_before += static_cast<int64_t>(tensor.data.size());
    Output output;
    output.entry = {tensor.name, tensor.dtype, tensor.shape};
    output.tensor = &tensor;
    if (!IsLinear(expected.role)) return Add(std::move(output));
    const std::string module = tensor.name.substr(0, tensor.name.rfind('.') + 1);
    if (settings_.kept.contains(module.substr(0, module.size() - 1))) {
      return Add(std::move(output));
    }
    output.kind = Kind::kCodes;
    output.entry.dtype =
        settings_.recipe.format == WeightFormat::kFp8 ? DType::kF8E4M3 : DType::kI8;
    if (Packs()) {
      // As checkpoint/stored_scales.h reads it.
      output.entry = {
          module + "weight_packed", DType::kI32, {tensor.shape[0], (tensor.shape[1] + 3) / 4}};
    }
    Add(std::move(output));
    Output scales;
    scales.tensor = &tensor;
    scales.kind = Kind::kScales;
    scales.entry = {module + "weight_scale", DType::kF32, {1}};
    if (ScalesRows()) {
      scales.entry.shape = {tensor.shape[0]};
      if (settings_.layout == ExportLayout::kCompressedTensors) scales.entry.shape.push_back(1);
    }
    Add(std::move(scales));
    if (Packs()) {
      Output shape;
      shape.tensor = &tensor;
      shape.kind = Kind::kShape;
      shape.entry = {module + "weight_shape", DType::kI64, {2}};
      Add(std::move(shape));
    }
    if (settings_.recipe.activations != ActivationScale::kStatic) return;
    AddInputScale(module + "input_scale", tensor, InputKind(expected.role));
    AddKvScale(tensor, module);
  }

  // What 8-bit pages would want; our own stay in 16 bits.
  void AddKvScale(const CheckpointTensor& tensor, const std::string& module) {
    const bool key = tensor.role == TensorRole::kKey;
    if (!key && tensor.role != TensorRole::kValue) return;
    const bool modelopt = settings_.layout == ExportLayout::kModelOpt;
    const std::string attention = HfTensorName(tensor.layer, TensorRole::kQuery);
    const std::string prefix = modelopt ? module : attention.substr(0, attention.find("q_proj"));
    AddInputScale(prefix + (key ? "k_scale" : "v_scale"), tensor,
                  key ? ObservedRows::kKeys : ObservedRows::kValues);
  }

  void AddInputScale(const std::string& name, const CheckpointTensor& tensor,
                     ObservedRows observed) {
    Output output;
    output.entry = {name, DType::kF32, {1}};
    output.kind = Kind::kInputScale;
    output.tensor = &tensor;
    output.observed = observed;
    Add(std::move(output));
  }

  // Ends of the shards: whole tensors, a matrix and its scales in one.
  std::vector<size_t> ShardEnds() const {
    std::vector<size_t> ends;
    int64_t bytes = 0;
    for (size_t i = 0; i < outputs_.size(); ++i) {
      const bool may_begin = outputs_[i].kind == Kind::kWhole || outputs_[i].kind == Kind::kCodes;
      if (may_begin && bytes > 0 && bytes + outputs_[i].bytes > settings_.shard_bytes) {
        ends.push_back(i);
        bytes = 0;
      }
      bytes += outputs_[i].bytes;
    }
    ends.push_back(outputs_.size());
    return ends;
  }

  static std::string ShardName(size_t shard, size_t count) {
    if (count == 1) return "model.safetensors";
    const auto five = [](size_t number) {
      const std::string digits = std::to_string(number);
      return std::string(5 - std::min<size_t>(5, digits.size()), '0') + digits;
    };
    return "model-" + five(shard + 1) + "-of-" + five(count) + ".safetensors";
  }

  Status WriteIndex(const std::vector<size_t>& ends) const {
    nlohmann::ordered_json index = {{"metadata", {{"total_size", result_.bytes_after}}},
                                    {"weight_map", nlohmann::ordered_json::object()}};
    std::map<std::string, std::string> places;
    size_t first = 0;
    for (size_t i = 0; i < ends.size(); ++i) {
      for (size_t k = first; k < ends[i]; ++k) {
        places[outputs_[k].entry.name] = ShardName(i, ends.size());
      }
      first = ends[i];
    }
    index["weight_map"] = places;
    return WriteFileAtomic(folder_ + "/model.safetensors.index.json", index.dump(2) + "\n");
  }

  Status WriteShard(size_t first, size_t end, const std::string& name) {
    std::vector<SafetensorsEntry> entries;
    for (size_t i = first; i < end; ++i) entries.push_back(outputs_[i].entry);
    QED_ASSIGN_OR_RETURN(const auto writer,
                         SafetensorsWriter::Create(folder_ + "/" + name, entries));
    for (size_t i = first; i < end; ++i) {
      QED_RETURN_IF_ERROR(WriteOutput(outputs_[i], *writer));
      checkpoint_.Forget(*outputs_[i].tensor);
      if (done_) done_(outputs_[i].bytes);
    }
    return writer->Finish();
  }

  Status WriteOutput(const Output& output, SafetensorsWriter& writer) {
    switch (output.kind) {
      case Kind::kWhole:
        if (IsLinear(output.tensor->role)) {
          result_.matrices.push_back({.name = output.tensor->name,
                                      .kept = true,
                                      .bytes_before = output.bytes,
                                      .bytes_after = output.bytes});
        }
        return WriteAsItIs(*output.tensor, writer);
      case Kind::kCodes:
        return WriteCodes(output, writer);
      case Kind::kScales:
        result_.matrices.back().bytes_after += output.bytes;
        return writer.Write(std::as_bytes(std::span(scales_)));
      case Kind::kShape:
        result_.matrices.back().bytes_after += output.bytes;
        return writer.Write(std::as_bytes(std::span(output.tensor->shape)));
      case Kind::kInputScale:
        break;
    }
    const Calibration& calibration =
        source_.sweep != nullptr ? source_.sweep->calibration() : *source_.calibration;
    const float scale =
        calibration.layers[static_cast<size_t>(output.tensor->layer)].at(output.observed).scale;
    return writer.Write(std::as_bytes(std::span(&scale, 1)));
  }

  // A tensor that gets no codes: the file's bytes, or merged values in the file's type.
  Status WriteAsItIs(const CheckpointTensor& tensor, SafetensorsWriter& writer) const {
    if (reader_.DeltaFor(tensor) == nullptr) return writer.Write(tensor.data);
    const int64_t rows = tensor.shape[0], columns = tensor.shape[1];
    const int64_t step = std::max<int64_t>(1, kPieceValues / columns);
    std::vector<float> values;
    std::vector<std::byte> stored;
    for (int64_t first = 0; first < rows; first += step) {
      const int64_t count = std::min(step, rows - first);
      values.resize(static_cast<size_t>(count * columns));
      stored.resize(values.size() * static_cast<size_t>(BlockBytes(tensor.dtype)));
      reader_.ReadFloats(tensor, WholeRows(tensor, first, count), values);
      QuantizeRow(tensor.dtype, values, stored);
      QED_RETURN_IF_ERROR(writer.Write(stored));
    }
    return OkStatus();
  }

  Status WriteCodes(const Output& output, SafetensorsWriter& writer) {
    const CheckpointTensor& tensor = *output.tensor;
    MatrixReport& report = result_.matrices.emplace_back();
    report.name = tensor.name;
    report.bytes_before = static_cast<int64_t>(tensor.data.size());
    report.bytes_after = output.bytes;
    if (source_.coded != nullptr) {
      const CheckpointTensor& coded = *source_.coded->Find(tensor.name);
      scales_ = coded.scales->scales;
      QED_RETURN_IF_ERROR(writer.Write(coded.data));
      source_.coded->Forget(coded);
      return OkStatus();
    }
    QED_ASSIGN_OR_RETURN(MatrixCoder::Coded coded,
                         coder_.Code(tensor, [&](std::span<std::byte> codes) {
                           if (Packs()) {
                             for (std::byte& code : codes) code ^= std::byte{0x80};
                           }
                           return writer.Write(codes);
                         }));
    report.error = coded.error;
    scales_ = std::move(coded.scales);
    return OkStatus();
  }

  const Checkpoint& checkpoint_;
  const WeightReader reader_;
  const QuantizeSettings& settings_;
  const CodeSource& source_;
  const std::string& folder_;
  MatrixCoder coder_;
  const std::function<void(int64_t)>& done_;
  std::vector<Output> outputs_;
  std::vector<float> scales_;  // of the matrix whose codes were written last
  QuantizedFolder result_;
};

Status CheckSource(const Checkpoint& checkpoint) {
  if (checkpoint.format != "hf") {
    return InvalidArgument(checkpoint.path + " is no HF folder; only those can be quantized");
  }
  if (!checkpoint.quantization.empty()) {
    return InvalidArgument(checkpoint.path + " is quantized already (" + checkpoint.quantization +
                           "); quantize the 16-bit form");
  }
  return OkStatus();
}

// Packed words hold four codes of a row.
Status CheckPackable(const Checkpoint& checkpoint, const QuantizeSettings& settings) {
  if (settings.layout != ExportLayout::kCompressedTensors ||
      settings.recipe.format != WeightFormat::kInt8) {
    return OkStatus();
  }
  for (const auto& [name, tensor] : checkpoint.tensors) {
    if (!IsLinear(tensor.role) || tensor.shape[1] % 4 == 0) continue;
    return InvalidArgument(name + " is " + ShapeText(tensor.shape) +
                           ", whose columns cannot be packed by four; --export modelopt does "
                           "without");
  }
  return OkStatus();
}

}  // namespace

Result<QuantizedFolder> WriteQuantizedWeights(const Checkpoint& checkpoint, const Adapter* adapter,
                                              const QuantizeSettings& settings,
                                              const CodeSource& source, const std::string& folder,
                                              ThreadPool& pool,
                                              const std::function<void(int64_t bytes)>& done) {
  QED_RETURN_IF_ERROR(CheckSource(checkpoint));
  QED_RETURN_IF_ERROR(CheckPackable(checkpoint, settings));
  QED_CHECK(source.calibration != nullptr || source.sweep != nullptr ||
            settings.recipe.activations != ActivationScale::kStatic);
  std::vector<std::string> ignored = {"lm_head"};
  ignored.insert(ignored.end(), settings.kept.begin(), settings.kept.end());
  QED_ASSIGN_OR_RETURN(const std::string config, ReadFile(checkpoint.path + "/config.json"));
  QED_ASSIGN_OR_RETURN(const std::string quantized,
                       QuantizedConfigJson(config, settings.layout, settings.recipe, ignored));
  QED_RETURN_IF_ERROR(WriteFileAtomic(folder + "/config.json", quantized));
  if (settings.layout == ExportLayout::kModelOpt) {
    QED_RETURN_IF_ERROR(WriteFileAtomic(folder + "/hf_quant_config.json",
                                        HfQuantConfigJson(settings.recipe, ignored)));
  }
  return FolderWriter(checkpoint, adapter, settings, source, folder, pool, done).Write();
}

Result<QuantizedFolder> WriteQuantizedFolder(const Checkpoint& checkpoint, const Adapter* adapter,
                                             const QuantizeSettings& settings,
                                             const CodeSource& source, const std::string& output,
                                             ThreadPool& pool,
                                             const std::function<void(int64_t bytes)>& done) {
  QED_RETURN_IF_ERROR(CheckSource(checkpoint));
  QED_ASSIGN_OR_RETURN(PendingFolder folder, PendingFolder::Create(output));
  QED_RETURN_IF_ERROR(CopySideFiles(checkpoint.path, folder));
  QED_ASSIGN_OR_RETURN(
      QuantizedFolder result,
      WriteQuantizedWeights(checkpoint, adapter, settings, source, folder.File("."), pool, done));
  QED_RETURN_IF_ERROR(folder.Commit());
  return result;
}

Status MoveQuantizedWeights(const std::string& from, const std::string& to) {
  namespace fs = std::filesystem;
  std::error_code error;
  std::vector<fs::path> moved;
  for (const fs::directory_entry& entry : fs::directory_iterator(from, error)) {
    const std::string name = entry.path().filename().string();
    if (name == "config.json" || name == "hf_quant_config.json" ||
        name == "model.safetensors.index.json" || name.ends_with(".safetensors")) {
      moved.push_back(entry.path());
    }
  }
  for (const fs::path& path : moved) {
    if (!error) fs::rename(path, fs::path(to) / path.filename(), error);
  }
  return error ? IoError("cannot move files of " + from + ": " + error.message()) : OkStatus();
}

}  // namespace qed
