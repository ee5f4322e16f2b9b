#include "quantize/quantizer.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/pending_folder.h"
#include "checkpoint/side_files.h"
#include "quantize/layer_sweep.h"
#include "quantize/mixed_precision.h"
#include "quantize/text_model.h"
#include "quantize/text_quality.h"

namespace qed {
namespace {

constexpr char kReportFile[] = "quantization_report.json";
// What the 16-bit model's distributions may take.
constexpr int64_t kScoreBytes = int64_t{512} << 20;
// What the residual streams of calibration text may take.
constexpr int64_t kSweepBytes = int64_t{2} << 30;
// Held-back tokens on which what stays in 16 bits is chosen (and which judge no quality), and on
// which each linear's cost is measured.
constexpr int64_t kSearchTokens = 2048;
constexpr int64_t kCostTokens = 384;
constexpr int kSearches = 3;
constexpr char kAllCoded[] = "all-coded";

Result<WeightRecipe> RecipeFor(const QuantizeConfig& config) {
  if (config.qformat == "int8_wo") {
    return WeightRecipe{WeightFormat::kInt8, ScaleGranularity::kRow, ActivationScale::kNone};
  }
  if (config.qformat != "fp8") {
    return InvalidArgument("--qformat is \"" + config.qformat + "\"; it must be fp8 or int8_wo");
  }
  if (config.scales == "row") {
    return WeightRecipe{WeightFormat::kFp8, ScaleGranularity::kRow, ActivationScale::kToken};
  }
  if (config.scales != "tensor") {
    return InvalidArgument("--scales is \"" + config.scales + "\"; it must be tensor or row");
  }
  if (config.calib_dataset.empty()) {
    return InvalidArgument(
        "--qformat fp8 with --scales tensor wants --calib-dataset; --scales row does without");
  }
  return WeightRecipe{WeightFormat::kFp8, ScaleGranularity::kTensor, ActivationScale::kStatic};
}

Result<bool> Compensates(const QuantizeConfig& config) {
  const bool texts = !config.calib_dataset.empty();
  if (config.rounding == "nearest") return false;
  if (config.rounding == "auto") return texts;
  if (config.rounding != "compensated") {
    return InvalidArgument("--rounding is \"" + config.rounding +
                           "\"; it must be nearest, compensated or auto");
  }
  if (!texts) return InvalidArgument("--rounding compensated wants --calib-dataset");
  return true;
}

// What only the CPU's network can do: show rows, and have linears replaced.
Status CheckDevice(const QuantizeTask& task, bool compensate) {
  if (!task.gpu) return OkStatus();
  if (compensate) {
    return InvalidArgument(
        "a GPU only counts what it sees: --device cuda wants --rounding nearest (codes that make "
        "up for each other's errors are found with --device cpu)");
  }
  if (!task.held_back_texts.empty() && task.config.min_agreement > 0 && task.config.max_kept > 0) {
    return InvalidArgument(
        "what stays in 16 bits is chosen on a CPU: --device cuda wants --min-agreement 0 or "
        "--max-kept 0");
  }
  return OkStatus();
}

// The errors of codes that were copied.
void CopyErrors(const QuantizedFolder& from, QuantizedFolder& to) {
  std::map<std::string, double> errors;
  for (const MatrixReport& matrix : from.matrices) errors[matrix.name] = matrix.error;
  for (MatrixReport& matrix : to.matrices) {
    if (!matrix.kept) matrix.error = errors[matrix.name];
  }
}

Status RemoveSubfolder(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  return error ? IoError("cannot remove " + path + ": " + error.message()) : OkStatus();
}

// One after the other; what a step made is here for the next.
class QuantizeRun {
 public:
  QuantizeRun(QuantizeTask task, ThreadPool& pool, const QuantizeProgress& progress)
      : task_(std::move(task)),
        config_(task_.config),
        checkpoint_(*task_.checkpoint),
        pool_(pool),
        progress_(progress) {}

  Result<ErrorReport> Run() {
    QED_ASSIGN_OR_RETURN(report_.recipe, RecipeFor(config_));
    QED_ASSIGN_OR_RETURN(settings_.layout, ParseExportLayout(config_.export_layout));
    QED_ASSIGN_OR_RETURN(observer_, ParseObserver(config_.observer));
    QED_ASSIGN_OR_RETURN(compensate_, Compensates(config_));
    QED_RETURN_IF_ERROR(CheckDevice(task_, compensate_));
    QED_ASSIGN_OR_RETURN(settings_.kept,
                         ModulesThatFit(task_.ignored, checkpoint_.config.num_layers));
    settings_.recipe = report_.recipe;
    QED_ASSIGN_OR_RETURN(PendingFolder folder, PendingFolder::Create(task_.output));
    QED_RETURN_IF_ERROR(CopySideFiles(checkpoint_.path, folder));
    const bool has_texts = !task_.held_back_texts.empty();
    if (has_texts) QED_RETURN_IF_ERROR(LoadBefore());
    QED_RETURN_IF_ERROR(WriteCodes(folder));
    if (has_texts) QED_RETURN_IF_ERROR(ReachGoal(folder));
    QED_RETURN_IF_ERROR(WriteFileAtomic(folder.File(kReportFile), ErrorReportJson(report_)));
    QED_RETURN_IF_ERROR(folder.Commit());
    return std::move(report_);
  }

 private:
  // Shows how many of `total` are through.
  std::function<void(size_t)> Counter(const std::string& what, size_t total) const {
    return [this, what, total](size_t done) {
      progress_(what, static_cast<double>(done) / static_cast<double>(total));
    };
  }

  TextLimits Limits() const {
    TextLimits limits = {.together = config_.batch_size};
    for (const auto* list : {&task_.calibration_texts, &task_.held_back_texts}) {
      for (const TokenText& text : *list) limits.longest = std::max(limits.longest, text.size());
    }
    return limits;
  }

  Result<std::unique_ptr<ObservableModel>> Load(const Checkpoint& checkpoint,
                                                const Adapter* adapter) const {
    if (task_.gpu) {
      return LoadTextModelOnGpu(checkpoint, adapter, Limits(), *task_.gpu, pool_);
    }
    QED_ASSIGN_OR_RETURN(auto decoder, LoadTextModel(checkpoint, adapter, Limits(), pool_));
    return std::unique_ptr<ObservableModel>(std::move(decoder));
  }

  // The model in 16 bits, and the texts cut to what it can take.
  Status LoadBefore() {
    QED_ASSIGN_OR_RETURN(before_, Load(checkpoint_, task_.adapter));
    if (!task_.gpu) decoder_ = static_cast<Decoder*>(before_.get());
    task_.calibration_texts =
        CutToFit(std::move(task_.calibration_texts), config_.batch_size, *before_);
    std::vector<TokenText> held_back =
        CutToFit(std::move(task_.held_back_texts), config_.batch_size, *before_);
    const int64_t fits = TokensThatFit(checkpoint_.config.vocab_size, kScoreBytes);
    search_texts_ = MoveOutTokens(held_back, std::min(kSearchTokens, fits));
    task_.held_back_texts = TakeTokens(held_back, config_.eval_tokens);
    // Where one text is all, it serves for both.
    search_texts_ = TakeTokens(search_texts_.empty() ? task_.held_back_texts : search_texts_,
                               std::min(kSearchTokens, fits));
    return OkStatus();
  }

  // All linears but those that --ignore names, with the calibration that it takes.
  Status WriteCodes(const PendingFolder& folder) {
    std::vector<TokenText>& texts = task_.calibration_texts;
    CodeSource source;
    std::optional<LayerSweep> sweep;
    if (compensate_) {
      texts = TakeTextsThatFit(std::move(texts), checkpoint_.config.hidden_size, kSweepBytes);
      sweep.emplace(texts, config_.batch_size, observer_, *decoder_, pool_);
      source.sweep = &*sweep;
    } else if (report_.recipe.activations == ActivationScale::kStatic) {
      QED_ASSIGN_OR_RETURN(report_.calibration,
                           Calibrate(texts, config_.batch_size, observer_, *before_,
                                     Counter("calibrating", texts.size())));
      source.calibration = &*report_.calibration;
    }
    QED_ASSIGN_OR_RETURN(report_.folder, Write("quantizing", source, folder));
    if (sweep) report_.calibration = sweep->calibration();
    report_.compensated = compensate_;
    return OkStatus();
  }

  Result<QuantizedFolder> Write(const char* what, const CodeSource& source,
                                const PendingFolder& folder) {
    int64_t total = 1, written = 0;
    for (const auto& [name, tensor] : checkpoint_.tensors) {
      total += static_cast<int64_t>(tensor.data.size()) / (IsLinear(tensor.role) ? 2 : 1);
    }
    return WriteQuantizedWeights(
        checkpoint_, task_.adapter, settings_, source, folder.File("."), pool_, [&](int64_t bytes) {
          written += bytes;
          progress_(what, static_cast<double>(written) / static_cast<double>(total));
        });
  }

  // Opens what was written, as a reader would, and compares. Leaves the most costly linears in
  // 16 bits where too many tokens change.
  Status ReachGoal(PendingFolder& folder) {
    QED_ASSIGN_OR_RETURN(report_.quality, CompareFolder(folder, "comparing"));
    const double goal = config_.min_agreement / 100;
    if (report_.quality->top1 >= goal || config_.max_kept == 0) return OkStatus();
    report_.quality_all_coded = report_.quality;
    QED_RETURN_IF_ERROR(folder.MakeSubfolder(kAllCoded));
    const std::string all_coded = folder.File(kAllCoded);
    QED_RETURN_IF_ERROR(MoveQuantizedWeights(folder.File("."), all_coded));
    QED_ASSIGN_OR_RETURN(const Checkpoint coded, OpenCheckpoint(all_coded));
    CodeSource source;
    source.coded = &coded;
    if (report_.calibration) source.calibration = &*report_.calibration;
    const QuantizedFolder all = std::move(report_.folder);
    const std::set<std::string> ignored = settings_.kept;
    // What is chosen on some tokens may fall short on others: then a little more.
    double target = goal;
    for (int i = 0; i < kSearches; ++i) {
      settings_.kept = ignored;
      QED_RETURN_IF_ERROR(ChooseGroups(coded, target));
      QED_ASSIGN_OR_RETURN(report_.folder, Write("writing", source, folder));
      CopyErrors(all, report_.folder);
      QED_ASSIGN_OR_RETURN(report_.quality, CompareFolder(folder, "comparing again"));
      if (report_.quality->top1 >= goal || target >= 1) break;
      target = std::min(1.0, target + goal - report_.quality->top1 + 0.001);
    }
    return RemoveSubfolder(all_coded);
  }

  Result<TextQuality> CompareFolder(const PendingFolder& folder, const char* what) const {
    QED_ASSIGN_OR_RETURN(const Checkpoint quantized, OpenCheckpoint(folder.File(".")));
    QED_ASSIGN_OR_RETURN(const auto after, Load(quantized, nullptr));
    const std::vector<TokenText>& texts = task_.held_back_texts;
    return CompareModels(texts, config_.batch_size, kScoreBytes, *before_, *after, pool_,
                         Counter(what, texts.size()));
  }

  // Adds to settings_.kept what it takes for `target` of the likeliest tokens to stay.
  Status ChooseGroups(const Checkpoint& coded, double target) {
    QED_ASSIGN_OR_RETURN(const auto after, LoadTextModel(coded, nullptr, Limits(), pool_));
    MixedModel mixed(*decoder_, *after);
    if (costs_.empty()) MeasureCosts(TakeTokens(search_texts_, kCostTokens), mixed);
    std::vector<int64_t> sizes;
    for (size_t i = 0; i < costs_.size(); ++i) sizes.push_back(mixed.Size(i));
    const ScoredTexts scored(search_texts_, config_.batch_size, *decoder_, pool_, nullptr);
    const auto quality_of = [&](std::span<const size_t> kept) {
      mixed.UseAll(true);
      for (size_t group : kept) mixed.Use(group, false);
      return scored.Compare(config_.batch_size, *decoder_, nullptr).Mean();
    };
    const TextQuality none_kept = quality_of({});
    const KeepGoal goal = {target, config_.max_kept / 100};
    for (size_t group : ChooseKept(costs_, sizes, goal, none_kept, quality_of)) {
      for (std::string& module : mixed.groups()[group].Modules()) {
        settings_.kept.insert(std::move(module));
      }
    }
    return OkStatus();
  }

  void MeasureCosts(const std::vector<TokenText>& texts, MixedModel& mixed) {
    const ScoredTexts scored(texts, config_.batch_size, *decoder_, pool_, nullptr);
    const auto count = Counter("measuring", mixed.groups().size());
    costs_ = MeasureGroups(texts, config_.batch_size, scored, mixed,
                           [&](size_t group) { count(group + 1); });
  }

  QuantizeTask task_;
  const QuantizeConfig& config_;
  const Checkpoint& checkpoint_;
  ThreadPool& pool_;
  const QuantizeProgress& progress_;
  Observer observer_ = Observer::kAuto;
  bool compensate_ = false;
  QuantizeSettings settings_;
  std::vector<TokenText> search_texts_;      // to choose by what stays in 16 bits
  std::unique_ptr<ObservableModel> before_;  // where there are texts
  Decoder* decoder_ = nullptr;               // the same, where it is on the CPU
  std::vector<double> costs_;                // of each group of linears, once they are wanted
  ErrorReport report_;
};

}  // namespace

Result<ErrorReport> Quantize(QuantizeTask task, ThreadPool& pool,
                             const QuantizeProgress& progress) {
  return QuantizeRun(std::move(task), pool, progress).Run();
}

}  // namespace qed
