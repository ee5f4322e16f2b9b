// Comma- or tab-separated values by RFC 4180: quoted cells may hold separators, newlines
// and doubled quotes.
#include <set>
#include <string_view>
#include <utility>

#include "base/json.h"
#include "data/row.h"

namespace qed {
namespace {

using Cells = std::vector<std::optional<std::string>>;

class CsvReader : public TableReader {
 public:
  CsvReader(LineReader lines, char separator) : lines_(std::move(lines)), separator_(separator) {}

  const char* unit() const override { return "line"; }

  Status ReadHeader() {
    QED_ASSIGN_OR_RETURN(std::optional<Cells> cells, NextCells());
    if (!cells) return InvalidArgument(lines_.path() + " holds no rows");
    std::set<std::string> seen;
    for (std::optional<std::string>& cell : *cells) {
      if (!seen.insert(cell.value_or("")).second) {
        return InvalidArgument(Where(1) + ": two columns are called " +
                               DumpJson(nlohmann::json(cell.value_or(""))));
      }
      columns_.push_back(std::move(cell).value_or(""));
    }
    return OkStatus();
  }

  Result<std::optional<TableRow>> Next() override {
    QED_ASSIGN_OR_RETURN(const std::optional<Cells> cells, NextCells());
    if (!cells) return std::optional<TableRow>();
    if (cells->size() != columns_.size()) {
      return InvalidArgument(Where(first_line_) + " has " + std::to_string(cells->size()) +
                             " cells, but the first line names " + std::to_string(columns_.size()) +
                             " columns");
    }
    nlohmann::ordered_json columns = nlohmann::ordered_json::object();
    for (size_t i = 0; i < columns_.size(); ++i) {
      const std::optional<std::string>& cell = (*cells)[i];
      columns[columns_[i]] = cell ? nlohmann::ordered_json(*cell) : nullptr;
    }
    QED_ASSIGN_OR_RETURN(TableRow row, MakeRow(first_line_, columns));
    return std::optional(std::move(row));
  }

 private:
  std::string Where(int64_t line) const { return lines_.path() + " line " + std::to_string(line); }

  // A line that is not blank, without its carriage return; at the end an empty result.
  Result<std::optional<std::string>> NextLine(bool skip_blank) {
    while (true) {
      QED_ASSIGN_OR_RETURN(const auto line, lines_.Next(kMaxRowBytes));
      if (!line) return std::optional<std::string>();
      std::string text(*line);
      if (text.ends_with('\r')) text.pop_back();
      if (!text.empty() || !skip_blank) return std::optional(std::move(text));
    }
  }

  Result<std::optional<Cells>> NextCells() {
    QED_ASSIGN_OR_RETURN(std::optional<std::string> line, NextLine(/*skip_blank=*/true));
    if (!line) return std::optional<Cells>();
    first_line_ = lines_.number();
    Cells cells;
    size_t at = 0;
    while (true) {
      std::optional<std::string> cell;
      if (at < line->size() && (*line)[at] == '"') {
        QED_ASSIGN_OR_RETURN(cell, QuotedCell(*line, at));
      } else {
        const size_t end = std::min(line->find(separator_, at), line->size());
        if (end > at) cell = line->substr(at, end - at);
        at = end;
      }
      cells.push_back(std::move(cell));
      if (at == line->size()) return std::optional(std::move(cells));
      if ((*line)[at] != separator_) {
        return InvalidArgument(Where(lines_.number()) + ": text behind a closing quote");
      }
      ++at;
    }
  }

  // The cell whose opening quote is at `at`, which is moved behind the closing one. Lines
  // are appended to `line` as far as the cell goes.
  Result<std::string> QuotedCell(std::string& line, size_t& at) {
    std::string cell;
    for (++at;; ++at) {
      if (at == line.size()) {
        QED_ASSIGN_OR_RETURN(const std::optional<std::string> more, NextLine(false));
        if (!more || line.size() + more->size() > kMaxRowBytes) {
          return InvalidArgument(Where(first_line_) + ": a quote is opened and never closed");
        }
        line += "\n" + *more;
      }
      if (line[at] != '"') {
        cell += line[at];
      } else if (at + 1 < line.size() && line[at + 1] == '"') {
        cell += line[at++];
      } else {
        ++at;
        return cell;
      }
    }
  }

  LineReader lines_;
  const char separator_;
  int64_t first_line_ = 0;  // of the row read last
  std::vector<std::string> columns_;
};

}  // namespace

Result<std::unique_ptr<TableReader>> OpenCsv(LineReader lines, char separator) {
  auto reader = std::make_unique<CsvReader>(std::move(lines), separator);
  QED_RETURN_IF_ERROR(reader->ReadHeader());
  return std::unique_ptr<TableReader>(std::move(reader));
}

}  // namespace qed
