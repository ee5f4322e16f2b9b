// Whether a test runs under a sanitizer, where everything takes many times as long, and how
// often what is random or generated is then repeated.
#ifndef QED_TESTS_SUPPORT_SANITIZERS_H_
#define QED_TESTS_SUPPORT_SANITIZERS_H_

namespace qed {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

// How many of `rounds` are run: all, or one in six under a sanitizer. The release build
// looks for what is rare; a sanitizer for what goes wrong wherever it is reached.
constexpr int Rounds(int rounds) { return kSanitized ? (rounds + 5) / 6 : rounds; }

// What an operation may take of a processor's time that may take `seconds` by itself.
constexpr double MostSeconds(double seconds) { return kSanitized ? 15 * seconds : seconds; }

}  // namespace qed

#endif  // QED_TESTS_SUPPORT_SANITIZERS_H_
