// qed quantize: a 16-bit HF folder in, one with 8-bit linears and a report out.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/pending_folder.h"
#include "checkpoint/adapter.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/side_files.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/hub_model.h"
#include "cli/progress_line.h"
#include "config/engine_config.h"
#include "config/quantize_config.h"
#include "data/table_reader.h"
#include "model/loader.h"
#include "quantize/error_report.h"
#include "quantize/layer_sweep.h"
#include "quantize/mixed_precision.h"
#include "text/tokenizer.h"

namespace qed {
namespace {

constexpr char kReportFile[] = "quantization_report.json";
// Rows of a step: of logits, where they are wanted.
constexpr int32_t kStepTokens = 256;
constexpr int32_t kLogitRows = 128;
// What the 16-bit model's distributions may take.
constexpr int64_t kScoreBytes = int64_t{512} << 20;
constexpr int64_t kHeldBackPart = 10;  // one of so many texts
// What the residual streams of calibration text may take.
constexpr int64_t kSweepBytes = int64_t{2} << 30;
// Held-back tokens on which what stays in 16 bits is chosen, and on which each linear's cost is
// measured.
constexpr int64_t kSearchTokens = 2048;
constexpr int64_t kCostTokens = 384;
constexpr int kSearches = 3;
constexpr char kAllCoded[] = "all-coded";

struct QuantizeFlags {
  std::string model;
  std::string adapter = "none";
  std::string output;
  std::vector<std::string> ignore;
  bool as_json = false;
  QuantizeConfig config;
};

struct Texts {
  std::vector<TokenText> calibration;
  std::vector<TokenText> held_back;
};

// Texts to hold back for so many to calibrate on.
int64_t HeldBackSize(const QuantizeConfig& config) {
  if (config.eval_size > 0) return config.eval_size;
  return std::max<int64_t>(1, config.calib_size / (kHeldBackPart - 1));
}

// The column's texts, as token ids.
Result<std::vector<TokenText>> ReadTexts(const QuantizeConfig& config, const Tokenizer& tokenizer) {
  QED_ASSIGN_OR_RETURN(const std::vector<std::string> rows,
                       ReadTextColumn(config.calib_dataset, config.text_field,
                                      config.calib_size + HeldBackSize(config)));
  std::vector<TokenText> texts;
  for (const std::string& row : rows) {
    TokenText tokens = EncodePrompt(tokenizer, row);
    tokens.resize(std::min(tokens.size(), static_cast<size_t>(config.max_tokens)));
    if (!tokens.empty()) texts.push_back(std::move(tokens));
  }
  if (texts.size() < 2) {
    return InvalidArgument(config.calib_dataset + ": holds " + std::to_string(texts.size()) +
                           " texts; at least 2 are needed, one of them to measure quality");
  }
  return texts;
}

Result<Texts> ReadCalibration(const QuantizeConfig& config, const Checkpoint& checkpoint) {
  if (config.calib_dataset.empty()) return Texts();
  QED_ASSIGN_OR_RETURN(const auto tokenizer, Tokenizer::Create(checkpoint.tokenizer));
  if (tokenizer->vocab_size() > checkpoint.config.vocab_size) {
    return Corrupt(checkpoint.path + ": the tokenizer has more tokens than the model");
  }
  QED_ASSIGN_OR_RETURN(std::vector<TokenText> all, ReadTexts(config, *tokenizer));
  // Of a file with fewer texts than that the same part.
  const auto wanted = static_cast<double>(HeldBackSize(config));
  const double part = wanted / (wanted + config.calib_size);
  const auto held_back = std::clamp<size_t>(
      static_cast<size_t>(std::lround(part * static_cast<double>(all.size()))), 1, all.size() - 1);
  Texts texts;
  texts.held_back.assign(all.end() - static_cast<std::ptrdiff_t>(held_back), all.end());
  all.resize(std::min(all.size() - held_back, static_cast<size_t>(config.calib_size)));
  texts.calibration = std::move(all);
  return texts;
}

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

// A model on the CPU, with room for the texts.
Result<std::unique_ptr<Decoder>> LoadForTexts(const Checkpoint& checkpoint, const Adapter* adapter,
                                              const QuantizeConfig& config, size_t longest,
                                              ThreadPool& pool) {
  EngineConfig engine;
  engine.max_num_tokens = kStepTokens;
  engine.max_batch_size = kLogitRows;
  const ModelConfig& model = checkpoint.config;
  const int64_t token_bytes =
      int64_t{model.num_layers} * 2 * model.num_kv_heads * model.head_dim * 2;
  const auto pages = (static_cast<int64_t>(longest) + engine.page_size - 1) / engine.page_size;
  engine.kv_cache_bytes = pages * engine.page_size * token_bytes * config.batch_size;
  return LoadDecoder(checkpoint, adapter, engine, pool);
}

size_t LongestOf(const Texts& texts) {
  size_t longest = 1;
  for (const auto* list : {&texts.calibration, &texts.held_back}) {
    for (const TokenText& text : *list) longest = std::max(longest, text.size());
  }
  return longest;
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

// The steps in their order; what one of them made is here for the next.
class QuantizeRun {
 public:
  // `adapter` may be null.
  QuantizeRun(const QuantizeFlags& flags, const Checkpoint& checkpoint, const Adapter* adapter,
              ThreadPool& pool)
      : flags_(flags),
        config_(flags.config),
        checkpoint_(checkpoint),
        adapter_(adapter),
        pool_(pool) {}

  Status Run() {
    QED_ASSIGN_OR_RETURN(report_.recipe, RecipeFor(config_));
    QED_ASSIGN_OR_RETURN(settings_.layout, ParseExportLayout(config_.export_layout));
    QED_ASSIGN_OR_RETURN(observer_, ParseObserver(config_.observer));
    QED_ASSIGN_OR_RETURN(compensate_, Compensates(config_));
    QED_ASSIGN_OR_RETURN(settings_.kept,
                         ModulesThatFit(flags_.ignore, checkpoint_.config.num_layers));
    settings_.recipe = report_.recipe;
    QED_ASSIGN_OR_RETURN(texts_, ReadCalibration(config_, checkpoint_));
    QED_ASSIGN_OR_RETURN(PendingFolder folder, PendingFolder::Create(flags_.output));
    QED_RETURN_IF_ERROR(CopySideFiles(checkpoint_.path, folder));
    if (!texts_.held_back.empty()) QED_RETURN_IF_ERROR(LoadBefore());
    QED_RETURN_IF_ERROR(WriteCodes(folder));
    if (!texts_.held_back.empty()) QED_RETURN_IF_ERROR(ReachGoal(folder));
    const std::string json = ErrorReportJson(report_);
    QED_RETURN_IF_ERROR(WriteFileAtomic(folder.File(kReportFile), json));
    QED_RETURN_IF_ERROR(folder.Commit());
    std::fputs(flags_.as_json ? json.c_str() : ErrorReportTable(report_).c_str(), stdout);
    return std::fflush(stdout) == 0 ? OkStatus() : IoError("standard output cannot be written");
  }

 private:
  // The model in 16 bits, and the texts cut to what it can take.
  Status LoadBefore() {
    QED_ASSIGN_OR_RETURN(before_,
                         LoadForTexts(checkpoint_, adapter_, config_, LongestOf(texts_), pool_));
    texts_.calibration = CutToFit(std::move(texts_.calibration), config_.batch_size, *before_);
    texts_.held_back =
        TakeTokens(CutToFit(texts_.held_back, config_.batch_size, *before_), config_.eval_tokens);
    return OkStatus();
  }

  // All linears but those that --ignore names, with the calibration that it takes.
  Status WriteCodes(const PendingFolder& folder) {
    CodeSource source;
    std::optional<LayerSweep> sweep;
    if (compensate_) {
      texts_.calibration = TakeTextsThatFit(std::move(texts_.calibration),
                                            checkpoint_.config.hidden_size, kSweepBytes);
      sweep.emplace(texts_.calibration, config_.batch_size, observer_, *before_, pool_);
      source.sweep = &*sweep;
    } else if (report_.recipe.activations == ActivationScale::kStatic) {
      ProgressLine line("calibrating", static_cast<double>(texts_.calibration.size()));
      QED_ASSIGN_OR_RETURN(report_.calibration,
                           Calibrate(texts_.calibration, config_.batch_size, observer_, *before_,
                                     [&](size_t done) { line.Show(static_cast<double>(done)); }));
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
    ProgressLine line(what, static_cast<double>(total));
    return WriteQuantizedWeights(checkpoint_, adapter_, settings_, source, folder.File("."), pool_,
                                 [&](int64_t bytes) {
                                   written += bytes;
                                   line.Show(static_cast<double>(written));
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
    // What is chosen on some of the tokens may fall short on all of them: then a little more.
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

  Result<TextQuality> CompareFolder(const PendingFolder& folder, const char* what) {
    QED_ASSIGN_OR_RETURN(const Checkpoint quantized, OpenCheckpoint(folder.File(".")));
    QED_ASSIGN_OR_RETURN(const auto after,
                         LoadForTexts(quantized, nullptr, config_, LongestOf(texts_), pool_));
    ProgressLine line(what, static_cast<double>(texts_.held_back.size()));
    return CompareModels(texts_.held_back, config_.batch_size, kScoreBytes, *before_, *after, pool_,
                         [&](size_t done) { line.Show(static_cast<double>(done)); });
  }

  // Adds to settings_.kept what it takes for `target` of the likeliest tokens to stay.
  Status ChooseGroups(const Checkpoint& coded, double target) {
    QED_ASSIGN_OR_RETURN(const auto after,
                         LoadForTexts(coded, nullptr, config_, LongestOf(texts_), pool_));
    MixedModel mixed(*before_, *after);
    const int64_t fits = TokensThatFit(checkpoint_.config.vocab_size, kScoreBytes);
    const std::vector<TokenText> texts =
        TakeTokens(texts_.held_back, std::min(kSearchTokens, fits));
    if (costs_.empty()) MeasureCosts(TakeTokens(texts, kCostTokens), mixed);
    std::vector<int64_t> sizes;
    for (size_t i = 0; i < costs_.size(); ++i) sizes.push_back(mixed.Size(i));
    const ScoredTexts scored(texts, config_.batch_size, *before_, pool_, nullptr);
    const auto quality_of = [&](std::span<const size_t> kept) {
      mixed.UseAll(true);
      for (size_t group : kept) mixed.Use(group, false);
      return scored.Compare(config_.batch_size, *before_, nullptr).Mean();
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
    const ScoredTexts scored(texts, config_.batch_size, *before_, pool_, nullptr);
    ProgressLine line("measuring", static_cast<double>(mixed.groups().size()));
    costs_ = MeasureGroups(texts, config_.batch_size, scored, mixed,
                           [&](size_t group) { line.Show(static_cast<double>(group + 1)); });
  }

  const QuantizeFlags& flags_;
  const QuantizeConfig& config_;
  const Checkpoint& checkpoint_;
  const Adapter* const adapter_;
  ThreadPool& pool_;
  Observer observer_ = Observer::kAuto;
  bool compensate_ = false;
  QuantizeSettings settings_;
  Texts texts_;
  std::unique_ptr<Decoder> before_;  // where there are texts
  std::vector<double> costs_;        // of each group of linears, once they are wanted
  ErrorReport report_;
};

Status RunQuantize(const QuantizeFlags& flags) {
  QED_RETURN_IF_ERROR(ValidateKnobs(flags.config));
  QED_ASSIGN_OR_RETURN(const std::string path, ResolveModel(flags.model));
  QED_ASSIGN_OR_RETURN(const Checkpoint checkpoint, OpenCheckpoint(path));
  std::optional<Adapter> adapter;
  if (flags.adapter != "none") {
    QED_ASSIGN_OR_RETURN(const std::string folder, ResolveModel(flags.adapter));
    QED_ASSIGN_OR_RETURN(adapter, OpenAdapter(folder, checkpoint));
  }
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  ThreadPool pool(flags.config.threads > 0 ? flags.config.threads : std::max(1, cores));
  return QuantizeRun(flags, checkpoint, adapter ? &*adapter : nullptr, pool).Run();
}

}  // namespace

CLI::App* AddQuantizeCommand(CLI::App& app, CommandRun& run) {
  auto flags = std::make_shared<QuantizeFlags>();
  CLI::App* command =
      app.add_subcommand("quantize", "Turn a 16-bit HF folder into one with 8-bit weights.");
  command->add_option("--model", flags->model, "HF folder, or a hub's ORG/NAME[@REVISION]")
      ->required();
  command
      ->add_option("--adapter", flags->adapter,
                   "LoRA adapter (PEFT folder, or a hub's ORG/NAME) to merge first; none")
      ->capture_default_str();
  command->add_option("--output", flags->output, "folder to write; must not exist or be empty")
      ->required();
  command->add_option("--ignore", flags->ignore,
                      "linears that stay in 16 bits, by their modules' names, in which * stands "
                      "for anything (\"model.layers.0.*\", \"*.down_proj\"); may be repeated");
  command->add_flag("--json", flags->as_json, "print the report as JSON");
  AddKnobFlags(*command, flags->config);
  run = [flags] { return RunQuantize(*flags); };
  return command;
}

}  // namespace qed
