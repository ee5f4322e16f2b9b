// The files of the web page at / (src/serve/page/), which the program carries
// within itself.
#ifndef QED_SERVE_PAGE_FILES_H_
#define QED_SERVE_PAGE_FILES_H_

#include <optional>
#include <string_view>

#include "net/http_message.h"

namespace qed {

// What is at a path such as "/" or "/page/app.js"; none where nothing of the page is.
// The page may load and ask nothing but this server, and nobody may frame it.
std::optional<HttpResponse> PageFile(std::string_view path);

}  // namespace qed

#endif  // QED_SERVE_PAGE_FILES_H_
