#include "quantize/error_report.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include "nlohmann/json.hpp"

namespace qed {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kWorst = 10;

constexpr std::array<const char*, kObservedKinds> kKindNames = {
    "attention_input", "attended", "feed_forward_input", "gated", "keys", "values"};

const char* NameOf(ObservedRows kind) { return kKindNames[static_cast<size_t>(kind)]; }

// By error, the largest first; names decide between equals.
std::vector<MatrixReport> Worst(const QuantizedFolder& folder) {
  std::vector<MatrixReport> worst = folder.matrices;
  std::ranges::sort(worst, [](const MatrixReport& a, const MatrixReport& b) {
    return a.error != b.error ? a.error > b.error : a.name < b.name;
  });
  worst.resize(std::min(worst.size(), kWorst));
  return worst;
}

// How many inputs each observer decided, and what the largest error was.
struct ObserverTotals {
  std::array<int64_t, 3> decided = {};
  double error = 0;
  double max_error = 0;
};

ObserverTotals TotalsOf(const Calibration& calibration) {
  ObserverTotals totals;
  for (const auto& layer : calibration.layers) {
    for (const auto& [kind, chosen] : layer) {
      if (kind == ObservedRows::kKeys || kind == ObservedRows::kValues) continue;
      ++totals.decided[static_cast<size_t>(chosen.observer)];
      totals.error = std::max(totals.error, chosen.error);
      totals.max_error = std::max(totals.max_error, chosen.max_error);
    }
  }
  return totals;
}

Json InputsJson(const Calibration& calibration) {
  Json inputs = Json::array();
  for (size_t layer = 0; layer < calibration.layers.size(); ++layer) {
    for (const auto& [kind, chosen] : calibration.layers[layer]) {
      inputs.push_back({{"layer", layer},
                        {"rows", NameOf(kind)},
                        {"scale", chosen.scale},
                        {"observer", ObserverName(chosen.observer)},
                        {"error", chosen.error},
                        {"error_with_max", chosen.max_error}});
    }
  }
  return inputs;
}

Json QualityJson(const TextQuality& quality) {
  return {{"tokens", quality.tokens},
          {"perplexity_before", quality.perplexity_before},
          {"perplexity_after", quality.perplexity_after},
          {"kl", quality.kl},
          {"top1_agreement", quality.top1}};
}

// How many linears stay in 16 bits, and the part of all linears' values that they hold.
struct Shares {
  int64_t count = 0;
  double kept = 0;
};

Shares SharesOf(const QuantizedFolder& folder) {
  Shares shares;
  int64_t kept = 0, all = 0;
  for (const MatrixReport& matrix : folder.matrices) {
    all += matrix.bytes_before;
    if (!matrix.kept) continue;
    kept += matrix.bytes_before;
    ++shares.count;
  }
  shares.kept = all > 0 ? static_cast<double>(kept) / static_cast<double>(all) : 0;
  return shares;
}

template <typename... Values>
std::string Line(const char* format, Values... values) {
  std::array<char, 256> line;
  std::snprintf(line.data(), line.size(), format, values...);
  return line.data();
}

std::string QualityLines(const char* title, const TextQuality& quality) {
  return Line("%s %lld tokens: perplexity %.4f, %.4f before (%+.2f %%)\n", title,
              static_cast<long long>(quality.tokens), quality.perplexity_after,
              quality.perplexity_before,
              100 * (quality.perplexity_after / quality.perplexity_before - 1)) +
         Line("            same likeliest token %.2f %%, KL %.5f nats a token\n",
              100 * quality.top1, quality.kl);
}

}  // namespace

std::string ErrorReportJson(const ErrorReport& report) {
  Json json = {{"recipe", RecipeText(report.recipe)},
               {"bytes_before", report.folder.bytes_before},
               {"bytes_after", report.folder.bytes_after},
               {"rounding", report.compensated ? "compensated" : "nearest"},
               {"kept_share", SharesOf(report.folder).kept},
               {"quality", nullptr},
               {"calibration", nullptr},
               {"worst_matrices", Json::array()},
               {"matrices", Json::array()}};
  if (report.quality) json["quality"] = QualityJson(*report.quality);
  if (report.quality_all_coded) {
    json["quality_without_kept"] = QualityJson(*report.quality_all_coded);
  }
  if (report.calibration) {
    json["calibration"] = {{"texts", report.calibration->texts},
                           {"tokens", report.calibration->tokens},
                           {"inputs", InputsJson(*report.calibration)}};
  }
  for (const MatrixReport& matrix : Worst(report.folder)) {
    json["worst_matrices"].push_back(matrix.name);
  }
  for (const MatrixReport& matrix : report.folder.matrices) {
    json["matrices"].push_back({{"name", matrix.name},
                                {"kept", matrix.kept},
                                {"error", matrix.error},
                                {"bytes_before", matrix.bytes_before},
                                {"bytes_after", matrix.bytes_after}});
  }
  return json.dump(1) + "\n";
}

std::string ErrorReportTable(const ErrorReport& report) {
  const QuantizedFolder& folder = report.folder;
  std::string text = "linears     " + RecipeText(report.recipe) + "\n";
  text +=
      Line("weights     %.1f MB, %.1f MB before\n", static_cast<double>(folder.bytes_after) / 1e6,
           static_cast<double>(folder.bytes_before) / 1e6);
  text += report.compensated ? "rounding    error-compensated (GPTQ)\n" : "rounding    nearest\n";
  if (const Shares shares = SharesOf(folder); shares.count > 0) {
    text += Line("in 16 bits  %lld of %zu linears, %.1f %% of their values\n",
                 static_cast<long long>(shares.count), folder.matrices.size(), 100 * shares.kept);
  }
  if (report.calibration) {
    const ObserverTotals totals = TotalsOf(*report.calibration);
    text += Line(
        "inputs      %lld texts, %lld tokens; scales by max %lld, percentile %lld, error %lld\n",
        static_cast<long long>(report.calibration->texts),
        static_cast<long long>(report.calibration->tokens),
        static_cast<long long>(totals.decided[0]), static_cast<long long>(totals.decided[1]),
        static_cast<long long>(totals.decided[2]));
    text += Line("            largest expected error %.2f %%, with max alone %.2f %%\n",
                 100 * totals.error, 100 * totals.max_error);
  }
  if (report.quality) text += QualityLines("held-back  ", *report.quality);
  if (report.quality_all_coded) text += QualityLines("all coded  ", *report.quality_all_coded);
  text += "largest relative errors\n";
  for (const MatrixReport& matrix : Worst(folder)) {
    text += Line("  %6.3f %%  %s\n", 100 * matrix.error, matrix.name.c_str());
  }
  return text;
}

}  // namespace qed
