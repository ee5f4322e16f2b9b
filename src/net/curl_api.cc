#include "net/curl_api.h"

#include <dlfcn.h>

#include <string>

namespace qed {
namespace {

// CURLOPT_PROTOCOLS_STR and CURLOPT_PREREQFUNCTION.
constexpr unsigned kOldestVersion = 0x075500;  // 7.85.0

Status CannotUse(const std::string& why) {
  return Unsupported("calls over HTTP need libcurl 7.85 or newer (" + why +
                     "): install it, for example with apt-get install libcurl4");
}

template <typename Function>
bool Find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

bool FindAll(void* library, CurlApi& api) {
  return Find(library, "curl_global_init", api.global_init) &&
         Find(library, "curl_version_info", api.version_info) &&
         Find(library, "curl_easy_init", api.easy_init) &&
         Find(library, "curl_easy_setopt", api.setopt) &&
         Find(library, "curl_easy_getinfo", api.getinfo) &&
         Find(library, "curl_easy_cleanup", api.easy_cleanup) &&
         Find(library, "curl_easy_strerror", api.strerror) &&
         Find(library, "curl_slist_append", api.slist_append) &&
         Find(library, "curl_slist_free_all", api.slist_free_all) &&
         Find(library, "curl_multi_init", api.multi_init) &&
         Find(library, "curl_multi_setopt", api.multi_setopt) &&
         Find(library, "curl_multi_add_handle", api.multi_add) &&
         Find(library, "curl_multi_remove_handle", api.multi_remove) &&
         Find(library, "curl_multi_socket_action", api.socket_action) &&
         Find(library, "curl_multi_info_read", api.info_read) &&
         Find(library, "curl_multi_cleanup", api.multi_cleanup);
}

Result<const CurlApi*> OpenCurl() {
  void* library = nullptr;
  for (const char* name : {"libcurl.so.4", "libcurl-gnutls.so.4"}) {
    if (library == nullptr) library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
  }
  if (library == nullptr) return CannotUse("libcurl.so.4 is not here");
  static CurlApi api;
  if (!FindAll(library, api)) return CannotUse("this one lacks functions");
  if (api.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return CannotUse("it does not start");
  const curl_version_info_data* version = api.version_info(CURLVERSION_NOW);
  if (version->version_num < kOldestVersion) {
    return CannotUse("this is " + std::string(version->version));
  }
  return &api;
}

}  // namespace

Result<const CurlApi*> LoadCurl() {
  static const Result<const CurlApi*> api = OpenCurl();
  return api;
}

}  // namespace qed
