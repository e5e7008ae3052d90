#include "engine/base/hash.h"

#include <openssl/evp.h>

#include <array>
#include <cstdint>

#include "engine/base/check.h"

namespace millrace {

FieldHash::FieldHash() : context_(EVP_MD_CTX_new()) {
  MILLRACE_CHECK(context_ != nullptr);
  MILLRACE_CHECK(EVP_DigestInit_ex(context_, EVP_sha256(), nullptr) == 1);
}

FieldHash::~FieldHash() { EVP_MD_CTX_free(context_); }

FieldHash& FieldHash::Add(absl::string_view field) {
  std::array<uint8_t, 8> length;
  for (size_t i = 0; i < length.size(); ++i) {
    length[i] = static_cast<uint8_t>(static_cast<uint64_t>(field.size()) >> (8 * i));
  }
  MILLRACE_CHECK(EVP_DigestUpdate(context_, length.data(), length.size()) == 1);
  MILLRACE_CHECK(EVP_DigestUpdate(context_, field.data(), field.size()) == 1);
  return *this;
}

std::string FieldHash::Finish() {
  std::string digest(32, '\0');
  MILLRACE_CHECK(EVP_DigestFinal_ex(context_, reinterpret_cast<uint8_t*>(digest.data()), nullptr) ==
                 1);
  return digest;
}

std::string Sha256(absl::string_view bytes) {
  std::string digest(32, '\0');
  MILLRACE_CHECK(EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<uint8_t*>(digest.data()),
                            nullptr, EVP_sha256(), nullptr) == 1);
  return digest;
}

std::string Md5(absl::string_view bytes) {
  std::string digest(16, '\0');
  MILLRACE_CHECK(EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<uint8_t*>(digest.data()),
                            nullptr, EVP_md5(), nullptr) == 1);
  return digest;
}

}  // namespace millrace
