// qed quantize: a 16-bit HF folder in, one with 8-bit linears and a report out.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/processors.h"
#include "checkpoint/adapter.h"
#include "checkpoint/checkpoint.h"
#include "cli/commands.h"
#include "cli/device.h"
#include "cli/flags.h"
#include "cli/hub_model.h"
#include "cli/progress_line.h"
#include "config/quantize_config.h"
#include "data/table_reader.h"
#include "quantize/error_report.h"
#include "quantize/quantizer.h"
#include "text/tokenizer.h"

namespace qed {
namespace {

constexpr int64_t kHeldBackPart = 10;  // one of so many texts

struct QuantizeFlags {
  std::string model;
  std::string adapter = "none";
  std::string output;
  std::vector<std::string> ignore;
  bool as_json = false;
  QuantizeConfig config;
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

// Puts the texts to calibrate on, and those held back to measure quality, into the task.
Status ReadCalibration(const Checkpoint& checkpoint, QuantizeTask& task) {
  const QuantizeConfig& config = task.config;
  if (config.calib_dataset.empty()) return OkStatus();
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
  task.held_back_texts.assign(all.end() - static_cast<std::ptrdiff_t>(held_back), all.end());
  all.resize(std::min(all.size() - held_back, static_cast<size_t>(config.calib_size)));
  task.calibration_texts = std::move(all);
  return OkStatus();
}

// Where linears may stay in 16 bits for the goal's sake, and those that were chosen do not do.
void TellWhatFallsShort(const QuantizeConfig& config, const ErrorReport& report) {
  if (!report.quality_all_coded || config.max_kept < 100) return;
  const double percent = 100 * report.quality->top1;
  if (percent >= config.min_agreement) return;
  std::fprintf(stderr,
               "qed quantize: %.2f %% of the held-back tokens keep their likeliest token, not the "
               "%g %% of --min-agreement: hold more texts back to choose by (--eval-size), or name "
               "linears to --ignore\n",
               percent, config.min_agreement);
}

Status RunQuantize(const QuantizeFlags& flags) {
  QED_RETURN_IF_ERROR(ValidateKnobs(flags.config));
  QED_ASSIGN_OR_RETURN(const std::string path, ResolveModel(flags.model));
  QED_ASSIGN_OR_RETURN(const Checkpoint checkpoint, OpenCheckpoint(path));
  std::optional<Adapter> adapter;
  if (flags.adapter != "none") {
    QED_ASSIGN_OR_RETURN(const std::string folder, ResolveModel(flags.adapter));
    QED_ASSIGN_OR_RETURN(adapter, OpenAdapter(folder, checkpoint));
  }
  QuantizeTask task;
  task.checkpoint = &checkpoint;
  task.adapter = adapter ? &*adapter : nullptr;
  task.config = flags.config;
  task.ignored = flags.ignore;
  task.output = flags.output;
  QED_ASSIGN_OR_RETURN(task.gpu, OpenDeviceFor(flags.config.device));
  QED_RETURN_IF_ERROR(ReadCalibration(checkpoint, task));
  ThreadPool pool(flags.config.threads > 0 ? flags.config.threads : ProcessorsEach());
  ProgressLine line;
  QED_ASSIGN_OR_RETURN(const ErrorReport report,
                       Quantize(std::move(task), pool, [&](const std::string& what, double part) {
                         line.Show(what, part);
                       }));
  line.Clear();
  TellWhatFallsShort(flags.config, report);
  const std::string shown = flags.as_json ? ErrorReportJson(report) : ErrorReportTable(report);
  std::fputs(shown.c_str(), stdout);
  return std::fflush(stdout) == 0 ? OkStatus() : IoError("standard output cannot be written");
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
