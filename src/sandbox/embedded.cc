#include "sandbox/embedded.h"

#include <cstddef>

// The assembler reads the files, which the compiler cannot before C++26.
#define QED_EMBED(name, path)                                  \
  asm(".pushsection .rodata\n"                                 \
      ".balign 16\n"                                           \
      ".globl qed_embedded_" #name "\nqed_embedded_" #name     \
      ":\n"                                                    \
      ".incbin \"" path                                        \
      "\"\n"                                                   \
      ".globl qed_embedded_" #name "_end\nqed_embedded_" #name \
      "_end:\n"                                                \
      ".byte 0\n"                                              \
      ".popsection\n");                                        \
  extern "C" const char qed_embedded_##name[];                 \
  extern "C" const char qed_embedded_##name##_end[];

QED_EMBED(jail, QED_JAIL_PATH)
QED_EMBED(notebook, QED_SANDBOX_SOURCE_DIR "/notebook.py")
QED_EMBED(zygote, QED_SANDBOX_SOURCE_DIR "/zygote.py")
QED_EMBED(worker, QED_SANDBOX_SOURCE_DIR "/worker.py")

namespace qed {
namespace {

std::string_view Between(const char* begin, const char* end) {
  return {begin, static_cast<size_t>(end - begin)};
}

}  // namespace

std::string_view EmbeddedJail() { return Between(qed_embedded_jail, qed_embedded_jail_end); }
std::string_view EmbeddedZygotePy() {
  return Between(qed_embedded_zygote, qed_embedded_zygote_end);
}
std::string_view EmbeddedNotebookPy() {
  return Between(qed_embedded_notebook, qed_embedded_notebook_end);
}
std::string_view EmbeddedWorkerPy() {
  return Between(qed_embedded_worker, qed_embedded_worker_end);
}

}  // namespace qed
