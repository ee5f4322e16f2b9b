#include "data/text_table_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/json.h"
#include "base/publish_file.h"
#include "base/system_error.h"
#include "base/unique_fd.h"
#include "data/parquet_module.h"
#include "nlohmann/json.hpp"

namespace qed {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 20;

class JsonlWriter : public TextTableWriter {
 public:
  static Result<std::unique_ptr<TextTableWriter>> Create(const std::string& path,
                                                         const std::string& column) {
    UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (!fd.valid()) return SystemError("write", path, errno);
    return std::unique_ptr<TextTableWriter>(new JsonlWriter(path, column, std::move(fd)));
  }

  Status Append(std::string_view text) override {
    buffer_ += DumpJson(nlohmann::json{{column_, text}}) + "\n";
    return buffer_.size() < kBufferBytes ? OkStatus() : Flush();
  }

  Status Finish() override { return Flush(); }

 private:
  JsonlWriter(std::string path, std::string column, UniqueFd fd)
      : path_(std::move(path)), column_(std::move(column)), fd_(std::move(fd)) {}

  Status Flush() {
    std::string_view rest = buffer_;
    while (!rest.empty()) {
      const ssize_t written = ::write(fd_.get(), rest.data(), rest.size());
      if (written < 0 && errno != EINTR) return SystemError("write", path_, errno);
      rest.remove_prefix(static_cast<size_t>(written > 0 ? written : 0));
    }
    buffer_.clear();
    return OkStatus();
  }

  const std::string path_;
  const std::string column_;
  const UniqueFd fd_;
  std::string buffer_;
};

// Has another writer write beside the target, and names what came of it.
class PublishingWriter : public TextTableWriter {
 public:
  PublishingWriter(std::string path, std::string part, std::unique_ptr<TextTableWriter> writer)
      : path_(std::move(path)), part_(std::move(part)), writer_(std::move(writer)) {}
  ~PublishingWriter() override {
    writer_ = nullptr;
    if (!finished_) ::unlink(part_.c_str());
  }

  Status Append(std::string_view text) override { return writer_->Append(text); }

  Status Finish() override {
    QED_RETURN_IF_ERROR(writer_->Finish());
    writer_ = nullptr;
    finished_ = true;
    return PublishFile(part_, path_);
  }

 private:
  const std::string path_;
  const std::string part_;
  std::unique_ptr<TextTableWriter> writer_;
  bool finished_ = false;
};

Result<std::unique_ptr<TextTableWriter>> CreatePart(const std::string& path,
                                                    const std::string& part,
                                                    const std::string& column) {
  if (path.ends_with(".jsonl")) return JsonlWriter::Create(part, column);
  if (!path.ends_with(".parquet")) {
    return InvalidArgument(path + " must end with .parquet or .jsonl: these are written");
  }
  const Result<const ParquetModule*> module = LoadParquetModule();
  if (!module.ok()) return module.status().WithPrefix(path);
  return (*module)->Create(part, column);
}

}  // namespace

Result<std::unique_ptr<TextTableWriter>> CreateTextTable(const std::string& path,
                                                         const std::string& column) {
  const std::string part = path + ".part";
  QED_ASSIGN_OR_RETURN(std::unique_ptr<TextTableWriter> writer, CreatePart(path, part, column));
  return std::unique_ptr<TextTableWriter>(
      std::make_unique<PublishingWriter>(path, part, std::move(writer)));
}

}  // namespace qed
