#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/base/uuid.h"

namespace millrace::db {

// The parameters of a statement, each in PostgreSQL's binary wire format: no text is built or
// parsed for a thousand keys, and no byte of a value can be taken for SQL. As binary values carry
// no type, the statement must name it at each one's first use: `$1::uuid[]`.
//
//   session.Exec(kReadRows, Params().Uuid(key).Int8(seq));
class Params {
 public:
  Params& Text(absl::string_view value) { return Add(std::string(value)); }
  Params& Bytes(absl::string_view value) { return Add(std::string(value)); }
  Params& Bool(bool value) { return Add(std::string(1, value ? '\1' : '\0')); }
  Params& Int4(int32_t value);
  Params& Int8(int64_t value);
  Params& Time(absl::Time value);
  Params& Uuid(const millrace::Uuid& value);
  // An encoded array from the classes below.
  Params& Array(std::string encoded) { return Add(std::move(encoded)); }

  const std::vector<std::string>& values() const { return values_; }

 private:
  Params& Add(std::string value) {
    values_.push_back(std::move(value));
    return *this;
  }
  std::vector<std::string> values_;
};

// One-dimensional arrays in the binary wire format: a header of dimensions, a flag for nulls and
// the element type's OID, then each element with its length. Size is the number of elements, which
// must all be added.
class ArrayBuilder {
 public:
  static ArrayBuilder Uuids(size_t size) { return ArrayBuilder(2950, size, 16); }
  static ArrayBuilder Int4s(size_t size) { return ArrayBuilder(23, size, 4); }
  static ArrayBuilder Int8s(size_t size) { return ArrayBuilder(20, size, 8); }
  static ArrayBuilder Bools(size_t size) { return ArrayBuilder(16, size, 1); }
  static ArrayBuilder Texts(size_t size) { return ArrayBuilder(25, size, 16); }
  static ArrayBuilder Byteas(size_t size, size_t bytes_each = 64) {
    return ArrayBuilder(17, size, bytes_each);
  }
  static ArrayBuilder Times(size_t size) { return ArrayBuilder(1184, size, 8); }

  void Add(const millrace::Uuid& value);
  void AddInt4(int32_t value);
  void AddInt8(int64_t value);
  void AddBool(bool value);
  void AddBytes(absl::string_view value);                // also text
  void AddTime(const std::optional<absl::Time>& value);  // nullopt: NULL
  std::string Finish() &&;

 private:
  ArrayBuilder(uint32_t element_oid, size_t size, size_t bytes_each);
  std::string bytes_;
  size_t missing_;  // elements still to be added
};

// Microseconds since 2000-01-01 UTC: what a timestamptz is on the wire. Times outside of what
// PostgreSQL knows become its infinities.
int64_t ToPostgresMicros(absl::Time time);

// `text` fit for a text column: PostgreSQL refuses a zero byte and malformed UTF-8, which are
// replaced by U+FFFD. For what is only shown; a name or a definition is never changed.
std::string ShownText(absl::string_view text);

}  // namespace millrace::db
