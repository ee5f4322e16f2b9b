#include "serve/page_files.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/embed.h"

QED_EMBED(index_html, QED_PAGE_DIR "/index.html")
QED_EMBED(style_css, QED_PAGE_DIR "/style.css")
QED_EMBED(app_js, QED_PAGE_DIR "/app.js")
QED_EMBED(api_js, QED_PAGE_DIR "/api.js")
QED_EMBED(sample_js, QED_PAGE_DIR "/sample.js")
QED_EMBED(status_js, QED_PAGE_DIR "/status.js")

namespace qed {
namespace {

constexpr char kHtml[] = "text/html; charset=utf-8";
constexpr char kCss[] = "text/css; charset=utf-8";
constexpr char kJavaScript[] = "text/javascript; charset=utf-8";

// What models write ends up in the page: no script but its own may run there.
constexpr char kPolicy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

struct File {
  std::string_view path;
  const char* content_type;
  std::string_view content;
};

}  // namespace

std::optional<HttpResponse> PageFile(std::string_view path) {
  const std::array<File, 6> files = {{
      {"/", kHtml, QED_EMBEDDED(index_html)},
      {"/page/style.css", kCss, QED_EMBEDDED(style_css)},
      {"/page/app.js", kJavaScript, QED_EMBEDDED(app_js)},
      {"/page/api.js", kJavaScript, QED_EMBEDDED(api_js)},
      {"/page/sample.js", kJavaScript, QED_EMBEDDED(sample_js)},
      {"/page/status.js", kJavaScript, QED_EMBEDDED(status_js)},
  }};
  const auto file = std::ranges::find(files, path, &File::path);
  if (file == files.end()) return std::nullopt;
  // Not kept by the browser: the next version of the server has another page.
  return HttpResponse{.status = 200,
                      .headers = {{"Content-Type", file->content_type},
                                  {"Content-Security-Policy", kPolicy},
                                  {"X-Content-Type-Options", "nosniff"},
                                  {"Referrer-Policy", "no-referrer"},
                                  {"Cache-Control", "no-cache"}},
                      .body = std::string(file->content)};
}

}  // namespace qed
