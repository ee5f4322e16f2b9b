#include "sandbox/embedded.h"

#include "base/embed.h"

QED_EMBED(jail, QED_JAIL_PATH)
QED_EMBED(notebook, QED_SANDBOX_SOURCE_DIR "/notebook.py")
QED_EMBED(zygote, QED_SANDBOX_SOURCE_DIR "/zygote.py")
QED_EMBED(worker, QED_SANDBOX_SOURCE_DIR "/worker.py")

namespace qed {

std::string_view EmbeddedJail() { return QED_EMBEDDED(jail); }
std::string_view EmbeddedZygotePy() { return QED_EMBEDDED(zygote); }
std::string_view EmbeddedNotebookPy() { return QED_EMBEDDED(notebook); }
std::string_view EmbeddedWorkerPy() { return QED_EMBEDDED(worker); }

}  // namespace qed
