#include "checkpoint/checkpoint.h"

#include <filesystem>

#include "checkpoint/engine_folder.h"
#include "checkpoint/gguf.h"
#include "checkpoint/gguf_checkpoint.h"
#include "checkpoint/hf_checkpoint.h"

namespace qed {
namespace {

Result<Checkpoint> OpenGguf(const std::string& path) {
  QED_ASSIGN_OR_RETURN(auto file, MappedFile::Open(path));
  if (!LooksLikeGguf(file->bytes())) {
    return InvalidArgument("is neither a GGUF file nor a folder with config.json");
  }
  QED_ASSIGN_OR_RETURN(Checkpoint checkpoint, GgufCheckpoint(file->bytes()));
  checkpoint.tokenizer.source = path;
  checkpoint.files.push_back(std::move(file));
  return checkpoint;
}

}  // namespace

Result<Checkpoint> OpenCheckpoint(const std::string& path) {
  std::error_code error;
  const auto kind = std::filesystem::status(path, error).type();
  if (kind == std::filesystem::file_type::not_found) {
    return NotFound(path + ": no such file or folder");
  }
  const bool is_folder = kind == std::filesystem::file_type::directory;
  auto checkpoint = !is_folder             ? OpenGguf(path)
                    : IsEngineFolder(path) ? OpenEngineFolder(path)
                                           : OpenHfFolder(path);
  if (!checkpoint.ok()) return checkpoint.status().WithPrefix(path);
  checkpoint->path = path;
  return checkpoint;
}

}  // namespace qed
