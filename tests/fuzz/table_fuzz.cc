// Files of problems, texts and records: JSONL, CSV, TSV, and Parquet. The first byte says
// which. Of Parquet, whose reader is not instrumented, the rest are changes to a whole
// file: a mutation of the file itself would not get beyond its checks.
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/unique_fd.h"
#include "data/line_reader.h"
#include "data/row.h"
#include "data/table_reader.h"
#include "data/text_table_writer.h"
#include "solve/problem.h"
#include "solve/run_records.h"
#include "tests/fuzz/fuzz_input.h"

namespace qed {
namespace {

// A file in memory, under a name that can be opened.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : fd_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    FuzzCheck(::write(fd_.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()),
              "a file in memory can be written");
  }
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_.get()); }

 private:
  UniqueFd fd_;
};

void CheckError(const Status& status) {
  FuzzCheck(!status.message().empty() && status.message().find('\n') == std::string::npos,
            "an error is one line");
}

void ReadAll(Result<std::unique_ptr<TableReader>> table) {
  if (!table.ok()) return CheckError(table.status());
  while (true) {
    const Result<std::optional<TableRow>> row = (*table)->Next();
    if (!row.ok()) return CheckError(row.status());
    if (!*row) return;
    FuzzCheck((*row)->object.is_object(), "a row is an object");
    FuzzCheck((*row)->json.find('\n') == std::string::npos, "a row is one line");
    const auto problem = MakeProblem(**row, {});
    if (!problem.ok()) CheckError(problem.status());
    (void)FindSolution(**row, "");
  }
}

void ReadSeparated(std::string_view bytes, char separator) {
  const MemoryFile file(bytes);
  Result<LineReader> lines = LineReader::Open(file.path());
  FuzzCheck(lines.ok(), "a file in memory can be opened");
  ReadAll(OpenCsv(*std::move(lines), separator));
}

// A file of this build's own; empty where it has no Parquet.
const std::string& WholeParquet() {
  static const std::string whole = [] {
    const std::string path = std::filesystem::temp_directory_path() /
                             ("fuzz-" + std::to_string(::getpid()) + ".parquet");
    auto table = CreateTextTable(path, "problem");
    if (!table.ok()) return std::string();
    for (const char* text : {"What is 1 + 1?", "", "\xc3\xa9", "What is 1 + 1?"}) {
      FuzzCheck((*table)->Append(text).ok(), "a row can be written");
    }
    FuzzCheck((*table)->Finish().ok(), "a file can be finished");
    const std::string bytes = ReadFile(path).value();
    std::filesystem::remove(path);
    return bytes;
  }();
  return whole;
}

// Each three bytes: two of a place, counted from the end, where the footer is; a value.
void ReadChangedParquet(std::string_view changes) {
  std::string bytes = WholeParquet();
  if (bytes.empty()) return;
  for (; changes.size() >= 3; changes.remove_prefix(3)) {
    uint16_t place = 0;
    std::memcpy(&place, changes.data(), sizeof(place));
    bytes[bytes.size() - 1 - place % bytes.size()] = changes[2];
  }
  const MemoryFile file(bytes);
  ReadAll(OpenTable(file.path()));
}

}  // namespace
}  // namespace qed

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  const std::string jsonl = R"({"problem": "1+1", "id": 7, "expected_answer": "2"})";
  qed::WriteSeeds(*argc, *argv,
                  {"cid,question,answer\n1,\"two\nlines, \"\"q\"\"\",\"#### 4\"\r\n2,,\n",
                   "tproblem\tgeneration\nx\t\\boxed{1}\n", "j" + jsonl + "\n\n" + jsonl + "\n",
                   std::string("p\x10\x00\xff\x80\x00\x00", 7),
                   R"(r{"problem": "a", "index": 0, "finish": "stop", "text": "\\boxed{1}"})"});
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view rest = qed::FuzzText(data, size).substr(1);
  switch (data[0]) {
    case 'c':
      qed::ReadSeparated(rest, ',');
      break;
    case 't':
      qed::ReadSeparated(rest, '\t');
      break;
    case 'p':
      qed::ReadChangedParquet(rest);
      break;
    case 'r': {
      const auto records = qed::ReadRunRecords(qed::MemoryFile(rest).path());
      if (!records.ok()) qed::CheckError(records.status());
      break;
    }
    default:
      qed::ReadAll(qed::OpenTable(qed::MemoryFile(rest).path()));
  }
  return 0;
}
