// qed quantize: a 16-bit HF folder in, one with 8-bit linears and a report out.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "checkpoint/adapter.h"
#include "checkpoint/checkpoint.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/hub_model.h"
#include "cli/progress_line.h"
#include "config/engine_config.h"
#include "config/quantize_config.h"
#include "data/table_reader.h"
#include "model/loader.h"
#include "quantize/error_report.h"
#include "text/tokenizer.h"

namespace qed {
namespace {

constexpr char kReportFile[] = "quantization_report.json";
// Rows of a step: of logits, where they are wanted.
constexpr int32_t kStepTokens = 256;
constexpr int32_t kLogitRows = 64;
// What the 16-bit model's distributions may take.
constexpr int64_t kScoreBytes = int64_t{512} << 20;
constexpr int64_t kHeldBackPart = 10;  // one of so many texts

struct QuantizeFlags {
  std::string model;
  std::string adapter = "none";
  std::string output;
  bool as_json = false;
  QuantizeConfig config;
};

struct Texts {
  std::vector<TokenText> calibration;
  std::vector<TokenText> held_back;
};

// What is read of a file: texts to calibrate on, and as many for each of them to hold back.
int64_t RowsToRead(const QuantizeConfig& config) {
  return config.calib_size + std::max<int64_t>(1, config.calib_size / (kHeldBackPart - 1));
}

// The column's texts, as token ids.
Result<std::vector<TokenText>> ReadTexts(const QuantizeConfig& config, const Tokenizer& tokenizer) {
  QED_ASSIGN_OR_RETURN(const std::vector<std::string> rows,
                       ReadTextColumn(config.calib_dataset, config.text_field, RowsToRead(config)));
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
  const size_t held_back = std::max<size_t>(1, all.size() / static_cast<size_t>(kHeldBackPart));
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
    settings_.recipe = report_.recipe;
    QED_ASSIGN_OR_RETURN(texts_, ReadCalibration(config_, checkpoint_));
    if (!texts_.held_back.empty()) QED_RETURN_IF_ERROR(RunModelBefore());
    QED_RETURN_IF_ERROR(WriteFolder());
    if (scored_ != nullptr) QED_RETURN_IF_ERROR(RunModelAfter());
    const std::string json = ErrorReportJson(report_);
    QED_RETURN_IF_ERROR(WriteFileAtomic(flags_.output + "/" + kReportFile, json));
    std::fputs(flags_.as_json ? json.c_str() : ErrorReportTable(report_).c_str(), stdout);
    return std::fflush(stdout) == 0 ? OkStatus() : IoError("standard output cannot be written");
  }

 private:
  // Calibrates, and scores what was held back.
  Status RunModelBefore() {
    QED_ASSIGN_OR_RETURN(const auto model,
                         LoadForTexts(checkpoint_, adapter_, config_, LongestOf(texts_), pool_));
    if (report_.recipe.activations == ActivationScale::kStatic) {
      texts_.calibration = CutToFit(std::move(texts_.calibration), config_.batch_size, *model);
      ProgressLine line("calibrating", static_cast<double>(texts_.calibration.size()));
      QED_ASSIGN_OR_RETURN(report_.calibration,
                           Calibrate(texts_.calibration, config_.batch_size, observer_, *model,
                                     [&](size_t done) { line.Show(static_cast<double>(done)); }));
    }
    const int64_t tokens = std::min<int64_t>(
        config_.eval_tokens, TokensThatFit(checkpoint_.config.vocab_size, kScoreBytes));
    texts_.held_back = TakeTokens(CutToFit(texts_.held_back, config_.batch_size, *model), tokens);
    if (texts_.held_back.empty()) return OkStatus();
    ProgressLine line("scoring", static_cast<double>(texts_.held_back.size()));
    scored_ =
        std::make_unique<ScoredTexts>(texts_.held_back, config_.batch_size, *model,
                                      [&](size_t done) { line.Show(static_cast<double>(done)); });
    return OkStatus();
  }

  Status WriteFolder() {
    int64_t total = 1, written = 0;
    for (const auto& [name, tensor] : checkpoint_.tensors) {
      total += static_cast<int64_t>(tensor.data.size()) / (IsLinear(tensor.role) ? 2 : 1);
    }
    ProgressLine line("quantizing", static_cast<double>(total));
    QED_ASSIGN_OR_RETURN(report_.folder,
                         WriteQuantizedFolder(checkpoint_, adapter_, settings_,
                                              report_.calibration ? &*report_.calibration : nullptr,
                                              flags_.output, pool_, [&](int64_t bytes) {
                                                written += bytes;
                                                line.Show(static_cast<double>(written));
                                              }));
    return OkStatus();
  }

  // Opens what was written, as a reader would.
  Status RunModelAfter() {
    QED_ASSIGN_OR_RETURN(const Checkpoint quantized, OpenCheckpoint(flags_.output));
    QED_ASSIGN_OR_RETURN(const auto model,
                         LoadForTexts(quantized, nullptr, config_, LongestOf(texts_), pool_));
    ProgressLine line("comparing", static_cast<double>(texts_.held_back.size()));
    report_.quality = scored_->Compare(config_.batch_size, *model,
                                       [&](size_t done) { line.Show(static_cast<double>(done)); });
    return OkStatus();
  }

  const QuantizeFlags& flags_;
  const QuantizeConfig& config_;
  const Checkpoint& checkpoint_;
  const Adapter* const adapter_;
  ThreadPool& pool_;
  Observer observer_ = Observer::kAuto;
  QuantizeSettings settings_;
  Texts texts_;
  std::unique_ptr<ScoredTexts> scored_;
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
  command->add_flag("--json", flags->as_json, "print the report as JSON");
  AddKnobFlags(*command, flags->config);
  run = [flags] { return RunQuantize(*flags); };
  return command;
}

}  // namespace qed
