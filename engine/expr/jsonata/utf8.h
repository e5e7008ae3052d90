#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace millrace::jsonata_internal {

// The number of code points.
size_t CountChars(absl::string_view text);
// Where the `chars`th code point begins; the end where there are fewer.
size_t ByteOffset(absl::string_view text, size_t chars);
// The code points at the beginning that take no more than `bytes_max` together.
absl::string_view PrefixOf(absl::string_view text, size_t bytes_max);
// The length in UTF-16 code units, in which JavaScript gives positions.
size_t CountUtf16(absl::string_view text);

// The code point at `*at`, which moves behind it. `text` is UTF-8, and `*at` within it.
char32_t NextChar(absl::string_view text, size_t* at);
void AppendChar(char32_t c, std::string* out);

std::u32string ToUtf32(absl::string_view text);
std::string ToUtf8(const std::u32string& chars);

// Half of a UTF-16 pair alone is written as if it were a character, which is no valid UTF-8.
bool IsValidUtf8(absl::string_view text);
std::string ReplaceSurrogates(absl::string_view text);  // by U+FFFD

// Orders texts by their UTF-16 code units, as JavaScript does: -1, 0 or 1.
int CompareText(absl::string_view a, absl::string_view b);

// The simple case mappings of Latin, Greek, Cyrillic, Armenian and Georgian letters; besides, ß
// becomes SS.
std::string ToUpper(absl::string_view text);
std::string ToLower(absl::string_view text);

}  // namespace millrace::jsonata_internal
