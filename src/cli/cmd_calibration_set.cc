// qed calibration-set: problems with their solutions, filled into a prompt as `solve` would
// and written as a table of texts, for `qed quantize`.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "checkpoint/checkpoint.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/hub_model.h"
#include "config/calibration_set_config.h"
#include "config/data_config.h"
#include "config/solve_config.h"
#include "data/dataset_files.h"
#include "data/table_reader.h"
#include "data/text_table_writer.h"
#include "fetch/hub.h"
#include "fetch/repo.h"
#include "fetch/target.h"
#include "solve/problem.h"
#include "solve/task.h"
#include "text/tokenizer.h"

namespace qed {
namespace {

constexpr char kColumn[] = "text";

struct CalibrationSetFlags {
  std::string model;  // for --max-tokens
  ProblemFields fields;
  CalibrationSetConfig config;
};

// A path, or the name of a data set that is in the hub's cache.
Result<std::string> InputPath(const std::string& input) {
  std::error_code error;
  if (std::filesystem::exists(input, error) || !LooksLikeRepo(input)) return input;
  QED_ASSIGN_OR_RETURN(const Hub hub, Hub::FromEnvironment());
  QED_ASSIGN_OR_RETURN(const Repo repo, ParseRepo(input, RepoType::kDataset));
  const std::string folder = CachedSnapshot(hub.cache, repo);
  if (!folder.empty()) return folder;
  return NotFound("there is no file or folder " + input + ", and no such data set in " + hub.cache +
                  ": qed download --repo-type dataset " + input + " fetches it");
}

// Rows of several files, one after the other.
class Rows {
 public:
  explicit Rows(std::vector<std::string> files) : files_(std::move(files)) {}

  Result<std::optional<TableRow>> Next() {
    while (true) {
      if (table_ == nullptr) {
        if (next_ == files_.size()) return std::optional<TableRow>();
        QED_ASSIGN_OR_RETURN(table_, OpenTable(files_[next_++]));
      }
      QED_ASSIGN_OR_RETURN(std::optional<TableRow> row, table_->Next());
      if (row) return row;
      table_ = nullptr;
    }
  }

  // Of the last row, for messages.
  std::string Where(const TableRow& row) const {
    return files_[next_ - 1] + " " + table_->unit() + " " + std::to_string(row.number);
  }

 private:
  const std::vector<std::string> files_;
  size_t next_ = 0;
  std::unique_ptr<TableReader> table_;
};

// A row to its text.
class TextMaker {
 public:
  static Result<TextMaker> Create(const CalibrationSetFlags& flags) {
    const CalibrationSetConfig& config = flags.config;
    TextMaker maker(flags);
    QED_ASSIGN_OR_RETURN(maker.task_.prompt, PromptTemplate::Load(config.prompt));
    QED_ASSIGN_OR_RETURN(maker.task_.wrapper, ChatWrapper::Load(config.chat_wrapper));
    maker.task_.max_code_calls = SolveConfig().max_code_calls;
    if (config.max_tokens == 0) return maker;
    if (flags.model.empty()) {
      return InvalidArgument("--max-tokens needs the tokenizer of a --model");
    }
    QED_ASSIGN_OR_RETURN(const std::string path, ResolveModel(flags.model));
    QED_ASSIGN_OR_RETURN(const Checkpoint checkpoint, OpenCheckpoint(path));
    QED_ASSIGN_OR_RETURN(maker.tokenizer_, Tokenizer::Create(checkpoint.tokenizer));
    return maker;
  }

  Result<std::string> Make(const TableRow& row) const {
    QED_ASSIGN_OR_RETURN(const Problem problem, MakeProblem(row, fields_));
    QED_ASSIGN_OR_RETURN(const std::string solution, FindSolution(row, config_.solution_field));
    QED_ASSIGN_OR_RETURN(const std::string prompt, MakePrompt(problem.fields, task_));
    std::string text = prompt + solution;
    if (tokenizer_ == nullptr) return text;
    std::vector<int32_t> ids = EncodePrompt(*tokenizer_, text);
    if (std::cmp_less_equal(ids.size(), config_.max_tokens)) return text;
    // Decoding may differ from the text by a beginning-of-sequence token: the text is cut.
    ids.erase(ids.begin(), ids.begin() + config_.max_tokens);
    text.resize(text.size() - std::min(text.size(), tokenizer_->Decode(ids).size()));
    return text;
  }

 private:
  explicit TextMaker(const CalibrationSetFlags& flags)
      : config_(flags.config), fields_(flags.fields) {}

  CalibrationSetConfig config_;
  ProblemFields fields_;
  TaskOptions task_;
  std::unique_ptr<const Tokenizer> tokenizer_;
};

// The first rows, or with a seed as many that are drawn from all, each set of rows and
// each order as likely as any other (Vitter's reservoir, then a shuffle).
Result<std::vector<std::string>> CollectTexts(const CalibrationSetConfig& config,
                                              const TextMaker& maker, Rows& rows) {
  const bool shuffle = config.shuffle >= 0;
  const auto wanted = static_cast<uint64_t>(config.size);
  const auto seed = static_cast<uint64_t>(config.shuffle);
  const auto draw = [seed](uint64_t stream, uint64_t position, uint64_t below) {
    return static_cast<uint64_t>(UniformDouble(seed, stream, position) *
                                 static_cast<double>(below));
  };
  std::vector<std::string> texts;
  for (uint64_t seen = 0; shuffle || texts.size() < wanted; ++seen) {
    QED_ASSIGN_OR_RETURN(const std::optional<TableRow> row, rows.Next());
    if (!row) break;
    const uint64_t place = seen < wanted ? seen : draw(0, seen, seen + 1);
    if (place >= wanted) continue;
    Result<std::string> text = maker.Make(*row);
    if (!text.ok()) return InvalidArgument(rows.Where(*row) + ": " + text.status().message());
    if (place == texts.size()) texts.emplace_back();
    texts[place] = *std::move(text);
  }
  for (uint64_t i = texts.size(); shuffle && i > 1; --i) {
    std::swap(texts[i - 1], texts[draw(1, i, i)]);
  }
  return texts;
}

Status RunCalibrationSet(const CalibrationSetFlags& flags) {
  const CalibrationSetConfig& config = flags.config;
  QED_RETURN_IF_ERROR(ValidateKnobs(config));
  if (config.input.empty())
    return InvalidArgument("--input is missing: a table, or a data set's folder");
  if (config.output.empty())
    return InvalidArgument("--output is missing: a .parquet or .jsonl file");
  // A file that grows beyond the process's limit is then an error of the write.
  std::signal(SIGXFSZ, SIG_IGN);
  QED_ASSIGN_OR_RETURN(const TextMaker maker, TextMaker::Create(flags));
  QED_ASSIGN_OR_RETURN(const std::string input, InputPath(config.input));
  QED_ASSIGN_OR_RETURN(std::vector<std::string> files, FindSplit(input, config.split));
  QED_ASSIGN_OR_RETURN(const std::unique_ptr<TextTableWriter> writer,
                       CreateTextTable(config.output, kColumn));
  Rows rows(std::move(files));
  QED_ASSIGN_OR_RETURN(const std::vector<std::string> texts, CollectTexts(config, maker, rows));
  if (texts.empty()) return InvalidArgument(input + " holds no rows");
  for (const std::string& text : texts) QED_RETURN_IF_ERROR(writer->Append(text));
  QED_RETURN_IF_ERROR(writer->Finish());
  std::printf("%s: %zu texts%s\n", config.output.c_str(), texts.size(),
              std::cmp_less(texts.size(), config.size) ? ", all that there are" : "");
  return OkStatus();
}

}  // namespace

CLI::App* AddCalibrationSetCommand(CLI::App& app, CommandRun& run) {
  auto flags = std::make_shared<CalibrationSetFlags>();
  CLI::App* command = app.add_subcommand(
      "calibration-set", "Fill problems and solutions into a prompt, as texts for quantize.");
  AddKnobFlags(*command, flags->config);
  AddKnobFlags(*command, flags->fields);
  command->add_option("--model", flags->model, "the model whose tokens --max-tokens counts");
  run = [flags] { return RunCalibrationSet(*flags); };
  return command;
}

}  // namespace qed
