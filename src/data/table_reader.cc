#include "data/table_reader.h"

#include <string_view>
#include <utility>

#include "base/json.h"
#include "data/line_reader.h"
#include "data/row.h"

namespace qed {
namespace {

class JsonlReader : public TableReader {
 public:
  explicit JsonlReader(LineReader lines) : lines_(std::move(lines)) {}

  const char* unit() const override { return "line"; }

  Result<std::optional<TableRow>> Next() override {
    while (true) {
      QED_ASSIGN_OR_RETURN(const auto line, lines_.Next(kMaxRowBytes));
      if (!line) return std::optional<TableRow>();
      if (line->find_first_not_of(" \t\r") == std::string_view::npos) continue;
      TableRow row;
      row.number = lines_.number();
      row.json = std::string(*line);
      const std::string where = lines_.path() + " line " + std::to_string(row.number);
      Result<nlohmann::json> object = ParseJson(*line, {kMaxRowBytes, 64});
      if (!object.ok()) return InvalidArgument(where + ": " + object.status().message());
      if (!object->is_object()) return InvalidArgument(where + ": is not a JSON object");
      row.object = *std::move(object);
      return std::optional(std::move(row));
    }
  }

 private:
  LineReader lines_;
};

}  // namespace

Result<std::unique_ptr<TableReader>> OpenTable(const std::string& path) {
  QED_ASSIGN_OR_RETURN(LineReader lines, LineReader::Open(path));
  QED_ASSIGN_OR_RETURN(const std::string_view first, lines.Peek(4));
  if (first == "PAR1") return OpenParquet(path);
  if (first.starts_with("\x1f\x8b")) {
    return InvalidArgument(path + " is compressed with gzip: unpack it first (gunzip)");
  }
  if (path.ends_with(".parquet")) return Corrupt(path + " does not begin as a Parquet file does");
  if (path.ends_with(".csv")) return OpenCsv(std::move(lines), ',');
  if (path.ends_with(".tsv")) return OpenCsv(std::move(lines), '\t');
  return std::unique_ptr<TableReader>(std::make_unique<JsonlReader>(std::move(lines)));
}

std::string ColumnList(const nlohmann::json& row) {
  std::string names;
  for (const auto& [name, value] : row.items()) {
    // As in JSON, without the quotes: a name may hold the end of a line.
    const std::string quoted = DumpJson(nlohmann::json(name));
    names += (names.empty() ? "" : ", ") + quoted.substr(1, quoted.size() - 2);
    if (names.size() > 500) return names.substr(0, 500) + " ...";
  }
  return names.empty() ? "none" : names;
}

Result<std::vector<std::string>> ReadTextColumn(const std::string& path, const std::string& column,
                                                int64_t max_rows) {
  QED_ASSIGN_OR_RETURN(const std::unique_ptr<TableReader> table, OpenTable(path));
  std::vector<std::string> texts;
  while (max_rows == 0 || std::cmp_less(texts.size(), max_rows)) {
    QED_ASSIGN_OR_RETURN(const std::optional<TableRow> row, table->Next());
    if (!row) break;
    const auto found = row->object.find(column);
    if (found == row->object.end() || !found->is_string()) {
      return InvalidArgument(path + " " + table->unit() + " " + std::to_string(row->number) +
                             " has no text in the column \"" + column +
                             "\"; its columns: " + ColumnList(row->object));
    }
    texts.push_back(found->get<std::string>());
  }
  if (texts.empty()) return InvalidArgument(path + " holds no rows");
  return texts;
}

}  // namespace qed
