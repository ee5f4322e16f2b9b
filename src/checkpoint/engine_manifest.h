// The manifest of an engine folder as text (checkpoint/engine_folder.h says what it holds).
#ifndef QED_CHECKPOINT_ENGINE_MANIFEST_H_
#define QED_CHECKPOINT_ENGINE_MANIFEST_H_

#include <string>
#include <string_view>

#include "base/status.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/engine_folder.h"

namespace qed {

// The text of engine.json: the same for the same contents. Ends with a newline.
std::string EngineManifestJson(const Checkpoint& model, const EngineFolder& engine);

// Fills the network and the sampling defaults of `checkpoint`, and `engine`. Checks the
// version, the manifest's own checksum, and that tensors are all there and lie apart inside
// their file; sizes that depend on formats are checked by who reads them
// (model/weight_layout.h). kUnsupported for another version, else kCorrupt.
Status ReadEngineManifest(std::string_view text, Checkpoint& checkpoint, EngineFolder& engine);

}  // namespace qed

#endif  // QED_CHECKPOINT_ENGINE_MANIFEST_H_
