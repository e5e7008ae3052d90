#include "engine/runtime/task_token.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>
#include <cstring>

#include "engine/base/check.h"

namespace millrace {
namespace {

constexpr char kVersion = 1;
constexpr size_t kUuidBytes = 16;
constexpr size_t kContentBytes = 1 + kUuidBytes + 8 + kUuidBytes + 8 + 8;
// Half of HMAC-SHA-256, as RFC 2104 section 5 allows.
constexpr size_t kSignatureBytes = 16;

void AddUuid(const Uuid& uuid, std::string* bytes) {
  bytes->append(reinterpret_cast<const char*>(uuid.bytes.data()), kUuidBytes);
}

void AddInt64(int64_t number, std::string* bytes) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    bytes->push_back(static_cast<char>(static_cast<uint64_t>(number) >> shift));
  }
}

// Takes fields from the front of a token.
class Fields {
 public:
  explicit Fields(absl::string_view bytes) : bytes_(bytes) {}
  Uuid TakeUuid() {
    Uuid uuid;
    std::memcpy(uuid.bytes.data(), Take(kUuidBytes).data(), kUuidBytes);
    return uuid;
  }
  int64_t TakeInt64() {
    uint64_t number = 0;
    for (const char byte : Take(8)) number = number << 8 | static_cast<unsigned char>(byte);
    return static_cast<int64_t>(number);
  }

 private:
  absl::string_view Take(size_t count) {
    const absl::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }
  absl::string_view bytes_;
};

}  // namespace

TaskTokens::TaskTokens(absl::string_view key, absl::string_view project) : project_(project) {
  EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  MILLRACE_CHECK(mac != nullptr);
  context_ = EVP_MAC_CTX_new(mac);
  EVP_MAC_free(mac);
  MILLRACE_CHECK(context_ != nullptr);
  std::array<char, 7> digest = {"SHA256"};
  const std::array<OSSL_PARAM, 2> params = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_end()};
  MILLRACE_CHECK(EVP_MAC_init(context_, reinterpret_cast<const unsigned char*>(key.data()),
                              key.size(), params.data()) == 1);
}

TaskTokens::~TaskTokens() { EVP_MAC_CTX_free(context_); }

std::string TaskTokens::Sign(absl::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> signature;
  size_t size = 0;
  // Without a key: the one it was first given stands, and need not be scheduled again.
  MILLRACE_CHECK(EVP_MAC_init(context_, nullptr, 0, nullptr) == 1);
  MILLRACE_CHECK(EVP_MAC_update(context_, reinterpret_cast<const unsigned char*>(bytes.data()),
                                bytes.size()) == 1);
  MILLRACE_CHECK(EVP_MAC_update(context_, reinterpret_cast<const unsigned char*>(project_.data()),
                                project_.size()) == 1);
  MILLRACE_CHECK(EVP_MAC_final(context_, signature.data(), &size, signature.size()) == 1);
  MILLRACE_CHECK(size >= kSignatureBytes);
  return {reinterpret_cast<const char*>(signature.data()), kSignatureBytes};
}

std::string TaskTokens::Make(const TaskId& task) {
  std::string token;
  token.reserve(kContentBytes + kSignatureBytes);
  token.push_back(kVersion);
  AddUuid(task.key.uuid, &token);
  AddInt64(task.event_id, &token);
  AddUuid(task.writer.node.uuid, &token);
  AddInt64(task.writer.batch, &token);
  AddInt64(task.claims, &token);
  token += Sign(token);
  return token;
}

std::optional<TaskId> TaskTokens::Read(absl::string_view token) {
  if (token.size() != kContentBytes + kSignatureBytes || token[0] != kVersion) return std::nullopt;
  const absl::string_view content = token.substr(0, kContentBytes);
  const std::string signature = Sign(content);
  if (CRYPTO_memcmp(signature.data(), token.data() + kContentBytes, kSignatureBytes) != 0) {
    return std::nullopt;
  }
  Fields fields(content.substr(1));
  TaskId task;
  task.key = {fields.TakeUuid()};
  task.event_id = fields.TakeInt64();
  task.writer.node = {fields.TakeUuid()};
  task.writer.batch = fields.TakeInt64();
  task.claims = fields.TakeInt64();
  return task;
}

}  // namespace millrace
