#include "quantize/mixed_precision.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"
#include "quantize/matrix_coder.h"

namespace qed {
namespace {

// Halving ends where it is known to one part of so many of the groups.
constexpr size_t kNear = 40;

std::string ModuleName(int32_t layer, TensorRole role) {
  const std::string name = HfTensorName(layer, role);
  return name.substr(0, name.rfind('.'));
}

// Whether the name fits, * standing for any characters.
bool Fits(std::string_view pattern, std::string_view name) {
  const size_t star = pattern.find('*');
  if (star == pattern.npos) return pattern == name;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  const std::string_view rest = pattern.substr(star + 1);
  for (size_t skipped = star; skipped <= name.size(); ++skipped) {
    if (Fits(rest, name.substr(skipped))) return true;
  }
  return false;
}

}  // namespace

std::vector<std::string> LinearGroup::Modules() const {
  std::vector<std::string> modules;
  for (TensorRole role : roles) modules.push_back(ModuleName(layer, role));
  return modules;
}

std::vector<LinearGroup> LinearGroups(int32_t layers) {
  using enum TensorRole;
  std::vector<LinearGroup> groups;
  for (int32_t layer = 0; layer < layers; ++layer) {
    for (TensorRole role : {kQuery, kOutput, kGate, kDown}) {
      groups.push_back({layer, JoinedLinears(role)});
    }
  }
  return groups;
}

Result<std::set<std::string>> ModulesThatFit(std::span<const std::string> patterns,
                                             int32_t layers) {
  constexpr size_t kMaxPattern = 256;
  std::set<std::string> found;
  const std::vector<LinearGroup> groups = LinearGroups(layers);
  for (const std::string& pattern : patterns) {
    bool used = false;
    if (pattern.size() > kMaxPattern || std::ranges::count(pattern, '*') > 4) {
      return InvalidArgument("--ignore has a pattern of more than 256 characters or four *");
    }
    for (const LinearGroup& group : groups) {
      const std::vector<std::string> modules = group.Modules();
      const auto fits = [&](const std::string& module) { return Fits(pattern, module); };
      if (std::ranges::none_of(modules, fits)) continue;
      used = true;
      found.insert(modules.begin(), modules.end());
    }
    if (!used && pattern != "lm_head") {
      return InvalidArgument("--ignore " + pattern + " fits no linear; they are named like " +
                             groups.back().Modules().front());
    }
  }
  return found;
}

MixedModel::MixedModel(Decoder& model, const Decoder& quantized)
    : model_(model), quantized_(quantized), groups_(LinearGroups(model.config().num_layers)) {
  for (const LinearGroup& group : groups_) {
    std::vector<PackedWeight>& own = own_.emplace_back();
    for (TensorRole role : group.roles) own.push_back(model.Weight(group.layer, role));
  }
}

MixedModel::~MixedModel() { UseAll(false); }

int64_t MixedModel::Size(size_t group) const {
  int64_t size = 0;
  for (const PackedWeight& weight : own_[group]) size += int64_t{weight.n} * weight.k;
  return size;
}

void MixedModel::Use(size_t group, bool quantized) {
  const LinearGroup& which = groups_[group];
  for (size_t i = 0; i < which.roles.size(); ++i) {
    const TensorRole role = which.roles[i];
    model_.ReplaceWeight(which.layer, role,
                         quantized ? quantized_.Weight(which.layer, role) : own_[group][i]);
  }
}

void MixedModel::UseAll(bool quantized) {
  for (size_t i = 0; i < groups_.size(); ++i) Use(i, quantized);
}

std::vector<double> MeasureGroups(std::span<const TokenText> texts, int32_t batch_size,
                                  const ScoredTexts& scored, MixedModel& mixed,
                                  const std::function<void(size_t group)>& done) {
  Decoder& model = mixed.model();
  const auto width = static_cast<size_t>(model.config().hidden_size);
  const int32_t layers = model.config().num_layers;
  size_t tokens = 0;
  for (const TokenText& text : texts) tokens += text.size();
  std::vector<float> hidden(tokens * width), upper;
  const auto part = [&](const TextStep& step) {
    return std::span(hidden).subspan(step.first * width, step.places.size() * width);
  };
  const auto for_steps = [&](const std::function<void(const TextStep&)>& run) {
    ForSteps(texts, batch_size, model, true, run, nullptr);
  };
  for_steps([&](const TextStep& step) { model.Embed(step.batch, part(step)); });
  std::vector<double> costs;
  for (int32_t layer = 0; layer < layers; ++layer) {
    while (costs.size() < mixed.groups().size()) {
      const size_t group = costs.size();
      if (mixed.groups()[group].layer != layer) break;
      mixed.Use(group, true);
      QualitySum sum;
      for_steps([&](const TextStep& step) {
        const auto own = part(step);
        upper.assign(own.begin(), own.end());
        model.RunLayers(step.batch, layer, layers, upper);
        scored.Add(step, model.RunHead(step.batch, upper), sum);
      });
      mixed.Use(group, false);
      costs.push_back(sum.Mean().kl);
      if (done) done(group);
    }
    for_steps(
        [&](const TextStep& step) { model.RunLayers(step.batch, layer, layer + 1, part(step)); });
  }
  return costs;
}

std::vector<size_t> ChooseKept(
    std::span<const double> costs, std::span<const int64_t> sizes, const KeepGoal& goal,
    const TextQuality& quantized,
    const std::function<TextQuality(std::span<const size_t> kept)>& quality_of) {
  if (quantized.top1 >= goal.min_top1) return {};
  std::vector<size_t> order(costs.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto rate = [&](size_t group) { return costs[group] / static_cast<double>(sizes[group]); };
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return rate(a) > rate(b); });
  const double all = static_cast<double>(std::accumulate(sizes.begin(), sizes.end(), int64_t{0}));
  size_t most = 0;
  for (double kept = 0; most < order.size(); ++most) {
    kept += static_cast<double>(sizes[order[most]]);
    if (kept > goal.max_share * all * (1 + 1e-9)) break;
  }
  // Errors of groups add up, and with them the divergence; how often the likeliest token
  // changes goes with its root. So much for the first guess; then halves.
  double total = std::accumulate(costs.begin(), costs.end(), 0.0);
  const double ratio = (1 - goal.min_top1) / std::max(1e-9, 1 - quantized.top1);
  const double wanted = total * ratio * ratio;
  size_t guess = 0;
  while (guess < most && total > wanted) total -= costs[order[guess++]];
  size_t too_few = 0, enough = most;
  const size_t near = std::max<size_t>(1, order.size() / kNear);
  while (too_few + near < enough) {
    guess = std::clamp(guess, too_few + 1, enough - 1);
    const bool reached = quality_of(std::span(order).first(guess)).top1 >= goal.min_top1;
    (reached ? enough : too_few) = guess;
    guess = (too_few + enough) / 2;
  }
  order.resize(enough);
  return order;
}

}  // namespace qed
