#include "checkpoint/engine_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <utility>

#include "base/checksum.h"
#include "base/file.h"
#include "base/system_error.h"
#include "checkpoint/engine_manifest.h"
#include "checkpoint/hf_checkpoint.h"
#include "checkpoint/tokenizer_file.h"

namespace qed {
namespace {

constexpr size_t kMaxManifestBytes = size_t{256} << 20;
constexpr char kBuildAgain[] = ": build the engine again with qed build";

Status Damaged(const std::string& what) { return Corrupt(what + kBuildAgain); }

Result<int64_t> SizeOf(const std::string& folder, const std::string& name) {
  std::error_code error;
  const auto size = std::filesystem::file_size(folder + "/" + name, error);
  if (error) return Damaged("lacks " + name);
  return static_cast<int64_t>(size);
}

Status CheckSize(const std::string& folder, const std::string& name, int64_t bytes) {
  QED_ASSIGN_OR_RETURN(const int64_t found, SizeOf(folder, name));
  if (found == bytes) return OkStatus();
  return Damaged(name + " has " + std::to_string(found) + " bytes, and " + std::to_string(bytes) +
                 " were written");
}

Status CheckFile(const std::string& folder, const EngineFile& file) {
  QED_RETURN_IF_ERROR(CheckSize(folder, file.name, file.bytes));
  QED_ASSIGN_OR_RETURN(const auto mapped, MappedFile::Open(folder + "/" + file.name));
  if (Checksum(mapped->bytes()) == file.checksum) return OkStatus();
  return Damaged(file.name + " is not what was written");
}

Status ReadTokenizer(const std::string& path, TokenizerSpec& spec) {
  const std::string file = path + "/" + kEngineTokenizer;
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return ReadHfTokenizerFiles(path, spec);
  QED_ASSIGN_OR_RETURN(const std::string text, ReadFile(file));
  auto parsed = ParseTokenizerSpec(text);
  if (!parsed.ok()) return parsed.status().WithPrefix(kEngineTokenizer);
  spec = *std::move(parsed);
  spec.source = file;
  return OkStatus();
}

}  // namespace

bool IsEngineFolder(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path + "/" + kEngineManifest, error);
}

Result<Checkpoint> OpenEngineFolder(const std::string& path) {
  Checkpoint checkpoint;
  checkpoint.format = "engine";
  auto engine = std::make_shared<EngineFolder>();
  QED_ASSIGN_OR_RETURN(const std::string text,
                       ReadFile(path + "/" + kEngineManifest, kMaxManifestBytes));
  if (Status status = ReadEngineManifest(text, checkpoint, *engine); !status.ok()) {
    return status.WithPrefix(kEngineManifest);
  }
  for (const EngineRank& rank : engine->ranks) {
    QED_RETURN_IF_ERROR(CheckSize(path, rank.file, rank.weights.bytes));
  }
  for (const EngineFile& file : engine->files) QED_RETURN_IF_ERROR(CheckFile(path, file));
  QED_RETURN_IF_ERROR(ReadTokenizer(path, checkpoint.tokenizer));
  checkpoint.quantization = engine->quantization;
  checkpoint.engine = std::move(engine);
  return checkpoint;
}

Result<RankFile> RankFile::Open(const std::string& folder, const EngineRank& rank) {
  std::string path = folder + "/" + rank.file;
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return SystemError("open", path, errno);
  return RankFile(std::move(path), rank, std::move(fd));
}

int64_t RankFile::PieceBytes(int64_t piece) const {
  return std::min(kEnginePieceBytes, rank_->weights.bytes - PieceOffset(piece));
}

Status RankFile::Read(int64_t piece, std::byte* dst) const {
  const int64_t offset = PieceOffset(piece), bytes = PieceBytes(piece);
  for (int64_t done = 0; done < bytes;) {
    const ssize_t got =
        ::pread(fd_.get(), dst + done, static_cast<size_t>(bytes - done), offset + done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError("read", path_, errno);
    if (got == 0) return Damaged(path_ + " ends at byte " + std::to_string(offset + done));
    done += got;
  }
  if (Checksum({dst, static_cast<size_t>(bytes)}) == rank_->checksums[static_cast<size_t>(piece)]) {
    return OkStatus();
  }
  const PackedTensor* near = &rank_->weights.tensors.front();
  for (const PackedTensor& packed : rank_->weights.tensors) {
    if (packed.offset <= offset) near = &packed;
  }
  return Damaged(path_ + " is not what was written: bytes " + std::to_string(offset) + " to " +
                 std::to_string(offset + bytes - 1) + " (" +
                 HfTensorName(near->layer, near->roles.front()) + " and on) are damaged");
}

}  // namespace qed
