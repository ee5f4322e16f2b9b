// Which model and adapter are used where the command line names none.
#ifndef QED_CLI_DEFAULT_MODEL_H_
#define QED_CLI_DEFAULT_MODEL_H_

#include <filesystem>
#include <string>
#include <vector>

#include "base/status.h"

namespace qed {

// The first of the places that has the default model's file; empty if none has.
std::string FindDefaultModel(const std::vector<std::filesystem::path>& folders);

// The default model in models/ beside the program's folder (a source tree), in
// share/qed/ there (an installation) or in models/ of the working directory;
// empty if it is in none of them.
std::string DefaultModel();

// An error that names the mend if `model` is empty.
Status CheckModelGiven(const std::string& model);

// The adapter's folder that `flag` means: "none" is no adapter (empty), "auto" the
// folder beside the model whose name is the model's with ".adapter" in place of
// ".gguf" (no adapter if there is no such folder), all else a folder.
std::string ChooseAdapter(const std::string& flag, const std::string& model);

// The same for a drafter's folder, with ".drafter" at the end.
std::string ChooseDrafter(const std::string& flag, const std::string& model);

}  // namespace qed

#endif  // QED_CLI_DEFAULT_MODEL_H_
