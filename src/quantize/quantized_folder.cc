#include "quantize/quantized_folder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>
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
#include "quantize/code_rows.h"
#include "tensor/eight_bit.h"
#include "tensor/quant_format.h"

namespace qed {
namespace {

// Values that are read, turned into codes and written at a time.
constexpr int64_t kPieceValues = int64_t{8} << 20;
constexpr int64_t kRowsPerJob = 16;

// Makes the codes of linears and puts all tensors into shards.
class FolderWriter {
 public:
  FolderWriter(const Checkpoint& checkpoint, const Adapter* adapter,
               const QuantizeSettings& settings, const Calibration* calibration,
               const PendingFolder& folder, ThreadPool& pool,
               const std::function<void(int64_t)>& done)
      : checkpoint_(checkpoint),
        reader_(checkpoint, adapter),
        settings_(settings),
        calibration_(calibration),
        folder_(folder),
        pool_(pool),
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
  // A tensor of the new folder: `tensor` as it is or as codes, or small values.
  struct Output {
    SafetensorsEntry entry;
    const CheckpointTensor* tensor = nullptr;
    bool codes = false;
    bool scales = false;        // of the codes before it
    std::vector<float> values;  // where they are known already
    int64_t bytes = 0;
  };

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
    output.codes = true;
    output.entry.dtype =
        settings_.recipe.format == WeightFormat::kFp8 ? DType::kF8E4M3 : DType::kI8;
    Add(std::move(output));
    Output scales;
    scales.tensor = &tensor;
    scales.scales = true;
    scales.entry = {module + "weight_scale", DType::kF32, {1}};
    if (ScalesRows()) {
      scales.entry.shape = {tensor.shape[0]};
      if (settings_.layout == ExportLayout::kCompressedTensors) scales.entry.shape.push_back(1);
    }
    Add(std::move(scales));
    if (settings_.recipe.activations != ActivationScale::kStatic) return;
    AddValue(module + "input_scale", calibration_->InputOf(expected.layer, expected.role).scale);
    AddKvScale(expected, module);
  }

  // What 8-bit pages would want; our own stay in 16 bits.
  void AddKvScale(const ExpectedTensor& expected, const std::string& module) {
    const bool key = expected.role == TensorRole::kKey;
    if (!key && expected.role != TensorRole::kValue) return;
    const ObservedRows kind = key ? ObservedRows::kKeys : ObservedRows::kValues;
    const float scale = calibration_->layers[static_cast<size_t>(expected.layer)].at(kind).scale;
    const bool modelopt = settings_.layout == ExportLayout::kModelOpt;
    const std::string attention = HfTensorName(expected.layer, TensorRole::kQuery);
    const std::string prefix = modelopt ? module : attention.substr(0, attention.find("q_proj"));
    AddValue(prefix + (key ? "k_scale" : "v_scale"), scale);
  }

  void AddValue(const std::string& name, float value) {
    Output output;
    output.entry = {name, DType::kF32, {1}};
    output.values = {value};
    Add(std::move(output));
  }

  // Ends of the shards: whole tensors, a matrix and its scales in one.
  std::vector<size_t> ShardEnds() const {
    std::vector<size_t> ends;
    int64_t bytes = 0;
    for (size_t i = 0; i < outputs_.size(); ++i) {
      const bool may_begin = outputs_[i].tensor != nullptr && !outputs_[i].scales;
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
    return WriteFileAtomic(folder_.File("model.safetensors.index.json"), index.dump(2) + "\n");
  }

  Status WriteShard(size_t first, size_t end, const std::string& name) {
    std::vector<SafetensorsEntry> entries;
    for (size_t i = first; i < end; ++i) entries.push_back(outputs_[i].entry);
    QED_ASSIGN_OR_RETURN(const auto writer, SafetensorsWriter::Create(folder_.File(name), entries));
    for (size_t i = first; i < end; ++i) {
      const Output& output = outputs_[i];
      if (output.codes) {
        QED_RETURN_IF_ERROR(WriteCodes(output, *writer));
      } else if (output.scales) {
        QED_RETURN_IF_ERROR(writer->Write(std::as_bytes(std::span(scales_))));
        result_.matrices.back().bytes_after += output.bytes;
      } else if (output.tensor != nullptr) {
        QED_RETURN_IF_ERROR(WriteAsItIs(*output.tensor, *writer));
      } else {
        QED_RETURN_IF_ERROR(writer->Write(std::as_bytes(std::span(output.values))));
      }
      if (output.tensor != nullptr) checkpoint_.Forget(*output.tensor);
      if (done_) done_(output.bytes);
    }
    return writer->Finish();
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

  // Calls fn(row, values) for rows [first, first + rows) of a matrix on the pool.
  template <typename Fn>
  void ForRows(const CheckpointTensor& tensor, int64_t first, int64_t rows, Fn fn) {
    pool_.ParallelFor((rows + kRowsPerJob - 1) / kRowsPerJob, [&](int64_t job) {
      const int64_t begin = first + job * kRowsPerJob;
      const int64_t count = std::min(kRowsPerJob, first + rows - begin);
      const int64_t columns = tensor.shape[1];
      std::vector<float> values(static_cast<size_t>(count * columns));
      reader_.ReadFloats(tensor, WholeRows(tensor, begin, count), values);
      for (int64_t r = 0; r < count; ++r) {
        fn(begin + r, std::span(values).subspan(static_cast<size_t>(r * columns),
                                                static_cast<size_t>(columns)));
      }
    });
  }

  // The largest magnitude of each row; kCorrupt where one is not finite.
  Result<std::vector<float>> RowMagnitudes(const CheckpointTensor& tensor) {
    std::vector<float> largest(static_cast<size_t>(tensor.shape[0]));
    ForRows(tensor, 0, tensor.shape[0], [&](int64_t row, std::span<const float> values) {
      float found = 0;
      for (float value : values) found = LargerMagnitude(found, value);
      largest[static_cast<size_t>(row)] = found;
    });
    for (size_t row = 0; row < largest.size(); ++row) {
      if (std::isfinite(largest[row])) continue;
      return Corrupt(tensor.name + " holds " + (std::isnan(largest[row]) ? "NaN" : "infinity") +
                     " in row " + std::to_string(row) + ", which FP8 and int8 cannot hold");
    }
    return largest;
  }

  // The linears whose scale a linear shares, itself included.
  std::vector<TensorRole> Joint(TensorRole role) const {
    using enum TensorRole;
    if (settings_.layout == ExportLayout::kModelOpt) {
      if (role == kQuery || role == kKey || role == kValue) return {kQuery, kKey, kValue};
      if (role == kGate || role == kUp) return {kGate, kUp};
    }
    return {role};
  }

  // The largest magnitude of all that share a scale; each matrix is read once for it.
  Result<float> JointMagnitude(const CheckpointTensor& tensor) {
    float joint = 0;
    for (TensorRole role : Joint(tensor.role)) {
      const CheckpointTensor& other = reader_.Tensor(tensor.layer, role);
      auto known = magnitudes_.find(other.name);
      if (known == magnitudes_.end()) {
        QED_ASSIGN_OR_RETURN(const std::vector<float> rows, RowMagnitudes(other));
        known = magnitudes_.emplace(other.name, *std::ranges::max_element(rows)).first;
      }
      joint = std::max(joint, known->second);
    }
    return joint;
  }

  Status WriteCodes(const Output& output, SafetensorsWriter& writer) {
    const CheckpointTensor& tensor = *output.tensor;
    const WeightFormat format = settings_.recipe.format;
    if (ScalesRows()) {
      QED_ASSIGN_OR_RETURN(scales_, RowMagnitudes(tensor));
      for (float& scale : scales_) scale = CodeScale(format, scale);
    } else {
      QED_ASSIGN_OR_RETURN(const float largest, JointMagnitude(tensor));
      scales_ = {CodeScale(format, largest)};
    }
    const int64_t rows = tensor.shape[0], columns = tensor.shape[1];
    const int64_t step = std::max(kRowsPerJob, kPieceValues / columns);
    std::vector<double> errors(static_cast<size_t>(rows)), sizes(static_cast<size_t>(rows));
    std::vector<std::byte> codes;
    for (int64_t first = 0; first < rows; first += step) {
      const int64_t count = std::min(step, rows - first);
      codes.resize(static_cast<size_t>(count * columns));
      ForRows(tensor, first, count, [&](int64_t row, std::span<const float> values) {
        const auto to = std::span(codes).subspan(static_cast<size_t>((row - first) * columns),
                                                 static_cast<size_t>(columns));
        const float scale = scales_[ScalesRows() ? static_cast<size_t>(row) : 0];
        MakeCodes(format, values, scale, to);
        Measure(format, values, to, scale, errors[static_cast<size_t>(row)],
                sizes[static_cast<size_t>(row)]);
      });
      QED_RETURN_IF_ERROR(writer.Write(codes));
    }
    Report(output, errors, sizes);
    return OkStatus();
  }

  static void Measure(WeightFormat format, std::span<const float> values,
                      std::span<const std::byte> codes, float scale, double& error, double& size) {
    std::vector<float> back(values.size());
    CodesToValues(format, codes, scale, back);
    for (size_t i = 0; i < values.size(); ++i) {
      const double difference = double{back[i]} - values[i];
      error += difference * difference;
      size += double{values[i]} * values[i];
    }
  }

  void Report(const Output& output, const std::vector<double>& errors,
              const std::vector<double>& sizes) {
    double error = 0, size = 0;  // in the order of the rows, whatever the threads
    for (size_t row = 0; row < errors.size(); ++row) {
      error += errors[row];
      size += sizes[row];
    }
    result_.matrices.push_back({.name = output.tensor->name,
                                .error = size > 0 ? std::sqrt(error / size) : 0,
                                .bytes_before = static_cast<int64_t>(output.tensor->data.size()),
                                .bytes_after = output.bytes});
  }

  const Checkpoint& checkpoint_;
  const WeightReader reader_;
  const QuantizeSettings& settings_;
  const Calibration* const calibration_;
  const PendingFolder& folder_;
  ThreadPool& pool_;
  const std::function<void(int64_t)>& done_;
  std::vector<Output> outputs_;
  std::vector<float> scales_;                // of the matrix whose codes were written last
  std::map<std::string, float> magnitudes_;  // by tensor, where a scale is for all of it
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

}  // namespace

Result<QuantizedFolder> WriteQuantizedFolder(const Checkpoint& checkpoint, const Adapter* adapter,
                                             const QuantizeSettings& settings,
                                             const Calibration* calibration,
                                             const std::string& output, ThreadPool& pool,
                                             const std::function<void(int64_t bytes)>& done) {
  QED_RETURN_IF_ERROR(CheckSource(checkpoint));
  QED_CHECK((calibration != nullptr) || settings.recipe.activations != ActivationScale::kStatic);
  QED_ASSIGN_OR_RETURN(PendingFolder folder, PendingFolder::Create(output));
  QED_RETURN_IF_ERROR(CopySideFiles(checkpoint.path, folder));
  const std::vector<std::string> ignored = {"lm_head"};
  QED_ASSIGN_OR_RETURN(const std::string config, ReadFile(checkpoint.path + "/config.json"));
  QED_ASSIGN_OR_RETURN(const std::string quantized,
                       QuantizedConfigJson(config, settings.layout, settings.recipe, ignored));
  QED_RETURN_IF_ERROR(WriteFileAtomic(folder.File("config.json"), quantized));
  if (settings.layout == ExportLayout::kModelOpt) {
    QED_RETURN_IF_ERROR(WriteFileAtomic(folder.File("hf_quant_config.json"),
                                        HfQuantConfigJson(settings.recipe, ignored)));
  }
  FolderWriter writer(checkpoint, adapter, settings, calibration, folder, pool, done);
  QED_ASSIGN_OR_RETURN(QuantizedFolder result, writer.Write());
  QED_RETURN_IF_ERROR(folder.Commit());
  return result;
}

}  // namespace qed
