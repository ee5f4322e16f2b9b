// libcurl, opened when the first call is made. Private to src/net.
//
// It is not linked: a program that was built on Debian asks for symbol versions that the
// libcurl of other distributions does not have, and would not start there; a static one
// would need static Kerberos and LDAP, which Debian does not ship. And what makes no call
// need not load the two dozen libraries behind it.
#ifndef QED_NET_CURL_API_H_
#define QED_NET_CURL_API_H_

#include "base/status.h"
#include "curl/curl.h"

namespace qed {

struct CurlApi {
  decltype(&curl_global_init) global_init;
  decltype(&curl_version_info) version_info;
  decltype(&curl_easy_init) easy_init;
  decltype(&curl_easy_setopt) setopt;
  decltype(&curl_easy_getinfo) getinfo;
  decltype(&curl_easy_cleanup) easy_cleanup;
  decltype(&curl_easy_strerror) strerror;
  decltype(&curl_slist_append) slist_append;
  decltype(&curl_slist_free_all) slist_free_all;
  decltype(&curl_multi_init) multi_init;
  decltype(&curl_multi_setopt) multi_setopt;
  decltype(&curl_multi_add_handle) multi_add;
  decltype(&curl_multi_remove_handle) multi_remove;
  decltype(&curl_multi_socket_action) socket_action;
  decltype(&curl_multi_info_read) info_read;
  decltype(&curl_multi_cleanup) multi_cleanup;
};

// The library of this machine, or kUnsupported with the package to install. The same for
// all threads; never closed.
Result<const CurlApi*> LoadCurl();

}  // namespace qed

#endif  // QED_NET_CURL_API_H_
