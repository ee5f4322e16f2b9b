// Files that a program carries within itself: the assembler reads them, which the
// compiler cannot before C++26.
//
// QED_EMBED(name, path) at namespace scope of a .cc file, outside of any namespace,
// puts the bytes of the file `path` (a string literal, absolute) into the program;
// QED_EMBEDDED(name) is a std::string_view of them. A zero byte follows them. The
// build must name the file among the source's OBJECT_DEPENDS.
#ifndef QED_BASE_EMBED_H_
#define QED_BASE_EMBED_H_

#include <cstddef>
#include <string_view>

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

#define QED_EMBEDDED(name)              \
  std::string_view(qed_embedded_##name, \
                   static_cast<size_t>(qed_embedded_##name##_end - qed_embedded_##name))

#endif  // QED_BASE_EMBED_H_
