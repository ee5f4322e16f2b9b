// Files that the program carries within itself (CMakeLists.txt names them).
#ifndef QED_SANDBOX_EMBEDDED_H_
#define QED_SANDBOX_EMBEDDED_H_

#include <string_view>

namespace qed {

std::string_view EmbeddedJail();        // the shared object of jail/
std::string_view EmbeddedZygotePy();    // zygote.py
std::string_view EmbeddedNotebookPy();  // notebook.py, which goes before worker.py
std::string_view EmbeddedWorkerPy();    // worker.py

}  // namespace qed

#endif  // QED_SANDBOX_EMBEDDED_H_
