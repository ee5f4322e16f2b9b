#include "checkpoint/side_files.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace qed {
namespace {

namespace fs = std::filesystem;

bool IsWeightsFile(const std::string& name) {
  for (const char* suffix : {".safetensors", ".safetensors.index.json", ".bin", ".bin.index.json",
                             ".gguf", ".pth", ".pt", ".h5", ".msgpack", ".onnx"}) {
    if (name.ends_with(suffix)) return true;
  }
  return false;
}

}  // namespace

Result<std::vector<std::string>> SideFiles(const std::string& source) {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(source, error)) {
    std::string name = entry.path().filename().string();
    const bool written = name == "config.json" || name == "hf_quant_config.json";
    if (written || name.starts_with('.') || IsWeightsFile(name)) continue;
    std::error_code ignored;
    if (entry.is_regular_file(ignored)) names.push_back(std::move(name));
  }
  if (error) return IoError("cannot read " + source + ": " + error.message());
  std::ranges::sort(names);
  return names;
}

Status CopySideFiles(const std::string& source, PendingFolder& folder) {
  QED_ASSIGN_OR_RETURN(const std::vector<std::string> names, SideFiles(source));
  for (const std::string& name : names) {
    QED_RETURN_IF_ERROR(folder.CopyFile(source + "/" + name, name));
  }
  return OkStatus();
}

}  // namespace qed
