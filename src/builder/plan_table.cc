#include <algorithm>
#include <cstdio>
#include <map>
#include <string>

#include "builder/engine_builder.h"
#include "checkpoint/raw_tensor.h"

namespace qed {
namespace {

// With commas between the thousands.
std::string Grouped(int64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

// "self_attn.q_proj.weight + k_proj + v_proj" without the layer.
std::string NamesOf(const PackedTensor& packed) {
  std::string names;
  for (TensorRole role : packed.roles) {
    std::string name = HfTensorName(packed.layer, role);
    if (packed.layer != kNoLayer) {
      name = name.substr(std::string("model.layers.").size() + std::to_string(packed.layer).size() +
                         1);
    }
    if (!names.empty()) names += " + ";
    names += name;
  }
  return names;
}

std::string SourceOf(const LaidTensor& laid) {
  std::string types;
  for (const LaidPart& part : laid.parts) {
    const std::string type =
        part.tensor->random ? "random" : std::string(DTypeName(part.tensor->dtype));
    if (types.find(type) != types.npos) continue;
    if (!types.empty()) types += "/";
    types += type;
  }
  return types;
}

// Which part of its tensors: of rank 0, which stands for all.
std::string ShardOf(const LaidTensor& laid) {
  const LaidPart& part = laid.parts.front();
  const std::vector<int64_t>& shape = part.tensor->shape;
  if (part.range.rows < shape[0]) return "rows";
  if (shape.size() > 1 && part.range.columns < shape[1]) return "columns";
  return "whole";
}

std::string Line(const LaidTensor& laid) {
  const PackedTensor& packed = laid.packed;
  const std::vector<int64_t> shape =
      packed.k == 0 ? std::vector<int64_t>{packed.n} : std::vector<int64_t>{packed.n, packed.k};
  char text[256];
  std::snprintf(text, sizeof(text), "%-8s %-8s %-5s %-16s %15s", SourceOf(laid).c_str(),
                ShardOf(laid).c_str(), WeightFormatName(packed.format), ShapeText(shape).c_str(),
                Grouped(packed.bytes).c_str());
  return std::string(text) + "  " + NamesOf(packed);
}

// What stands before a line: which layers have it.
struct Layers {
  int32_t first = 0, last = 0;
  int32_t count = 0;
};

std::string LayersText(const Layers& layers) {
  if (layers.first == kNoLayer) return "-";
  if (layers.count == 1) return std::to_string(layers.first);
  std::string text = std::to_string(layers.first);
  text.append("-").append(std::to_string(layers.last));
  if (layers.count <= layers.last - layers.first) {
    text.append(" (").append(std::to_string(layers.count)).append(")");
  }
  return text;
}

}  // namespace

std::string PlanTable(const BuildPlan& plan, const BuildSettings& settings) {
  std::vector<std::string> order;
  std::map<std::string, Layers> lines;
  for (const LaidTensor& laid : plan.ranks.front().tensors) {
    const std::string line = Line(laid);
    const auto [found, is_new] =
        lines.emplace(line, Layers{laid.packed.layer, laid.packed.layer, 0});
    if (is_new) order.push_back(line);
    found->second.last = laid.packed.layer;
    ++found->second.count;
  }
  std::string table = settings.ranks > 1 ? "rank 0 of " + std::to_string(settings.ranks) +
                                               "; the others are alike\n"
                                         : std::string();
  table += "layers     source   shard    format shape             bytes of each  tensor\n";
  for (const std::string& line : order) {
    std::string layers = LayersText(lines.at(line));
    layers.resize(std::max<size_t>(layers.size(), 10), ' ');
    table += layers + " " + line + "\n";
  }
  for (size_t rank = 0; rank < plan.ranks.size(); ++rank) {
    table +=
        "rank" + std::to_string(rank) + ".weights: " + Grouped(plan.ranks[rank].bytes) + " bytes\n";
  }
  return table;
}

}  // namespace qed
