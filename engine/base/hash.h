#pragma once

#include <string>

#include "absl/strings/string_view.h"

struct evp_md_ctx_st;

namespace millrace {

// SHA-256 of a sequence of fields. Each is hashed with its length, so that ("ab", "c") and
// ("a", "bc") differ: what tells one request from another with the same id.
class FieldHash {
 public:
  FieldHash();
  ~FieldHash();
  FieldHash(const FieldHash&) = delete;
  FieldHash& operator=(const FieldHash&) = delete;

  FieldHash& Add(absl::string_view field);
  // The 32 bytes; the hash cannot be added to afterwards.
  std::string Finish();

 private:
  evp_md_ctx_st* context_;
};

// The 32 bytes of the SHA-256 of `bytes`.
std::string Sha256(absl::string_view bytes);

// The 16 bytes of the MD5 of `bytes`: where others expect it, never for safety.
std::string Md5(absl::string_view bytes);

}  // namespace millrace
