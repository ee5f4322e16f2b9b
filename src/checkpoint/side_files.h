// What lies beside the weights of an HF folder: tokenizer, chat template, generation
// configuration, licence.
#ifndef QED_CHECKPOINT_SIDE_FILES_H_
#define QED_CHECKPOINT_SIDE_FILES_H_

#include <string>
#include <vector>

#include "base/pending_folder.h"
#include "base/status.h"

namespace qed {

// Names of the plain files of the folder `source` but for weights, hidden files, config.json
// and hf_quant_config.json; in alphabetical order.
Result<std::vector<std::string>> SideFiles(const std::string& source);

// Copies them.
Status CopySideFiles(const std::string& source, PendingFolder& folder);

}  // namespace qed

#endif  // QED_CHECKPOINT_SIDE_FILES_H_
