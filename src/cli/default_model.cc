#include "cli/default_model.h"

#include <system_error>

namespace qed {
namespace {

constexpr char kDefaultModelFile[] = "SmolLM2-135M-Instruct.Q4_1.gguf";

// The folder that `flag` means; `ending` is that of the one beside the model.
std::string ChooseBeside(const std::string& flag, const std::string& model, const char* ending) {
  if (flag == "none") return "";
  if (flag != "auto") return flag;
  std::filesystem::path folder = model;
  if (folder.extension() != ".gguf") return "";
  folder.replace_extension(ending);
  std::error_code error;
  return std::filesystem::is_directory(folder, error) ? folder.string() : "";
}

}  // namespace

std::string FindDefaultModel(const std::vector<std::filesystem::path>& folders) {
  for (const std::filesystem::path& folder : folders) {
    const std::filesystem::path file = folder / kDefaultModelFile;
    std::error_code error;
    if (std::filesystem::is_regular_file(file, error)) return file.string();
  }
  return "";
}

std::string DefaultModel() {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  std::vector<std::filesystem::path> folders;
  if (!error) {
    const std::filesystem::path base = program.parent_path().parent_path();
    folders = {base / "models", base / "share/qed"};
  }
  folders.emplace_back("models");
  return FindDefaultModel(folders);
}

Status CheckModelGiven(const std::string& model) {
  if (!model.empty()) return OkStatus();
  return InvalidArgument(std::string("no --model is given, and the default model ") +
                         kDefaultModelFile + " is not there: scripts/get-model fetches it");
}

std::string ChooseAdapter(const std::string& flag, const std::string& model) {
  return ChooseBeside(flag, model, ".adapter");
}

std::string ChooseDrafter(const std::string& flag, const std::string& model) {
  return ChooseBeside(flag, model, ".drafter");
}

}  // namespace qed
