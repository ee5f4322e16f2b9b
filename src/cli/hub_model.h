// Models by their names at a hub.
#ifndef QED_CLI_HUB_MODEL_H_
#define QED_CLI_HUB_MODEL_H_

#include <string>
#include <vector>

#include "base/status.h"

namespace qed {

// The path that `name` means, wherever a model, an adapter or a drafter is named: a file
// or folder of that name if there is one, or a name that cannot be a hub's, as it is;
// else "ORG/NAME[@REVISION]" of the hub (fetch/hub.h): the folder, or the one GGUF file,
// that the hub's cache has of it, downloaded first if it is not there or not whole. Shows
// the download on standard error if that is a terminal.
Result<std::string> ResolveModel(const std::string& name);

// The model in a folder that was downloaded: the folder itself, where it has all
// safetensors files and what belongs to them, or its only GGUF file; empty if neither.
std::string ModelIn(const std::string& folder);

// Which of a repository's files a model needs: of its top folder the safetensors files
// and the small ones beside them, else its one GGUF file.
Result<std::vector<std::string>> ChooseModelFiles(const std::vector<std::string>& files);

}  // namespace qed

#endif  // QED_CLI_HUB_MODEL_H_
