// engine.json, written and read (checkpoint/engine_folder.h).
#include "checkpoint/engine_manifest.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "base/checksum.h"
#include "checkpoint/json_fields.h"
#include "checkpoint/model_config_json.h"
#include "checkpoint/raw_tensor.h"
#include "nlohmann/json.hpp"

namespace qed {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxManifestBytes = size_t{256} << 20;
constexpr int32_t kMaxRanks = 64;
constexpr char kFormat[] = "qed engine";
constexpr WeightFormat kFormats[] = {WeightFormat::kF32,  WeightFormat::kBF16, WeightFormat::kQ8_0,
                                     WeightFormat::kQ4_0, WeightFormat::kQ4_1, WeightFormat::kFp8,
                                     WeightFormat::kInt8};

const char* DeviceName(PackedFor device) { return device == PackedFor::kCpu ? "cpu" : "cuda"; }

std::string Dump(const Json& json) {
  return json.dump(1, ' ', false, Json::error_handler_t::replace);
}

// Of the manifest without its own checksum.
std::string ManifestChecksum(const Json& json) {
  const std::string text = Dump(json);
  return ChecksumText(Checksum(std::as_bytes(std::span(text))));
}

Json TensorToJson(const PackedTensor& packed) {
  Json json = {{"format", WeightFormatName(packed.format)},
               {"rows", packed.n},
               {"columns", packed.k},
               {"offset", packed.offset},
               {"bytes", packed.bytes}};
  for (TensorRole role : packed.roles) json["names"].push_back(HfTensorName(packed.layer, role));
  if (packed.scale_columns > 0) json["scale_columns"] = packed.scale_columns;
  if (packed.scales_at > 0) json["scales_at"] = packed.scales_at;
  if (packed.input_scale > 0) json["input_scale"] = packed.input_scale;
  if (packed.input_scale_at > 0) json["input_scale_at"] = packed.input_scale_at;
  return json;
}

Json RankToJson(const EngineRank& rank) {
  Json json = {{"file", rank.file}, {"bytes", rank.weights.bytes}};
  for (const PackedTensor& packed : rank.weights.tensors) {
    json["tensors"].push_back(TensorToJson(packed));
  }
  for (uint64_t checksum : rank.checksums) json["checksums"].push_back(ChecksumText(checksum));
  return json;
}

// A whole number of [least, most].
Result<int64_t> WholeNumber(const Json& object, const char* key, int64_t least, int64_t most) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (found == object.end() || !found->is_number_integer()) {
    return Corrupt(std::string("has no whole number ") + key);
  }
  const auto value = found->get<int64_t>();
  if (value < least || value > most) return Corrupt(std::string(key) + " is out of range");
  return value;
}

Result<const Json*> ListOf(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (found == object.end() || !found->is_array()) {
    return Corrupt(std::string("has no list ") + key);
  }
  return &*found;
}

using NameMap = std::map<std::string, std::pair<int32_t, TensorRole>>;
constexpr int64_t kMost = int64_t{1} << 50;

Result<WeightFormat> FormatOf(const std::string& name) {
  for (WeightFormat format : kFormats) {
    if (name == WeightFormatName(format)) return format;
  }
  return Unsupported("format " + Printable(name) + " is not known");
}

Result<PackedTensor> TensorFromJson(const Json& json, const NameMap& names) {
  if (!json.is_object()) return Corrupt("a tensor is no object");
  const JsonFields fields(json);
  PackedTensor packed;
  QED_ASSIGN_OR_RETURN(const Json* list, ListOf(json, "names"));
  for (const Json& name : *list) {
    const auto found = name.is_string() ? names.find(name.get<std::string>()) : names.end();
    if (found == names.end()) return Corrupt("names a tensor that the network has not");
    packed.layer = found->second.first;
    packed.roles.push_back(found->second.second);
  }
  if (packed.roles.empty()) return Corrupt("has a tensor without a name");
  QED_ASSIGN_OR_RETURN(const std::string format, fields.String("format"));
  QED_ASSIGN_OR_RETURN(packed.format, FormatOf(format));
  QED_ASSIGN_OR_RETURN(packed.n, fields.Int("rows"));
  QED_ASSIGN_OR_RETURN(packed.k, fields.Int("columns"));
  QED_ASSIGN_OR_RETURN(packed.scale_columns, fields.Int("scale_columns", 0));
  QED_ASSIGN_OR_RETURN(packed.input_scale, fields.Float("input_scale", 0.0F));
  QED_ASSIGN_OR_RETURN(packed.offset, WholeNumber(json, "offset", 0, kMost));
  QED_ASSIGN_OR_RETURN(packed.bytes, WholeNumber(json, "bytes", 1, kMost));
  if (json.contains("scales_at")) {
    QED_ASSIGN_OR_RETURN(packed.scales_at, WholeNumber(json, "scales_at", 1, packed.bytes));
  }
  if (json.contains("input_scale_at")) {
    QED_ASSIGN_OR_RETURN(packed.input_scale_at,
                         WholeNumber(json, "input_scale_at", 1, packed.bytes));
  }
  if (!std::isfinite(packed.input_scale) || packed.input_scale < 0 || packed.scale_columns < 0) {
    return Corrupt(list->front().get<std::string>() + ": its scales are no scales");
  }
  return packed;
}

// Every tensor of the network once, one behind the other.
Status CheckPlaces(const EngineRank& rank, PackedFor device, size_t num_tensors) {
  int64_t end = 0;
  size_t count = 0;
  std::map<std::pair<int32_t, TensorRole>, int> seen;
  for (const PackedTensor& packed : rank.weights.tensors) {
    if (packed.offset < end || packed.offset % PackedAlignment(device) != 0 ||
        packed.bytes > rank.weights.bytes - packed.offset) {
      return Corrupt(rank.file + ": tensors lie over each other or outside");
    }
    end = packed.offset + packed.bytes;
    for (TensorRole role : packed.roles) {
      if (seen[{packed.layer, role}]++ > 0) return Corrupt(rank.file + ": a tensor is there twice");
      ++count;
    }
  }
  if (count != num_tensors) {
    return Corrupt(rank.file + ": holds " + std::to_string(count) +
                   " tensors, and the network has " + std::to_string(num_tensors));
  }
  return OkStatus();
}

bool IsPlainName(const std::string& name) {
  return !name.empty() && name.front() != '.' &&
         name.find_first_of(std::string_view("\\\0", 2)) == name.npos;
}

Result<EngineRank> RankFromJson(const Json& json, PackedFor device, const NameMap& names) {
  if (!json.is_object()) return Corrupt("a rank is no object");
  EngineRank rank;
  QED_ASSIGN_OR_RETURN(rank.file, JsonFields(json).String("file"));
  if (!IsPlainName(rank.file) || rank.file.find('/') != rank.file.npos) {
    return Corrupt("names a file outside the folder: " + Printable(rank.file));
  }
  rank.weights.device = device;
  QED_ASSIGN_OR_RETURN(rank.weights.bytes, WholeNumber(json, "bytes", 1, kMost));
  QED_ASSIGN_OR_RETURN(const Json* tensors, ListOf(json, "tensors"));
  for (const Json& tensor : *tensors) {
    QED_ASSIGN_OR_RETURN(PackedTensor packed, TensorFromJson(tensor, names));
    rank.weights.tensors.push_back(std::move(packed));
  }
  QED_RETURN_IF_ERROR(CheckPlaces(rank, device, names.size()));
  QED_ASSIGN_OR_RETURN(const Json* checksums, ListOf(json, "checksums"));
  const int64_t pieces = (rank.weights.bytes + kEnginePieceBytes - 1) / kEnginePieceBytes;
  if (static_cast<int64_t>(checksums->size()) != pieces) {
    return Corrupt(rank.file + ": has not a checksum for each piece");
  }
  for (const Json& checksum : *checksums) {
    if (!checksum.is_string()) return Corrupt(rank.file + ": a checksum is no text");
    QED_ASSIGN_OR_RETURN(const uint64_t value, ParseChecksum(checksum.get<std::string>()));
    rank.checksums.push_back(value);
  }
  return rank;
}

Status ReadFiles(const Json& manifest, EngineFolder& engine) {
  QED_ASSIGN_OR_RETURN(const Json* files, ListOf(manifest, "files"));
  for (const Json& json : *files) {
    EngineFile file;
    if (!json.is_object()) return Corrupt("a file is no object");
    QED_ASSIGN_OR_RETURN(file.name, JsonFields(json).String("name"));
    const std::string drafter = std::string(kEngineDrafter) + "/";
    const std::string last =
        file.name.starts_with(drafter) ? file.name.substr(drafter.size()) : file.name;
    if (!IsPlainName(last) || last.find('/') != last.npos) {
      return Corrupt("names a file outside the folder: " + Printable(file.name));
    }
    QED_ASSIGN_OR_RETURN(file.bytes, WholeNumber(json, "bytes", 0, kMost));
    QED_ASSIGN_OR_RETURN(const std::string checksum, JsonFields(json).String("checksum"));
    QED_ASSIGN_OR_RETURN(file.checksum, ParseChecksum(checksum));
    engine.has_drafter = engine.has_drafter || last != file.name;
    engine.files.push_back(std::move(file));
  }
  return OkStatus();
}

Status ReadLimits(const Json& manifest, RecordedLimits& limits) {
  const auto found = manifest.find("limits");
  if (found == manifest.end() || !found->is_object()) return Corrupt("has no limits");
  const JsonFields fields(*found);
  QED_ASSIGN_OR_RETURN(limits.max_batch_size, fields.Int("max_batch_size", 0));
  QED_ASSIGN_OR_RETURN(limits.max_seq_len, fields.Int("max_seq_len", 0));
  QED_ASSIGN_OR_RETURN(limits.max_input_len, fields.Int("max_input_len", 0));
  QED_ASSIGN_OR_RETURN(limits.max_num_tokens, fields.Int("max_num_tokens", 0));
  return OkStatus();
}

Status CheckHeader(Json& manifest) {
  const JsonFields fields(manifest);
  QED_ASSIGN_OR_RETURN(const std::string format, fields.String("format"));
  if (format != kFormat) return Corrupt("is no manifest of an engine");
  QED_ASSIGN_OR_RETURN(const int32_t version, fields.Int("version"));
  if (version != kEngineVersion) {
    return Unsupported("is of format version " + std::to_string(version) +
                       ", and this program reads version " + std::to_string(kEngineVersion) +
                       ": build the engine again with qed build");
  }
  QED_ASSIGN_OR_RETURN(const std::string checksum, fields.String("checksum"));
  manifest.erase("checksum");
  if (checksum != ManifestChecksum(manifest)) {
    return Corrupt("was changed after it was written: build the engine again with qed build");
  }
  return OkStatus();
}

}  // namespace

std::string EngineManifestJson(const Checkpoint& model, const EngineFolder& engine) {
  Json json = {{"format", kFormat},
               {"version", kEngineVersion},
               {"device", DeviceName(engine.device)},
               {"piece_bytes", kEnginePieceBytes},
               {"source", engine.source},
               {"quantization", engine.quantization},
               {"adapter", engine.adapter},
               {"fingerprint", engine.fingerprint},
               {"model", ModelConfigToJson(model.config)},
               {"sampling", SamplingDefaultsToJson(model.sampling_defaults)},
               {"limits",
                {{"max_batch_size", engine.limits.max_batch_size},
                 {"max_seq_len", engine.limits.max_seq_len},
                 {"max_input_len", engine.limits.max_input_len},
                 {"max_num_tokens", engine.limits.max_num_tokens}}},
               {"ranks", Json::array()},
               {"files", Json::array()}};
  for (const EngineRank& rank : engine.ranks) json["ranks"].push_back(RankToJson(rank));
  for (const EngineFile& file : engine.files) {
    json["files"].push_back(
        {{"name", file.name}, {"bytes", file.bytes}, {"checksum", ChecksumText(file.checksum)}});
  }
  json["checksum"] = ManifestChecksum(json);
  return Dump(json) + "\n";
}

Status ReadEngineManifest(std::string_view text, Checkpoint& checkpoint, EngineFolder& engine) {
  QED_ASSIGN_OR_RETURN(Json manifest, ParseJsonObject(text, kMaxManifestBytes));
  QED_RETURN_IF_ERROR(CheckHeader(manifest));
  const JsonFields fields(manifest);
  QED_ASSIGN_OR_RETURN(const std::string device, fields.String("device"));
  if (device != "cpu" && device != "cuda") return Corrupt("device is neither cpu nor cuda");
  engine.device = device == "cpu" ? PackedFor::kCpu : PackedFor::kCuda;
  QED_ASSIGN_OR_RETURN(engine.source, fields.String("source"));
  QED_ASSIGN_OR_RETURN(engine.quantization, fields.String("quantization"));
  QED_ASSIGN_OR_RETURN(engine.adapter, fields.String("adapter"));
  QED_ASSIGN_OR_RETURN(engine.fingerprint, fields.String("fingerprint"));
  if (!manifest.contains("model") || !manifest.contains("sampling")) {
    return Corrupt("has no model or no sampling");
  }
  QED_ASSIGN_OR_RETURN(checkpoint.config, ModelConfigFromJson(manifest["model"]));
  QED_ASSIGN_OR_RETURN(checkpoint.sampling_defaults,
                       SamplingDefaultsFromJson(manifest["sampling"]));
  QED_RETURN_IF_ERROR(ReadLimits(manifest, engine.limits));
  NameMap names;
  for (const ExpectedTensor& expected : ExpectedTensors(checkpoint.config)) {
    names[expected.hf_name] = {expected.layer, expected.role};
  }
  QED_ASSIGN_OR_RETURN(const Json* ranks, ListOf(manifest, "ranks"));
  if (ranks->empty() || ranks->size() > kMaxRanks) return Corrupt("has no ranks or too many");
  for (const Json& json : *ranks) {
    QED_ASSIGN_OR_RETURN(EngineRank rank, RankFromJson(json, engine.device, names));
    engine.ranks.push_back(std::move(rank));
  }
  return ReadFiles(manifest, engine);
}

}  // namespace qed
